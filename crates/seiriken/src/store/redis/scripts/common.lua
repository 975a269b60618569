-- Before every script: the time, the layout of a stored record (layout.rs), and what counts for quotas.

local HEAD, SEALED, SEAL_LENGTH = 152, 136, 16

-- By the server's own clock. A test may pass a time of its own.
local function now_ms()
  if ARGV[1] ~= '' then return tonumber(ARGV[1]) end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function sealed(fields)
  return fields .. string.sub(redis.sha1hex(KEYS[1] .. fields), 1, SEAL_LENGTH)
end

-- A head that somebody else has written, or that was damaged, is left to Rust, which reports it.
local function is_whole(stored)
  return #stored >= HEAD and string.byte(stored) == 1
    and sealed(string.sub(stored, 1, SEALED)) == string.sub(stored, 1, HEAD)
end

-- What stands is counted for its scope, where its claim had a quota: when each record stops to
-- count, and its bytes. Only where all keys are on one server: the two keys are no part of KEYS.
local function usage_keys(prefix, head)
  local scope = string.gsub(string.sub(head, 81, 88), '.', function(byte)
    return string.format('%02x', string.byte(byte))
  end)
  return prefix .. scope, prefix .. scope .. ':bytes'
end

local function uncount(ends, bytes, key)
  redis.call('ZREM', ends, key)
  local counted = redis.call('HGET', bytes, key)
  if counted then
    redis.call('HDEL', bytes, key)
    redis.call('HINCRBY', bytes, 'all', -counted)
  end
end

local function count(prefix, value, ends_at, now, grace)
  if string.byte(value, 7) ~= 1 then return end
  local ends, bytes = usage_keys(prefix, value)
  uncount(ends, bytes, KEYS[1])
  redis.call('ZADD', ends, ends_at, KEYS[1])
  redis.call('HSET', bytes, KEYS[1], #value)
  redis.call('HINCRBY', bytes, 'all', #value)
  for _, counter in ipairs({ends, bytes}) do
    local ttl = math.floor(ends_at - now + grace)
    redis.call('PEXPIRE', counter, ttl, 'NX')
    redis.call('PEXPIRE', counter, ttl, 'GT')
  end
end
