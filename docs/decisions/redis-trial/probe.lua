-- The number is read and published in one step, so every announcement at or below it is ahead of it in the channel.
call('PUBLISH', key('feed'), 'probe ' .. epoch .. ' ' .. text(lastSeq()))
