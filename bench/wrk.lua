-- What wrk does in a window: sends each prepared request exactly once, and keeps every answer.
--
--   wrk -t1 -c CLIENTS … -s wrk.lua URL -- REQUESTS ANSWERS
--
-- One thread, so one Lua state hands out all requests. wrk calls its own hooks by name:
-- init, delay (before a connection asks for a request), request, response.

local ffi = require("ffi")
ffi.cdef [[
  typedef struct { long s; long ns; } moment;
  int clock_gettime(int clock, moment *found);
]]

local MONOTONIC = ffi.os == "OSX" and 6 or 1
-- After this, the target has accepted every connection: only then the first request is sent.
local ACCEPTED_WITHIN_MS = 100

local waiting = {}
local sent = -1
local statuses, bodies = {}, {}
local answered = 0
local answers_path
local connections = 0
local clients
local began_s, began_cpu_s

local function now_s()
  local found = ffi.new("moment")
  ffi.C.clock_gettime(MONOTONIC, found)
  return tonumber(found.s) + tonumber(found.ns) / 1e9
end

local function read_requests(path)
  local file = assert(io.open(path, "rb"))
  for length in file:lines() do
    waiting[#waiting + 1] = file:read(tonumber(length))
  end
  file:close()
end

local function write_answers()
  local wall_s, cpu_s = now_s() - began_s, os.clock() - began_cpu_s
  local file = assert(io.open(answers_path, "wb"))
  file:write(string.format("%.6f %.6f\n", wall_s, cpu_s))
  for number = 1, answered do
    file:write(statuses[number], " ", #bodies[number], "\n", bodies[number])
  end
  file:close()
end

function init(args)
  clients = tonumber(args[1])
  read_requests(args[2])
  answers_path = args[3]
end

function delay()
  connections = connections + 1
  return connections <= clients and ACCEPTED_WITHIN_MS or 0
end

-- The first call is wrk's own: it looks at a request, and does not send it.
-- When nothing is left, an empty string leaves the connection silent.
function request()
  sent = sent + 1
  if sent == 0 then
    return waiting[1]
  end
  if sent == 1 then
    began_s, began_cpu_s = now_s(), os.clock()
  end
  return waiting[sent] or ""
end

function response(status, _, body)
  answered = answered + 1
  statuses[answered], bodies[answered] = status, body
  if answered == #waiting then
    write_answers()
    -- wrk itself would sleep until its time is over.
    os.exit(0)
  end
end
