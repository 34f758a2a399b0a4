-- The paths to ask for, in turn, after those that are asked for once; and what came of it, as one line of JSON.

local once, again = {}, {}
local asked = 0

function init(arguments)
  local into = once
  for _, word in ipairs(arguments) do
    if word == "--" then into = again else into[#into + 1] = wrk.format("GET", word) end
  end
end

function request()
  asked = asked + 1
  if asked <= #once then return once[asked] end
  return again[(asked - #once - 1) % #again + 1]
end

-- Not errors.timeout: wrk counts an answer that takes long, and goes on with it.
function done(summary, latency)
  local errors = summary.errors
  io.stderr:write(string.format(
    '{"requests":%d,"bytes":%d,"seconds":%.6f,"p50":%.3f,"p99":%.3f,"errors":%d}\n',
    summary.requests, summary.bytes, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.connect + errors.read + errors.write + errors.status))
end
