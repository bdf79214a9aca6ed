-- Sends the requests of a pool file in turn, and prints what came of it as one line of JSON.
-- The file has for each request its length, a line end, and its bytes.

local pool, turn = {}, 0

function init(args)
  local file = assert(io.open(args[1], "rb"))
  while true do
    local length = file:read("*n")
    if not length then break end
    file:read(1)
    pool[#pool + 1] = file:read(length)
  end
  file:close()
end

function request()
  turn = turn % #pool + 1
  return pool[turn]
end

function done(summary)
  local e = summary.errors
  io.write(string.format('\n{"requests":%d,"micros":%d,"status_400_up":%d,"errors":%d}\n',
    summary.requests, summary.duration, e.status, e.connect + e.read + e.write + e.timeout))
end
