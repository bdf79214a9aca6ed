-- Does what the other scripts do: asks for the time, and writes. KEYS: one of its own.
own(KEYS[1], 'string')
local now = redis.call('TIME')
redis.call('SET', KEYS[1], now[1], 'PX', 60000)
return 1
