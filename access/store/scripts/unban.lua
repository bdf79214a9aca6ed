-- Ends a ban and forgets earlier ones. KEYS: as those of ban. ARGV: subject. Answers 1 if there was one.
own_bans()
redis.call('DEL', KEYS[6])
if redis.call('ZREM', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('HDEL', KEYS[2], ARGV[1])
local clock = redis.call('TIME')
local n = redis.call('INCR', KEYS[4])
if n == 1 then -- as in ban
  n = tonumber(clock[1]) * 1000
  redis.call('SET', KEYS[4], string.format('%.0f', n))
  redis.call('SET', KEYS[5], string.format('%.0f', n))
end
local told = redis.pcall('XADD', KEYS[3], 'MAXLEN', '~', 10000, string.format('%.0f-1', n), 's', ARGV[1])
if type(told) == 'table' and told.err then redis.call('DEL', KEYS[3]) end -- as in ban
return 1
