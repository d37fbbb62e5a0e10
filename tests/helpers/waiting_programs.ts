/**
 * Random programs of calls, coroutines, pcall and waits: they call the globals `ask`, which gives its argument,
 * `now`, which does at once, and `fail`.
 *
 * @module
 */

import fc from "fast-check";

/** A statement, in the context of a function whose locals are `n` and `log`. */
const { statement } = fc.letrec<{ statement: string; block: string; call: string }>((tie) => ({
  block: fc.array(tie("statement"), { maxLength: 3 }).map((list) => list.join("\n")),
  call: fc.oneof(
    fc.nat(9).map((i) => `ask(${i})`),
    fc.nat(9).map((i) => `now(${i})`),
    fc.nat(9).map((i) => `fail(${i})`),
  ),
  statement: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    tie("call").map((call) => `log(${call})`),
    tie("call").map((call) => `log((select(2, pcall(function() return ${call} end))))`),
    fc.nat(9).map((i) => `log(tostring(obj[${i}]), obj + ${i}, obj < obj)`),
    fc.nat(3).map((i) => `coroutine.isyieldable() -- ${i}`).map((text) => `log(${text.split(" --")[0]})`),
    fc.nat(9).map((i) => `if coroutine.isyieldable() then log(coroutine.yield(${i})) end`),
    fc.nat(9).map((i) => `error("e${i}", 0)`),
    fc.nat(3).chain((count) => tie("block").map((block) => `for i = 1, ${count} do ${block} end`)),
    fc.nat(3).chain((count) => tie("block").map((block) => `for i, v in each(${count}) do log(i, v) ${block} end`)),
    tie("block").map((block) => `log(pcall(function() ${block} end))`),
    tie("block").map((block) => `log(xpcall(function() ${block} end, function(e) return "h:" .. tostring(e) end))`),
    tie("block").map((block) => `do local c <close> = closing(function() ${block} end) log("open") end`),
    // An error on its way through what is closed, which may raise another. Where a coroutine ends in one, what it
    // has to close can't wait: here it always meets a pcall first.
    tie("block").map((block) =>
      `log(pcall(function() local c <close> = closing(function() ${block} end) error("closed", 0) end))`
    ),
    tie("block").map((block) =>
      `log(pcall(function() local c <close> = closing(function() ${block} error("c", 0) end)
        local d <close> = closing(function() ${block} end) end))`
    ),
    fc.nat(9).map((i) => `log(chain[${i}], #chain, -chain, chain .. ${i}, chain(${i}, ask(1)), chain == chained)`),
    fc.nat(9).map((i) => `chain[${i}] = ask(${i})`),
    fc.nat(9).map((i) => `log(select("#", more(ask(${i}), ask(1), nil)), more(ask(${i})))`),
    tie("block").map((block) => `do local n = 0 ::again:: n = n + 1 ${block} if n < 2 then goto again end end`),
    tie("block").map((block) => `log(one(task.all, function() ${block} return ask(7) end))`),
    tie("block").map((block) => `log(one(task.race, function() ${block} return ask(7), 8 end))`),
    tie("block").map((block) => `resume(coroutine.create(function() ${block} return "end" end))`),
    tie("block").map((block) => `log(pcall(coroutine.wrap(function() ${block} return "end" end)))`),
    tie("block").map((block) => `log(pcall(function() local f = function() ${block} return 1 end return f() end))`),
  ),
}));

const PRELUDE = `
  local lines = {}
  local function log(...)
    local t = table.pack(...)
    for i = 1, t.n do t[i] = tostring(t[i]) end
    lines[#lines + 1] = table.concat(t, " ")
  end
  local obj = setmetatable({}, {
    __index = function(_, i) return ask(i) end,
    __add = function(_, i) return ask(i) end,
    __lt = function() return ask(1) == 1 end,
  })
  local function each(count)
    return function(_, i) if i < count then return i + 1, ask(i) end end, nil, 0
  end
  local function closing(f)
    return setmetatable({}, { __close = function(_, e) log("close", e) f() log("closed") end })
  end
  local task = require "task"
  -- What is begun side by side can't wait any more where it is closed after an error: it catches its own.
  local function one(begin, f) return begin(function() return select(2, pcall(f)) end) end
  local function more(...) log(...) return ..., ask(...), ... end
  local made = {
    __len = function() return ask(3) end, __unm = function() return ask(4) end, __eq = function() return ask(1) end,
    __concat = function(_, i) return ask(i) end, __call = function(_, ...) return ask(...) end,
    __newindex = function(_, i, v) log("new", ask(i), v) end,
    __index = setmetatable({}, { __index = setmetatable({}, { __index = function(_, i) return ask(i) end }) }),
  }
  local chain, chained = setmetatable({}, made), setmetatable({}, made)
  local function resume(co)
    for i = 1, 4 do
      local t = table.pack(coroutine.resume(co, "r" .. i))
      log(table.unpack(t, 1, t.n))
      log(coroutine.status(co))
      if coroutine.status(co) == "dead" then log(coroutine.close(co)) return end
    end
    log(coroutine.close(co))
  end
  log(pcall(function()
`;
const END = `
  end))
  return table.concat(lines, "\\n")
`;

/** Blocks of such statements. */
export const blocks: fc.Arbitrary<string> = fc.array(statement, { minLength: 1, maxLength: 5 }).map((list) =>
  list.join("\n")
);

/** A program with this block, which returns what it has logged. */
export function programOf(block: string): string {
  return PRELUDE + block + END;
}
