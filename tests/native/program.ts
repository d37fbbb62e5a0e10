/**
 * Random Lua programs, by seed. A program is a tree of statements, so that a failing one
 * can be made smaller by leaving statements out.
 *
 * What a program shows must not depend on when the collector runs, on the order of a
 * table's keys, or on addresses: weak tables and finalizers are looked at by probes, which
 * run after the program and three full collections, and `PRELUDE` has functions that sort.
 *
 * @module
 */

/** A statement: its text, in which each `\u0000` stands for a block. */
export interface Statement {
  text: string;
  blocks: Statement[][];
}

/** A program. */
export interface Program {
  seed: number;
  /** Body of its main function. */
  body: Statement[];
  /** Data that it gets: a table to native Lua, an input to the unit. */
  data: Data;
}

/** What crosses alike as a table constructor and as a JavaScript value. */
export type Data = number | string | boolean | Data[] | { [key: string]: Data };

/** Numbers from a seed: mulberry32. */
class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = seed | 0;
  }
  /** From 0 to `count - 1`. */
  below(count: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let bits = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) % count;
  }
  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }
}

/** Locals of each program; all functions in it may see them. */
const NAMES = ["a", "b", "c", "d", "e", "f"];

const CONSTANTS = [
  "nil",
  "true",
  "false",
  "0",
  "1",
  "2",
  "3",
  "-1",
  "7",
  "10",
  "64",
  "255",
  "0.5",
  "-0.0",
  "1.0",
  "2.0",
  "3.7",
  "1e15",
  "2^53",
  "2^63",
  "-2^63",
  "1e308",
  "1/0",
  "-1/0",
  "math.maxinteger",
  "math.mininteger",
  "0x7fffffff",
  "0x80000000",
  "0xffffffffffffffff",
  "math.pi",
  "''",
  "'a'",
  "'abc'",
  "'key'",
  "'10'",
  "' 0x10 '",
  "'1e1'",
  "'0.5'",
  "'x=1, y=2'",
  "'%d+'",
  "'.'",
  "'(%a)(%w*)'",
  "'\\0z'",
  "'é'",
  "('long'):rep(20)",
  "{}",
  "{ 1, 2, 3 }",
  "{ 'x', 'y', key = 'z' }",
  "{ [1.5] = 1, [true] = 2 }",
  "print",
  "math.floor",
]; // deno-fmt-ignore

const OPERATORS = ["+", "-", "*", "/", "//", "%", "^", "&", "|", "~", "<<", ">>", "..", "==", "~=", "<", "<=", ">", ">=",
  "and", "or"]; // deno-fmt-ignore

