/**
 * A worker with two tenants. On your machine:
 *
 *     deno serve --allow-net examples/edge/main.ts
 *     curl localhost:8000/shop -d '{ "items": [{ "price": 60, "count": 1 }] }'
 *
 * To Deno Deploy: `deno deploy` in this folder, with `main.ts` as the entrypoint. To Cloudflare:
 * `npx wrangler deploy` in this folder.
 *
 * @module
 */

import { edgeHandler, type Tenant } from "./handler.ts";

const TENANTS: Record<string, Tenant> = {
  shop: {
    services: {},
    rules: `
      local sum = 0
      for _, item in ipairs(_io.input.items) do sum = sum + item.price * item.count end
      _io.output = { sum = sum, shipping = sum >= 50 and 0 or 4.9 }
    `,
  },
  exchange: {
    services: { rates: "https://api.frankfurter.dev/v1/" },
    rules: `
      local services = require "services"
      local currency = _io.input.currency
      local ok, latest = pcall(services.get, "rates", "latest")
      if not ok then
        _io.output = { problem = latest.message }
        return
      end
      local rate = latest.rates[currency]
      if not rate then error("there is no rate for " .. currency, 0) end
      _io.output = { amount = _io.input.amount * rate, currency = currency, date = latest.date }
    `,
  },
};

export default { fetch: edgeHandler(TENANTS) };
