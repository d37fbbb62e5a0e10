/**
 * What random programs work with, in Lua: the same in native Lua and in the unit.
 *
 * @module
 */

/** Defines the local `run(code, data)`, which answers what a program showed, as text. */
export const PRELUDE = `
local real = { next = next, pcall = pcall, type = type, tostring = tostring, select = select, rawget = rawget,
  getmetatable = getmetatable, setmetatable = setmetatable, collectgarbage = collectgarbage, error = error,
  sort = table.sort, concat = table.concat, gsub = string.gsub, find = string.find, sub = string.sub,
  format = string.format, mathtype = math.type, rawequal = rawequal, rawlen = rawlen }
local next, pcall, type, rawget, getmetatable, setmetatable = next, pcall, type, rawget, getmetatable, setmetatable
local error, rawlen, mathtype = error, rawlen, math.type
local sort, concat, gsub, find, sub, format = table.sort, table.concat, string.gsub, string.find, string.sub, string.format

local LINES_MAX, STEPS_MAX, TEXT_MAX = 250, 60, 200

local function show(v)
  local kind = type(v)
  if kind == "string" then
    if find(v, "stack overflow", 1, true) or find(v, "error in error handling", 1, true) then return "overflow" end
    return #v > TEXT_MAX and sub(v, 1, TEXT_MAX) .. "+" .. #v or v
  elseif kind == "number" then
    return mathtype(v) == "integer" and format("%d", v) or format("%.14g", v)
  elseif kind == "boolean" or kind == "nil" then
    return real.tostring(v)
  end
  return kind
end

-- A table's contents in an order of their own.
local function dump(v, depth)
  if type(v) ~= "table" then return show(v) end
  depth = depth or 0
  if depth == 3 then return "{...}" end
  local parts = {}
  for k, held in next, v do parts[#parts + 1] = dump(k, depth + 1) .. "=" .. dump(held, depth + 1) end
  sort(parts)
  return "{" .. concat(parts, ",") .. "}"
end

local function text(v)
  local kind = type(v)
  if kind == "string" then return #v > TEXT_MAX and sub(v, 1, TEXT_MAX) or v end
  return kind == "number" and v == v and show(v) or kind
end

-- Whether '#' has one answer.
local function issequence(v)
  local mt = getmetatable(v)
  if mt ~= nil and (type(mt) ~= "table" or rawget(mt, "__len") ~= nil) then return false end
  local integers = 0
  for k in next, v do if mathtype(k) == "integer" and k >= 1 then integers = integers + 1 end end
  for i = 1, integers do if rawget(v, i) == nil then return false end end
  return true
end

local function run(code, data)
  local lines, steps, finalizers, weaks, kept = {}, 0, {}, {}, {}
  local env = {}
  for _, name in ipairs { "next", "pcall", "xpcall", "type", "tonumber", "select", "rawget", "rawset", "rawequal", "rawlen",
      "setmetatable", "collectgarbage", "error", "assert", "ipairs", "pairs", "print", "math", "table", "utf8", "os" } do
    env[name] = _G[name]
  end
  env.print = function(...) return ... end
  -- Without addresses, which differ.
  local function placeless(s) return type(s) == "string" and gsub(s, "0x%x+", "PLACE") or s end
  env.tostring = function(v) return placeless(tostring(v)) end
  env.string = setmetatable({ format = function(...) return placeless(format(...)) end }, { __index = string })
  env.getmetatable = function(v) if type(v) ~= "string" then return getmetatable(v) end end
  env.load = function(f, name, mode, e)
    local pieces = 0
    local loaded, message = load(type(f) ~= "function" and f or function()
      pieces = pieces + 1
      if pieces < 9 then return f() end
    end, "=loaded", "t", e or env)
    if loaded then return loaded end
    return nil, message
  end
  env.coroutine = coroutine
  env.show, env.dump, env.text = show, dump, text
  function env.log(...)
    if #lines >= LINES_MAX then return end
    local parts = { ... }
    for i = 1, select("#", ...) do parts[i] = show(parts[i]) end
    lines[#lines + 1] = concat(parts, " ")
  end
  function env.T()
    steps = steps + 1
    if steps > STEPS_MAX then error("too many steps", 0) end
  end
  env.try = pcall
  function env.put(t, k, v)
    local ok, message = pcall(function() t[k] = v end)
    if not ok then env.log("put", message) end
  end
  -- The order of several is not the same everywhere.
  function env.only(t)
    local k, v = next(t)
    if k ~= nil and next(t, k) ~= nil then return "several" end
    return k, v
  end
  function env.seq(v) return type(v) == "table" and issequence(v) and v or {} end
  function env.fun(v) return type(v) == "function" and v or show end
  function env.len(v) return type(v) ~= "table" and #v or issequence(v) and rawlen(v) or "no sequence" end
  function env.count(v)
    local n = 0
    if type(v) == "table" then for _ in next, v do n = n + 1 end end
    return n
  end
  function env.at(t, n)
    if type(t) ~= "table" then return t end
    local byLook, looks = {}, {}
    for k, v in next, t do
      local look = show(k)
      if not byLook[look] then looks[#looks + 1] = look end
      byLook[look] = byLook[look] and { nil } or { v }
    end
    if #looks == 0 then return nil end
    sort(looks)
    local found = byLook[looks[n % #looks + 1]][1]
    if found == rawget(data, "list") then return nil end
    return found
  end
  function env.sorted(t)
    local list = {}
    if type(t) == "table" then
      local count = {}
      for k, v in pairs(t) do
        local look = show(k)
        count[look] = (count[look] or 0) + 1
        list[#list + 1] = { look, k, v }
        if #list > 100 then break end
      end
      for i = #list, 1, -1 do if count[list[i][1]] > 1 then table.remove(list, i) end end
    end
    sort(list, function(x, y) return x[1] < y[1] end)
    local i = 0
    return function()
      i = i + 1
      if list[i] then return list[i][2], list[i][3] end
    end
  end
  -- A message handler is called for its own errors too.
  function env.once(f)
    local called = false
    return function(m)
      if called then return "handled" end
      called = true
      return f(m)
    end
  end
  function env.closer(f) return setmetatable({}, { __close = function(_, e) return f(e) end }) end
  function env.yield(...) if coroutine.isyieldable() then return coroutine.yield(...) end return ... end
  function env.resume(co, ...)
    if type(co) == "thread" then return coroutine.resume(co, ...) end
    if type(co) == "function" then return pcall(co, ...) end
    return "none"
  end
  function env.close(co)
    if type(co) == "thread" and (coroutine.status(co) == "suspended" or coroutine.status(co) == "dead") then
      return coroutine.close(co)
    end
    return "none"
  end
  function env.status(co) return type(co) == "thread" and coroutine.status(co) or "none" end
  function env.weak(mode)
    local t = setmetatable({}, { __mode = mode })
    weaks[#weaks + 1] = t
    return t
  end
  function env.keep(v)
    kept[#kept + 1] = v
    return v
  end
  function env.nothing() end
  function env.finalized(t, tag, f)
    if type(t) ~= "table" or getmetatable(t) ~= nil then return end
    setmetatable(t, { __gc = function(self)
      finalizers[tag] = true
      if f then f(self) end
    end })
  end
  env.data = data
  local main, message = load(code, "=p", "t", env)
  if main then env.log(pcall(main, "one", 2)) else lines[1] = message end
  main = nil
  collectgarbage("restart")
  collectgarbage("incremental", 200, 100, 13)
  for _ = 1, 5 do collectgarbage() end
  local tags = {}
  for tag in next, finalizers do tags[#tags + 1] = tag end
  sort(tags)
  lines[#lines + 1] = "finalized " .. concat(tags, " ")
  for i = 1, #weaks do lines[#lines + 1] = "weak " .. dump(weaks[i]) end
  lines[#lines + 1] = "data " .. dump(data)
  return concat(lines, "\\n")
end
`;
