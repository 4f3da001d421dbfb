-- KEYS: the slot's watermarks, then registers of one owner's facts. ARGV: owner, incarnation, gen; for each register the
-- kind of its fact, hi, the register as it shall stand, milliseconds to live.
-- Answers for each why its fill is refused, or nothing.
local marks, owner, incarnation, gen = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local mark = redis.call('HMGET', marks, 'inc:' .. owner, 'app:' .. owner, 'gen:' .. owner)

local function fill(key, kind, hi, register, life)
  if not mark[1] then return 'no watermark' end
  if mark[1] ~= incarnation then return 'another incarnation' end
  if mark[3] ~= gen then return 'another generation' end
  local floors = redis.call('HMGET', marks, 'flr:' .. owner .. ':' .. kind, 'flr:' .. owner .. ':*')
  local floor = math.max(tonumber(floors[1] or 0), tonumber(floors[2] or 0))
  if hi < floor then return "below the kind's floor" end
  local standing, position = string.match(redis.call('GETRANGE', key, 0, 99), '^(%S+) (%d+)%s')
  if standing == gen and tonumber(position) >= floor then
    if hi < tonumber(position) then return 'older than what stands' end
  elseif hi < tonumber(mark[2]) then
    return 'older than the watermark'
  end
  redis.call('SET', key, register, 'PX', life)
  return false
end

local refusals = {}
for i = 2, #KEYS do
  local at = 4 + 4 * (i - 2)
  refusals[i - 1] = fill(KEYS[i], ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2], ARGV[at + 3])
end
return refusals
