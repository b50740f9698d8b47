/**
 * Ids lie in a few hashes, each for a quarter of the window: of its time or of its number, whichever is full first. A look
 * is one HMGET a hash, forgetting is one UNLINK, and both limits stay floors. The hashes are listed in one field of meta,
 * oldest first, as 'name:started:count'.
 */
export const ids = String.raw`
local function readBuckets(text)
  local buckets = {}
  for name, started, count in string.gmatch(text or '', '(%d+):(%d+):(%d+)') do
    buckets[#buckets + 1] = { name = tonumber(name), started = tonumber(started), count = tonumber(count) }
  end
  return buckets
end

local function writeBuckets(buckets)
  local words = {}
  for at, bucket in ipairs(buckets) do
    words[at] = text(bucket.name) .. ':' .. text(bucket.started) .. ':' .. text(bucket.count)
  end
  return table.concat(words, ' ')
end

local function bucketAge(ageMs) return math.max(1, math.floor(ageMs / 4)) end

-- Lets go of what is older than the window, or more than its number without the oldest.
local function forgetIds(buckets, ageMs, most)
  local total = 0
  for _, bucket in ipairs(buckets) do total = total + bucket.count end
  while buckets[1] do
    local oldest = buckets[1]
    local ended = buckets[2] and buckets[2].started or oldest.started + bucketAge(ageMs)
    if ended > now - ageMs and total - oldest.count < most then return end
    call('UNLINK', key('ids:' .. text(oldest.name)))
    total = total - oldest.count
    table.remove(buckets, 1)
  end
end
`
