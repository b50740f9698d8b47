/** Scripts that sweep, tidy and take away. */

/** ARGV: 3 the topic. */
export const erase = String.raw`
local dropped = eraseTopic(ARGV[3]) + removeState(ARGV[3])
if dropped > 0 then call('HINCRBY', meta, 'bytes', text(-dropped)) end
return { epoch, seq }
`

/** ARGV: 3 limit, 4 pauseMs. Replies (due ms, topic, version, value) of what is overdue. */
export const due = String.raw`
local swept = followClock(tonumber(call('HGET', meta, 'swept') or '0'))
if now - swept > tonumber(ARGV[4]) then
  -- Nobody swept, so nobody could renew: each lease gets its whole length from now, if that is later.
  for _, topic in ipairs(call('ZRANGE', key('lease'), 0, -1)) do
    local after = tonumber(call('HGET', key('state:' .. topic), 'after') or '')
    if after then call('ZADD', key('lease'), 'GT', text(now + after), topic) end
  end
end
call('HSET', meta, 'swept', text(now))
local overdue = {}
for _, list in ipairs({ 'due', 'lease' }) do
  local found = call('ZRANGEBYSCORE', key(list), '-inf', text(now), 'WITHSCORES', 'LIMIT', 0, tonumber(ARGV[3]))
  for index = 1, #found, 2 do
    local one = readState(found[index])
    overdue[#overdue + 1] = { tonumber(found[index + 1]), one[1], one[2], one[3] }
  end
end
return overdue
`

/**
 * ARGV: 3 interval of the coarse clock, 4 and 5 the ages of topics (plain, personal), 6 and 7 number and age of ids, 8 how
 * many topics to look at in one go. Replies how many it looked at: the caller goes on while that is the whole number, so
 * that no call holds the server for long.
 */
export const maintain = String.raw`
local found = call('HMGET', meta, 'buckets', 'coarse', 'bytes')
local buckets = readBuckets(found[1])
forgetIds(buckets, tonumber(ARGV[7]), tonumber(ARGV[6]))
call('HSET', meta, 'buckets', writeBuckets(buckets))

noteMoment(found[2], tonumber(ARGV[3]))
local ageMs = { aged = tonumber(ARGV[4]), agedPersonal = tonumber(ARGV[5]) }
local needed = math.huge
for name, age in pairs(ageMs) do
  local through = tonumber(call('ZREVRANGEBYSCORE', key('coarse'), text(stamp - age), '-inf', 'LIMIT', 0, 1)[1] or '0')
  if through > tonumber(call('HGET', meta, name) or '0') then call('HSET', meta, name, text(through)) end
  needed = math.min(needed, through)
end
-- The last moment before the longest age stays: it is what the next trim goes by.
local kept = call('ZSCORE', key('coarse'), text(needed))
if kept then call('ZREMRANGEBYSCORE', key('coarse'), '-inf', '(' .. kept) end
-- Stretches that old are forgotten: what is below them is past every retention.
local stretch = call('ZREVRANGEBYSCORE', key('lost'), text(needed), '-inf', 'WITHSCORES', 'LIMIT', 0, 1)
if stretch[2] then
  call('HSET', meta, 'lostBefore', stretch[2])
  call('ZREMRANGEBYSCORE', key('lost'), '-inf', stretch[2])
  call('ZREMRANGEBYSCORE', key('known'), '-inf', stretch[2])
end

local aging = call('ZRANGEBYSCORE', key('aging'), '-inf', text(stamp), 'LIMIT', 0, tonumber(ARGV[8]))
local dropped = 0
for _, topic in ipairs(aging) do
  local packed = call('HGET', key('topics'), topic)
  local record = packed and unpackRecord(packed)
  if not record then
    call('ZREM', key('aging'), topic)
  else
    local through = agedThrough(topic)
    dropped = dropped + dropOldest(topic, record, function(number) return number <= through end)
    if record.erased <= through then record.erased = 0 end
    if record.count == 0 and record.last <= through then
      call('HDEL', key('topics'), topic)
      call('ZREM', key('aging'), topic)
    else
      call('HSET', key('topics'), topic, packRecord(record))
      -- Looked at again when its oldest event is due, at the soonest when the coarse clock can have moved.
      local oldest = entriesOf(topic, record, 0, 0)[1]
      local content = oldest and call('HGET', key('events'), oldest)
      local stamped = content and tonumber(string.match(content, '^%d+')) or stamp
      local dueMs = stamped + ageMs[isPersonal(topic) and 'agedPersonal' or 'aged']
      call('ZADD', key('aging'), text(math.max(dueMs, stamp + tonumber(ARGV[3]))), topic)
    end
  end
end
if dropped > 0 then call('HINCRBY', meta, 'bytes', text(-dropped)) end
return #aging
`
