-- What stands under the key, and the time. ARGV: time of a test.
local stored = redis.call('GET', KEYS[1])
if stored then return {0, now_ms(), stored} end
return {0, now_ms()}
