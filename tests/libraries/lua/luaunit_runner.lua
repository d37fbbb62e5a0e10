-- Runs tests written for LuaUnit, by LuaUnit.

local report = require "report"

return function(files)
  for _, file in ipairs(files) do report.file(file) end
  local luaunit = require "luaunit"
  local runner = luaunit.LuaUnit.new()
  runner:setOutputType("nil")
  runner:runSuite()
  for _, test in ipairs(runner.result.allTests) do
    local outcome = test:isSuccess() and "passed" or test:isSkipped() and "skipped" or "failed"
    report.add(outcome, test.testName, test.msg)
  end
end
