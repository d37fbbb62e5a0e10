/*
** How Lua is configured for the compute unit, through Lua's own configuration
** points; included before every Lua source (see build.zig). What has no such
** point is a patch in lua/series/ (docs/LUA.md).
*/
#ifndef cu_lua_config_h
#define cu_lua_config_h

#include <stddef.h>

/* luaconf.h: with what Lua 5.3 had, as Lua's own makefile builds it */
#define LUA_COMPAT_5_3

/* ldo.c: errors unwind as wasm exceptions (unwind.ll) */
void cu_throw(void) __attribute__((noreturn));
void cu_try(void *function, void *state, void *data);
#define LUAI_THROW(L, c) cu_throw()
#define LUAI_TRY(L, c, a) cu_try((void *)f, L, ud)
#define luai_jmpbuf int

/* lvm.c: a switch becomes one br_table, which is faster on wasm */
#define LUA_USE_JUMPTABLE 0

/* lstate.h: nothing here raises signals */
#define l_signalT int

/* llimits.h: the collector's debts and thresholds go beyond 2 GiB, and its work beyond 32 bits */
#define LUAI_UMEM unsigned long long
#define LUAI_MEM long long

/* lstate.c, ltablib.c, lmathlib.c: randomness from the host */
unsigned cu_seed(void);
#define luai_makeseed(L) cu_seed()
#define l_randomizePivot cu_seed

/* llex.c, lobject.c: no locales */
#define lua_getlocaledecpoint() '.'

/* llimits.h: as it is there, but 'fmod' pays for its steps; see numerals.zig */
struct lua_State;
double cu_fmod(struct lua_State *L, double a, double b);
#define luai_nummod(L, a, b, m) \
  { (m) = cu_fmod(L, a, b); \
    if (((m) > 0) ? (b) < 0 : ((m) < 0 && (b) > 0)) (m) += (b); }

/* lmathlib.c: three of Lua 5.3's, in less code than C's; see hyperbolic.zig */
#include <math.h>
double cu_cosh(double x);
double cu_sinh(double x);
double cu_tanh(double x);
#define cosh(x) cu_cosh(x)
#define sinh(x) cu_sinh(x)
#define tanh(x) cu_tanh(x)

/* lauxlib.c: the library writes nothing; see output.zig */
#define lua_writestring(s, l) ((void)0)
#define lua_writeline() ((void)0)
#define lua_writestringerror(s, p) ((void)0)

/*
** What would import WASI. Files (luaL_loadfilex) belong to functions that user code
** isn't given; here they fail.
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#undef stdin
#undef getc
#undef feof
#undef ferror
#define stdin ((FILE *)NULL)
#define fopen(name, mode) ((FILE *)NULL)
#define freopen(name, mode, file) ((FILE *)NULL)
#define fclose(file) 0
#define ferror(file) 0
#define feof(file) 1
#define getc(file) EOF
#define fread(buffer, size, count, file) ((size_t)0)
#define strerror(number) "no files here"
#define abort() __builtin_trap()

/* bytes.zig: what is copied and compared is mostly short */
void cu_copy(void *to, const void *from, size_t n);
#define memcpy(to, from, n) \
    (__builtin_constant_p(n) ? (void)__builtin_memcpy(to, from, n) : cu_copy(to, from, n))
int cu_compare(const void *a, const void *b, size_t n);
#define memcmp(a, b, n) cu_compare(a, b, n)

/* format.zig: all that Lua writes by C's printf has one conversion */
int cu_format_integer(char *text, const char *format, long long integer);
int cu_format_float(char *text, const char *format, double value);
int cu_format_text(char *text, const char *format, const void *given);
#define snprintf(text, size, format, value) \
  (_Generic((value), int: cu_format_integer, long long: cu_format_integer, \
    double: cu_format_float, default: cu_format_text)(text, format, value))
struct TValue;
unsigned cu_number2str(char *text, const struct TValue *number);

