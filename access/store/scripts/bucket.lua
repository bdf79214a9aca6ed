-- A bucket of a limit (GCRA). KEYS: it. ARGV: emission, burst and cost (microseconds, microseconds, units), and
-- "ask" or "charge". Answers {allowed, remaining, retry after, reset after}, times in microseconds.
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
local emission, burst, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])

-- The time at which the bucket is full again. What no charge can have made of it is not believed.
local full = tonumber(redis.call('GET', KEYS[1]) or now) or now
if not (full >= now) then full = now end
if not (full <= now + 16 * burst) then full = now + 16 * burst end

local next = full + emission * cost
local allowed = next - now <= burst
if allowed or ARGV[4] == 'charge' then
  if next > now + 16 * burst then next = now + 16 * burst end
  if next > now then
    -- Tostring would round to fourteen digits, which is less than a second.
    redis.call('SET', KEYS[1], string.format('%.1f', next), 'PX', math.ceil((next - now) / 1000) + 1)
  end
  full = next
end
local room = burst - (full - now)
local wait = 0
if not allowed then wait = full + emission * math.max(cost, 1) - burst - now end
if ARGV[4] == 'charge' then wait = full + emission - burst - now end
return {allowed and 1 or 0, math.floor(room / emission), math.ceil(math.max(wait, 0)), math.ceil(full - now)}
