-- A page of all bans. KEYS: as those of ban, without the last. ARGV: cursor, about how many. Answers the count of
-- the log, when it began, the next cursor (0: that was all), then subject, milliseconds left and note of each.
own_bans()
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local n = redis.call('GET', KEYS[4]) or '0'
local page = redis.call('ZSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2])
local answer = {n, redis.call('GET', KEYS[5]) or '', page[1]}
for i = 1, #page[2], 2 do
  local left = tonumber(page[2][i + 1]) - now
  local note = left > 0 and redis.call('HGET', KEYS[2], page[2][i])
  if note and fits(page[2][i], note) then
    answer[#answer + 1] = page[2][i]
    answer[#answer + 1] = string.format('%.0f', left)
    answer[#answer + 1] = note
  end
end
return answer
