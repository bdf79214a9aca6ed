-- Variables of a collection: a hash of name to "expiry value", the expiry in milliseconds of the server, 0 for
-- none. KEYS: it. ARGV: its lifetime in milliseconds, the most variables, the longest name and value, then four for each change: what, name,
-- value, milliseconds until it expires. Answers name, value, milliseconds left (0: as long as the collection) of each.
own(KEYS[1], 'hash')
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local lifetime, most = tonumber(ARGV[1]), tonumber(ARGV[2])
local longest_name, longest_value = tonumber(ARGV[3]), tonumber(ARGV[4])

local values, ends, count, dirty = {}, {}, 0, {}
local stored = redis.call('HGETALL', KEYS[1])
for i = 1, #stored, 2 do
  local expiry, value = string.match(stored[i + 1], '^(%d+) (.*)$')
  expiry = tonumber(expiry)
  local fits = count < most and #stored[i] <= longest_name and value and #value <= longest_value
  if expiry and fits and (expiry == 0 or expiry > now and expiry <= now + longest) then
    values[stored[i]], ends[stored[i]], count = value, expiry, count + 1
  else
    redis.call('HDEL', KEYS[1], stored[i])
  end
end

for i = 5, #ARGV, 4 do
  local what, name, value, left = ARGV[i], ARGV[i + 1], ARGV[i + 2], tonumber(ARGV[i + 3])
  local known = values[name] ~= nil
  if what == 'remove' then
    if known then values[name], ends[name], count, dirty[name] = nil, nil, count - 1, true end
  elseif what == 'expire' then
    if known then ends[name], dirty[name] = now + left, true end
  elseif known or count < most then
    if what == 'add' then
      value = string.format('%.0f', math.max(0, (tonumber(values[name] or '0') or 0) + (tonumber(value) or 0)))
    end
    if not (what == 'init' and known) then
      if not known then count = count + 1 end
      values[name], dirty[name] = value, true
      ends[name] = left > 0 and now + left or ends[name] or 0
    end
  end
end

for name in pairs(dirty) do
  if values[name] == nil then
    redis.call('HDEL', KEYS[1], name)
  else
    redis.call('HSET', KEYS[1], name, string.format('%.0f', ends[name]) .. ' ' .. values[name])
  end
end
if #ARGV > 4 and lifetime > 0 and count > 0 then redis.call('PEXPIRE', KEYS[1], lifetime) end

local all = {}
for name, value in pairs(values) do
  all[#all + 1] = name
  all[#all + 1] = value
  all[#all + 1] = string.format('%.0f', ends[name] == 0 and 0 or ends[name] - now)
end
return all
