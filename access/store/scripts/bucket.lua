-- Buckets of limits (GCRA), each the time at which it is full again. KEYS: they. ARGV: "ask" or "charge", and for each
-- the cost, what it may owe (microseconds), and "alone" or "with". Asked, all are charged, or none if one that is
-- "with" the others has no room; one that is "alone" is charged if it has room and the others are. Answers for each
-- whether it has room, and what it owes now (microseconds).
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
local day = 86400000000

local full, room, all = {}, {}, true
for i = 1, #KEYS do
  local cost, most = tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i])
  -- What no charge can have made of it is not believed: the clock was set back, or somebody else has written it.
  own(KEYS[i], 'string')
  local at = tonumber(redis.call('GET', KEYS[i]) or now) or now
  if not (at >= now) then at = now end
  if not (at <= now + most + day) then at = now + most end
  full[i] = at
  room[i] = at + cost - now <= most
  all = all and (room[i] or ARGV[3 * i + 1] == 'alone')
end

local answer = {}
for i = 1, #KEYS do
  local cost, most = tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i])
  if cost ~= 0 and (ARGV[1] == 'charge' or all and room[i]) then
    local next = math.min(math.max(full[i] + cost, now), now + most + day)
    if next > now then
      -- Tostring would round to fourteen digits, which is less than a second.
      redis.call('SET', KEYS[i], string.format('%.1f', next), 'PX', math.ceil((next - now) / 1000) + 1)
    else
      redis.call('DEL', KEYS[i])
    end
    full[i] = next
  end
  answer[2 * i - 1] = room[i] and 1 or 0
  answer[2 * i] = math.ceil(full[i] - now)
end
return answer
