-- Runs specs written for busted, over luassert's own assertions: `describe`, `it` and what goes
-- with them, written anew. Busted itself needs a file system, a terminal, and a debug library
-- that changes upvalues.

local report = require "report"
local assert = require "luassert"

--- What a test that is pending ends with.
local PENDING = {}

--- The block whose specs are defined, with its hooks by name; whether a test runs in it, and
--- what that one wants done at its end.
local block, isRunning, cleanup

local function pathOf(name)
  return block and block.path .. " " .. name or name
end

local function hook(name)
  return function(run)
    local hooks = block.hooks
    hooks[name] = hooks[name] or {}
    table.insert(hooks[name], run)
  end
end

local function runHooks(of, name)
  for _, run in ipairs(of.hooks[name] or {}) do run() end
end

--- Hooks of the blocks around a test, from the outermost in.
local function prepare(of)
  if not of then return end
  prepare(of.parent)
  if not of.isSetUp then
    of.isSetUp = true
    runHooks(of, "setup")
  end
end

local function before(of)
  if not of then return end
  before(of.parent)
  runHooks(of, "before_each")
end

local function after(of)
  if not of then return end
  runHooks(of, "after_each")
  after(of.parent)
end

local function describe(name, run)
  local outer = block
  block = { parent = outer, path = pathOf(name), hooks = {} }
  local snapshot = assert:snapshot()
  local ok, message = xpcall(run, report.text)
  if not ok then report.add("failed", block.path, message) end
  if block.isSetUp then runHooks(block, "teardown") end
  snapshot:revert()
  block = outer
end

--- A test's own error as text, and what isn't one as it is.
local function explain(message)
  return message == PENDING and message or report.text(message)
end

local function it(name, run)
  local path = pathOf(name)
  if not run then return report.add("skipped", path) end
  local snapshot = assert:snapshot()
  isRunning, cleanup = true, nil
  local ok, message = xpcall(function()
    prepare(block)
    before(block)
    run()
  end, explain)
  local isClean, why = xpcall(function()
    if cleanup then cleanup() end
    after(block)
  end, explain)
  isRunning = false
  snapshot:revert()
  if message == PENDING then return report.add("skipped", path) end
  report.add(ok and isClean and "passed" or "failed", path, ok and why or message)
end

local globals = {
  describe = describe,
  context = describe,
  insulate = describe,
  expose = describe,
  it = it,
  spec = it,
  test = it,
  pending = function(name)
    if isRunning then error(PENDING, 0) end
    report.add("skipped", pathOf(name))
  end,
  finally = function(run) cleanup = run end,
  before_each = hook "before_each",
  after_each = hook "after_each",
  setup = hook "setup",
  lazy_setup = hook "setup",
  strict_setup = hook "setup",
  teardown = hook "teardown",
  lazy_teardown = hook "teardown",
  strict_teardown = hook "teardown",
  assert = assert,
  spy = require "luassert.spy",
  mock = require "luassert.mock",
  stub = require "luassert.stub",
  match = require "luassert.match",
}

--- For specs that run another file of theirs, which is a module here.
local function runFile(name)
  local module = name:gsub("%.lua$", ""):gsub("/", ".")
  package.loaded[module] = nil
  return (require(module))
end

return function(files)
  for name, value in pairs(globals) do _G[name] = value end
  package.loaded.busted = globals
  dofile = runFile
  for _, file in ipairs(files) do
    describe(file, function() report.file(file) end)
  end
end
