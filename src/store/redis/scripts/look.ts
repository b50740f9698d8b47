/** Scripts that tell what is there, and change nothing. */

export const head = String.raw`return { epoch, seq }`

/** ARGV: 3 Unix ms. */
export const positionAt = String.raw`
if tonumber(ARGV[3]) > tonumber(head[4]) then return { epoch, seq } end
local before = call('ZREVRANGEBYSCORE', key('coarse'), '(' .. ARGV[3], '-inf', 'LIMIT', 0, 1)
return { epoch, tonumber(before[1] or '0') }
`

/** The number is read and published in one step, so every announcement at or below it is ahead of it in the channel. */
export const probe = String.raw`
call('PUBLISH', key('feed'), 'p ' .. epoch .. ' ' .. text(seq))
return { epoch, seq }
`

/** ARGV: 3 the topic. */
export const state = String.raw`return { epoch, seq, stamp, readState(ARGV[3]) }`

/** ARGV: 3 the group ('' = all), 4 limit, 5 `next` of the page before or ''. The page goes by the number of making. */
export const statePage = String.raw`
local list = ARGV[3] == '' and key('states') or key('group:' .. ARGV[3])
local below = ARGV[5] == '' and '+inf' or '(' .. ARGV[5]
local limit = tonumber(ARGV[4])
local found = call('ZREVRANGEBYSCORE', list, below, '-inf', 'LIMIT', 0, limit + 1)
local states = {}
for index = 1, math.min(#found, limit) do states[index] = readState(found[index]) end
local next = #found > limit and call('HGET', key('state:' .. found[limit]), 'made') or ''
return { epoch, seq, next, states }
`

/** ARGV: 3 the topic. Replies epoch, first and last number (0 = none), count, bytes. */
export const describe = String.raw`
local packed = call('HGET', key('topics'), ARGV[3])
local record = packed and unpackRecord(packed)
if not record or record.count == 0 then return { epoch, 0, 0, 0, 0 } end
return { epoch, tonumber(entriesOf(ARGV[3], record, 0, 0)[1] or '0'), record.last, record.count, record.bytes }
`

/** ARGV: 3 age of ids. Replies events, topics, bytes, leases, other deadlines, ids, for how long they are recognised, and the labels. */
export const kept = String.raw`
local found, ids, window = call('HMGET', meta, 'bytes', 'buckets'), 0, tonumber(ARGV[3])
local buckets = readBuckets(found[2])
for _, bucket in ipairs(buckets) do ids = ids + bucket.count end
-- Names begin again at 1 only where all that was known grew too old.
if buckets[1] and buckets[1].name > 1 then window = math.max(0, math.min(window, now - buckets[1].started)) end
return { call('HLEN', key('events')), call('HLEN', key('topics')), found[1] or '0', call('ZCARD', key('lease')),
  call('ZCARD', key('due')), ids, window, call('HGETALL', key('labels')) }
`

export const idWindow = String.raw`
local buckets, count = readBuckets(call('HGET', meta, 'buckets')), 0
for _, bucket in ipairs(buckets) do count = count + bucket.count end
return { count, count == 0 and 0 or math.max(0, now - buckets[1].started) }
`

/**
 * ARGV: 3 about how many, 4 `next` of the page before or '0', 5 what names have in them, 6 how many to look at at most. The
 * hash is walked as HSCAN does: in no order, and without holding anybody up.
 */
export const topicPage = String.raw`
local limit, cursor, looked, found = tonumber(ARGV[3]), ARGV[4], 0, {}
repeat
  local part = call('HSCAN', key('topics'), cursor, 'COUNT', math.max(16, limit - #found))
  local pairs = part[2]
  cursor, looked = part[1], looked + #pairs / 2
  for at = 1, #pairs, 2 do
    local record = string.find(pairs[at], ARGV[5], 1, true) and unpackRecord(pairs[at + 1])
    if record and record.count > 0 then
      local first = tonumber(entriesOf(pairs[at], record, 0, 0)[1] or '0')
      found[#found + 1] = { pairs[at], first, record.last, record.count, record.bytes }
    end
  end
until cursor == '0' or #found >= limit or looked >= tonumber(ARGV[6])
return { epoch, cursor == '0' and '' or cursor, found }
`