/*
** limits.zig: work is paid for in steps of about 1 to 50 ns, where it is done, from a
** budget that may fall below zero. Where it is below, code looks at the clock, which may
** end it by an exception. cu_steps and cu_work look at once; cu_spend leaves that to the
** VM, which looks after each C function and each instruction that may be long: for where
** an exception would leave something half done.
*/
struct lua_State;
extern int cu_budget;
void cu_begin_finalizer(void);
extern int cu_is_running;  /* whether code runs: finalizers may, too */
void cu_budget_spent(struct lua_State *L);
void cu_overspent(void);
#define cu_pay(steps) (__builtin_expect((cu_budget -= (int)(steps)) < 0, 0))
#if defined(CU_SMALL)  /* for what is compiled for size */
void cu_pay_steps(struct lua_State *L, size_t n);
#define cu_steps(L, n) cu_pay_steps(L, (size_t)(n))
#else
#define cu_steps(L, n) { if (cu_pay(n)) cu_budget_spent(L); }
#endif
#define cu_step(L) cu_steps(L, 1)
/* one step for each 'n' of a count or address that goes up or down by one; a power of two */
#define cu_step_each(L, i, n) { if (((size_t)(i) & ((n) - 1)) == 0) { cu_step(L); } }
/* the work of an operation on 'n' bytes */
#define cu_bytes(n) ((size_t)(n) >> 6)
#define cu_work(L, n) cu_steps(L, cu_bytes(n))
#define cu_spend(n) { if (cu_pay(cu_bytes(n))) cu_overspent(); }

/* what the VM must do before it goes on with the next instruction: bits, or 0 */
extern int cu_pending;
#define CU_LEAVES 1  /* the running function has ended its protected call: leave */
#define CU_LOOKS 2  /* the budget is spent: look at the clock */
/* does it; whether to leave */
int cu_attend(struct lua_State *L);
#define cu_attends(L) (__builtin_expect(cu_pending, 0) && (cu_pending == CU_LEAVES || cu_attend(L)))

/* position.zig: a memory error is being raised */
void cu_no_memory(struct lua_State *L);

/* levels of C that may be reached before room on the engine's stack is looked for again */
extern unsigned cu_levels;
/* gives CU_LEVELS more, if there is room and there may be so many */
int cu_more_levels(void);
/* whether there is room for so many */
int cu_has_room(void);
#define CU_LEVELS 16
#define CU_LEVELS_OF_HANDLERS 8

/* what the lexer gets of a text at a time, in bytes */
#define CU_PIECE 4096

/* ltable.c, lstring.c: hashes that a script can't foresee; the secret is secret.zig's */
extern unsigned long long cu_secret[3];
static inline unsigned cu_mix(unsigned long long x) {
    x = (x ^ cu_secret[0]) * 0x9e3779b97f4a7c15u;
    x ^= x >> 32;
    return (unsigned)(x * cu_secret[1] >> 32);
}
/* the halves multiplied with each other, as in wyhash: no difference cancels out without the secret */
static inline unsigned long long cu_fold(unsigned long long x) {
    x ^= cu_secret[1];
    return (unsigned long long)(unsigned)x * (unsigned)(x >> 32) ^ x >> 29;
}

/* allocator.zig */
void *cu_reallocate(void *unused, void *block, size_t old_size, size_t new_size);
void *cu_reallocate_first(void *unused, void *block, size_t old_size, size_t new_size);

/* lbaselib.c, lcorolib.c: functions that the VM knows */
int luaB_ipairsaux(struct lua_State *L);
int luaB_next(struct lua_State *L);
int luaB_error(struct lua_State *L);
void luaB_errorvalue(struct lua_State *L);
int luaB_assert(struct lua_State *L);
void luaB_assertvalue(struct lua_State *L);
int luaB_yield(struct lua_State *L);
void luaG_callhandler(struct lua_State *L);
void luaD_mayleave(struct lua_State *L);
void luaD_leave(struct lua_State *L);
struct CallInfo;
extern struct CallInfo *cu_leaving;

/*
** waiting.zig: threads that wait for the host, and those that stand for a run. luaD_wait, in ldo.c, suspends the
** running C function until 'k' goes on; what it returns, the function returns.
*/
#include <stdint.h>
typedef int (*cu_KFunction)(struct lua_State *L, int status, intptr_t ctx);
int luaD_wait(struct lua_State *L, cu_KFunction k);
int cu_waitfor(struct lua_State *L, struct lua_State *co, cu_KFunction k);
void cu_goon(struct lua_State *L, struct lua_State *co);
#define CU_WAITS (-2)
/* calls of the host that stand in one another */
extern unsigned short cu_frame;

