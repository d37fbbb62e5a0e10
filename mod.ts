/** cu */
export * from "./src/compute_unit.ts";
export * from "./src/errors.ts";
export * from "./src/lua_value.ts";