/** Calls: E is an expression, S one that is a string, N an integer that is small, T a sequence. */
const CALLS = [
  "show(E)", "type(E)", "tostring(E)", "tonumber(E)", "tonumber(S, 16)", "tonumber(S, N + 2)", "math.type(E)",
  "select('#', E, E)", "select(N, E, E, E)", "select(-1, E, E)", "rawequal(E, E)", "rawlen(T)", "rawget(T, E)",
  "len(E)", "next({ E })", "math.floor(E)", "math.ceil(E)", "math.abs(E)", "math.max(E, E)", "math.min(E, E, E)",
  "math.tointeger(E)", "math.fmod(E, E)", "math.ult(E, E)", "math.modf(E)", "math.sqrt(E)", "string.len(S)",
  "string.sub(S, N, N)", "string.sub(S, E, E)", "string.upper(S)", "string.reverse(S)", "string.byte(S, N)",
  "string.byte(S, 1, -1)", "string.char(N, 65 + N)", "string.rep(S, N)", "string.rep(S, N, S)", "string.find(S, S)",
  "string.find(S, S, N, true)", "string.match(S, S)", "string.match(S, '(%w)(%w)', N)", "string.gsub(S, S, S)",
  "string.gsub(S, '.', F)", "string.gsub(S, '%w', T)", "string.gsub(S, '(%w)(%w)', '%2%1', N)",
  "string.format('%d', E)", "string.format('%5.2f|%g', E, E)", "string.format('%q', E)", "string.format('%s %s', E, E)",
  "string.format('%x %5d %-5d|', N, N, N)", "string.format('%10.4s|', S)", "string.format('%c%i', 64 + N, N)",
  "string.format('%a', E)", "string.format(S, E)", "string.pack('<i4', N)", "string.pack('>I2s1', N, S)",
  "string.pack('z', S)", "string.unpack('<i4', 'abcdefgh', N)", "string.unpack('<d', 'abcdefgh')",
  "string.packsize('<i4i8d')", "utf8.char(N + 200)", "utf8.len(S)", "utf8.codepoint(S, 1, -1)", "utf8.offset(S, N)",
  "table.concat(T)", "table.concat(T, S)", "table.concat(T, ',', N, N)", "table.unpack(T)", "table.unpack(T, N, N + 3)",
  "table.pack(E, E)", "table.remove(T)", "table.remove(T, N)", "table.insert(T, E)", "table.insert(T, N, E)",
  "table.move(T, 1, N, N)", "table.move(T, N, N, 1, {})", "table.sort(T)", "table.sort(T, F)",
  "table.sort(T, function(x, y) return show(x) < show(y) end)", "setmetatable(T, getmetatable(E))", "getmetatable(E)",
  "pcall(F, E)", "pcall(E, E)", "pcall(error, (E))", "pcall(F)", "xpcall(F, show, E)", "xpcall(F, once(F), E)",
  "F(E)", "F(E, E, E)", "E(E)", "E.key", "E[E]", "S:rep(N)", "(S):sub(N)", "load('return ' .. S)", "load(S)",
  "load(F)", "coroutine.wrap(F)(E)", "pcall(coroutine.wrap(F), E)", "coroutine.resume(coroutine.create(F), E)",
  "coroutine.isyieldable()", "coroutine.status(coroutine.create(F))", "coroutine.close(coroutine.create(F))",
  "yield(E)", "yield()", "pcall(yield, E)", "select(2, pcall(yield, E))", "assert(E)", "assert(E, E)", "dump(E)",
  "dump(T)", "dump(data)", "at(data, N)", "at(at(data, N), N)", "data.list", "data.rows", "data.text", "#T", "len(data.list)",
  "math.random(1, 1)", "os.time({ year = 2020, month = N, day = N })", "os.date('!%Y-%m-%d', N)",
]; // deno-fmt-ignore

