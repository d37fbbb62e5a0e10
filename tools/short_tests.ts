/**
 * Loaded before test files: leaves out tests whose names begin as `CU_WITHOUT` says, a JSON
 * list. (`--filter` can't say what to leave out.)
 *
 * @module
 */

const without: string[] = JSON.parse(Deno.env.get("CU_WITHOUT") ?? "[]");
const test = Deno.test;

type Body = () => void | Promise<void>;
type Options = Omit<Deno.TestDefinition, "name" | "fn">;

function shortTest(name: string, ...rest: [Body] | [Options, Body]): void {
  const [options, fn] = rest.length === 1 ? [{}, rest[0]] : rest;
  const isLeftOut = without.some((beginning) => name.startsWith(beginning));
  test({ ...options, name, fn, ignore: options.ignore || isLeftOut });
}

Object.defineProperty(Deno, "test", { value: shortTest });
