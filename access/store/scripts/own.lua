-- Begins every script. What stands under a key and is of another kind than what scripts write is from somebody else. It
-- goes, since one such key would otherwise fail again and again, and have the store count as down for all.
local function own(key, kind)
  local is = redis.call('TYPE', key).ok
  if is ~= kind and is ~= 'none' then redis.call('DEL', key) end
end
-- A number that is counted up.
local function own_number(key)
  own(key, 'string')
  local is = redis.call('GET', key)
  if is and not (#is < 16 and string.match(is, '^%d+$')) then redis.call('DEL', key) end
end
-- Bans: the order of keys is that of ban.
local function own_bans()
  own(KEYS[1], 'zset')
  own(KEYS[2], 'hash')
  own(KEYS[3], 'stream')
  own_number(KEYS[4])
  own_number(KEYS[5])
  if KEYS[6] then own_number(KEYS[6]) end
end
-- No time that Wafer writes is further away, in milliseconds.
local longest = 20 * 365 * 86400000
-- Texts that Wafer would not have written: a reply with one would be refused as a whole.
local function fits(subject, note) return #subject <= 512 and #note <= 1056 end

