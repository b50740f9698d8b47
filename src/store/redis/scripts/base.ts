/** First line of scripts that only tidy, take away or look after what is there: they run where `maxmemory` is reached. */
export const evenWhenFull = '#!lua flags=allow-oom'

/**
 * Put before every script. KEYS[1] is the base key of the namespace; all its other keys begin with it, hash tag and all,
 * so that they live on one shard. ARGV[1] is what the caller relies on: the fence, and epoch and number of the newest event
 * it has heard of. ARGV[2] is the time in ms (empty: Redis's own).
 */
export const base = String.raw`
local base, call = KEYS[1], redis.call
local meta = base .. ':meta'
local function key(part) return base .. ':' .. part end

-- tostring() writes 14 digits: 1763000000000001 would become 1.763e+15. And %.0f writes minus zero as "-0", which
-- HINCRBY refuses: adding 0 makes it plain.
local function text(number) return string.format('%.0f', number + 0) end

local now
if ARGV[2] == '' then
  local time = call('TIME')
  now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
else
  now = tonumber(ARGV[2])
end
`

/**
 * Put before every script but the one that fences (S6): what was recorded by another fence than the caller's, or is not
 * there at all, is left alone. So is what has gone back behind the caller: a primary may have been a replica for a moment,
 * and have lost writes, while its connections stayed.
 */
export const guard = String.raw`
local head = call('HMGET', meta, 'fence', 'epoch', 'seq', 'stamp')
local fence, heardEpoch, heard = string.match(ARGV[1], '^(%S*) (%S*) (%d+)$')
if head[1] ~= fence then return 'FENCED' end
local epoch, seq = head[2], tonumber(head[3])
if heardEpoch == epoch and tonumber(heard) > seq then return 'FENCED' end
-- A clock that goes back must not take the stamps along: readers sort and search by them.
local stamp = math.max(now, tonumber(head[4]))
`
