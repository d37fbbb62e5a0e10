-- What came of a library's tests: a line for each, in order.

local report = {}

local lines = {}

--- Any value as text in one line, the same in each Lua: without addresses.
function report.text(value)
  local text = tostring(value):gsub("%s*\n%s*", " / ")
  return (text:gsub(": 0?x?%x%x%x%x%x%x+", ": address"))
end

--- Adds what came of a test: `passed`, `failed` or `skipped`.
function report.add(outcome, name, message)
  local line = outcome .. " " .. report.text(name)
  if outcome == "failed" then line = line .. ": " .. report.text(message) end
  lines[#lines + 1] = line
end

--- Adds what a test printed.
function report.printed(text)
  lines[#lines + 1] = "printed " .. report.text(text)
end

--- Runs a file of tests, by its name from the library's folder on.
function report.file(name)
  return require((name:gsub("%.lua$", ""):gsub("/", ".")))
end

local function copyOf(source)
  local copy = {}
  for key, value in pairs(source) do copy[key] = value end
  return copy
end

local function restore(target, copy)
  for key in pairs(copyOf(target)) do target[key] = copy[key] end
  for key, value in pairs(copy) do target[key] = value end
end

--- Runs a function as if in a process of its own: afterwards globals are what they were, and
--- modules that it has loaded are forgotten.
function report.alone(run, ...)
  local globals, loaded = copyOf(_G), copyOf(package.loaded)
  run(...)
  setmetatable(_G, nil)
  restore(_G, globals)
  restore(package.loaded, loaded)
end

--- All lines.
function report.all()
  return table.concat(lines, "\n")
end

return report
