/**
 * A payload of 1 KB in and out of Lua: an order is priced, and comes back with the
 * price of each item and the sums.
 *
 * Through `_io`, against what is done without it: the data written into the code as a
 * Lua literal, the result returned as JSON text. Each call gets another order, as it
 * would in use, so the literals differ and each is compiled. The rules, and the function
 * that writes JSON, are defined once for all calls.
 *
 * @module
 */

import { ComputeUnit } from "@computeunit/cu";
import { assert, assertEquals } from "@std/assert";
import { LuaFactory } from "wasmoon";
import { benchCase, type Contender, isShort } from "./cases.ts";
import { makeOrder, type Order, type OrderItem } from "./data.ts";

/** More than the chunks that a unit keeps compiled. */
const ORDER_COUNT = 1000;

interface PricedOrder extends Omit<Order, "items"> {
  items: (OrderItem & { total: number })[];
  net: number;
  tax: number;
}

/** The rules, in plain JavaScript. */
function price(order: Order): PricedOrder {
  let net = 0;
  const items = order.items.map((item) => {
    const total = Math.floor(item.quantity * item.price * (1 - item.discount) * 100 + 0.5) / 100;
    net += total;
    return { ...item, total };
  });
  return { ...order, items, net, tax: Math.floor(net * 19 + 0.5) / 100 };
}

/** The same rules in Lua. */
const RULES = `
  function price(order)
    local net = 0
    local items = {}
    for i, item in ipairs(order.items) do
      local total = math.floor(item.quantity * item.price * (1 - item.discount) * 100 + 0.5) / 100
      net = net + total
      items[i] = {
        sku = item.sku, title = item.title, quantity = item.quantity,
        price = item.price, discount = item.discount, total = total,
      }
    end
    return {
      id = order.id, placedAt = order.placedAt, currency = order.currency, express = order.express,
      customer = order.customer, items = items, net = net, tax = math.floor(net * 19 + 0.5) / 100,
    }
  end
`;

/** Writes a priced order as JSON; made for its fields, so faster than one for any table. */
const TO_JSON = `
  local function escape(char) return ("\\\\u%04x"):format(char:byte()) end
  local function quote(text) return '"' .. text:gsub('[%c"\\\\]', escape) .. '"' end
  local function number(n) return math.type(n) == "integer" and ("%d"):format(n) or ("%.17g"):format(n) end

  function to_json(order)
    local customer, address = order.customer, order.customer.address
    local tags, items = {}, {}
    for i, tag in ipairs(customer.tags) do tags[i] = quote(tag) end
    for i, item in ipairs(order.items) do
      items[i] = '{"sku":' .. quote(item.sku) .. ',"title":' .. quote(item.title) ..
        ',"quantity":' .. number(item.quantity) .. ',"price":' .. number(item.price) ..
        ',"discount":' .. number(item.discount) .. ',"total":' .. number(item.total) .. '}'
    end
    return '{"id":' .. number(order.id) .. ',"placedAt":' .. quote(order.placedAt) ..
      ',"currency":' .. quote(order.currency) .. ',"express":' .. tostring(order.express) ..
      ',"customer":{"id":' .. number(customer.id) .. ',"name":' .. quote(customer.name) ..
      ',"email":' .. quote(customer.email) .. ',"tags":[' .. table.concat(tags, ",") .. ']' ..
      ',"address":{"street":' .. quote(address.street) .. ',"city":' .. quote(address.city) ..
      ',"zip":' .. quote(address.zip) .. ',"country":' .. quote(address.country) .. '}}' ..
      ',"items":[' .. table.concat(items, ",") .. '],"net":' .. number(order.net) ..
      ',"tax":' .. number(order.tax) .. '}'
  end
`;

