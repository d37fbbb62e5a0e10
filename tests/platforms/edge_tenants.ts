/**
 * Tenants for examples/edge/, honest and hostile ones.
 *
 * @module
 */

import type { Tenant } from "../../examples/edge/handler.ts";

/** Lua code by the tenant's name. */
const RULES: Record<string, string> = {
  shop: `
    local sum = 0
    for _, item in ipairs(_io.input.items) do sum = sum + item.price * item.count end
    _io.output = { sum = sum }
  `,
  asks: `
    local price = require("services").get("prices", _io.input.sku)
    _io.output = { sku = _io.input.sku, price = price.price }
  `,
  counts: `count = (count or 0) + 1 _io.output = count`,
  breaksout: `_io.output = pcall(function() string.format = nil end) or pcall(function() package.loaded.x = 1 end)
    and require("services").get == nil`,
  loops: `while true do end`,
  loopsprotected: `while true do pcall(function() while true do end end) end`,
  hoards: `local t = {} for i = 1, 100 do t[i] = ("x"):rep(1e6) .. i end`,
  waits: `require("services").get("prices", "never")`,
  sleeps: `require("task").sleep(1e6)`,
  climbs: `_io.output = { select(2, pcall(require("services").get, "prices", "../secret")).message,
    select(2, pcall(require("services").get, "constructor", "")).message,
    select(2, pcall(require("services").get, "prices", "elsewhere")).message }`,
  wrong: `local order = _io.input\nerror("no items")`,
  unreadable: `_io.output = function() end`,
  nojson: `_io.output = 0/0`,
  // Without end as JSON, or as the text of a list.
  shares: `local t = { 1 } for i = 1, 60 do t = { t, t } end _io.output = t`,
  sharesname: `local t = { 1 } for i = 1, 60 do t = { t, t } end require("services").get(t, "tea")`,
  adds: `_home.count = (_home.count or 0) + 1 _io.output = _home.count`,
  addslater: `
    local count = _home.count or 0
    require("services").get("prices", "tea")
    _home.count = count + 1
    _io.output = count + 1
  `,
  fails: `_home.count = (_home.count or 0) + 1 if _io.input.fails then error("no", 0) end _io.output = _home.count`,
  holds: `_home.count = (_home.count or 0) + 1 if _io.input.waits then require("services").get("prices", "never") end
    _io.output = _home.count`,
  fills: `for i = 1, 1e6 do _home[i] = ("x"):rep(1000) .. i end`,
  // Leaves what it can where the next tenant may find it.
  leaves: `
    secret, _home.secret, _io.output, _io.meta, _io.other = "s", "s", "s", "s", "s"
    pcall(setmetatable, _G, { __index = function() return "s" end })
    pcall(rawset, string, "secret", "s")
    pcall(function() getmetatable("").secret = "s" end)
    pcall(function() package.loaded.secret = "s" end)
    pcall(function() require("services").secret = "s" end)
  `,
  looks: `
    local found = {}
    for name in pairs(_home) do found[#found + 1] = "_home." .. name end
    for name in pairs(_io) do if name == "other" then found[#found + 1] = name end end
    if secret or string.secret or package.loaded.secret or ("").secret or require("services").secret then found[#found + 1] = "secret" end
    _io.output = _io.array { #found, _io.meta or "none" }
  `,
  random: `_io.output = math.random(1 << 50)`,
  random2: `_io.output = math.random(1 << 50)`,
};

/** The tenants, each with one service. */
export function tenantsWith(service: string): Record<string, Tenant> {
  return Object.fromEntries(
    Object.entries(RULES).map(([name, rules]) => [name, { rules, services: { prices: service } }]),
  );
}
