-- Grants a key that is not in use; of one that is, answers what stands, and Rust decides.
--
-- KEYS: the record; the store's state, where it is on the same server.
-- ARGV: 1 time of a test  2 epoch  3 head up to the times  4 retention and skew  5 minted, or ''
--       6 skew  7 lease  8 granted from  9 and until  10 known histories, for a dated key
--       11 time to live  12 most keys  13 most bytes  14 prefix of usage  15 counts so long
--       16 grace
local GRANTED, STANDS, REFUSED, FULL, UNKNOWN_HISTORY = 1, 2, 3, 4, 5

local stored = redis.call('GET', KEYS[1])
local now = now_ms()
if KEYS[2] and redis.call('HGET', KEYS[2], 'epoch') ~= ARGV[2] then
  return {UNKNOWN_HISTORY, now}
end
if stored then return {STANDS, now, stored} end

local minted = tonumber(ARGV[5])
if minted then
  -- A server that was restarted or promoted since it was last looked at may have forgotten this key.
  local history = string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)')
  if not (history and string.find(ARGV[10], history, 1, true)) then
    return {UNKNOWN_HISTORY, now}
  end
  if now < tonumber(ARGV[8]) or now >= tonumber(ARGV[9]) then return {REFUSED, now} end
end

local most_keys, most_bytes = tonumber(ARGV[12]), tonumber(ARGV[13])
if most_keys or most_bytes then
  local ends, bytes = usage_keys(ARGV[14], ARGV[3])
  -- A bounded step: who asks pays for a few that have expired, not for all of them.
  for _, expired in ipairs(redis.call('ZRANGEBYSCORE', ends, '-inf', now, 'LIMIT', 0, 100)) do
    uncount(ends, bytes, expired)
  end
  if most_keys and redis.call('ZCARD', ends) >= most_keys then return {FULL, now} end
  local all = tonumber(redis.call('HGET', bytes, 'all') or 0)
  if most_bytes and all >= most_bytes then return {FULL, now} end
end

local times = struct.pack('<I8I8I8I8',
  minted or now + tonumber(ARGV[6]), now, now + tonumber(ARGV[7]), 0)
local value = sealed(ARGV[3] .. times .. ARGV[4])
redis.call('SET', KEYS[1], value, 'PX', ARGV[11])
count(ARGV[14], value, now + tonumber(ARGV[15]), now, tonumber(ARGV[16]))
return {GRANTED, now}