/** Statements: as in CALLS; V is a variable, K an expression for a key, `\0` a block. */
const STATEMENTS: readonly (readonly [number, string])[] = [
  [10, "V = E"],
  [3, "V, V = V, E"],
  [6, "log(E)"],
  [4, "log(E, E, E)"],
  [3, "local V = E \0"],
  [2, "local c_ <const> = E log(c_, c_ == V) \0"],
  [2, "local V, V = E \0"],
  [6, "put(V, K, E)"],
  [3, "T[N] = E"],
  [3, "T.key = E"],
  [3, "V[K] = E"],
  [2, "V.key = V.key"],
  [4, "log(try(function(...) \0 end, E, E))"],
  [2, "log(xpcall(function(...) \0 return E end, once(function(m) \0 return m end), E))"],
  [4, "if E then \0 else \0 end"],
  [1, "if E < E then \0 end"],
  [3, "for i = 1, N do \0 if i > 9 then break end end"],
  [1, "for i = N, E, N do T() \0 end"],
  [1, "for i = math.maxinteger - 2, math.maxinteger do log(i) \0 end"],
  [1, "for i = math.mininteger + 2, math.mininteger, -1 do log(i) \0 end"],
  [1, "for i = 1.0, 2.5, 0.5 do log(i) \0 end"],
  [2, "for i, v in ipairs(T) do log(i, v) T() \0 end"],
  [2, "for k, v in sorted(V) do log(k, v) T() \0 end"],
  [1, "for k in pairs(T) do T_[k] = nil end"],
  [1, "for k, v in pairs(V) do T() if type(k) == 'string' then rawset(V, k, E) end end"],
  [1, "for m, n in string.gmatch(S, S) do log(m, n) T() \0 end"],
  [1, "for m in string.gmatch(S, '%w') do log(m) T() \0 end"],
  [1, "for p, q in utf8.codes(S) do log(p, q) end"],
  [2, "for v, w in coroutine.wrap(function(...) \0 coroutine.yield(E, E) \0 end) do log(v, w) T() \0 end"],
  [1, "for v in F do T() log(v) \0 end"],
  [1, "for v in next, {}, nil, closer(function(e) log('for closed', e) \0 end) do end"],
  [2, "while E do T() \0 break end"],
  [1, "repeat local x = E T() \0 until x or true"],
  [2, "do local i = 0 ::top:: i = i + 1 \0 if i < 3 then goto top end end"],
  [2, "for i = 1, 3 do if E then goto continue end \0 ::continue:: end"],
  [1, "do do \0 goto over end \0 ::over:: end"],
  [2, "do local f_ \0 for i = 1, 3 do local x = i f_ = function() x = x + i return x end \0 end log(f_(), f_()) end"],
  [5, "V = function(...) T() \0 return E, ... end"],
  [2, "V = function(x, y) T() \0 x, y = y, x \0 return x end"],
  [1, "V = function(x) T() \0 return F(x) end"],
  [1, "local function V(n, ...) T() \0 if n == 3 then return ... end return V((tonumber(n) or 0) + 1, n, ...) end \0"],
  [4, "do local x <close> = closer(function(e) log('closing', e) \0 end) \0 end"],
  [2, "do local x <close> = closer(function(e) log('outer', e) \0 end) local y <close> = closer(function(e) \0 error((E)) end) \0 end"],
  [1, "do local x <close> = E \0 end"],
  [4, "V = coroutine.create(function(...) \0 log('got', coroutine.yield(E)) \0 return E end)"],
  [3, "V = coroutine.wrap(function(...) \0 log('got', yield(E)) \0 end)"],
  [2, "V = coroutine.create(function() local x <close> = closer(function(e) log('co closed', e) \0 end) yield(E) \0 end)"],
  [2, "V = coroutine.wrap(function() log(pcall(function() \0 yield(E) \0 error((E)) end)) return E end)"],
  [2, "V = coroutine.wrap(function() for k, v in pairs(setmetatable({}, { __pairs = function() yield('p') return nothing end })) do end log(T_ .. E) \0 end)"],
  [6, "log(resume(V, E))"],
  [2, "log(resume(V), resume(V), status(V))"],
  [3, "log(close(V), status(V))"],
  [2, "log(resume(coroutine.running(), E), coroutine.isyieldable())"],
  [1, "log(pcall(table.sort, { 3, 1, 2 }, function(x, y) yield(x) return x < y end))"],
  [1, "log(pcall(string.gsub, 'ab', '.', function(x) yield(x) \0 end))"],
  [5, "V = setmetatable(T, { __index = function(t, k) T() \0 return E end })"],
  [3, "V = setmetatable({}, { __index = T, __newindex = T_ })"],
  [2, "V = setmetatable({}, { __index = V, __newindex = V })"],
  [3, "V = setmetatable(T, { __newindex = function(t, k, v) T() \0 rawset(t, 'last', v) end })"],
  [3, "V = setmetatable({}, { __call = function(self, ...) T() \0 return ..., E end })"],
  [1, "V = setmetatable({}, { __call = V })"],
  [3, "V = setmetatable({ E }, { __add = function(x, y) T() \0 return E end, __concat = function(x, y) T() \0 return 'c' end, __unm = function() return E end })"],
  [3, "V = setmetatable({ N }, { __eq = function(x, y) T() \0 return E end, __lt = function(x, y) T() \0 return E end, __le = function() return E end })"],
  [2, "V = setmetatable({}, { __len = function() T() \0 return E end, __tostring = function() T() return S end, __name = 'Kind' })"],
  [2, "V = setmetatable({}, { __sub = F, __mul = F, __div = F, __idiv = F, __mod = F, __pow = F })"],
  [2, "V = setmetatable({}, { __band = F, __bor = F, __bxor = F, __shl = F, __shr = F, __bnot = F })"],
  [1, "V = setmetatable({}, { __metatable = E })"],
  [1, "V = setmetatable({}, { __close = F, __pairs = function() return next, T end })"],
  [2, "do local w = weak('v') put(w, keep(K), {}) put(w, K, keep({})) end"],
  [2, "do local w = weak('k') put(w, {}, keep(K)) put(w, keep({}), {}) end"],
  [5, "put(W, keep(K), {})"],
  [5, "put(W, {}, keep(E))"],
  [3, "put(W, {}, { W })"],
  [3, "do local key = {} put(W, key, { key }) put(W, keep({}), key) end"],
  [2, "do local chain, last = weak('k'), keep({}) for i = 1, 60 do local t = {} put(chain, last, t) last = t end end"],
  [2, "do local chain, last = weak('k'), {} for i = 1, 4 do local t = {} put(chain, t, last) last = t end if N == 0 then keep(last) end end"],
  [3, "setmetatable(W_, { __mode = getmetatable(W_).__mode })"],
  [2, "collectgarbage('step', N) setmetatable(W_, { __mode = getmetatable(W_).__mode }) collectgarbage('step', N)"],
  [1, "for i = 1, 50 do put(W, {}, i) put(W, i, {}) put(W, keep({}), keep({})) end"],
  [1, "put(W, 'self', W) put(W, W, W)"],
  [2, "put(W, N, setmetatable({}, W))"],
  [4, "finalized(T, 'N')"],
  [3, "finalized(V, 'N', function(self) keep(self) end)"],
  [2, "finalized({ T }, 'N', function(self) finalized(self, 'again N') end)"],
  [2, "finalized({}, 'N', function(self) rawset(W, self, keep({})) end)"],
  [1, "finalized({}, 'N', function(self) local t = {} for i = 1, 20 do t[i] = { i } end error(t) end)"],
  [1, "finalized({}, 'N', function(self) pcall(coroutine.yield) coroutine.wrap(function() coroutine.yield() end)() end)"],
  [1, "finalized({}, 'N', function(self) collectgarbage('step', N) end)"],
  [2, "V = coroutine.create(function() local x <close> = closer(function() end) finalized({}, 'N') yield() end) resume(V) V = nil"],
  [2, "for i = 1, 30 * N do a = { a_ = i, { i } } end"],
  [2, "for i = 1, 200 do local t = setmetatable({}, setmetatable({ __newindex = {} }, { __mode = 'v' })) for j = 1, 9 do t[j] = j end end"],
  [2, "do local s = '' for i = 1, 10 * N do s = s .. i end log(#s) end"],
  [1, "V = table.concat({ S, S, ('x'):rep(100 * N) })"],
  [1, "do local t = {} for i = 1, 20 * N do t[i] = i * 1.5 t['k' .. i] = { i } end for i = 1, 20 * N, 2 do t[i] = nil t['k' .. i] = nil end log(count(t)) end"],
  [2, "collectgarbage()"],
  [2, "collectgarbage('step', N * 7)"],
  [1, "collectgarbage('stop')"],
  [1, "collectgarbage('restart')"],
  [2, "collectgarbage('incremental', SETTING, SETTING, N)"],
  [2, "collectgarbage('generational', SETTING, SETTING)"],
  [1, "collectgarbage('generational') for i = 1, 30 do a = { i } end collectgarbage('step') put(b, 'old', { a }) collectgarbage('step') collectgarbage('incremental')"],
  [2, "data.list[1] = E or 0"],
  [2, "put(data.rows[N], K, E)"],
  [2, "data[K_] = E"],
  [2, "for i, row in ipairs(data.rows) do row.n = i log(row.name) T() \0 end"],
  [1, "table.sort(data.list, function(x, y) return show(x) < show(y) end)"],
  [1, "table.insert(data.list, E or 1)"],
  [1, "log(pcall(table.remove, data.list, N))"],
  [1, "log(table.concat(data.deep.list[1], S), table.unpack(data.list))"],
  [1, "setmetatable(data, { __index = function(t, k) T() \0 return k end }) log(data.missing)"],
  [1, "V = data.rows[N]"],
  [1, "put(W, data.rows[N], {}) put(W, N, data.rows[N])"],
  [1, "log(count(data), count(data.rows), len(data.list))"],
  [1, "log(only(data.one))"],
  [2, "log(...)"],
  [1, "log(select('#', ...), (...))"],
  [1, "do return E end"],
  [1, "do return F(E, ...) end"],
  [1, "do error((E)) end"],
  [1, "do error(S, N % 4) end"],
  [1, "do local t <const> = T log(#T, t == T_) end"],
  [1, "log(load('local a, b = ... return a, b')(E, E))"],
  [1, "log(load('x = 1 return x', 'chunk', 't', setmetatable({}, { __newindex = rawset, __index = V })))"],
]; // deno-fmt-ignore

