-- Runs tests that are scripts: one has passed that ends without an error. What it prints is
-- reported, too.

local report = require "report"

function print(...)
  local texts = table.pack(...)
  for i = 1, texts.n do texts[i] = tostring(texts[i]) end
  report.printed(table.concat(texts, "\t"))
end

local function run(file, text)
  -- As a command it has no arguments, as a module it would.
  local chunk = assert(load(text:gsub("^#[^\n]*", ""), "@" .. file))
  local ok, message = xpcall(chunk, report.text)
  report.add(ok and "passed" or "failed", file, message)
end

return function(files, texts)
  for i, file in ipairs(files) do report.alone(run, file, texts[i]) end
end
