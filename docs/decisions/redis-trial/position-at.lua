-- ARGV: 3 Unix ms.
if tonumber(ARGV[3]) > field('stamp') then return { epoch, text(lastSeq()) } end
local before = call('ZREVRANGEBYSCORE', key('coarse'), '(' .. ARGV[3], '-inf', 'LIMIT', 0, 1)
return { epoch, before[1] or '0' }
