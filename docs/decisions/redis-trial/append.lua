-- ARGV: 3 limits (JSON), 4 exempt, 5–7 how many commands, events, states; then
-- commands (id, digest), events (id, digest, bytes, content, announcement, count of topics, topics …),
-- states (topic, expected version, '1' and value or '0' and '', group, afterMs or '', '1' if it is a lease).
local limits = cjson.decode(ARGV[3])
local at = 7
local function take()
  at = at + 1
  return ARGV[at]
end

local commands, events, states = {}, {}, {}
for index = 1, tonumber(ARGV[5]) do commands[index] = { kind = 'c', id = take(), digest = take() } end
for index = 1, tonumber(ARGV[6]) do
  local event = { kind = 'e', id = take(), digest = take(), bytes = take(), content = take(), announced = take(), topics = {} }
  for topic = 1, tonumber(take()) do event.topics[topic] = take() end
  events[index] = event
end
for index = 1, tonumber(ARGV[7]) do
  states[index] =
    { topic = take(), expect = take(), present = take(), value = take(), group = take(), after = take(), lease = take() }
end

-- 1. Ids. A remembered id is '<c|e><number or nothing> <digest>'.
forgetIds(limits)
local buckets = call('ZREVRANGE', key('id-buckets'), 0, -1)
local function find(id)
  for _, bucket in ipairs(buckets) do
    local known = call('HGET', key('ids:' .. bucket), id)
    if known then return string.match(known, '^(%a)(%d*) (.*)$') end
  end
end
local repeated = { 'repeated' }
for _, claim in ipairs(commands) do
  local kind, _, digest = find(claim.id)
  if kind == 'c' and digest == claim.digest then repeated[#repeated + 1] = claim.id end
end
if #repeated > 1 then return repeated end
local known, here = {}, {}
for _, claims in ipairs({ commands, events }) do
  for _, claim in ipairs(claims) do
    local kind, seq, digest = find(claim.id)
    local content = claim.kind .. claim.digest
    if (kind and kind .. digest ~= content) or (here[claim.id] or content) ~= content then return { 'reused', claim.id } end
    here[claim.id] = content
    if kind then known[claim.id] = seq end
  end
end

-- 2. States.
local conflict = false
for _, write in ipairs(states) do
  if (call('HGET', key('state:' .. write.topic), 'version') or '0') ~= write.expect then conflict = true end
end
if conflict then
  local found = {}
  for index, write in ipairs(states) do found[index] = readState(write.topic) end
  return { 'conflict', epoch, text(lastSeq()), text(stamp()), found }
end

-- 3. Quota.
local bytes = field('bytes')
if bytes > limits.quotaBytes and ARGV[4] ~= '1' then return { 'quota', text(bytes) } end

-- 4. All of it.
local time = stamp()
noteTime(time, limits)
call('HSET', namespace, 'stamp', text(time))
local seq = lastSeq()

local function remember(id, value)
  local newest = call('ZRANGE', key('id-buckets'), -1, -1, 'WITHSCORES')
  local bucket = newest[1]
  local full = bucket and call('HLEN', key('ids:' .. bucket)) >= math.max(1, math.floor(limits.ids / 10))
  if not bucket or full or now - tonumber(newest[2]) >= bucketAge(limits) then
    bucket = text(call('HINCRBY', namespace, 'bucket', 1))
    call('ZADD', key('id-buckets'), text(math.max(now, tonumber(newest[2] or 0))), bucket)
  end
  call('HSET', key('ids:' .. bucket), id, value)
end

local function keep(topic, event, number)
  local prev = call('HGET', key('last'), topic) or text(aged(topic))
  local log = key('log:' .. topic)
  call('XADD', log, number .. '-0', 'p', prev, 'b', event.bytes, 't', text(time), 'c', event.content)
  call('HSET', key('last'), topic, number)
  call('ZADD', key('aging'), 'NX', text(time + limits.ageMs[ageClass(topic)]), topic)
  addBytes(topic, event.bytes)
  -- A tenth may be kept over (S4), so that trimming is rare and goes in stretches.
  local count, size = call('XLEN', log), tonumber(call('HGET', key('bytes'), topic))
  if count <= limits.events * 1.1 and size <= limits.bytes * 1.1 then return end
  dropOldest(topic, function(_, oldest)
    if count <= 1 or (count <= limits.events and size - oldest < limits.bytes) then return false end
    count, size = count - 1, size - oldest
    return true
  end)
end

local answers, announcements = {}, {}
for _, command in ipairs(commands) do remember(command.id, 'c ' .. command.digest) end
for _, event in ipairs(events) do
  local first = known[event.id]
  if not first then
    local prev = text(seq)
    seq = seq + 1
    local number = text(seq)
    local kept = {}
    for _, topic in ipairs(event.topics) do
      if not kept[topic] then keep(topic, event, number) end
      kept[topic] = true
    end
    remember(event.id, 'e' .. number .. ' ' .. event.digest)
    local shown = event.announced == '' and event.content or event.announced
    announcements[#announcements + 1] = table.concat({ epoch, number, prev, text(time), shown }, ' ')
    known[event.id] = number
  end
  answers[#answers + 1] = { known[event.id], first and '1' or '0' }
end
call('HSET', namespace, 'seq', text(seq))

for _, write in ipairs(states) do
  local topic = write.topic
  local state = key('state:' .. topic)
  if write.present == '0' then
    removeState(topic)
    eraseTopic(topic)
  else
    local size = string.len(write.value)
    call('HINCRBY', namespace, 'bytes', text(size - tonumber(call('HGET', state, 'bytes') or '0')))
    if write.expect == '0' then
      local made = text(call('HINCRBY', namespace, 'made', 1))
      call('HSET', state, 'made', made)
      call('ZADD', key('states'), made, topic)
      if write.group ~= '' then
        call('HSET', state, 'group', write.group)
        call('ZADD', key('group:' .. write.group), made, topic)
      end
    end
    call('HSET', state, 'version', text(tonumber(write.expect) + 1), 'value', write.value, 'bytes', text(size), 'after', write.after)
    call('ZREM', key('due'), topic)
    call('ZREM', key('lease'), topic)
    if write.after ~= '' then
      call('ZADD', key(write.lease == '1' and 'lease' or 'due'), text(now + tonumber(write.after)), topic)
    end
  end
end

if #announcements > 0 then call('PUBLISH', key('feed'), table.concat(announcements, '\n')) end
return { 'stored', epoch, text(seq), text(time), answers }
