-- Takes charges from their limits, all or none, or gives some back: one round trip, on the clock of this server.
--
-- KEYS     one for each charge, and last the hash of owners with the moments at which they were last heard of
-- ARGV     'take' or 'give'; the time, or '' for this server's; the owner; its expiry in seconds; when what is given
--          back was taken; then for each charge: window in seconds (0: calls at once), limit, amount
-- returns  the time; which charge was refused, 0 for none; then for each charge: what is left, in how many seconds
--          all of it is free again, and in how many the charge fits
--
-- A window is 60 buckets, fields of a hash, and the oldest that it touches is counted whole.
local BUCKETS = 60
local owners = KEYS[#KEYS]
local now = tonumber(ARGV[2])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) + tonumber(time[2]) / 1000000
end
local owner, expiry, taken_at = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])

local function written(number)
  return string.format('%.17g', number)
end

local function charge(place)
  local first = 6 + 3 * (place - 1)
  return KEYS[place], tonumber(ARGV[first]), tonumber(ARGV[first + 1]), tonumber(ARGV[first + 2])
end

local function bucket_at(moment, seconds)
  return math.floor(moment * BUCKETS / seconds)
end

-- What counts of a key: amounts by bucket or owner, and their sum. What counts no more is removed.
local function counted(key, seconds)
  local flat, amounts, total = redis.call('HGETALL', key), {}, 0
  for index = 1, #flat, 2 do
    local name, amount, is_over = flat[index], tonumber(flat[index + 1]), false
    if seconds > 0 then
      name = tonumber(name)
      is_over = name < bucket_at(now, seconds) - BUCKETS
    elseif name ~= owner then
      is_over = (tonumber(redis.call('HGET', owners, name)) or 0) <= now - expiry
    end
    if is_over then
      redis.call('HDEL', key, flat[index])
    else
      amounts[name] = amount
      total = total + amount
    end
  end
  return amounts, total
end

local function add(key, seconds, amount, moment)
  local field, lasts = owner, 86400
  if seconds > 0 then
    local newest = bucket_at(now, seconds)
    field, lasts = bucket_at(moment, seconds), math.ceil(seconds * (BUCKETS + 1) / BUCKETS) + 1
    if field < newest - BUCKETS then
      return
    end
    field = string.format('%d', field)
  end
  local after = math.max(0, (tonumber(redis.call('HGET', key, field)) or 0) + amount)
  if after == 0 then
    redis.call('HDEL', key, field)
  else
    redis.call('HSET', key, field, string.format('%d', after))
    redis.call('EXPIRE', key, lasts)
  end
end

local function standing(key, seconds, limit, amount)
  local amounts, total = counted(key, seconds)
  local left, reset, wait = math.max(0, limit - total), 0, 1
  if seconds > 0 then
    local buckets = {}
    for bucket in pairs(amounts) do
      buckets[#buckets + 1] = bucket
    end
    table.sort(buckets)
    if #buckets > 0 then
      reset = (buckets[#buckets] + BUCKETS + 1) * seconds / BUCKETS - now
    end
    local missing = total + amount - limit
    wait = seconds
    for _, bucket in ipairs(buckets) do
      missing = missing - amounts[bucket]
      if missing <= 0 then
        wait = (bucket + BUCKETS + 1) * seconds / BUCKETS - now
        break
      end
    end
  end
  return written(left), written(reset), written(wait)
end

local charges = #KEYS - 1
redis.call('HSET', owners, owner, written(now))
if ARGV[1] == 'give' then
  for place = 1, charges do
    local key, seconds, _, amount = charge(place)
    add(key, seconds, -amount, taken_at)
  end
  return {written(now), 0}
end

local answer, refused = {written(now), 0}, 0
for place = 1, charges do
  local key, seconds, limit, amount = charge(place)
  local _, total = counted(key, seconds)
  if amount > limit - total then
    refused = place
    break
  end
  add(key, seconds, amount, now)
  local left, reset, wait = standing(key, seconds, limit, amount)
  answer[#answer + 1], answer[#answer + 2], answer[#answer + 3] = left, reset, wait
end
if refused > 0 then
  for place = 1, refused - 1 do
    local key, seconds, _, amount = charge(place)
    add(key, seconds, -amount, now)
  end
  answer = {written(now), refused}
  for place = 1, charges do
    local left, reset, wait = standing(charge(place))
    answer[#answer + 1], answer[#answer + 2], answer[#answer + 3] = left, reset, wait
  end
end
return answer
