/**
 * The first call of a node for a namespace on a connection (S6): makes the namespace, or makes sure that it is known which
 * run of Redis its numbers come from. Where that changed, or the counter is behind what the node has heard, acknowledged
 * events may be gone: the counter moves beyond every number that anybody can have seen, and the stretch is recorded.
 *
 * ARGV: 1 a new fence, 3 the pair of run and replication ids, 4 an epoch in case the namespace is new, 5 and 6 epoch and
 * number of the newest event the node has heard of, 7 the format, 8 a random step. Replies fence, epoch and last number, or the format where
 * it is newer than this version reads.
 */
export const fence = String.raw`
local found = call('HMGET', meta, 'format', 'pair', 'fence', 'epoch', 'seq')
if not found[4] then
  -- A namespace that is new has no lease that could have been missed.
  call('HSET', meta, 'format', ARGV[7], 'pair', ARGV[3], 'fence', ARGV[1], 'epoch', ARGV[4], 'seq', '0', 'stamp', '0',
    'bytes', '0', 'swept', text(now))
  call('PUBLISH', key('feed'), 'p ' .. ARGV[4] .. ' 0')
  return { ARGV[1], ARGV[4], 0 }
end
local major = tonumber(string.match(found[1] or '', '^%d+'))
if major ~= tonumber(string.match(ARGV[7], '^%d+')) then return { 'NEWER', found[1] or '' } end
local heard = found[4] == ARGV[5] and tonumber(ARGV[6]) or 0
-- A number that somebody heard of and nobody keeps shows that the stretch it lies in is no mere leap: events were lost there.
local function markLost()
  local stretch = call('ZRANGEBYSCORE', key('lost'), '(' .. text(heard), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  if not stretch[1] or tonumber(stretch[1]) >= heard then return end
  call('ZADD', key('known'), stretch[2], stretch[1])
  call('HSET', meta, 'known', call('ZREVRANGE', key('known'), 0, 0, 'WITHSCORES')[2])
end
local wentBack = heard > tonumber(found[5])
if found[2] == ARGV[3] and not wentBack then
  markLost()
  return { found[3], found[4], tonumber(found[5]) }
end

-- Microseconds rise faster than any counter, so that a node that heard nothing of the lost numbers does not use them again.
-- Where the clock is behind them it is by chance: a fixed step would lead to the same numbers again whenever a fence is lost
-- together with what was appended behind it.
local kept, time = tonumber(found[5]), call('TIME')
local counter = tonumber(time[1]) * 1000000 + tonumber(time[2])
if counter <= kept then counter = kept + tonumber(ARGV[8]) end
counter = math.max(counter, heard + 1)
local through = text(counter)
call('HSET', meta, 'pair', ARGV[3], 'fence', ARGV[1], 'seq', through, 'lost', through)
call('ZADD', key('lost'), through, text(kept))
markLost()
-- Live readers hear of the stretch at once: they are behind this position, and read.
call('PUBLISH', key('feed'), 'p ' .. found[4] .. ' ' .. through)
return { ARGV[1], found[4], counter }
`
