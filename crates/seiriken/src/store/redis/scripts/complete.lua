-- Records the answer of an owner that is in its lease; anything else is answered as it stands,
-- and Rust decides.
--
-- ARGV: 1 time of a test  2 token  3 checksum of the answer  4 the answer  5 grace
--       6 prefix of usage  7 longest time to live
local IN_PROGRESS, COMPLETED, AT = 1, 3, 1

local stored = redis.call('GET', KEYS[1])
local now = now_ms()
if not stored then return {0, now} end
if not is_whole(stored) or #stored ~= HEAD or string.byte(stored, 2) ~= IN_PROGRESS
  or string.sub(stored, 17, 32) ~= ARGV[2] then
  return {0, now, stored}
end
local minted, _, lease_until, _, answers, skew = struct.unpack('<I8I8I8I8I8I8', stored, 89)
if now >= lease_until then return {0, now, stored} end

local from = now
if string.byte(stored, 6) == AT then from = math.max(now, minted) end
local expires_at = from + answers + skew
local fields = string.sub(stored, 1, 1) .. string.char(COMPLETED) .. string.sub(stored, 3, 12)
  .. ARGV[3] .. string.sub(stored, 17, 112) .. struct.pack('<I8', expires_at)
  .. string.sub(stored, 121, SEALED)
local value = sealed(fields) .. ARGV[4]
local ttl = math.min(expires_at - now + tonumber(ARGV[5]), tonumber(ARGV[7]))
redis.call('SET', KEYS[1], value, 'PX', string.format('%.0f', ttl))
count(ARGV[6], value, expires_at, now, tonumber(ARGV[5]))
return {1, now}
