/** The coarse clock: which number was the last at which time. The newest moment is in meta too, so that most appends read no more. */
export const moments = String.raw`
-- Before an append: all later events are stamped at or after the time, all at or below the number at or before it.
local function noteMoment(latest, everyMs)
  local time, number = string.match(latest or '', '^(%d+) (%d+)$')
  if time and (stamp - tonumber(time) < everyMs or seq <= tonumber(number)) then return end
  call('ZADD', key('coarse'), text(stamp), text(seq))
  call('HSET', meta, 'coarse', text(stamp) .. ' ' .. text(seq))
end
`