const STATEMENT_WEIGHT = STATEMENTS.reduce((sum, [weight]) => sum + weight, 0);

/** Of weak tables, which only probes look into. */
const WEAK_NAMES = ["w1", "w2", "w3"];

const SETTINGS = ["0", "1", "10", "50", "100", "200", "400", "999"];
const DEPTH_MAX = 4;

class Generator {
  readonly #random: Random;
  /** Statements that may still be made. */
  #left: number;

  constructor(random: Random, size: number) {
    this.#random = random;
    this.#left = size;
  }

  /** `isVararg`: whether it may use `...`. */
  block(depth: number, isVararg: boolean): Statement[] {
    const count = depth === 0 ? 4 + this.#random.below(12) : this.#random.below(4);
    const made: Statement[] = [];
    for (let i = 0; i < count && this.#left > 0; i++) {
      this.#left--;
      made.push(this.#statement(depth, isVararg));
    }
    return made;
  }

  #statement(depth: number, isVararg: boolean): Statement {
    const pattern = this.#pattern(depth, isVararg);
    // One sequence and one weak table of a statement may be named twice.
    const sequence = `seq(${this.#name()})`;
    const weak = this.#hole("W", 0);
    const text = pattern.replace(/\bT_|\b[ETVSNFKW]\b(?!\(\))|\b[KW]_\b|\bSETTING\b/g, (hole) => {
      if (hole === "T_" || hole === "T") return sequence;
      if (hole === "W_") return weak;
      if (hole === "K_") return "'" + this.#random.of(["text", "new", "one"]) + "'";
      return this.#hole(hole, 2);
    });
    const isVarargInside = isVararg && !/function( \w+)?\((?![^)]*\.\.\.)/.test(pattern);
    const blocks = [...pattern.matchAll(/\0/g)].map(() => this.block(depth + 1, isVarargInside));
    return { text: text.replace(/\b(top|over|continue)\b/g, `$1${this.#left}`), blocks };
  }

