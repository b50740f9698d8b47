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
local losses = call('HMGET', meta, 'lost', 'lostBefore', 'known')
if fromOldest then
  after = 0
elseif after < tonumber(losses[2] or '0') then
  -- So old that stretches of its time are forgotten.
  wrong = 'expired'
elseif after < tonumber(losses[1] or '0') then
  local stretch = call('ZRANGEBYSCORE', key('lost'), '(' .. text(after), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  -- A position inside is one that somebody had and we have not.
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

-- How many entries of a log are taken at a time.
local chunk = math.max(8, math.min(limit, math.ceil(256 / #topics)))

-- Most readers are near the end, so the newest are looked at first, a few and then some more; only then the log is
-- searched by halves.
local function openAfter(topic, record)
  local count = record.count
  local low, high = 0, count
  if record.floor < after then
    for _, near in ipairs({ 4, 32 }) do
      near = math.min(near, count)
      local entries = entriesOf(topic, record, count - near, count - 1)
      if near == count or tonumber(entries[1] or '0') <= after then
        local at = 1
        while entries[at] and tonumber(entries[at]) <= after do at = at + 2 end
        return { topic = topic, record = record, next = count, entries = entries, at = at }
      end
      high = count - near
    end
    while low < high do
      local middle = math.floor((low + high) / 2)
      if tonumber(entriesOf(topic, record, middle, middle)[1] or '0') > after then high = middle else low = middle + 1 end
    end
  end
  return { topic = topic, record = record, next = low, entries = {}, at = 1 }
end
-- False where the log has no more.
local function load(head)
  if head.at <= #head.entries then return true end
  if head.next >= head.record.count then return false end
  head.entries = entriesOf(head.topic, head.record, head.next, head.next + chunk - 1)
  head.next, head.at = head.next + chunk, 1
  return #head.entries > 0
end

local heads = {}
local packed = call('HMGET', key('topics'), unpack(topics))
for index, topic in ipairs(topics) do
  local record = packed[index] and unpackRecord(packed[index])
  local reason = not wrong and not fromOldest and reasonOf(topic, record)
  if reason then gap(reason, topic) end
  if record and record.count > 0 and record.last > after then
    local head = openAfter(topic, record)
    if load(head) then
      heads[#heads + 1] = head
    elseif not reason and not wrong then
      gap('lost', topic)
    end
  end
end

-- Where events are known to be lost, whoever reads across is told, once: a page ends before the stretch, and the next page,
-- which has nothing before it any more, goes on behind it.
local known = fromOldest and 0 or tonumber(losses[3] or '0')
local barrier
while after < known and not barrier do
  local stretch = call('ZRANGEBYSCORE', key('known'), '(' .. text(after), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  if not stretch[1] then break end
  local kept = tonumber(stretch[1])
  for _, head in ipairs(heads) do
    if tonumber(head.entries[head.at]) <= kept then barrier = kept end
  end
  if not barrier then
    after, gaps = tonumber(stretch[2]), {}
    for _, topic in ipairs(topics) do gap('lost', topic) end
  end
end

-- In rounds: what lies at or below the least of the last entries that were taken is complete, and sorted at once. Going
-- from head to head for each event took twice as long with 100 topics.
local numbers, names, bytes, more = {}, {}, 0, 0
local position = seq
while #heads > 0 and more == 0 do
  local complete = barrier or math.huge
  for _, head in ipairs(heads) do
    if head.next < head.record.count then complete = math.min(complete, tonumber(head.entries[#head.entries - 1])) end
  end
  local found, name, size = {}, {}, {}
  for index = #heads, 1, -1 do
    local head = heads[index]
    local entries, at = head.entries, head.at
    while entries[at] do
      local number = tonumber(entries[at])
      if number > complete then break end
      if not name[number] then
        found[#found + 1], name[number], size[number] = number, entries[at], tonumber(entries[at + 1])
      end
      at = at + 2
    end
    head.at = at
    if not load(head) then table.remove(heads, index) end
  end
  table.sort(found)
  for _, number in ipairs(found) do
    bytes = bytes + math.floor(size[number] / 2)
    if #numbers > 0 and (#numbers >= limit or bytes > maxBytes) then
      more, position = 1, numbers[#numbers]
      break
    end
    numbers[#numbers + 1], names[#names + 1] = number, name[number]
  end
  if more == 0 and complete == barrier then more, position = 1, numbers[#numbers] end
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
