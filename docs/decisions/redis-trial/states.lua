-- ARGV: 3 the group ('' = all), 4 limit, 5 `next` of the page before or ''.
local list = ARGV[3] == '' and key('states') or key('group:' .. ARGV[3])
local below = ARGV[5] == '' and '+inf' or '(' .. ARGV[5]
local found = call('ZREVRANGEBYSCORE', list, below, '-inf', 'LIMIT', 0, tonumber(ARGV[4]) + 1)
local states = {}
for index = 1, math.min(#found, tonumber(ARGV[4])) do states[index] = readState(found[index]) end
local next = ''
if #found > #states then next = call('HGET', key('state:' .. found[#states]), 'made') end
return { epoch, text(lastSeq()), next, states }
