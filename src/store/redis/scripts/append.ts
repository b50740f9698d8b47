/**
 * Several appends, one after another, each all or nothing by itself: what may refuse one is looked at before its first
 * write, because Redis does not roll a script back. What is refused for want of memory or of a replica is refused at the
 * first write, when nothing has been done.
 *
 * ARGV: 3 events and 4 bytes kept of a topic, 5 and 6 their ages (plain, personal), 7 interval of the coarse clock,
 * 8 quota, 9 and 10 number and age of ids, 11 how many appends. Then for each append: '' for one event and nothing else, or
 * '<commands> <events> <states> <1 = exempt> <ms since its first try, or -1>'; its commands (id, digest), its events (id, digest, size, content, count of topics,
 * below 0 where the id is fresh, topics …), its states (topic, expected version, '1' and value or '0' and '',
 * group, label or '', afterMs or '', '1' if it is a lease).
 *
 * Replies the epoch, the stamp and one answer an append: its last number where all of it is new, else a list by outcome.
 */
export const append = String.raw`
local keepEvents, keepBytes = tonumber(ARGV[3]), tonumber(ARGV[4])
local idsMost, idsAge = tonumber(ARGV[9]), tonumber(ARGV[10])
local found = call('HMGET', meta, 'bytes', 'buckets', 'coarse', 'swept')
local keptBytes, swept = tonumber(found[1]), tonumber(found[4] or '0')
local buckets = readBuckets(found[2])

-- What is asked for. Nearly all of it is one event and nothing else, so that costs least.
local at = 11
local function take()
  at = at + 1
  return ARGV[at]
end
local appends, topicNames, topicSeen, asked, none = {}, {}, {}, {}, {}
local function takeEvent()
  local id, digest, size, content, count = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4], tonumber(ARGV[at + 5])
  at = at + 5
  local fresh, topics = count < 0, {}
  for nth = 1, math.abs(count) do
    at = at + 1
    local topic = ARGV[at]
    topics[nth] = topic
    if not topicSeen[topic] then
      topicSeen[topic] = true
      topicNames[#topicNames + 1] = topic
    end
  end
  if not fresh then asked[#asked + 1] = id end
  -- The size is in bytes times two, plus one where the event has several topics, as the log keeps it.
  return { kind = 'e', id = id, digest = digest, size = size, content = content, fresh = fresh, topics = topics }
end
for index = 1, tonumber(ARGV[11]) do
  local shape = take()
  if shape == '' then
    appends[index] = { commands = none, events = { takeEvent() }, states = none, exempt = false, tried = -1 }
  else
    local commandCount, eventCount, stateCount, exempt, tried =
      string.match(shape, '^(%d+) (%d+) (%d+) (%d) (%-?%d+)')
    local commands, events, states = {}, {}, {}
    for one = 1, tonumber(commandCount) do
      commands[one] = { kind = 'c', id = take(), digest = take() }
      asked[#asked + 1] = commands[one].id
    end
    for one = 1, tonumber(eventCount) do events[one] = takeEvent() end
    for one = 1, tonumber(stateCount) do
      states[one] =
        { topic = take(), expect = take(), present = take(), value = take(), group = take(), label = take(), after = take(),
          lease = take() }
    end
    appends[index] = { commands = commands, events = events, states = states, exempt = exempt == '1', tried = tonumber(tried) }
  end
end

-- Many fields in few calls: unpack() takes a few thousand at most.
local function inParts(list, size, each)
  for from = 1, #list, size do each(from, math.min(from + size - 1, #list)) end
end

local records = {}
inParts(topicNames, 1000, function(from, to)
  local packed = call('HMGET', key('topics'), unpack(topicNames, from, to))
  for index = from, to do
    local one = packed[index - from + 1]
    if one then records[topicNames[index]] = unpackRecord(one) end
  end
end)

-- A remembered id is '<c|e><number or nothing> <digest>'.
forgetIds(buckets, idsAge, idsMost)
-- Of then on every id is known. Names begin again at 1 only where all that was known grew too old.
local knownSince = now - idsAge
if buckets[1] and buckets[1].name > 1 then knownSince = buckets[1].started end
local known = {}
for bucket = #buckets, 1, -1 do
  inParts(asked, 1000, function(from, to)
    local values = call('HMGET', key('ids:' .. text(buckets[bucket].name)), unpack(asked, from, to))
    for index = from, to do known[asked[index]] = known[asked[index]] or values[index - from + 1] or nil end
  end)
end

-- What is written at once, at the end or before something is taken away.
local contents, refs, changed, remembered = {}, {}, {}, {}
local function write(hash, pairs)
  inParts(pairs, 1000, function(from, to) call('HSET', hash, unpack(pairs, from, to)) end)
end
local function flushIds()
  if #remembered > 0 then write(key('ids:' .. text(buckets[#buckets].name)), remembered) end
  remembered = {}
end
local function flush()
  write(key('events'), contents)
  write(key('refs'), refs)
  local packed = {}
  for topic in pairs(changed) do
    packed[#packed + 1] = topic
    packed[#packed + 1] = packRecord(records[topic])
  end
  write(key('topics'), packed)
  flushIds()
  contents, refs, changed = {}, {}, {}
end

local function remember(id, value)
  local bucket = buckets[#buckets]
  if not bucket or bucket.count >= math.max(1, math.floor(idsMost / 4)) or now - bucket.started >= bucketAge(idsAge) then
    flushIds()
    local name = bucket and bucket.name + 1 or 1
    bucket = { name = name, started = math.max(now, bucket and bucket.started or 0), count = 0 }
    buckets[#buckets + 1] = bucket
  end
  bucket.count = bucket.count + 1
  remembered[#remembered + 1] = id
  remembered[#remembered + 1] = value
  known[id] = value
end

local ageMs = { [true] = tonumber(ARGV[6]), [false] = tonumber(ARGV[5]) }
local function keep(topic, event, number)
  local record = records[topic]
  if not record then
    record = { last = 0, floor = agedThrough(topic), count = 0, bytes = 0, erased = 0, own = {} }
    records[topic] = record
    call('ZADD', key('aging'), 'NX', text(stamp + ageMs[isPersonal(topic)]), topic)
  end
  changed[topic] = true
  pushEntry(topic, record, number, event.size)
  local bytes = math.floor(tonumber(event.size) / 2)
  record.last, record.bytes = seq, record.bytes + bytes
  keptBytes = keptBytes + bytes
  -- A tenth may be kept over (S4), so that trimming is rare and goes in stretches.
  if record.count <= keepEvents * 1.1 and record.bytes <= keepBytes * 1.1 then return end
  flush()
  keptBytes = keptBytes - dropOldest(topic, record, function(_, bytes)
    return record.count > 1 and (record.count > keepEvents or record.bytes - bytes >= keepBytes)
  end)
  changed[topic] = true
end

local function writeState(write)
  local topic = write.topic
  local state = key('state:' .. topic)
  if write.present == '0' then
    flush()
    keptBytes = keptBytes - removeState(topic) - eraseTopic(topic)
    local packed = call('HGET', key('topics'), topic)
    records[topic] = packed and unpackRecord(packed) or nil
    return
  end
  local size = string.len(write.value)
  local before = call('HMGET', state, 'bytes', 'label')
  keptBytes = keptBytes + size - tonumber(before[1] or '0')
  call('HSET', state, 'version', text(tonumber(write.expect) + 1), 'value', write.value, 'bytes', text(size))
  if (before[2] or '') ~= write.label then
    countLabel(before[2], -1)
    countLabel(write.label, 1)
    call('HSET', state, 'label', write.label)
  end
  if write.expect == '0' then
    local made = text(call('HINCRBY', meta, 'made', 1))
    call('HSET', state, 'made', made)
    call('ZADD', key('states'), made, topic)
    if write.group ~= '' then
      call('HSET', state, 'group', write.group)
      call('ZADD', key('group:' .. write.group), made, topic)
    end
  end
  if write.after == 'kept' then return end
  call('HSET', state, 'after', write.after)
  call('ZREM', key('due'), topic)
  call('ZREM', key('lease'), topic)
  if write.after ~= '' then
    call('ZADD', key(write.lease == '1' and 'lease' or 'due'), text(now + tonumber(write.after)), topic)
  end
end

local first, stampText, stored = seq + 1, text(stamp), false
local announced = {}

local function carryOut(append)
  -- 1. Ids.
  local repeated, numberOf, here = nil, none, nil
  for _, claim in ipairs(append.commands) do
    if known[claim.id] and string.match(known[claim.id], '^c%d* (.*)$') == claim.digest then
      repeated = repeated or { 'repeated' }
      repeated[#repeated + 1] = claim.id
    end
  end
  if repeated then return repeated end
  for _, claims in ipairs({ append.commands, append.events }) do
    for _, claim in ipairs(claims) do
      if not claim.fresh then
        if not here then here, numberOf = {}, {} end
        local value = known[claim.id]
        if value then
          local kind, number, digest = string.match(value, '^(%a)(%d*) (.*)$')
          if kind ~= claim.kind or digest ~= claim.digest then return { 'reused', claim.id } end
          numberOf[claim.id] = tonumber(number)
        end
        local content = claim.kind .. claim.digest
        if (here[claim.id] or content) ~= content then return { 'reused', claim.id } end
        here[claim.id] = content
        if not value and append.tried >= 0 and now - append.tried < knownSince then return { 'forgotten' } end
      end
    end
  end
  -- 2. States.
  for _, write in ipairs(append.states) do
    if (call('HGET', key('state:' .. write.topic), 'version') or '0') ~= write.expect then
      local states = {}
      for index, one in ipairs(append.states) do states[index] = readState(one.topic) end
      return { 'conflict', seq, states }
    end
  end
  -- 3. Quota.
  if keptBytes > tonumber(ARGV[8]) and not append.exempt then return { 'quota', keptBytes } end
  -- 4. All of it.
  if not stored then noteMoment(found[3], tonumber(ARGV[7])) end
  stored = true
  for _, command in ipairs(append.commands) do remember(command.id, 'c ' .. command.digest) end
  local numbers, duplicates = {}, false
  for index, event in ipairs(append.events) do
    local earlier = numberOf[event.id]
    if earlier then
      duplicates = true
      numbers[index] = -earlier
    else
      seq = seq + 1
      local number = text(seq)
      for _, topic in ipairs(event.topics) do keep(topic, event, number) end
      contents[#contents + 1] = number
      contents[#contents + 1] = stampText .. ' ' .. event.content
      if #event.topics > 1 then
        refs[#refs + 1] = number
        refs[#refs + 1] = #event.topics
      end
      remember(event.id, 'e' .. number .. ' ' .. event.digest)
      if not event.fresh then numberOf[event.id] = seq end
      numbers[index] = seq
      -- Pub/sub buffers are per subscriber, and bounded: of a large event only the line that names it is announced.
      announced[#announced + 1] = #event.content <= 8192 and event.content
        or string.sub(event.content, 1, (string.find(event.content, '\n', 1, true)))
    end
  end
  if #append.states > 0 then swept = followClock(swept) end
  for _, write in ipairs(append.states) do writeState(write) end
  return duplicates and { 'stored', seq, numbers } or seq
end

local answers = {}
for index, append in ipairs(appends) do answers[index] = carryOut(append) end
flush()
if stored then
  call('HSET', meta, 'seq', text(seq), 'stamp', stampText, 'bytes', text(keptBytes), 'buckets', writeBuckets(buckets))
end
if #announced > 0 then
  call('PUBLISH', key('feed'), 'e ' .. epoch .. ' ' .. text(first) .. ' ' .. stampText .. '\n' .. table.concat(announced, '\n'))
end
return { epoch, stamp, answers }
`
