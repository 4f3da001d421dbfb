-- KEYS: the slot's watermarks, a register. ARGV: owner, kind, incarnation, gen, lo, hi, payload, milliseconds to live.
-- Answers why the fill is refused, or nothing.
local owner, kind, hi = ARGV[1], ARGV[2], tonumber(ARGV[6])
local mark = redis.call('HMGET', KEYS[1], 'inc:' .. owner, 'app:' .. owner, 'gen:' .. owner,
  'flr:' .. owner .. ':' .. kind, 'flr:' .. owner .. ':*')
if not mark[1] then return 'no watermark' end
if mark[1] ~= ARGV[3] then return 'another incarnation' end
if mark[3] ~= ARGV[4] then return 'another generation' end
local floor = math.max(tonumber(mark[4] or 0), tonumber(mark[5] or 0))
if hi < floor then return "below the kind's floor" end
-- A tombstone has its position as `hi`, and no payload.
local existing = redis.call('HMGET', KEYS[2], 'gen', 'hi')
if existing[1] == mark[3] and tonumber(existing[2]) >= floor then
  if hi < tonumber(existing[2]) then return 'older than what stands' end
elseif hi < tonumber(mark[2]) then
  return 'older than the watermark'
end
redis.call('HSET', KEYS[2], 'gen', ARGV[4], 'hi', ARGV[6], 'lo', ARGV[5], 'payload', ARGV[7])
redis.call('PEXPIRE', KEYS[2], ARGV[8])
return false
