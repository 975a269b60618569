-- The store's state: made if it is not there, brought up to date with what a node has seen of the
-- servers, and answered.
--
-- KEYS: the state. ARGV: 1 time of a test  2 a secret, 3 one for issued keys, 4 its number, 5 the one
--       before it or '', and 6 an epoch, to take if there are none  7 "1" where servers have
--       replicas; then, for each server, its history and "1" if one that is not known may have
--       forgotten something; then "retentions", and those in use.
local now = now_ms()
local state = KEYS[1]
local forgotten = redis.call('HSETNX', state, 'secret', ARGV[2]) == 1
if forgotten then
  redis.call('HSET', state, 'format', 1, 'issuing_secret', ARGV[3], 'issuing_number', ARGV[4])
  if ARGV[5] ~= '' then redis.call('HSET', state, 'issuing_secret_previous', ARGV[5]) end
end
if ARGV[7] == '1' then redis.call('HSET', state, 'replicated', 1) end
local replicated = redis.call('HGET', state, 'replicated') == '1'

local known = redis.call('HGET', state, 'histories') or ''
local at = 8
while ARGV[at] and ARGV[at] ~= 'retentions' do
  local history, may_forget = ARGV[at], ARGV[at + 1] == '1'
  if not string.find(known, history, 1, true) then
    known = history .. ' ' .. known
    forgotten = forgotten or may_forget or replicated
  end
  at = at + 2
end
-- The latest hundred or so: each is some 40 characters and a space.
redis.call('HSET', state, 'histories', string.sub(known, 1, 41 * 128))
if forgotten then
  redis.call('HSET', state, 'forgotten', string.format('%.0f', now), 'epoch', ARGV[6])
end
for retention = at + 1, #ARGV do
  redis.call('HSET', state, 'retention:' .. ARGV[retention], string.format('%.0f', now))
end
return {now, redis.call('HGETALL', state)}