const ESCAPED = /[\\"\r\n\0]/g;

/** A value as Lua source text, as it is written into code where there is no `_io`. */
function luaLiteral(value: unknown): string {
  if (typeof value === "string") {
    return `"${value.replace(ESCAPED, (char) => `\\${String(char.charCodeAt(0)).padStart(3, "0")}`)}"`;
  }
  if (Array.isArray(value)) return `{${value.map(luaLiteral).join(",")}}`;
  if (typeof value === "object" && value !== null) {
    return `{${Object.entries(value).map(([key, field]) => `[${luaLiteral(key)}]=${luaLiteral(field)}`).join(",")}}`;
  }
  return value === null || value === undefined ? "nil" : String(value);
}

const orders = Array.from({ length: ORDER_COUNT }, (_, i) => makeOrder(i));
const meanSize = orders.reduce((sum, order) => sum + JSON.stringify(order).length, 0) / ORDER_COUNT;
assert(meanSize > 950 && meanSize < 1100, `Orders have ${meanSize} characters as JSON, not about 1 KB`);

/** Name of the group. */
export const SMALL_PAYLOAD = "1 KB in and out";

interface OrderCase {
  contender?: Contender;
  name: string;
  baseline?: boolean;
  /** Prices an order. */
  work: (order: Order) => unknown;
}

/** Registers a case that prices one order, another one each time. */
function orderCase({ contender, name, baseline = false, work }: OrderCase): void {
  let count = 0;
  const next = () => orders[count++ % ORDER_COUNT];
  benchCase({
    group: SMALL_PAYLOAD,
    name,
    contender,
    baseline,
    calls: ORDER_COUNT,
    run: () => work(next()),
    check: () => {
      // The first run has used the first order.
      assertEquals(count, 1);
      for (const order of orders.slice(0, isShort ? 300 : 3)) assertEquals(work(order), price(order));
    },
  });
}

const literalUnit = await ComputeUnit.create();
literalUnit.compute(RULES + TO_JSON);
orderCase({
  contender: "literal",
  name: "cu, the data as a literal in the code, JSON text out",
  baseline: true,
  work: (order) => JSON.parse(literalUnit.compute<string>(`return to_json(price(${luaLiteral(order)}))`)),
});

const ioUnit = await ComputeUnit.create();
ioUnit.compute(RULES);
orderCase({
  contender: "cu",
  name: "cu, setInput, compute, getOutput",
  work: (order) => {
    ioUnit.setInput(order);
    ioUnit.compute("_io.output = price(_io.input)");
    return ioUnit.getOutput();
  },
});

const returnUnit = await ComputeUnit.create();
returnUnit.compute(RULES);
orderCase({
  name: "cu, setInput, compute with the result returned",
  work: (order) => {
    returnUnit.setInput(order);
    return returnUnit.compute("return price(_io.input)");
  },
});

const compiledUnit = await ComputeUnit.create();
compiledUnit.compute(RULES);
const priceInput = compiledUnit.compile("return price(_io.input)");
orderCase({
  name: "cu, setInput, a compiled chunk with the result returned",
  work: (order) => {
    compiledUnit.setInput(order);
    return priceInput();
  },
});

const factory = new LuaFactory();

// A result that doString returns would stay on wasmoon's stack for good, so each call
// sets a global.
for (const enableProxy of [true, false]) {
  const engine = await factory.createEngine({ enableProxy });
  engine.doStringSync(RULES);
  orderCase({
    contender: "wasmoon",
    name: `wasmoon, ${enableProxy ? "proxied object" : "pushed table"} as a global, doStringSync`,
    work: (order) => {
      engine.global.set("input", order);
      engine.doStringSync("output = price(input)");
      return engine.global.get("output");
    },
  });
}

const callEngine = await factory.createEngine({ enableProxy: false });
callEngine.doStringSync(RULES);
const priceInWasmoon: (order: Order) => unknown = callEngine.global.get("price");
orderCase({
  contender: "wasmoon",
  name: "wasmoon, Lua function called with a pushed table",
  work: (order) => priceInWasmoon(order),
});

orderCase({
  contender: "structuredClone",
  name: "plain JS, structuredClone in and out",
  work: (order) => structuredClone(price(structuredClone(order))),
});
orderCase({
  contender: "JSON",
  name: "plain JS, JSON text in and out",
  work: (order) => JSON.parse(JSON.stringify(price(JSON.parse(JSON.stringify(order))))),
});
