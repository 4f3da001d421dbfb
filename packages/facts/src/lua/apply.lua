-- KEYS: the slot's watermarks, then registers that the stretch touches.
-- ARGV: owner, incarnation, from, to, milliseconds to live of a tombstone, how many kinds; for each of these its name and
-- position; for each register the kind of its fact and the position of the event.
-- Answers {'applied' | 'nothing new' | 'gap', app}.
local marks, owner, from, to = KEYS[1], ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[4])
local mark = redis.call('HMGET', marks, 'inc:' .. owner, 'app:' .. owner, 'gen:' .. owner)
if mark[1] ~= ARGV[2] then return { 'nothing new', '-1' } end
local app = tonumber(mark[2])
if to <= app then return { 'nothing new', mark[2] } end
if from > app + 1 then return { 'gap', mark[2] } end

local floors = {}
local function floor_of(kind)
  if not floors[kind] then
    local found = redis.call('HMGET', marks, 'flr:' .. owner .. ':' .. kind, 'flr:' .. owner .. ':*')
    floors[kind] = math.max(tonumber(found[1] or 0), tonumber(found[2] or 0))
  end
  return floors[kind]
end

local kinds = tonumber(ARGV[6])
for i = 0, kinds - 1 do
  local field, position = 'flr:' .. owner .. ':' .. ARGV[7 + 2 * i], ARGV[8 + 2 * i]
  if tonumber(position) > tonumber(redis.call('HGET', marks, field) or 0) then
    redis.call('HSET', marks, field, position)
  end
end
for i = 2, #KEYS do
  local at = 7 + 2 * kinds + 2 * (i - 2)
  local kind, position = ARGV[at], ARGV[at + 1]
  if tonumber(position) > app then
    local gen, hi = string.match(redis.call('GETRANGE', KEYS[i], 0, 99), '^(%S+) (%d+)%s')
    local stands = gen == mark[3] and tonumber(hi) >= floor_of(kind)
    if not stands or tonumber(hi) < tonumber(position) then
      redis.call('SET', KEYS[i], mark[3] .. ' ' .. position .. '\n', 'PX', ARGV[5])
    end
  end
end
redis.call('HSET', marks, 'app:' .. owner, ARGV[4])
return { 'applied', ARGV[4] }
