/**
 * What is known of a topic is one packed record in the hash 'topics': its last number, the number at or below which events
 * of it are gone (floor), count and bytes of what is kept, and the number through which it was erased. Then its log, pairs
 * of number and size (bytes times two, plus one where the event is kept under several topics): most topics are quiet, and a
 * key of its own for a handful of numbers takes 250 bytes. A longer log is a list, which it stays until it is empty.
 */
export const topics = String.raw`
local function isPersonal(topic)
  local first = string.sub(topic, 1, 5)
  return first == 'user:' or first == 'jobs:'
end

-- The number at or below which events of such topics were trimmed by age. Asked for once: an append may make thousands of
-- topics.
local agedOf = {}
local function agedThrough(topic)
  local field = isPersonal(topic) and 'agedPersonal' or 'aged'
  agedOf[field] = agedOf[field] or tonumber(call('HGET', meta, field) or '0')
  return agedOf[field]
end

local mostInRecord = 4

local function unpackRecord(packed)
  local last, floor, count, bytes, erased = struct.unpack('<ddddd', packed)
  local own = {}
  for at = 41, #packed, 16 do own[#own + 1], own[#own + 2] = struct.unpack('<dd', packed, at) end
  return { last = last, floor = floor, count = count, bytes = bytes, erased = erased, own = own }
end

local function packRecord(record)
  local own = record.own
  return struct.pack('<ddddd' .. string.rep('d', #own), record.last, record.floor, record.count, record.bytes, record.erased,
    unpack(own))
end

local function isList(record) return record.count * 2 > #record.own end

local function pushEntry(topic, record, number, size)
  local own = record.own
  if isList(record) then
    call('RPUSH', key('log:' .. topic), number, size)
  elseif record.count < mostInRecord then
    own[#own + 1], own[#own + 2] = tonumber(number), tonumber(size)
  else
    local all = {}
    for at, one in ipairs(own) do all[at] = text(one) end
    all[#all + 1], all[#all + 2] = number, size
    call('RPUSH', key('log:' .. topic), unpack(all))
    record.own = {}
  end
  record.count = record.count + 1
end

-- Entries from the first-th to the last-th, counted from 0, as text.
local function entriesOf(topic, record, first, last)
  if isList(record) then return call('LRANGE', key('log:' .. topic), first * 2, last * 2 + 1) end
  local entries = {}
  for at = first * 2 + 1, math.min(#record.own, last * 2 + 2) do entries[#entries + 1] = text(record.own[at]) end
  return entries
end

local function forgetContents(numbers)
  if #numbers > 0 then call('HDEL', key('events'), unpack(numbers)) end
end

-- Drops the oldest entries as long as 'unwanted' says so, and tells how many bytes went. The caller keeps the record.
local function dropOldest(topic, record, unwanted)
  local before = record.bytes
  while record.count > 0 do
    local list = isList(record)
    local entries = entriesOf(topic, record, 0, 127)
    local gone, dropped = {}, 0
    for at = 1, #entries, 2 do
      local number, size = tonumber(entries[at]), tonumber(entries[at + 1])
      local bytes = math.floor(size / 2)
      if not unwanted(number, bytes) then break end
      dropped = dropped + 1
      record.count, record.bytes, record.floor = record.count - 1, record.bytes - bytes, number
      if size % 2 == 0 then
        gone[#gone + 1] = entries[at]
      elseif call('HINCRBY', key('refs'), entries[at], -1) <= 0 then
        call('HDEL', key('refs'), entries[at])
        gone[#gone + 1] = entries[at]
      end
    end
    -- A log that vanished (an evicting policy): all that it kept is gone, and readers before its end hear of it.
    if #entries == 0 then record.count, record.bytes, record.floor = 0, 0, record.last end
    if dropped > 0 and list then call('LTRIM', key('log:' .. topic), dropped * 2, -1) end
    if not list then
      for _ = 1, dropped * 2 do table.remove(record.own, 1) end
    end
    forgetContents(gone)
    if dropped * 2 < #entries then break end
  end
  return before - record.bytes
end

-- Takes the events away and remembers through where, so that readers who have not seen them hear of it.
local function eraseTopic(topic)
  local packed = call('HGET', key('topics'), topic)
  if not packed then return 0 end
  local record = unpackRecord(packed)
  local dropped = dropOldest(topic, record, function() return true end)
  record.erased = record.last
  call('HSET', key('topics'), topic, packRecord(record))
  return dropped
end
`