  #pattern(depth: number, isVararg: boolean): string {
    for (;;) {
      let at = this.#random.below(STATEMENT_WEIGHT);
      for (const [weight, pattern] of STATEMENTS) {
        at -= weight;
        if (at < 0) {
          if (depth === DEPTH_MAX && pattern.includes("\0")) break;
          if (!isVararg && takesArguments(pattern)) break;
          return pattern;
        }
      }
    }
  }

  #name(): string {
    return this.#random.of(NAMES);
  }

  #hole(hole: string, depth: number): string {
    switch (hole) {
      case "E":
      case "K":
        return this.#expression(depth);
      case "V":
        return this.#name();
      case "S":
        return this.#random.below(3) === 0 ? `text(${this.#expression(depth - 1)})` : `text(${this.#constant()})`;
      case "N":
        return String(this.#random.below(6));
      case "T":
        return `seq(${this.#name()})`;
      case "F":
        return `fun(${this.#name()})`;
      case "W":
        return this.#random.of(WEAK_NAMES);
      default:
        return this.#random.of(SETTINGS);
    }
  }

  #constant(): string {
    return this.#random.of(CONSTANTS);
  }

  #expression(depth: number): string {
    const kind = this.#random.below(10);
    if (depth <= 0 || kind < 3) return this.#random.below(2) ? this.#name() : `(${this.#constant()})`;
    if (kind < 5) {
      return this.#operation(this.#random.of(OPERATORS), depth);
    }
    if (kind < 6) return `(${this.#random.of(["-", "not ", "~"])}${this.#expression(depth - 1)})`;
    const call = this.#random.of(CALLS);
    const text = call.replace(/\b[ETSNF]\b/g, (hole) => this.#hole(hole, depth - 1));
    // What makes strings of strings would make too long ones in a loop.
    return /^(string\.(rep|gsub|format|upper)|table\.concat)/.test(call) ? `text(${text})` : text;
  }

  #operation(operator: string, depth: number): string {
    const [left, right] = [this.#expression(depth - 1), this.#expression(depth - 1)];
    if (operator !== "..") return `(${left} ${operator} ${right})`;
    return this.#random.below(2) ? `(text(${left}) .. text(${right}))` : `(${left} .. ${this.#constant()})`;
  }
}

