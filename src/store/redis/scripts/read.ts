/**
 * One script is one snapshot: the last number cannot move while the topics are looked at, and nothing goes between finding
 * an event's number and taking its content.
 *
 * ARGV: 3 epoch of the position ('' = from the start), 4 its number, 5 limit, 6 maxBytes, then the topics. Replies epoch,
 * from, up to, 1 where more follows, gaps (reason, topic, …), numbers, contents (null where one is gone that should be
 * there).
 */
export const read = String.raw`
local after, limit, maxBytes = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local topics = {}
for index = 7, #ARGV do topics[#topics + 1] = ARGV[index] end

local fromOldest, gaps = ARGV[3] == '', {}
local function gap(reason, topic)
  gaps[#gaps + 1] = reason
  gaps[#gaps + 1] = topic
end
local wrong
if not fromOldest then
  wrong = ARGV[3] ~= epoch and 'epoch' or after > seq and 'unknown' or nil
  fromOldest = wrong ~= nil
end
if fromOldest then
  after = 0
elseif after < tonumber(call('HGET', meta, 'lost') or '0') then
  local stretch = call('ZRANGEBYSCORE', key('lost'), '(' .. text(after), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  -- At the last kept number nothing is missing: what was lost came after it.
  if stretch[1] and tonumber(stretch[1]) < after then
    wrong, after = 'lost', tonumber(stretch[2])
  end
end
if wrong then
  for _, topic in ipairs(topics) do gap(wrong, topic) end
end

local function reasonOf(topic, record)
  if not record then return after < agedThrough(topic) and 'expired' or nil end
  if after < record.erased then return 'unknown' end
  return after < record.floor and 'expired' or nil
end

local chunk = math.max(8, math.min(limit, math.ceil(256 / #topics)))
local function load(head)
  local entries = entriesOf(head.topic, head.record, head.index, head.index + chunk - 1)
  head.index, head.entries, head.at = head.index + #entries / 2, entries, 1
end
local function settle(head)
  if head.at > #head.entries then load(head) end
  head.seq = tonumber(head.entries[head.at])
  return head.seq ~= nil
end

-- Most readers are near the end, so the newest are looked at first; only then the log is searched by halves.
local function openAfter(topic, record)
  local head = { topic = topic, record = record, index = 0, entries = {}, at = 1 }
  local near = math.min(record.count, 16)
  if near == record.count or record.floor < after then
    local entries = entriesOf(topic, record, record.count - near, record.count - 1)
    if near == record.count or tonumber(entries[1] or '0') <= after then
      head.index, head.entries = record.count, entries
      while head.entries[head.at] and tonumber(head.entries[head.at]) <= after do head.at = head.at + 2 end
    else
      local low, high = 0, record.count - near
      while low < high do
        local middle = math.floor((low + high) / 2)
        if tonumber(call('LINDEX', key('log:' .. topic), middle * 2) or '0') > after then high = middle else low = middle + 1 end
      end
      head.index = low
    end
  end
  return settle(head) and head or nil
end

local heads = {}
local packed = call('HMGET', key('topics'), unpack(topics))
for index, topic in ipairs(topics) do
  local record = packed[index] and unpackRecord(packed[index])
  local reason = not wrong and not fromOldest and reasonOf(topic, record)
  if reason then gap(reason, topic) end
  if record and record.count > 0 and record.last > after then
    local head = openAfter(topic, record)
    if head then
      heads[#heads + 1] = head
    elseif not reason and not wrong then
      gap('lost', topic)
    end
  end
end

local numbers, names, bytes, more = {}, {}, 0, 0
local position = seq
while #heads > 0 do
  local first = heads[1]
  for index = 2, #heads do
    if heads[index].seq < first.seq then first = heads[index] end
  end
  local number = first.seq
  bytes = bytes + math.floor(tonumber(first.entries[first.at + 1]) / 2)
  if #numbers > 0 and (#numbers >= limit or bytes > maxBytes) then
    more, position = 1, numbers[#numbers]
    break
  end
  numbers[#numbers + 1] = number
  names[#names + 1] = first.entries[first.at]
  for index = #heads, 1, -1 do
    local head = heads[index]
    if head.seq == number then
      head.at = head.at + 2
      if not settle(head) then table.remove(heads, index) end
    end
  end
end

local contents = {}
for from = 1, #names, 500 do
  local part = call('HMGET', key('events'), unpack(names, from, math.min(from + 499, #names)))
  for _, content in ipairs(part) do contents[#contents + 1] = content end
end

local from = after
if fromOldest then from = (numbers[1] or seq + 1) - 1 end
return { epoch, from, position, more, gaps, numbers, contents }
`
