-- Puts another value in the place of the one that was looked at, if that still stands.
--
-- ARGV: 1 time of a test  2 head of what was looked at  3 the new value, '' to remove it
--       4 time to live  5 when it stops to count  6 prefix of usage  7 grace
local stored = redis.call('GETRANGE', KEYS[1], 0, HEAD - 1)
if stored ~= ARGV[2] then return 0 end
if ARGV[3] == '' then
  if string.byte(stored, 7) == 1 then
    local ends, bytes = usage_keys(ARGV[6], stored)
    uncount(ends, bytes, KEYS[1])
  end
  redis.call('DEL', KEYS[1])
  return 1
end
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
-- It may be the same record for another scope, or one that is not counted.
if string.byte(stored, 7) == 1 then
  local ends, bytes = usage_keys(ARGV[6], stored)
  uncount(ends, bytes, KEYS[1])
end
count(ARGV[6], ARGV[3], tonumber(ARGV[5]), now_ms(), tonumber(ARGV[7]))
return 1
