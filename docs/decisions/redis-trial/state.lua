-- ARGV: 3 the topic.
return { epoch, text(lastSeq()), text(stamp()), readState(ARGV[3]) }
