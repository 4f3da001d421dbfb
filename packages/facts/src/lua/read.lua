-- KEYS: the slot's watermarks, then registers. ARGV: for each register its owner and the kind of its fact.
-- Answers for each register {incarnation, app, gen, lo, hi, payload}: the first three only if no value stands, and
-- nothing if there is no watermark.
local marks = KEYS[1]
local answers = {}
for i = 2, #KEYS do
  local owner, kind = ARGV[2 * i - 3], ARGV[2 * i - 2]
  local mark = redis.call('HMGET', marks, 'inc:' .. owner, 'app:' .. owner, 'gen:' .. owner,
    'flr:' .. owner .. ':' .. kind, 'flr:' .. owner .. ':*')
  local answer = {}
  if mark[1] then
    answer = { mark[1], mark[2], mark[3] }
    local floor = math.max(tonumber(mark[4] or 0), tonumber(mark[5] or 0))
    local held = redis.call('HMGET', KEYS[i], 'gen', 'hi', 'lo', 'payload')
    if held[1] == mark[3] and held[4] and tonumber(held[2]) >= floor then
      answer = { mark[1], mark[2], mark[3], held[3], held[2], held[4] }
    end
  end
  answers[i - 1] = answer
end
return answers
