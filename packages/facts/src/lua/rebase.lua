-- KEYS: the slot's watermarks. ARGV: owner, incarnation, head, gen; gen and app as they were seen, both empty if there
-- was no watermark.
-- Answers the watermark that stands now: {incarnation, app, gen}.
local marks, owner = KEYS[1], ARGV[1]
local mark = redis.call('HMGET', marks, 'inc:' .. owner, 'app:' .. owner, 'gen:' .. owner)
if mark[1] and (mark[3] ~= ARGV[5] or mark[2] ~= ARGV[6]) then return mark end
local prefix = 'flr:' .. owner .. ':'
for _, field in ipairs(redis.call('HKEYS', marks)) do
  if string.sub(field, 1, #prefix) == prefix then redis.call('HDEL', marks, field) end
end
redis.call('HSET', marks, 'inc:' .. owner, ARGV[2], 'app:' .. owner, ARGV[3], 'gen:' .. owner, ARGV[4])
return { ARGV[2], ARGV[3], ARGV[4] }
