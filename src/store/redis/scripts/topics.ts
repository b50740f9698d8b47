/**
 * What is known of a topic is one packed record in the hash 'topics': its last number, the number at or below which events
 * of it are gone (floor), count and bytes of what is kept, and the number through which it was erased. Its log is a list of
 * pairs: number, and bytes times two, plus one where the event is kept under several topics. Newer minor versions may add
 * numbers at the end.
 */
export const topics = String.raw`
local function isPersonal(topic)
  local first = string.sub(topic, 1, 5)
  return first == 'user:' or first == 'jobs:'
end

-- The number at or below which events of such topics were trimmed by age.
local function agedThrough(topic)
  return tonumber(call('HGET', meta, isPersonal(topic) and 'agedPersonal' or 'aged') or '0')
end

local function unpackRecord(packed)
  local last, floor, count, bytes, erased = struct.unpack('<ddddd', packed)
  return { last = last, floor = floor, count = count, bytes = bytes, erased = erased }
end

local function packRecord(record)
  return struct.pack('<ddddd', record.last, record.floor, record.count, record.bytes, record.erased)
end

local function forgetContents(numbers)
  if #numbers > 0 then call('HDEL', key('events'), unpack(numbers)) end
end

-- Drops the oldest entries as long as 'unwanted' says so, and tells how many bytes went. The caller keeps the record.
local function dropOldest(topic, record, unwanted)
  local log = key('log:' .. topic)
  local before = record.bytes
  while record.count > 0 do
    local entries = call('LRANGE', log, 0, 255)
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
    if #entries == 0 then record.count, record.bytes = 0, 0 end
    if dropped > 0 then call('LTRIM', log, dropped * 2, -1) end
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
