/**
 * What Lua code finds in a unit, as definitions for the Lua language server. They stand for the
 * server's own definitions of Lua's library, as a unit lacks some of it and has some more.
 *
 * @module
 */

/** The globals: Lua's library, `_io`, `_home` and `ext`. */
export const GLOBAL_TYPES = String.raw`---@meta _

-- Lua 5.4 as code finds it in a compute unit (cu), for the Lua language server. What isn't here isn't there, such as
-- dofile, loadfile, io.read, os.execute, os.exit, os.remove, package.path and debug.sethook. So that they are
-- marked, disable the server's own definitions: "cu types --output DIR" shows the settings.

---What belongs to one run: its input, its output, and what travels beside them.
---@class cu.io
---@field input any What the host gave.
---@field output any What the host gets.
---@field meta any What travels beside them, such as a request's id.
---@field null cu.null JavaScript's null, where an input keeps it; null in an output.
_io = {}

---@class cu.null: userdata

---A moment, in milliseconds. Fields are in UTC.
---@class cu.date: userdata
---@field ms number Milliseconds since 1970.
---@field year integer
---@field month integer 1 to 12
---@field day integer 1 to 31
---@field hour integer 0 to 23
---@field min integer
---@field sec integer
---@field msec integer 0 to 999
---@field wday integer 1 is Sunday.
---@field yday integer 1 is 1 January.
---@operator add(number): cu.date
---@operator sub(number): cu.date
---@operator sub(cu.date): number

---Bytes: a Uint8Array in JavaScript, whatever they are. tostring gives them as a string.
---@class cu.bytes: userdata
---@operator len: integer

---What a function of the host threw.
---@class cu.error: userdata
---@field name string Such as "TypeError".
---@field message string
---@operator concat(string): string

---Marks a table as an array, of which an empty one is an object otherwise.
---@generic T: table
---@param t T
---@param n? integer Its length; by default #t.
---@return T t The table itself.
function _io.array(t, n) end

---Marks a table as an object, whatever its keys.
---@generic T: table
---@param t T
---@return T t The table itself.
function _io.object(t) end

---Marks a table as a Map with the table's own keys.
---@generic T: table
---@param t T
---@return T t The table itself.
function _io.map(t) end

---Makes bytes of a string: a Uint8Array in JavaScript.
---@param s string
---@return cu.bytes
---@nodiscard
function _io.bytes(s) end

---Makes a date of milliseconds since 1970, or of a text such as "2026-01-31T10:00:00Z".
---@param moment number|string
---@return cu.date
---@nodiscard
function _io.date(moment) end

---What lasts: an external table, which the host has, and keeps in a store.
---@type table<any, any>
_home = {}

---@class extlib
ext = {}

---Makes an external table: it stands with the host, and what is stored in it becomes one.
---@return table<any, any>
---@nodiscard
function ext.table() end

---All globals.
---@class _G
_G = {}

---@type string
_VERSION = "Lua 5.4"

---Raises an error with the message if the value is false or nil; else gives all arguments back.
---@generic T
---@param v? T
---@param message? any
---@param ... any
---@return T
---@return any ...
function assert(v, message, ...) end

---@alias gcoptions "collect"|"stop"|"restart"|"count"|"step"|"isrunning"|"incremental"|"generational"

---Controls the garbage collector; by default collects all garbage.
---@param opt? gcoptions
---@param ... any
---@return any
function collectgarbage(opt, ...) end

---Raises an error.
---@param message any
---@param level? integer 1 is the caller of error, 0 adds no position.
function error(message, level) end

---@param object any
---@return table|false|nil metatable
---@nodiscard
function getmetatable(object) end

---@generic T: table, V
---@param t T
---@return fun(table: V[], i?: integer): integer, V
---@return T
---@return integer i
function ipairs(t) end

---Compiles Lua text. Bytecode isn't loaded.
---@param chunk string|fun(): string?
---@param chunkname? string
---@param mode? "t"|"bt"
---@param env? table
---@return function? chunk
---@return string? message What is wrong with the text.
---@nodiscard
function load(chunk, chunkname, mode, env) end

---@generic K, V
---@param table table<K, V>
---@param index? K
---@return K?
---@return V?
---@nodiscard
function next(table, index) end

---@generic T: table, K, V
---@param t T
---@return fun(table: table<K, V>, index?: K): K, V
---@return T
function pairs(t) end

---@param f function
---@param arg1? any
---@param ... any
---@return boolean success
---@return any result
---@return any ...
function pcall(f, arg1, ...) end

---Writes a line: to the host's onPrint, or to what it keeps as printed.
---@param ... any
function print(...) end

---@param v1 any
---@param v2 any
---@return boolean
---@nodiscard
function rawequal(v1, v2) end

---@param table table
---@param index any
---@return any
---@nodiscard
function rawget(table, index) end

---@param v table|string
---@return integer
---@nodiscard
function rawlen(v) end

---@generic T: table
---@param table T
---@param index any
---@param value any
---@return T
function rawset(table, index, value) end

---Gives a module: one of the host's, or what its Lua source returns. The host says where sources come from.
---@param modname string
---@return unknown module
---@return unknown loaderdata
function require(modname) end

---@param index integer|"#"
---@param ... any
---@return any
---@nodiscard
function select(index, ...) end

---@class metatable
---@field __mode? "v"|"k"|"kv"
---@field __metatable? any
---@field __name? string
---@field __tostring? fun(t): string
---@field __gc? fun(t)
---@field __close? fun(t, errobj): any
---@field __add? fun(t1, t2): any
---@field __sub? fun(t1, t2): any
---@field __mul? fun(t1, t2): any
---@field __div? fun(t1, t2): any
---@field __mod? fun(t1, t2): any
---@field __pow? fun(t1, t2): any
---@field __unm? fun(t): any
---@field __idiv? fun(t1, t2): any
---@field __band? fun(t1, t2): any
---@field __bor? fun(t1, t2): any
---@field __bxor? fun(t1, t2): any
---@field __bnot? fun(t): any
---@field __shl? fun(t1, t2): any
---@field __shr? fun(t1, t2): any
---@field __concat? fun(t1, t2): any
---@field __len? fun(t): integer
---@field __eq? fun(t1, t2): boolean
---@field __lt? fun(t1, t2): boolean
---@field __le? fun(t1, t2): boolean
---@field __index? table|fun(t, k): any
---@field __newindex? table|fun(t, k, v)
---@field __call? fun(t, ...): ...
---@field __pairs? fun(t): (fun(t, k, v): any, any)

---@param table table
---@param metatable? metatable|table
---@return table
function setmetatable(table, metatable) end

---@overload fun(e: string, base: integer): integer?
---@param e any
---@return number?
---@nodiscard
function tonumber(e) end

---@param v any
---@return string
---@nodiscard
function tostring(v) end

---@alias type "nil"|"number"|"string"|"boolean"|"table"|"function"|"thread"|"userdata"

---@param v any
---@return type
---@nodiscard
function type(v) end

---Writes a line as print does, once warn("@on") has been called.
---@param message string
---@param ... string
function warn(message, ...) end

---@param f function
---@param msgh function
---@param arg1? any
---@param ... any
---@return boolean success
---@return any result
---@return any ...
function xpcall(f, msgh, arg1, ...) end

---@class coroutinelib
coroutine = {}

---@param co thread
---@return boolean noerror
---@return any errorobject
function coroutine.close(co) end

---@param f function
---@return thread
---@nodiscard
function coroutine.create(f) end

---@param co? thread
---@return boolean
---@nodiscard
function coroutine.isyieldable(co) end

---@param co thread
---@param val1? any
---@param ... any
---@return boolean success
---@return any ...
function coroutine.resume(co, val1, ...) end

---@return thread running
---@return boolean ismain
---@nodiscard
function coroutine.running() end

---@param co thread
---@return "running"|"suspended"|"normal"|"dead"
---@nodiscard
function coroutine.status(co) end

---@param f function
---@return fun(...): ...
---@nodiscard
function coroutine.wrap(f) end

---@param ... any
---@return any ...
function coroutine.yield(...) end

---@class debuglib
debug = {}

---@class debuginfo
---@field name string
---@field namewhat string
---@field source string
---@field short_src string
---@field linedefined integer
---@field lastlinedefined integer
---@field what string
---@field currentline integer
---@field istailcall boolean
---@field nups integer
---@field nparams integer
---@field isvararg boolean
---@field func function
---@field activelines table<integer, true>

---@overload fun(f: integer|function, what?: string): debuginfo?
---@param thread thread
---@param f integer|function
---@param what? string Of the letters nSltufLr.
---@return debuginfo?
---@nodiscard
function debug.getinfo(thread, f, what) end

---As getmetatable.
---@param object any
---@return table?
---@nodiscard
function debug.getmetatable(object) end

---Of a table, as setmetatable.
---@generic T
---@param value T
---@param meta? table
---@return T
function debug.setmetatable(value, meta) end

---@overload fun(message?: any, level?: integer): string
---@param thread thread
---@param message? any
---@param level? integer
---@return string
---@nodiscard
function debug.traceback(thread, message, level) end

---The part of io that writes: to the host, as print does.
---@class iolib
---@field stdout file*
---@field stderr file*
io = {}

---@class file*: userdata
local file = {}

---Says that it can't be closed.
---@return nil
---@return string message
function file:close() end

---@return file*
function file:flush() end

---@param mode? "no"|"full"|"line"
---@param size? integer
---@return file*
function file:setvbuf(mode, size) end

---@param ... string|number
---@return file*
function file:write(...) end

---There are no files: it finds none.
---@param filename string
---@param mode? string
---@return nil
---@return string message
---@return integer code
function io.open(filename, mode) end

---@param obj any
---@return "file"|nil
---@nodiscard
function io.type(obj) end

---@param ... string|number
---@return file*
function io.write(...) end

---@class mathlib
---@field huge number
---@field maxinteger integer
---@field mininteger integer
---@field pi number
math = {}

---@generic T: number
---@param x T
---@return T
---@nodiscard
function math.abs(x) end

---@param x number
---@return number
---@nodiscard
function math.acos(x) end

---@param x number
---@return number
---@nodiscard
function math.asin(x) end

---@param y number
---@param x? number
---@return number
---@nodiscard
function math.atan(y, x) end

---@param y number
---@param x? number
---@return number
---@nodiscard
function math.atan2(y, x) end

---@param x number
---@return integer|number
---@nodiscard
function math.ceil(x) end

---@param x number
---@return number
---@nodiscard
function math.cos(x) end

---@param x number
---@return number
---@nodiscard
function math.cosh(x) end

---@param x number
---@return number
---@nodiscard
function math.deg(x) end

---@param x number
---@return number
---@nodiscard
function math.exp(x) end

---@param x number
---@return integer|number
---@nodiscard
function math.floor(x) end

---@generic T: number
---@param x T
---@param y T
---@return T
---@nodiscard
function math.fmod(x, y) end

---@param x number
---@return number m
---@return integer e
---@nodiscard
function math.frexp(x) end

---@param m number
---@param e integer
---@return number
---@nodiscard
function math.ldexp(m, e) end

---@param x number
---@param base? number
---@return number
---@nodiscard
function math.log(x, base) end

---@param x number
---@return number
---@nodiscard
function math.log10(x) end

---@generic T: number
---@param x T
---@param ... T
---@return T
---@nodiscard
function math.max(x, ...) end

---@generic T: number
---@param x T
---@param ... T
---@return T
---@nodiscard
function math.min(x, ...) end

---@param x number
---@return number whole
---@return number fraction
---@nodiscard
function math.modf(x) end

---@param x number
---@param y number
---@return number
---@nodiscard
function math.pow(x, y) end

---@param x number
---@return number
---@nodiscard
function math.rad(x) end

---@overload fun(): number
---@overload fun(m: integer): integer
---@param m integer
---@param n integer
---@return integer
---@nodiscard
function math.random(m, n) end

---@param x? integer|number
---@param y? integer
---@return integer
---@return integer
function math.randomseed(x, y) end

---@param x number
---@return number
---@nodiscard
function math.sin(x) end

---@param x number
---@return number
---@nodiscard
function math.sinh(x) end

---@param x number
---@return number
---@nodiscard
function math.sqrt(x) end

---@param x number
---@return number
---@nodiscard
function math.tan(x) end

---@param x number
---@return number
---@nodiscard
function math.tanh(x) end

---@param x any
---@return integer?
---@nodiscard
function math.tointeger(x) end

---@param x any
---@return "integer"|"float"|nil
---@nodiscard
function math.type(x) end

---@param m integer
---@param n integer
---@return boolean
---@nodiscard
function math.ult(m, n) end

---@class oslib
os = {}

---@class osdate
---@field year integer
---@field month integer
---@field day integer
---@field hour integer
---@field min integer
---@field sec integer
---@field wday integer
---@field yday integer
---@field isdst boolean

---@class osdateparam
---@field year integer|string
---@field month integer|string
---@field day integer|string
---@field hour? integer|string
---@field min? integer|string
---@field sec? integer|string
---@field isdst? boolean

---Seconds by the unit's clock.
---@return number
---@nodiscard
function os.clock() end

---Local time is UTC, or in the unit's time zone.
---@param format? string
---@param time? integer
---@return string|osdate
---@nodiscard
function os.date(format, time) end

---@param t2 integer
---@param t1 integer
---@return number
---@nodiscard
function os.difftime(t2, t1) end

---There is no environment.
---@param varname string
---@return nil
---@nodiscard
function os.getenv(varname) end

---There is the locale "C" only.
---@param locale? string
---@param category? string
---@return string?
function os.setlocale(locale, category) end

---@param date? osdateparam
---@return integer
---@nodiscard
function os.time(date) end

---@class packagelib
---@field config string
---@field loaded table<string, any> What has been required.
---@field preload table<string, fun(name: string, extra: string): any> Loaders by name.
package = {}

---@class stringlib
string = {}

---@param s string|number
---@param i? integer
---@param j? integer
---@return integer ...
---@nodiscard
function string.byte(s, i, j) end

---@param ... integer
---@return string
---@nodiscard
function string.char(...) end

---Bytecode, which nothing here loads.
---@param f function
---@param strip? boolean
---@return string
---@nodiscard
function string.dump(f, strip) end

---@param s string|number
---@param pattern string|number
---@param init? integer
---@param plain? boolean
---@return integer|nil start
---@return integer|nil end
---@return any ... captured
---@nodiscard
function string.find(s, pattern, init, plain) end

---@param s string|number
---@param ... any
---@return string
---@nodiscard
function string.format(s, ...) end

---@param s string|number
---@param pattern string|number
---@param init? integer
---@return fun(): string, ...
---@nodiscard
function string.gmatch(s, pattern, init) end

---@param s string|number
---@param pattern string|number
---@param repl string|number|table|function
---@param n? integer
---@return string
---@return integer count
function string.gsub(s, pattern, repl, n) end

---@param s string|number
---@return integer
---@nodiscard
function string.len(s) end

---@param s string|number
---@return string
---@nodiscard
function string.lower(s) end

---@param s string|number
---@param pattern string|number
---@param init? integer
---@return any ... captured
---@nodiscard
function string.match(s, pattern, init) end

---@param fmt string
---@param ... string|number
---@return string binary
---@nodiscard
function string.pack(fmt, ...) end

---@param fmt string
---@return integer
---@nodiscard
function string.packsize(fmt) end

---@param s string|number
---@param n integer
---@param sep? string|number
---@return string
---@nodiscard
function string.rep(s, n, sep) end

---@param s string|number
---@return string
---@nodiscard
function string.reverse(s) end

---@param s string|number
---@param i integer
---@param j? integer
---@return string
---@nodiscard
function string.sub(s, i, j) end

---@param fmt string
---@param s string
---@param pos? integer
---@return any ...
---@nodiscard
function string.unpack(fmt, s, pos) end

---@param s string|number
---@return string
---@nodiscard
function string.upper(s) end

---@class tablelib
table = {}

---@param list table
---@param sep? string|number
---@param i? integer
---@param j? integer
---@return string
---@nodiscard
function table.concat(list, sep, i, j) end

---@overload fun(list: table, value: any)
---@param list table
---@param pos integer
---@param value any
function table.insert(list, pos, value) end

---@param a1 table
---@param f integer
---@param e integer
---@param t integer
---@param a2? table
---@return table a2
function table.move(a1, f, e, t, a2) end

---@param ... any
---@return { n: integer, [integer]: any }
---@nodiscard
function table.pack(...) end

---@generic V
---@param list V[]
---@param pos? integer
---@return V?
function table.remove(list, pos) end

---@generic V
---@param list V[]
---@param comp? fun(a: V, b: V): boolean
function table.sort(list, comp) end

---@generic V
---@param list V[]
---@param i? integer
---@param j? integer
---@return V ...
---@nodiscard
function table.unpack(list, i, j) end

---@class utf8lib
---@field charpattern string
utf8 = {}

---@param ... integer
---@return string
---@nodiscard
function utf8.char(...) end

---@param s string
---@param i? integer
---@param j? integer
---@param lax? boolean
---@return integer ...
---@nodiscard
function utf8.codepoint(s, i, j, lax) end

---@param s string
---@param lax? boolean
---@return fun(s: string, position: integer): integer, integer
---@return string
---@return integer
---@nodiscard
function utf8.codes(s, lax) end

---@param s string
---@param i? integer
---@param j? integer
---@param lax? boolean
---@return integer? length
---@return integer? position Of the first byte that isn't valid.
---@nodiscard
function utf8.len(s, i, j, lax) end

---@param s string
---@param n integer
---@param i? integer
---@return integer?
---@nodiscard
function utf8.offset(s, n, i) end
`;

