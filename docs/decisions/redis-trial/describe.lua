-- ARGV: 3 the topic.
local log = key('log:' .. ARGV[3])
local first = call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
local last = call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
return {
  epoch,
  first and text(streamSeq(first[1])) or '',
  last and text(streamSeq(last[1])) or '',
  text(call('XLEN', log)),
  call('HGET', key('bytes'), ARGV[3]) or '0',
}
