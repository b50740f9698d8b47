/** A state is one hash; the sorted sets list states by the order of making, of all and of each group. */
export const states = String.raw`
local function readState(topic)
  local found = call('HMGET', key('state:' .. topic), 'version', 'value')
  return { topic, found[1] or '0', found[2] or '' }
end

-- Deadlines are moments of a clock that an operator, or a failover, may set back: they go back with it.
local function followClock(swept)
  if now >= swept then return swept end
  for _, list in ipairs({ key('due'), key('lease') }) do
    local topics = call('ZRANGE', list, 0, -1)
    for _, topic in ipairs(topics) do call('ZINCRBY', list, text(now - swept), topic) end
  end
  call('HSET', meta, 'swept', text(now))
  return now
end

-- How many states bear which label: one hash, so that nobody has to look at them all.
local function countLabel(label, by)
  if not label or label == '' then return end
  if call('HINCRBY', key('labels'), label, by) <= 0 then call('HDEL', key('labels'), label) end
end

-- Tells how many bytes went.
local function removeState(topic)
  local state = key('state:' .. topic)
  local found = call('HMGET', state, 'bytes', 'group', 'label')
  if not found[1] then return 0 end
  call('ZREM', key('states'), topic)
  if found[2] then call('ZREM', key('group:' .. found[2]), topic) end
  call('ZREM', key('due'), topic)
  call('ZREM', key('lease'), topic)
  call('DEL', state)
  countLabel(found[3], -1)
  return tonumber(found[1])
end
`
