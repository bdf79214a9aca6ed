-- What has changed since somebody looked. KEYS: as those of bans. ARGV: the count of the log then, the most.
-- Answers the count up to which it tells, then subject, milliseconds left (0: it has ended) and note of each; or
-- nothing behind -1 if the log does not go back so far.
own_bans()
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local seen, n = tonumber(ARGV[1]), tonumber(redis.call('GET', KEYS[4]) or '0')
if seen == n then return {ARGV[1]} end
local log = redis.call('XRANGE', KEYS[3], string.format('%.0f', seen + 1) .. '-0', '+', 'COUNT', ARGV[2])
if seen > n or #log == 0 or tonumber(string.match(log[1][1], '^(%d+)-')) ~= seen + 1 then return {'-1'} end
local answer = {string.match(log[#log][1], '^(%d+)-')}
for _, entry in ipairs(log) do
  local subject = entry[2][2]
  local left = (tonumber(redis.call('ZSCORE', KEYS[1], subject)) or 0) - now
  local note = left > 0 and redis.call('HGET', KEYS[2], subject) or ''
  if not fits(subject, note) then subject, left, note = '', 0, '' end
  answer[#answer + 1] = subject
  answer[#answer + 1] = string.format('%.0f', math.max(left, 0))
  answer[#answer + 1] = note
end
return answer