/** Lua's own modules that code gets by `require` only, by name. */
export const MODULE_TYPES: Readonly<Record<string, string>> = {
  json: String.raw`---@meta json

---JSON. Integers are exact; arrays and objects stay apart, also where they are empty.
---@class cu.json
---@field null cu.null null, as a value of its own: _io.null.
local json = {}

---@class cu.json.decode
---@field nulls? "nil"|"keep" What null becomes: nil (the default), or json.null.

---Reads JSON. What is wrong with it is an error with line and column.
---@param text string
---@param options? cu.json.decode
---@return any
---@nodiscard
function json.decode(text, options) end

---@class cu.json.encode
---@field indent? integer|string A number of spaces, or the text to indent by; by default all is one line.
---@field sort? boolean Whether keys are sorted.

---Writes JSON. What JSON can't hold is an error with its path.
---@param value any
---@param options? cu.json.encode
---@return string
---@nodiscard
function json.encode(value, options) end

return json
`,
  task: String.raw`---@meta task

---Work side by side, in a run that may wait.
---@class cu.task
local task = {}

---Runs functions side by side; gives the first result of each, in the functions' order, when all have returned.
---@async
---@param ... fun(): any
---@return any ...
function task.all(...) end

---Runs functions side by side; gives all results of the one that returns first.
---@async
---@param ... fun(): ...
---@return any ...
function task.race(...) end

---Waits.
---@async
---@param ms number Milliseconds.
function task.sleep(ms) end

return task
`,
};
