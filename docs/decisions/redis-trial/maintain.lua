-- ARGV: 3 limits (JSON), 4 how many topics to look at in one go. Returns how many it looked at: the caller goes on while
-- that is the whole number, so that no call holds the server for long.
local limits = cjson.decode(ARGV[3])
forgetIds(limits)
local time = stamp()
noteTime(time, limits)
local oldestNeeded = math.huge
for class, ageMs in pairs(limits.ageMs) do
  local through = call('ZREVRANGEBYSCORE', key('coarse'), text(time - ageMs), '-inf', 'LIMIT', 0, 1)[1]
  if tonumber(through or '0') > field('aged:' .. class) then call('HSET', namespace, 'aged:' .. class, through) end
  oldestNeeded = math.min(oldestNeeded, tonumber(through or '0'))
end
-- The last moment before the longest age stays: it is what the next trim goes by.
local kept = call('ZSCORE', key('coarse'), text(oldestNeeded))
if kept then call('ZREMRANGEBYSCORE', key('coarse'), '-inf', '(' .. kept) end

local topics = call('ZRANGEBYSCORE', key('aging'), '-inf', text(time), 'LIMIT', 0, tonumber(ARGV[4]))
for _, topic in ipairs(topics) do
  local through = aged(topic)
  dropOldest(topic, function(seq) return seq <= through end)
  if tonumber(call('HGET', key('erased'), topic) or '0') <= through then call('HDEL', key('erased'), topic) end
  local oldest = call('XRANGE', key('log:' .. topic), '-', '+', 'COUNT', 1)[1]
  if not oldest and tonumber(call('HGET', key('last'), topic)) <= through then
    call('DEL', key('log:' .. topic))
    call('HDEL', key('last'), topic)
    call('HDEL', key('bytes'), topic)
    call('ZREM', key('aging'), topic)
  else
    -- Looked at again when its oldest event is due, at the soonest when the coarse clock can have moved.
    local due = (oldest and tonumber(oldest[2][6]) or time) + limits.ageMs[ageClass(topic)]
    call('ZADD', key('aging'), text(math.max(due, time + limits.coarseMs)), topic)
  end
end
return #topics
