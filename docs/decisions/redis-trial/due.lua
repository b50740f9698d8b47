-- ARGV: 3 limit, 4 pauseMs.
if now - field('swept') > tonumber(ARGV[4]) then
  -- Nobody swept, so nobody could renew: each lease gets its whole length from now, if that is later.
  for _, topic in ipairs(call('ZRANGE', key('lease'), 0, -1)) do
    local after = tonumber(call('HGET', key('state:' .. topic), 'after'))
    call('ZADD', key('lease'), 'GT', text(now + after), topic)
  end
end
call('HSET', namespace, 'swept', text(math.max(now, field('swept'))))
local due = {}
for _, list in ipairs({ 'due', 'lease' }) do
  local found = call('ZRANGEBYSCORE', key(list), '-inf', text(now), 'WITHSCORES', 'LIMIT', 0, tonumber(ARGV[3]))
  for index = 1, #found, 2 do
    local topic, version, value = unpack(readState(found[index]))
    due[#due + 1] = { found[index + 1], topic, version, value }
  end
end
return due
