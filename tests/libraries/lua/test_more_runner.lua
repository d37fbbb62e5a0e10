-- Runs tests written for lua-TestMore, in which each assertion counts; as much of it as the
-- tests here need, written anew.

local report = require "report"

--- What ends a file early.
local SKIPPED = {}

--- The file that runs, the number of its assertions so far, and that of those planned.
local file, count, planned

local function add(outcome, name, message)
  count = count + 1
  report.add(outcome, file .. " " .. count .. (name and " " .. tostring(name) or ""), message)
end

local function check(ok, name, message)
  add(ok and "passed" or "failed", name, message or "it is not so")
  return ok
end

local function isDeeply(left, right)
  if type(left) ~= "table" or type(right) ~= "table" then return left == right end
  for key, value in pairs(left) do
    if not isDeeply(value, right[key]) then return false end
  end
  for key in pairs(right) do
    if left[key] == nil then return false end
  end
  return true
end

local function both(got, expected)
  return "got " .. tostring(got) .. ", expected " .. tostring(expected)
end

local globals = {
  plan = function(number) planned = number ~= "no_plan" and number or nil end,
  done_testing = function(number) planned = number end,
  skip_all = function() error(SKIPPED, 0) end,
  skip = function(reason, number)
    for _ = 1, number or 1 do add("skipped", reason) end
  end,
  diag = function() end,
  pass = function(name) check(true, name) end,
  fail = function(name) check(false, name) end,
  ok = function(value, name) return check(value, name) end,
  nok = function(value, name) return check(not value, name) end,
  is = function(got, expected, name) return check(got == expected, name, both(got, expected)) end,
  isnt = function(got, expected, name) return check(got ~= expected, name, both(got, expected)) end,
  like = function(got, pattern, name)
    return check(tostring(got):find(pattern) ~= nil, name, both(got, pattern))
  end,
  type_ok = function(value, kind, name) return check(type(value) == kind, name, both(type(value), kind)) end,
  is_deeply = function(got, expected, name) return check(isDeeply(got, expected), name) end,
  eq_array = function(got, expected, name) return check(isDeeply(got, expected), name) end,
  require_ok = function(name) return check(pcall(require, name), "require " .. name) end,
  lives_ok = function(run, name)
    local ok, message = pcall(run)
    return check(ok, name, message)
  end,
  error_like = function(run, pattern, name)
    local ok, message = pcall(run)
    return check(not ok and tostring(message):find(pattern) ~= nil, name, both(message, pattern))
  end,
}

local function runFile()
  local ok, message = xpcall(report.file, function(message)
    return message == SKIPPED and message or report.text(message)
  end, file)
  if message == SKIPPED then
    add("skipped", "all of it")
  elseif not ok then
    check(false, "the end", message)
  elseif planned and planned ~= count then
    check(false, "the plan", both(count, planned))
  end
end

return function(files)
  for name, value in pairs(globals) do _G[name] = value end
  package.loaded["Test.More"] = globals
  for _, name in ipairs(files) do
    file, count, planned = name, 0, nil
    report.alone(runFile)
  end
end
