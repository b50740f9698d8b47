local buckets = call('ZRANGE', key('id-buckets'), 0, -1, 'WITHSCORES')
local count = 0
for at = 1, #buckets, 2 do count = count + call('HLEN', key('ids:' .. buckets[at])) end
return { text(count), text(count == 0 and 0 or now - tonumber(buckets[2])) }
