-- Bans a subject. KEYS: ends (sorted set of subjects by their end), notes (hash), log (stream), count of the log,
-- since (when the count began), past (how often the subject was banned). ARGV: subject, note, "hand" or "rule", first, longest and forget
-- (milliseconds), growth, the most bans. Answers {1 if it is new, milliseconds left, how often, since}.
own_bans()
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local subject, note, by = ARGV[1], ARGV[2], ARGV[3]
local first, longest, forget, growth, most = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])

local function tell(whom)
  local n = redis.call('INCR', KEYS[4])
  if n == 1 then -- A count that was lost does not come back to where somebody has seen it.
    n = now
    redis.call('SET', KEYS[4], string.format('%.0f', n))
    redis.call('SET', KEYS[5], string.format('%.0f', n))
  end
  local told = redis.pcall('XADD', KEYS[3], 'MAXLEN', '~', 10000, string.format('%.0f-1', n), 's', whom)
  if type(told) == 'table' and told.err then redis.call('DEL', KEYS[3]) end -- it is ahead of the count
end
local function drop(whom)
  redis.call('ZREM', KEYS[1], whom)
  redis.call('HDEL', KEYS[2], whom)
end

-- What has ended makes room, a little at a time.
for _, old in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 16)) do drop(old) end

local standing = tonumber(redis.call('ZSCORE', KEYS[1], subject))
if standing and standing > now + longest then -- from somebody else
  drop(subject)
  standing = nil
end
if standing and standing > now and by == 'rule' then
  -- Another replica has banned it for the same, or a person for longer.
  local times = string.match(redis.call('HGET', KEYS[2], subject) or '', '^(%d+) ')
  return {0, standing - now, tonumber(times or '1'), tonumber(redis.call('GET', KEYS[5]) or '0')}
end

if not standing and redis.call('ZCARD', KEYS[1]) >= most then
  -- The ban that ends first makes room, unless a person has made it.
  local room = false
  for _, soon in ipairs(redis.call('ZRANGE', KEYS[1], 0, 31)) do
    if not string.match(redis.call('HGET', KEYS[2], soon) or '', '^%d+ hand ') then
      drop(soon)
      tell(soon)
      room = true
      break
    end
  end
  if not room then return {0, 0, 0, 0} end
end

local left, times = first, 1
if by == 'rule' then
  times = redis.call('INCR', KEYS[6])
  left = math.min(first * growth ^ math.min(times - 1, 64), longest)
  redis.call('PEXPIRE', KEYS[6], math.ceil(left + forget))
end
left = math.ceil(left)
redis.call('ZADD', KEYS[1], now + left, subject)
redis.call('HSET', KEYS[2], subject, string.format('%.0f', times) .. ' ' .. by .. ' ' .. note)
tell(subject)
return {1, left, times, tonumber(redis.call('GET', KEYS[5]) or '0')}