/** Whether a statement takes its function's own arguments. */
function takesArguments(pattern: string): boolean {
  return pattern.includes("...") && !pattern.includes("function");
}

const DATA: Data[] = [1, 2.5, -7, 9007199254740991, "text", "é", "", true, false];

function dataOf(random: Random): Data {
  const some = () => random.of(DATA);
  return {
    list: Array.from({ length: 1 + random.below(8) }, some),
    rows: Array.from({ length: 1 + random.below(6) }, (_, id) => ({ id, name: `row ${id}`, held: some() })),
    text: "some text",
    one: { key: some() },
    deep: { list: [[some()], [some(), [some()]]] },
  };
}

/** The program of a seed. */
export function programOf(seed: number): Program {
  const random = new Random(seed);
  const data = dataOf(random);
  const parts = Array.from({ length: 1 + random.below(4) }, (): Statement => ({
    // Locals of its own, which are other instructions than upvalues.
    text: `log(try(function(...) local ${NAMES} = ${NAMES} \0 end, 1, "arg"))`,
    blocks: [new Generator(random, 25).block(0, true)],
  }));
  return { seed, data, body: parts };
}

/** A program's text. */
export function textOf(body: Statement[]): string {
  return `local ${NAMES} = {}, {}, { 1, 2, 3 }, function(...) return ... end, "text", 5
local ${WEAK_NAMES} = weak("k"), weak("v"), weak("kv")
${blockOf(body)}`;
}

function blockOf(body: Statement[]): string {
  return body.map(({ text, blocks }) => {
    let i = 0;
    return `do ${text.replace(/\0/g, () => blockOf(blocks[i++]))} end\n`;
  }).join("");
}

/** Data as a table constructor. */
export function constructorOf(data: Data): string {
  if (typeof data === "string") return JSON.stringify(data);
  if (typeof data !== "object") return String(data);
  if (Array.isArray(data)) return `{ ${data.map(constructorOf).join(", ")} }`;
  return `{ ${
    Object.entries(data).map(([key, value]) => `[${JSON.stringify(key)}] = ${constructorOf(value)}`).join(", ")
  } }`;
}
