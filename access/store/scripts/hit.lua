-- Counts what leads to a ban, in eighths of a window. KEYS: a hash of eighth to hits. ARGV: the window in
-- milliseconds, hits. Answers those of the window, and of the eighth in which it began.
own(KEYS[1], 'hash')
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local eighth = math.floor(now / (tonumber(ARGV[1]) / 8))
local counted = redis.pcall('HINCRBY', KEYS[1], string.format('%.0f', eighth), ARGV[2])
if type(counted) == 'table' then redis.call('HSET', KEYS[1], string.format('%.0f', eighth), ARGV[2]) end -- it was no number
redis.call('PEXPIRE', KEYS[1], math.ceil(tonumber(ARGV[1]) * 9 / 8))
local sum = 0
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local at = tonumber(all[i])
  if at and at >= eighth - 8 and at <= eighth then
    sum = sum + (tonumber(all[i + 1]) or 0)
  else
    redis.call('HDEL', KEYS[1], all[i])
  end
end
return sum