/* lifetime.zig: a full collection, without finalizers */
struct lua_State;
void cu_collect(struct lua_State *L);

/* marks.zig: what a table stands for in JavaScript */
struct Table;
struct TValue;
union StackValue;
struct cu_Mark;
/* a mark; or the list of a table's keys, as an address that is no multiple of 8: see marks.zig */
#define cu_isordered(t) (((size_t)(t)->mark & 7) != 0)
#define cu_order(t) ((Table *)((size_t)(t)->mark & ~(size_t)7))
#define cu_ismarked(t) (l_unlikely((t)->mark != NULL) && !cu_isordered(t))
void cu_mark_free(struct lua_State *L, struct Table *t);
unsigned cu_mark_length(struct Table *t);
int cu_mark_keeps_places(const struct Table *t);
void cu_mark_written(struct Table *t, const void *key, const void *value);

/*
** zig/views: tables whose contents stand with the host. Table.view holds these bits,
** and above them the view's number, 0 for ordinary tables.
*/
#define CU_VIEW_INCOMPLETE 1u  /* not all contents are in the table's own parts */
#define CU_VIEW_CLEAN 2u  /* code has not written to it; without a number: nor may it (read_only.zig) */
#define CU_INLINE_MASK 0x1cu  /* log2 + 1 of the nodes in the table's own block, or 0 */
#define CU_INLINE_SHIFT 2
#define CU_VIEW_ORDERED 0x20u  /* complete, but traversed in the host's order; incomplete: an external table */
#define CU_VIEW_SHIFT 6
/* the elements of a view that were loaded last */
extern struct { const struct Table *owner; unsigned first, count; const struct TValue *values; } cu_page;
const struct TValue *cu_view_get(struct lua_State *L, struct Table *t, const struct TValue *key);
int cu_view_next(struct lua_State *L, struct Table *t, union StackValue *key);
int cu_view_write(struct lua_State *L, struct Table *t, const struct TValue *key, const struct TValue *val, int raw);
void cu_view_metatable(struct lua_State *L, struct Table *t, struct Table *mt);
unsigned cu_view_length(struct lua_State *L, struct Table *t);
struct Table *cu_view_reference(const struct Table *t, unsigned index);
void cu_view_free(struct lua_State *L, struct Table *t);
struct Udata;
void cu_userdata_free(struct Udata *u);
#define cu_inlinesize(t) (((t)->view & CU_INLINE_MASK) \
    ? 1u << ((((t)->view & CU_INLINE_MASK) >> CU_INLINE_SHIFT) - 1) : 0u)
#define cu_isincomplete(t) (__builtin_expect((t)->view & CU_VIEW_INCOMPLETE, 0))
#define cu_istraversed(t) (__builtin_expect((t)->view & (CU_VIEW_INCOMPLETE | CU_VIEW_ORDERED), 0))
#define cu_isexternal(t) (__builtin_expect((t)->view & CU_VIEW_INCOMPLETE, 0) && ((t)->view & CU_VIEW_ORDERED))
#define cu_isclean(t) (__builtin_expect((t)->view & CU_VIEW_CLEAN, 0))

/*
** Builds that check themselves (build.zig): what must hold is asserted. Where it doesn't
** hold, the place is printed, and the module traps. Under stress, each allocation collects all garbage first, and each call
** and each collection that may call finalizers moves the stack (allocator.zig).
*/
#ifdef CU_CHECKED
__attribute__((import_module("cu"), import_name("print")))
unsigned cu_print_failure(const char *text, unsigned length, unsigned more);
#define CU_TEXT_(x) #x
#define CU_TEXT(x) CU_TEXT_(x)
#define CU_PLACE __FILE_NAME__ ":" CU_TEXT(__LINE__) ": assertion failed"
#define lua_assert(c) \
    ((c) ? (void)0 : (cu_print_failure(CU_PLACE, sizeof(CU_PLACE) - 1, 0), __builtin_trap()))
#define luai_apicheck(l, e) ((void)(l), lua_assert(e))
/* heap_check.c: the whole heap, between two phases of the collector */
struct global_State;
void cu_check_heap(struct global_State *g);
#else
#define cu_check_heap(g) ((void)0)
#endif
#ifdef CU_STRESS
#define HARDSTACKTESTS
#define HARDMEMTESTS
#endif

#endif
