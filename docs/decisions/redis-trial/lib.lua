-- Put before every script. KEYS[1] is the namespace's base key, with its hash tag; all other keys begin with it, so that
-- they live on its shard. ARGV[1] is an epoch in case the namespace is new, ARGV[2] the time in ms (empty: Redis's own).
local base = KEYS[1]
local namespace = base .. ':namespace'
local call = redis.call

local function key(part) return base .. ':' .. part end

-- tostring() writes numbers with 14 digits: 1763000000000001 would become 1.763e+15. And %.0f writes minus zero as "-0",
-- which Redis refuses: adding 0 makes it plain.
local function text(number) return string.format('%.0f', number + 0) end

local function clock()
  if ARGV[2] ~= '' then return tonumber(ARGV[2]) end
  local time = call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local now = clock()

if call('HSETNX', namespace, 'epoch', ARGV[1]) == 1 then
  -- A namespace that is new has no lease that could have been missed.
  call('HSET', namespace, 'swept', text(now))
end
local epoch = call('HGET', namespace, 'epoch')

local function field(name) return tonumber(call('HGET', namespace, name) or '0') end
local function lastSeq() return field('seq') end
local function stamp() return math.max(now, field('stamp')) end

local function ageClass(topic)
  if string.sub(topic, 1, 5) == 'user:' or string.sub(topic, 1, 5) == 'jobs:' then return 'personal' end
  return 'plain'
end
local function aged(topic) return field('aged:' .. ageClass(topic)) end

local function streamSeq(id) return tonumber(string.match(id, '^%d+')) end

-- A stream's entry is { id, { 'p', prev, 'b', bytes, 't', stamp, 'c', content } }.
local function addBytes(topic, bytes)
  call('HINCRBY', key('bytes'), topic, text(bytes))
  call('HINCRBY', namespace, 'bytes', text(bytes))
end

-- Drops the oldest entries as long as `unwanted(seq, bytes)` says so.
local function dropOldest(topic, unwanted)
  local log = key('log:' .. topic)
  while true do
    local entries = call('XRANGE', log, '-', '+', 'COUNT', 128)
    local dropped = 0
    local upTo = 0
    for _, entry in ipairs(entries) do
      local seq, bytes = streamSeq(entry[1]), tonumber(entry[2][4])
      if not unwanted(seq, bytes) then break end
      dropped, upTo = dropped + bytes, seq
    end
    if upTo == 0 then return end
    call('XTRIM', log, 'MINID', '=', text(upTo + 1))
    addBytes(topic, -dropped)
    if upTo ~= streamSeq(entries[#entries][1]) then return end
  end
end

local function eraseTopic(topic)
  local last = call('HGET', key('last'), topic)
  if not last then return end
  call('DEL', key('log:' .. topic))
  addBytes(topic, -tonumber(call('HGET', key('bytes'), topic) or '0'))
  call('HSET', key('erased'), topic, last)
end

local function removeState(topic)
  local state = key('state:' .. topic)
  local bytes, group = unpack(call('HMGET', state, 'bytes', 'group'))
  if not bytes then return end
  call('HINCRBY', namespace, 'bytes', '-' .. bytes)
  call('ZREM', key('states'), topic)
  if group then call('ZREM', key('group:' .. group), topic) end
  call('ZREM', key('due'), topic)
  call('ZREM', key('lease'), topic)
  call('DEL', state)
end

-- Ids lie in one hash for each stretch of time, or of a tenth of their number: forgetting them is one DEL.
local function bucketAge(limits) return math.max(1, math.min(60000, math.floor(limits.idAgeMs / 5))) end

local function forgetIds(limits)
  local buckets = call('ZRANGE', key('id-buckets'), 0, -1, 'WITHSCORES')
  local total = 0
  for at = 1, #buckets, 2 do total = total + call('HLEN', key('ids:' .. buckets[at])) end
  for at = 1, #buckets, 2 do
    local count = call('HLEN', key('ids:' .. buckets[at]))
    local ended = tonumber(buckets[at + 3] or buckets[at + 1] + bucketAge(limits))
    if ended > now - limits.idAgeMs and total - count < limits.ids then return end
    call('DEL', key('ids:' .. buckets[at]))
    call('ZREM', key('id-buckets'), buckets[at])
    total = total - count
  end
end

-- At `time` the last number was `seq`: noted before appends and in maintenance.
local function noteTime(time, limits)
  local latest = call('ZRANGE', key('coarse'), -1, -1, 'WITHSCORES')
  local seq = lastSeq()
  if latest[1] and (time - tonumber(latest[2]) < limits.coarseMs or seq <= tonumber(latest[1])) then return end
  call('ZADD', key('coarse'), text(time), text(seq))
end

local function readState(topic)
  local version, value = unpack(call('HMGET', key('state:' .. topic), 'version', 'value'))
  return { topic, version or '0', value or '' }
end
