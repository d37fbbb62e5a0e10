/**
 * Loaded before test files: leaves out tests whose names begin as `CU_WITHOUT` says, a JSON
 * list. (`--filter` can't say what to leave out.)
 *
 * @module
 */

const without: string[] = JSON.parse(Deno.env.get("CU_WITHOUT") ?? "[]");
const test = Deno.test;

function shortTest(name: string, body: () => void | Promise<void>): void {
  test({ name, ignore: without.some((beginning) => name.startsWith(beginning)), fn: body });
}

Object.defineProperty(Deno, "test", { value: shortTest });
