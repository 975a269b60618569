-- Signs with another secret from now on, and remembers the one before.
-- KEYS: the state. ARGV: 1 time of a test  2 the new secret
redis.call('HSET', KEYS[1], 'issuing_secret_previous', redis.call('HGET', KEYS[1], 'issuing_secret'),
  'issuing_secret', ARGV[2])
redis.call('HINCRBY', KEYS[1], 'issuing_number', 1)
return {now_ms(), redis.call('HGETALL', KEYS[1])}
