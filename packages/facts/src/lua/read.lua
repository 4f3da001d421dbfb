-- KEYS: the slot's watermarks, then registers. ARGV: what the name of a register begins with.
-- Answers the watermarks, field by field; the registers; the names of the facts that these name as next and that were
-- not asked for; and the registers of those. Their keys are no KEYS, but in the same slot.
local registers = redis.call('MGET', unpack(KEYS, 2))
local met, names, keys = {}, {}, {}
for i = 2, #KEYS do met[KEYS[i]] = true end
for _, register in ipairs(registers) do
  local name = register and string.match(register, '^%S+ %d+ %d+ %S+ (%S+)\n')
  local key = name and ARGV[1] .. name
  if key and not met[key] then
    met[key] = true
    names[#names + 1] = name
    keys[#keys + 1] = key
  end
end
local next = #keys == 0 and {} or redis.call('MGET', unpack(keys))
return { redis.call('HGETALL', KEYS[1]), registers, names, next }
