/**
 * A worker with three tenants. On your machine:
 *
 *     deno serve --allow-net examples/edge/main.ts
 *     curl localhost:8000/shop -d '{ "items": [{ "price": 60, "count": 1 }] }'
 *     curl localhost:8000/visits -d '{ "page": "/tea" }'
 *
 * To Deno Deploy: `deno deploy` in this folder, with `main.ts` as the entrypoint. To Cloudflare:
 * `npx wrangler deploy` in this folder. What tenants keep is in this process's memory here; on Deno Deploy,
 * `edgeHandler(TENANTS, { store: await KvStore.open() })`, of `@computeunit/cu/stores/kv`, keeps it.
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
  visits: {
    services: {},
    rules: `
      local page = _io.input.page
      if type(page) ~= "string" or #page > 100 then error("page must be a short text", 0) end
      local pages = _home.pages or {}
      _home.pages = pages
      pages[page] = (pages[page] or 0) + 1
      _io.output = { page = page, visits = pages[page] }
    `,
  },
};

export default { fetch: edgeHandler(TENANTS) };
