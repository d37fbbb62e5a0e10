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
  nojson: `_io.output = 1 << 62`,
};

/** The tenants, each with one service. */
export function tenantsWith(service: string): Record<string, Tenant> {
  return Object.fromEntries(
    Object.entries(RULES).map(([name, rules]) => [name, { rules, services: { prices: service } }]),
  );
}
