return { epoch, text(lastSeq()) }
