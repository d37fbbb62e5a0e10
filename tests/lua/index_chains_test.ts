// Fields and methods that chains of `__index` tables have (lua/series/390-inherited-fields.patch).

import { assertEquals, assertStringIncludes } from "@std/assert";
import { ComputeUnit, type LuaValue } from "@computeunit/cu";

/** A chain of so many tables, of which the last has `deep`, and a function that reads each field. */
const CHAIN = `
  local function chain(links)
    local last = { deep = "found", name = function(self) return self.own end }
    local o = last
    for _ = 1, links do o = setmetatable({}, { __index = o }) end
    o = rawget(o, "deep") and o or setmetatable({ own = "own" }, { __index = o })
    return o, last
  end
`;

Deno.test("Lua: fields and methods come from chains of __index of any length", async () => {
  using cu = await ComputeUnit.create();
  for (const links of [1, 2, 7, 8, 9, 10, 100, 1900]) {
    const code = `${CHAIN} local o, last = chain(${links})
      local results = { o.deep, o:name(), o.absent == nil, pcall(function() return o:absent() end) }
      last.deep = nil results[#results + 1] = o.deep == nil
      setmetatable(last, { __index = function(t, k) return t == last and k .. "!" end })
      results[#results + 1] = o.deep results[#results + 1] = o.any
      return results`;
    const [deep, own, isNil, called, message, isGone, ...further] = cu.compute<LuaValue[]>(code);
    assertEquals([deep, own, isNil, called, isGone, ...further], ["found", "own", true, false, true, "deep!", "any!"]);
    assertStringIncludes(String(message), "attempt to call a nil value (method 'absent')");
  }
});

Deno.test("Lua: what a chain of __index gives changes with its tables and metatables", async () => {
  using cu = await ComputeUnit.create();
  const code = `
    local seen = {}
    local function look(o) local x = o.x seen[#seen + 1] = x == nil and "nil" or tostring(x) end
    local a, b, c, mt = { x = "a" }, { x = "b" }, {}, {}
    local o = setmetatable({}, mt)
    look(o) mt.__index = c look(o) setmetatable(c, { __index = a }) look(o)
    c.x = "c" look(o) c.x = nil look(o) c.x = false look(o) c.x = nil
    mt.__index = b look(o) mt.__index = nil look(o) mt.__index = c look(o)
    getmetatable(c).__index = 5 local ok, message = pcall(look, o)
    seen[#seen + 1] = message:gsub("^.*: ", "")
    getmetatable(c).__index = "text" local upper = o.upper seen[#seen + 1] = tostring(upper == string.upper)
    setmetatable(o, nil) look(o) o.x = "own" look(o)
    return table.concat(seen, " ")
  `;
  const expected = "nil nil a c a false b nil a attempt to index a number value true nil own";
  assertEquals(cu.compute(code), expected);
});

Deno.test("Lua: methods of strings follow the string library and its metatable", async () => {
  using cu = await ComputeUnit.create();
  const code = `
    local s, seen, mt = "abc", {}, getmetatable("")
    seen[1] = s:upper() seen[2] = s.absent == nil
    function string.twice(self) return self .. self end seen[3] = s:twice()
    setmetatable(string, { __index = { thrice = function(self) return self:rep(3) end } }) seen[4] = s:thrice()
    setmetatable(string, nil) string.twice = nil
    seen[5] = select(2, pcall(function() return s:twice() end))
    mt.__index = function(text, key) return function() return text .. "." .. key end end seen[6] = s:any()
    mt.__index = nil seen[7] = select(2, pcall(function() return s:upper() end))
    mt.__index = string
    return seen
  `;
  assertEquals(cu.compute<LuaValue[]>(code).map((value) => String(value).replace(/^.*?: /, "")), [
    "ABC",
    "true",
    "abcabc",
    "abcabcabc",
    "attempt to call a nil value (method 'twice')",
    "abc.any",
    "attempt to index a string value (upvalue 's')",
  ]);
});
