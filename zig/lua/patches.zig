//! The changes to Lua's sources for which Lua has no configuration point. Each
//! `find` must stand exactly once in its file, or the build stops.

pub const Patch = struct {
    file: []const u8,
    /// Why the change is needed, and why it is safe.
    why: []const u8,
    find: []const u8,
    replace: []const u8,
};

const limit_why =
    \\A time limit needs the VM to look up now and then. `trap` is reread at jumps only
    \\so that a signal can set a hook; there are no signals here, and every call that can
    \\move the stack rereads it (Protect), so steps that are counted at backward jumps take that
    \\place: one, and one for each 8 instructions that are jumped over, as a loop's body may be
    \\long. Instructions that work in proportion to their operands pay where the work is done
    \\(cu_spend), and the VM looks up after them. Measured: 2 % of the time of eight programs.
;

const position_why =
    \\The host tells where an error was raised, and the line there. A memory error has no message
    \\handler, so its place is noted as it is raised; instructions that allocate must have saved
    \\theirs. Texts may have one name and be different: a name is a string of its own for each
    \\text, never an interned or cached one, and so its address tells them apart.
;

const library_why =
    \\A loop of the library that can run for as long as it likes without a step of the VM.
;

const call_why =
    \\Straight code can call C functions for long without a jump: after each call the budget is
    \\looked at. Arguments and results are moved one by one, and there can be a million.
;

const call_chain_why =
    \\Each `__call` of a chain moves all arguments by one. A table that is its own `__call` ended
    \\after a million of them, in minutes; Lua 5.5 allows 15 links, here it is as many as calls of C.
;

const hash_why =
    \\A script that knows the hash function makes keys that all collide: 2^18 of them took 28 s to
    \\move to a larger table, in one instruction. So hashes have a secret of the unit's own
    \\(cu_mix, cu_secret in lua/config.h), and what is looked at beyond the first node is paid for,
    \\as a script may learn of the secret by the order of `pairs`. Not so for fields with short names,
    \\the most frequent accesses: their hash mixes all bytes with the secret twice.
;

const room_why =
    \\The engine's own stack may have room for fewer than 200 levels of C, as JavaScript has used
    \\some of it before; where it ends in the middle of anything, the unit is broken. So levels are
    \\given 16 at a time, if there is room (cu_levels in limits.zig).
;

const trap_why =
    \\Before each instruction Lua tests `trap`, which a hook sets, or a stack that has moved. There
    \\are no hooks here; where the stack may have moved, the base is read again at once. It takes
    \\2 % off the time of ten programs.
;

const call_lua_why =
    \\A call of a Lua function, the most frequent one, is set up here where the stack has room and
    \\there is a CallInfo; luaD_precall does all others. It takes 12 % off the time of fib.
;

const call_c_why =
    \\A C function is called in one place, set up there.
;

const bulk_why =
    \\One step of the VM, or of the library, that does work in proportion to the size of its
    \\operands, where no exception may pass: it pays, and the VM looks up after it.
;

const work_why =
    \\The same where an exception may pass: it pays and looks up as it goes.
;

const collector_why =
    \\The collector's own work: with a pause of 0, or memory that never suffices, code makes it
    \\do a whole cycle in one step of the VM.
;

const chain_why =
    \\One access can go through a chain of 2,000 tables.
;

const parser_why =
    \\One token can take work in proportion to the code before it. The next one looks up.
;

const ephemeron_why =
    \\Chains of ephemerons in a bad order take a round for each link, and the collector can't be
    \\stopped inside an atomic step. After 32 rounds, if these have looked at 2^24 entries (some 30
    \\ms), the values of dead keys are kept for this cycle: that takes a chain of 4,000 links.
;

const size_why =
    \\size_t has 32 bits here, and Lua's integers 64: what doesn't fit was cut off.
;

const mark_why =
    \\A table remembers what it was in JavaScript (array, Map, Set, typed array), also
    \\when it is empty, and an array with nulls its length. See marks.zig.
;

const null_why =
    \\What was null in JavaScript is a variant of nil, which code can't tell from nil, and which
    \\stays in its table, through collections and growth, until code assigns to its key: so it
    \\goes out as null again.
;

const order_why =
    \\A table that came from JavaScript refers to the list of its keys in their order (marks.zig).
;

const view_why =
    \\A table may be a view of the host's data. What its own parts don't have is asked of
    \\the host, and before it is written to it becomes an ordinary table. See views.zig.
;

const format_why =
    \\C's printf works in long doubles, which are software on wasm, and takes 16 KB. format.zig
    \\takes its place.
;

const inline_why =
    \\A row's table and its hash part are one block (decode.zig), as long as the hash part
    \\has its first size.
;

const iterator_why =
    \\The iterators of `ipairs` and `pairs` over plain tables, without a call for each step.
    \\No metamethod can run in them.
;

const next_why =
    \\An error of `next` has no position in Lua, as it is a function in C. The VM, which steps
    \\`pairs` itself, must give the same.
;

const leave_why =
    \\Errors and `coroutine.yield` throw, which costs V8 0.3 us and more for each frame. Where
    \\Lua code calls `error`, `assert` or `yield`, or an instruction of it raises, with nothing in
    \\C between it and what catches, luaV_execute returns to there instead, with all as a throw
    \\would have left it. tests/errors_property_test.ts compares.
;

pub const list = [_]Patch{
    .{
        .file = "lvm.c",
        .why = limit_why,
        .find = "#define dojump(ci,i,e)\t{ pc += GETARG_sJ(i) + e; updatetrap(ci); }",
        .replace = "/* a jump back over 'n' instructions, which may all run again */\n" ++
            "#define jumpback(L,n)  { if (cu_pay(1 + ((n) >> 3))) ProtectNT(cu_budget_spent(L)); }\n" ++
            "#define dojump(ci,i,e)\t{ int off_ = GETARG_sJ(i) + e; if (off_ < 0) jumpback(L, -off_); pc += off_; }",
    },
    .{
        .file = "lvm.c",
        .why = limit_why,
        .find = "        updatetrap(ci);  /* allows a signal to break the loop */",
        .replace = "        jumpback(L, GETARG_Bx(i));",
    },
    .{
        .file = "lvm.c",
        .why = limit_why ++ "\nA C function as iterator (`for _ in math.random`) makes no other jump.",
        .find = "          setobjs2s(L, ra + 2, ra + 4);  /* save control variable */\n" ++
            "          pc -= GETARG_Bx(i);  /* jump back */",
        .replace = "          setobjs2s(L, ra + 2, ra + 4);  /* save control variable */\n" ++
            "          pc -= GETARG_Bx(i);  /* jump back */\n" ++
            "          jumpback(L, GETARG_Bx(i));",
    },
    .{
        .file = "lvm.c",
        .why = limit_why ++ "\nTail calls loop without a jump, and a function may be long.",
        .find = " startfunc:\n  trap = L->hookmask;\n returning:  /* trap already set */\n",
        .replace = " startfunc:\n  cu_steps(L, 1 + (ci_func(ci)->p->sizecode >> 3));\n returning:\n",
    },
    .{
        .file = "lstrlib.c",
        .why = library_why,
        .find = "  init: /* using goto to optimize tail recursion */",
        .replace = "  init: /* using goto to optimize tail recursion */\n" ++
            "  cu_step(ms->L);",
    },
    .{
        .file = "lstrlib.c",
        .why = library_why,
        .find = "      init++;   /* 1st char is already checked */",
        .replace = "      init++;   /* 1st char is already checked */\n" ++
            "      cu_spend(l2); cu_step(NULL);",
    },
    .{
        .file = "lstrlib.c",
        .why = work_why,
        .find = "    i++;\n" ++
            "  /* keeps trying to match with the maximum repetitions */",
        .replace = "    if ((++i & 63) == 0) cu_steps(ms->L, ep - p);\n" ++
            "  /* keeps trying to match with the maximum repetitions */",
    },
    .{
        .file = "lstrlib.c",
        .why = work_why,
        .find = "      else if (*s == b) cont++;\n",
        .replace = "      else if (*s == b) cont++;\n" ++
            "      cu_step_each(ms->L, s, 16);\n",
    },
    .{
        .file = "lstrlib.c",
        .why = bulk_why,
        .find = "  len = ms->capture[l].len;\n",
        .replace = "  len = ms->capture[l].len;\n" ++
            "  cu_spend(len <= (size_t)(ms->src_end-s) ? len : 0);\n",
    },
    .{
        .file = "lstrlib.c",
        .why = bulk_why,
        .find = "    case '[': {\n" ++
            "      if (*p == '^') p++;\n",
        .replace = "    case '[': {\n" ++
            "      const char *set = p;\n" ++
            "      if (*p == '^') p++;\n",
    },
    .{
        .file = "lstrlib.c",
        .why = bulk_why,
        .find = "      } while (*p != ']');\n" ++
            "      return p+1;",
        .replace = "      } while (*p != ']');\n" ++
            "      cu_spend(p - set);\n" ++
            "      return p+1;",
    },
    .{
        .file = "lstrlib.c",
        .why = bulk_why,
        .find = "static int matchbracketclass (int c, const char *p, const char *ec) {\n" ++
            "  int sig = 1;\n",
        .replace = "static int matchbracketclass (int c, const char *p, const char *ec) {\n" ++
            "  int sig = 1;\n" ++
            "  if (ec - p > 64) { cu_spend(ec - p); cu_step(NULL); }\n",
    },
    .{
        .file = "ltablib.c",
        .why = library_why,
        .find = "      for (i = e; i > pos; i--) {  /* move up elements */",
        .replace = "      for (i = e; i > pos; i--) {  /* move up elements */\n" ++
            "    cu_step(L);",
    },
    .{
        .file = "ltablib.c",
        .why = library_why,
        .find = "  for ( ; pos < size; pos++) {",
        .replace = "  for ( ; pos < size; pos++) {\n" ++
            "    cu_step(L);",
    },
    .{
        .file = "ltablib.c",
        .why = library_why,
        .find = "      for (i = 0; i < n; i++) {",
        .replace = "      for (i = 0; i < n; i++) {\n" ++
            "    cu_step(L);",
    },
    .{
        .file = "ltablib.c",
        .why = library_why,
        .find = "      for (i = n - 1; i >= 0; i--) {",
        .replace = "      for (i = n - 1; i >= 0; i--) {\n" ++
            "    cu_step(L);",
    },
    .{
        .file = "ltablib.c",
        .why = library_why,
        .find = "  for (; i < last; i++) {",
        .replace = "  for (; i < last; i++) {\n" ++
            "    cu_step(L);",
    },
    .{
        .file = "ltablib.c",
        .why = library_why,
        .find = "static int sort_comp (lua_State *L, int a, int b) {\n",
        .replace = "static int sort_comp (lua_State *L, int a, int b) {\n" ++
            "  cu_step(L);\n",
    },
    .{
        .file = "lstring.c",
        .why = bulk_why,
        .find = "  return (a == b) ||  /* same instance or... */",
        .replace = "  if (a != b && len == b->u.lnglen) cu_spend(len);\n" ++
            "  return (a == b) ||  /* same instance or... */",
    },
    .{
        .file = "ltable.c",
        .why = bulk_why,
        .find = "    if (!isempty(&t->array[i])) {  /* a non-empty entry? */\n" ++
            "      setivalue(s2v(key), i + 1);",
        .replace = "    if ((i & 0x3ff) == 0x3ff) cu_spend(0x10000);\n" ++
            "    if (!isempty(&t->array[i])) {  /* a non-empty entry? */\n" ++
            "      setivalue(s2v(key), i + 1);",
    },
    .{
        .file = "ltable.c",
        .why = bulk_why,
        .find = "    if (!isempty(gval(gnode(t, i)))) {  /* a non-empty entry? */\n",
        .replace = "    if ((i & 0x3ff) == 0x3ff) cu_spend(0x10000);\n" ++
            "    if (!isempty(gval(gnode(t, i)))) {  /* a non-empty entry? */\n",
    },
    .{
        .file = "lapi.c",
        .why = bulk_why,
        .find = "  if (g->gcstp & GCSTPGC)  /* internal stop? */\n" ++
            "    return -1;  /* all options are invalid when stopped */",
        .replace = "  if (what == LUA_GCCOLLECT || what == LUA_GCSTEP || what >= LUA_GCGEN) cu_spend(gettotalbytes(g));\n" ++
            "  if (g->gcstp & GCSTPGC)  /* internal stop? */\n" ++
            "    return -1;  /* all options are invalid when stopped */",
    },
    .{
        .file = "llex.c",
        .why = library_why ++ "\n`recover` in limits.zig frees what an exception through the parser leaves behind.",
        .find = "void luaX_next (LexState *ls) {\n" ++
            "  ls->lastline = ls->linenumber;\n",
        .replace = "void luaX_next (LexState *ls) {\n" ++
            "  ls->lastline = ls->linenumber;\n" ++
            "  cu_step(ls->L);\n",
    },
    .{
        .file = "lstring.c",
        .why = "Strings of one length often begin alike: comparing hashes first saves comparing them.",
        .find = "    if (l == ts->shrlen && (memcmp(",
        .replace = "    if (h == ts->hash && l == ts->shrlen && (memcmp(",
    },
    .{
        .file = "lgc.c",
        .why = "A finalizer that loops is told from many that are short: see limits.zig.",
        .find = "    L->allowhook = 0;  /* stop debug hooks during GC metamethod */\n",
        .replace = "    L->allowhook = 0;  /* stop debug hooks during GC metamethod */\n" ++
            "    cu_finalizer_ticks = 0;\n",
    },
    .{
        .file = "lapi.c",
        .why = bulk_why ++ "\nEvery function of the library gets its strings here.",
        .find = "  if (len != NULL)\n" ++
            "    *len = tsslen(tsvalue(o));\n",
        .replace = "  if (len != NULL)\n" ++
            "    *len = tsslen(tsvalue(o));\n" ++
            "  if (ttislngstring(o)) cu_spend(tsslen(tsvalue(o)));\n",
    },
    .{
        .file = "lvm.c",
        .why = bulk_why,
        .find = "    TString *st = tsvalue(obj);\n" ++
            "    return (luaO_str2num(",
        .replace = "    TString *st = tsvalue(obj);\n" ++
            "    cu_spend(tsslen(st));\n" ++
            "    return (luaO_str2num(",
    },
    .{
        .file = "lzio.c",
        .why = work_why ++ "\nA comment of any length is one token, so the lexer gets a text in pieces.",
        .find = "  lua_unlock(L);\n" ++
            "  buff = z->reader(L, z->data, &size);\n" ++
            "  lua_lock(L);\n" ++
            "  if (buff == NULL || size == 0)\n" ++
            "    return EOZ;\n" ++
            "  z->n = size - 1;  /* discount char being returned */\n",
        .replace = "  if (z->rest > 0) {\n" ++
            "    buff = z->p;\n" ++
            "    size = z->rest;\n" ++
            "  }\n" ++
            "  else {\n" ++
            "    lua_unlock(L);\n" ++
            "    buff = z->reader(L, z->data, &size);\n" ++
            "    lua_lock(L);\n" ++
            "  }\n" ++
            "  if (buff == NULL || size == 0)\n" ++
            "    return EOZ;\n" ++
            "  z->rest = (size > CU_PIECE) ? size - CU_PIECE : 0;\n" ++
            "  size -= z->rest;\n" ++
            "  cu_work(L, size << 4);\n" ++
            "  z->n = size - 1;  /* discount char being returned */\n",
    },
    .{
        .file = "ltm.c",
        .why = bulk_why,
        .find = "  int nextra = ci->u.l.nextraargs;\n" ++
            "  if (wanted < 0) {\n",
        .replace = "  int nextra = ci->u.l.nextraargs;\n" ++
            "  cu_spend((size_t)nextra * sizeof(StackValue));\n" ++
            "  if (wanted < 0) {\n",
    },
    .{
        .file = "ltablib.c",
        .why = bulk_why,
        .find = "  for (; i < e; i++) {  /* push arg[i..e - 1] (to avoid overflows) */\n",
        .replace = "  cu_spend((size_t)n * 16);\n" ++
            "  for (; i < e; i++) {  /* push arg[i..e - 1] (to avoid overflows) */\n",
    },
    .{
        .file = "lstrlib.c",
        .why = bulk_why,
        .find = "  for (i=0; i<n; i++)\n" ++
            "    lua_pushinteger(L, uchar(s[posi+i-1]));\n",
        .replace = "  cu_spend((size_t)n * 16);\n" ++
            "  for (i=0; i<n; i++)\n" ++
            "    lua_pushinteger(L, uchar(s[posi+i-1]));\n",
    },
    .{
        .file = "ldebug.c",
        .why = bulk_why,
        .find = "  for (ci = L->ci; level > 0 && ci != &L->base_ci; ci = ci->previous)\n" ++
            "    level--;\n",
        .replace = "  cu_spend((size_t)(level < L->nci ? level : L->nci) * 64);\n" ++
            "  for (ci = L->ci; level > 0 && ci != &L->base_ci; ci = ci->previous)\n" ++
            "    level--;\n",
    },
    .{
        .file = "lgc.c",
        .why = library_why,
        .find = "    for (p = &g->allgc; *p != o; p = &(*p)->next) { /* empty */ }\n",
        .replace = "    for (p = &g->allgc; *p != o; p = &(*p)->next) cu_step(L);\n",
    },
    .{
        .file = "lgc.c",
        .why = ephemeron_why,
        .find = "  int changed;\n" ++
            "  int dir = 0;\n" ++
            "  do {\n" ++
            "    GCObject *w;\n" ++
            "    GCObject *next = g->ephemeron;  /* get ephemeron list */\n",
        .replace = "  int changed;\n" ++
            "  int dir = 0;\n" ++
            "  int rounds = 0;\n" ++
            "  unsigned visits = 0;\n" ++
            "  do {\n" ++
            "    GCObject *w;\n" ++
            "    GCObject *next = g->ephemeron;  /* get ephemeron list */\n" ++
            "    cu_impatient = (++rounds > 32 && visits > 1u << 24);\n",
    },
    .{
        .file = "lgc.c",
        .why = ephemeron_why,
        .find = "      next = h->gclist;  /* list is rebuilt during loop */\n",
        .replace = "      next = h->gclist;  /* list is rebuilt during loop */\n" ++
            "      visits += (visits > 1u << 24) ? 0 : (unsigned)sizenode(h);\n",
    },
    .{
        .file = "lgc.c",
        .why = ephemeron_why,
        .find = "  } while (changed);  /* repeat until no more changes */\n",
        .replace = "  } while (changed);  /* repeat until no more changes */\n" ++
            "  cu_impatient = 0;\n",
    },
    .{
        .file = "lgc.c",
        .why = ephemeron_why,
        .find = "      if (valiswhite(gval(n)))  /* value not marked yet? */\n" ++
            "        hasww = 1;  /* white-white entry */\n",
        .replace = "      if (valiswhite(gval(n))) {  /* value not marked yet? */\n" ++
            "        if (!cu_impatient)\n" ++
            "          hasww = 1;  /* white-white entry */\n" ++
            "        else {\n" ++
            "          marked = 1;\n" ++
            "          reallymarkobject(g, gcvalue(gval(n)));\n" ++
            "        }\n" ++
            "      }\n",
    },
    .{
        .file = "lgc.c",
        .why = ephemeron_why,
        .find = "static int traverseephemeron (global_State *g, Table *h, int inv) {\n",
        .replace = "static int cu_impatient = 0;\n" ++
            "\n" ++
            "static int traverseephemeron (global_State *g, Table *h, int inv) {\n",
    },
    .{
        .file = "ldo.c",
        .why = "An exception of the host's through the parser would leave its buffers behind: recover frees\n" ++
            "them. They stand in C's stack, which is there until then.",
        .find = "  const char *mode;\n" ++
            "  const char *name;\n" ++
            "};\n" ++
            "\n" ++
            "\n" ++
            "static void checkmode",
        .replace = "  const char *mode;\n" ++
            "  const char *name;\n" ++
            "  struct SParser *outer;\n" ++
            "};\n" ++
            "\n" ++
            "static struct SParser *cu_parsers = NULL;\n" ++
            "\n" ++
            "static void freeparser (lua_State *L, struct SParser *p) {\n" ++
            "  cu_parsers = p->outer;\n" ++
            "  luaZ_freebuffer(L, &p->buff);\n" ++
            "  luaM_freearray(L, p->dyd.actvar.arr, p->dyd.actvar.size);\n" ++
            "  luaM_freearray(L, p->dyd.gt.arr, p->dyd.gt.size);\n" ++
            "  luaM_freearray(L, p->dyd.label.arr, p->dyd.label.size);\n" ++
            "}\n" ++
            "\n" ++
            "void cu_free_parsers (lua_State *L) {\n" ++
            "  while (cu_parsers != NULL) freeparser(L, cu_parsers);\n" ++
            "}\n" ++
            "\n" ++
            "\n" ++
            "static void checkmode",
    },
    .{
        .file = "ldo.c",
        .why = "An exception of the host's through the parser would leave its buffers behind: recover frees\n" ++
            "them. They stand in C's stack, which is there until then.",
        .find = "  status = luaD_pcall(L, f_parser, &p, savestack(L, L->top.p), L->errfunc);\n" ++
            "  luaZ_freebuffer(L, &p.buff);\n" ++
            "  luaM_freearray(L, p.dyd.actvar.arr, p.dyd.actvar.size);\n" ++
            "  luaM_freearray(L, p.dyd.gt.arr, p.dyd.gt.size);\n" ++
            "  luaM_freearray(L, p.dyd.label.arr, p.dyd.label.size);\n",
        .replace = "  p.outer = cu_parsers;\n" ++
            "  cu_parsers = &p;\n" ++
            "  status = luaD_pcall(L, f_parser, &p, savestack(L, L->top.p), L->errfunc);\n" ++
            "  freeparser(L, &p);\n",
    },
    .{
        .file = "lobject.h",
        .why = mark_why,
        .find = "  struct Table *metatable;\n  GCObject *gclist;\n} Table;",
        .replace = "  struct Table *metatable;\n  GCObject *gclist;\n  const struct cu_Mark *mark;\n  unsigned int view;\n} Table;",
    },
    .{
        .file = "ltable.c",
        .why = mark_why,
        .find = "  t->metatable = NULL;\n  t->flags",
        .replace = "  t->metatable = NULL;\n  t->mark = NULL;\n  t->view = 0;\n  t->flags",
    },
    .{
        .file = "ltable.c",
        .why = mark_why,
        .find = "void luaH_free (lua_State *L, Table *t) {\n",
        .replace = "void luaH_free (lua_State *L, Table *t) {\n" ++
            "  if (cu_ismarked(t)) cu_mark_free(L, t);\n" ++
            "  if (l_unlikely(t->view >> CU_VIEW_SHIFT)) cu_view_free(L, t);\n",
    },
    .{
        .file = "ltable.c",
        .why = mark_why,
        .find = "lua_Unsigned luaH_getn (Table *t) {\n  unsigned int limit = t->alimit;\n",
        .replace = "static lua_Unsigned border (Table *t);\n\n" ++
            "lua_Unsigned luaH_getn (Table *t) {\n" ++
            "  if (cu_ismarked(t)) {\n" ++
            "    unsigned int length = cu_mark_length(t);\n" ++
            "    if (length > 0) return length;\n" ++
            "  }\n" ++
            "  return border(t);\n" ++
            "}\n\n\n" ++
            "static lua_Unsigned border (Table *t) {\n  unsigned int limit = t->alimit;\n",
    },
    .{
        .file = "ltable.c",
        .why = mark_why ++ "\nAn array with nulls keeps its places: what it costs the host, it costs Lua.",
        .find = "  /* resize the table to new computed sizes */\n",
        .replace = "  if (cu_ismarked(t) && cu_mark_keeps_places(t) && asize < luaH_realasize(t))\n" ++
            "    asize = luaH_realasize(t);\n" ++
            "  /* resize the table to new computed sizes */\n",
    },
    .{
        .file = "ltable.c",
        .why = mark_why ++ "\nAn assignment of nil to the last place of an array that holds null there shortens it.",
        .find = "                                   const TValue *slot, TValue *value) {\n  if (isabstkey(slot))",
        .replace = "                                   const TValue *slot, TValue *value) {\n" ++
            "  if (cu_ismarked(t)) cu_mark_written(t, key, value);\n" ++
            "  if (isabstkey(slot))",
    },
    .{
        .file = "lvm.c",
        .why = view_why,
        .find = "      lua_assert(isempty(slot));\n" ++
            "      tm = fasttm(L, hvalue(t)->metatable, TM_INDEX);  /* table's metamethod */\n",
        .replace = "      if (cu_isincomplete(hvalue(t)) && cu_isvacant(slot)) {\n" ++
            "        const TValue *held;\n" ++
            "        sethvalue2s(L, L->top.p, hvalue(t));  /* anchor it: only a weak metatable may refer to it */\n" ++
            "        L->top.p++;  /* assume EXTRA_STACK */\n" ++
            "        held = cu_view_get(L, hvalue(t), key);\n" ++
            "        L->top.p--;\n" ++
            "        if (!isempty(held)) {\n" ++
            "          setobj2s(L, val, held);\n" ++
            "          return;\n" ++
            "        }\n" ++
            "      }\n" ++
            "      tm = fasttm(L, hvalue(t)->metatable, TM_INDEX);  /* table's metamethod */\n",
    },
    .{
        .file = "lvm.c",
        .why = view_why,
        .find = "      lua_assert(isempty(slot));  /* slot must be empty */\n",
        .replace = "      if (cu_isclean(h)) {\n" ++
            "        sethvalue2s(L, L->top.p, h);  /* anchor it: only a weak metatable may refer to it */\n" ++
            "        L->top.p++;  /* assume EXTRA_STACK */\n" ++
            "        cu_view_write(L, h);\n" ++
            "        L->top.p--;\n" ++
            "        slot = luaH_get(h, key);\n" ++
            "        if (!isempty(slot)) {\n" ++
            "          /* 't' may have stood in the contents that were replaced */\n" ++
            "          setobj2t(L, cast(TValue *, slot), val);\n" ++
            "          luaC_barrierback(L, obj2gco(h), val);\n" ++
            "          return;\n" ++
            "        }\n" ++
            "      }\n",
    },
    .{
        .file = "lvm.c",
        .why = view_why,
        .find = "    if (luaV_fastget(L, t, key, slot, luaH_get)) {\n" ++
            "      /* execute 'luaV_finishfastset', but",
        .replace = "    if (luaV_fastget(L, t, key, slot, luaH_get) && !cu_isclean(hvalue(t))) {\n" ++
            "      /* execute 'luaV_finishfastset', but",
    },
    .{
        .file = "lvm.c",
        .why = view_why,
        .find = "        if (luaV_fastget(L, upval, key, slot, luaH_getshortstr)) {\n" ++
            "          luaV_finishfastset(L, upval, slot, rc);\n",
        .replace = "        if (luaV_fastget(L, upval, key, slot, luaH_getshortstr) && !cu_isclean(hvalue(upval))) {\n" ++
            "          luaV_finishfastset(L, upval, slot, rc);\n",
    },
    .{
        .file = "lvm.c",
        .why = view_why,
        .find = "        if (ttisinteger(rb)  /* fast track for integers? */\n" ++
            "            ? (cast_void(n = ivalue(rb)), luaV_fastgeti(L, s2v(ra), n, slot))\n" ++
            "            : luaV_fastget(L, s2v(ra), rb, slot, luaH_get)) {\n" ++
            "          luaV_finishfastset(L, s2v(ra), slot, rc);\n",
        .replace = "        if ((ttisinteger(rb)  /* fast track for integers? */\n" ++
            "            ? (cast_void(n = ivalue(rb)), luaV_fastgeti(L, s2v(ra), n, slot))\n" ++
            "            : luaV_fastget(L, s2v(ra), rb, slot, luaH_get))\n" ++
            "            && !cu_isclean(hvalue(s2v(ra)))) {\n" ++
            "          luaV_finishfastset(L, s2v(ra), slot, rc);\n",
    },
    .{
        .file = "lvm.c",
        .why = view_why,
        .find = "        if (luaV_fastgeti(L, s2v(ra), c, slot)) {\n" ++
            "          luaV_finishfastset(L, s2v(ra), slot, rc);\n",
        .replace = "        if (luaV_fastgeti(L, s2v(ra), c, slot) && !cu_isclean(hvalue(s2v(ra)))) {\n" ++
            "          luaV_finishfastset(L, s2v(ra), slot, rc);\n",
    },
    .{
        .file = "lvm.c",
        .why = view_why,
        .find = "        if (luaV_fastget(L, s2v(ra), key, slot, luaH_getshortstr)) {\n" ++
            "          luaV_finishfastset(L, s2v(ra), slot, rc);\n",
        .replace = "        if (luaV_fastget(L, s2v(ra), key, slot, luaH_getshortstr) && !cu_isclean(hvalue(s2v(ra)))) {\n" ++
            "          luaV_finishfastset(L, s2v(ra), slot, rc);\n",
    },
    .{
        .file = "lapi.c",
        .why = view_why,
        .find = "  if (luaV_fastget(L, t, str, slot, luaH_getstr)) {\n" ++
            "    luaV_finishfastset(L, t, slot, s2v(L->top.p - 1));\n",
        .replace = "  if (luaV_fastget(L, t, str, slot, luaH_getstr) && !cu_isclean(hvalue(t))) {\n" ++
            "    luaV_finishfastset(L, t, slot, s2v(L->top.p - 1));\n",
    },
    .{
        .file = "lapi.c",
        .why = view_why,
        .find = "  if (luaV_fastget(L, t, s2v(L->top.p - 2), slot, luaH_get)) {\n",
        .replace = "  if (luaV_fastget(L, t, s2v(L->top.p - 2), slot, luaH_get) && !cu_isclean(hvalue(t))) {\n",
    },
    .{
        .file = "lapi.c",
        .why = view_why,
        .find = "  if (luaV_fastgeti(L, t, n, slot)) {\n" ++
            "    luaV_finishfastset(L, t, slot, s2v(L->top.p - 1));\n",
        .replace = "  if (luaV_fastgeti(L, t, n, slot) && !cu_isclean(hvalue(t))) {\n" ++
            "    luaV_finishfastset(L, t, slot, s2v(L->top.p - 1));\n",
    },
    .{
        .file = "lapi.c",
        .why = view_why,
        .find = "  val = luaH_get(t, s2v(L->top.p - 1));\n",
        .replace = "  val = luaH_get(t, s2v(L->top.p - 1));\n" ++
            "  if (isempty(val) && cu_isincomplete(t)) val = cu_view_get(L, t, s2v(L->top.p - 1));\n",
    },
    .{
        .file = "lapi.c",
        .why = view_why,
        .find = "  Table *t;\n" ++
            "  lua_lock(L);\n" ++
            "  t = gettable(L, idx);\n" ++
            "  return finishrawget(L, luaH_getint(t, n));\n",
        .replace = "  Table *t;\n" ++
            "  const TValue *val;\n" ++
            "  lua_lock(L);\n" ++
            "  t = gettable(L, idx);\n" ++
            "  val = luaH_getint(t, n);\n" ++
            "  if (isempty(val) && cu_isincomplete(t)) {\n" ++
            "    TValue k;\n" ++
            "    setivalue(&k, n);\n" ++
            "    val = cu_view_get(L, t, &k);\n" ++
            "  }\n" ++
            "  return finishrawget(L, val);\n",
    },
    .{
        .file = "lapi.c",
        .why = view_why,
        .find = "  luaH_set(L, t, key, s2v(L->top.p - 1));\n",
        .replace = "  if (cu_isclean(t)) cu_view_write(L, t);\n" ++
            "  luaH_set(L, t, key, s2v(L->top.p - 1));\n",
    },
    .{
        .file = "lapi.c",
        .why = view_why,
        .find = "  luaH_setint(L, t, n, s2v(L->top.p - 1));\n",
        .replace = "  if (cu_isclean(t)) cu_view_write(L, t);\n" ++
            "  luaH_setint(L, t, n, s2v(L->top.p - 1));\n",
    },
    .{
        .file = "lapi.c",
        .why = view_why,
        .find = "  switch (ttype(obj)) {\n" ++
            "    case LUA_TTABLE: {\n" ++
            "      hvalue(obj)->metatable = mt;\n",
        .replace = "  if (ttistable(obj)) cu_view_metatable(L, hvalue(obj), mt);\n" ++
            "  switch (ttype(obj)) {\n" ++
            "    case LUA_TTABLE: {\n" ++
            "      hvalue(obj)->metatable = mt;\n",
    },
    .{
        .file = "lapi.c",
        .why = view_why,
        .find = "  more = luaH_next(L, t, L->top.p - 1);\n",
        .replace = "  more = cu_istraversed(t) ? cu_view_next(L, t, L->top.p - 1) : -1;\n" ++
            "  if (more < 0) more = luaH_next(L, t, L->top.p - 1);\n",
    },
    .{
        .file = "lgc.c",
        .why = view_why,
        .find = "  TString *smode;\n" ++
            "  markobjectN(g, h->metatable);\n",
        .replace = "  TString *smode;\n" ++
            "  markobjectN(g, h->metatable);\n" ++
            "  if (l_unlikely(h->view & (CU_VIEW_CLEAN | CU_VIEW_ORDERED))) {\n" ++
            "    unsigned int index = 0;\n" ++
            "    Table *reference;\n" ++
            "    while ((reference = cu_view_reference(h, index++)) != NULL) markobject(g, reference);\n" ++
            "  }\n",
    },
    .{
        .file = "ltable.c",
        .why = inline_why,
        .find = "  reinsert(L, &newt, t);  /* 'newt' now has the old hash */\n" ++
            "  freehash(L, &newt);  /* free old hash part */\n",
        .replace = "  reinsert(L, &newt, t);  /* 'newt' now has the old hash */\n" ++
            "  if (newt.node != cast(Node *, t + 1))  /* not in the table's own block? */\n" ++
            "    freehash(L, &newt);  /* free old hash part */\n",
    },
    .{
        .file = "ltable.c",
        .why = inline_why,
        .find = "  freehash(L, t);\n" ++
            "  luaM_freearray(L, t->array, luaH_realasize(t));\n" ++
            "  luaM_free(L, t);\n",
        .replace = "  if (t->node != cast(Node *, t + 1)) freehash(L, t);\n" ++
            "  luaM_freearray(L, t->array, luaH_realasize(t));\n" ++
            "  luaM_freemem(L, t, sizeof(Table) + cu_inlinesize(t) * sizeof(Node));\n",
    },
    .{
        .file = "ltable.c",
        .why = next_why,
        .find = "static unsigned int findindex (lua_State *L, Table *t, TValue *key,\n",
        .replace = "l_noret luaH_invalidkey (lua_State *L) {\n" ++
            "  luaO_pushfstring(L, \"invalid key to 'next'\");\n" ++
            "  luaG_errormsg(L);\n" ++
            "}\n" ++
            "\n" ++
            "static unsigned int findindex (lua_State *L, Table *t, TValue *key,\n",
    },
    .{
        .file = "ltable.c",
        .why = next_why,
        .find = "      luaG_runerror(L, \"invalid key to 'next'\");  /* key not found */\n",
        .replace = "      luaH_invalidkey(L);  /* key not found */\n",
    },
    .{
        .file = "lstrlib.c",
        .why = size_why,
        .find = "static size_t posrelatI (lua_Integer pos, size_t len) {\n" ++
            "  if (pos > 0)\n" ++
            "    return (size_t)pos;\n",
        .replace = "static size_t posrelatI (lua_Integer pos, size_t len) {\n" ++
            "  if (pos > 0)\n" ++
            "    return (lua_Unsigned)pos < MAX_SIZET ? (size_t)pos : MAX_SIZET;\n",
    },
    .{
        .file = "lstrlib.c",
        .why = size_why,
        .find = "        size_t len = (size_t)unpackint(L, data + pos, h.islittle, size, 0);\n",
        .replace = "        lua_Unsigned len = (lua_Unsigned)unpackint(L, data + pos, h.islittle, size, 0);\n",
    },
    .{
        .file = "lgc.c",
        .why = "A weak table that is being written to the host is strong meanwhile: see seen_flag in encode.zig.",
        .find = "  const TValue *mode = gfasttm(g, h->metatable, TM_MODE);\n",
        .replace = "  const TValue *mode = (h->flags & (1u << 6)) ? NULL : gfasttm(g, h->metatable, TM_MODE);\n",
    },
    .{
        .file = "lmathlib.c",
        .why = "The time in seconds, and an address that is the same in every unit, are no seed.",
        .find = "  lua_Unsigned seed1 = (lua_Unsigned)time(NULL);\n" ++
            "  lua_Unsigned seed2 = (lua_Unsigned)(size_t)L;\n",
        .replace = "  lua_Unsigned seed1 = cu_seed();\n" ++
            "  lua_Unsigned seed2 = cu_seed();\n",
    },
    .{
        .file = "lmem.c",
        .why = "There is one allocator: a direct call is faster than one through a pointer.",
        .find = "#define callfrealloc(g,block,os,ns)    ((*g->frealloc)(g->ud, block, os, ns))\n",
        .replace = "#define callfrealloc(g,block,os,ns)    (cu_reallocate(g->ud, block, os, ns))\n",
    },
    .{
        .file = "lvm.c",
        .why = iterator_why,
        .find = "        /* push function, state, and control variable */\n" ++
            "        memcpy(ra + 4, ra, 3 * sizeof(*ra));\n",
        .replace = "        if (ttislcf(s2v(ra)) && ttistable(s2v(ra + 1)) && GETARG_C(i) <= 2) {\n" ++
            "          Table *h = hvalue(s2v(ra + 1));\n" ++
            "          if (fvalue(s2v(ra)) == luaB_next && !cu_istraversed(h)) {\n" ++
            "            setobjs2s(L, ra + 4, ra + 2);\n" ++
            "            savepc(L);\n" ++
            "            if (!luaH_next(L, h, ra + 4)) setnilvalue(s2v(ra + 4));\n" ++
            "            i = *(pc++);\n" ++
            "            goto l_tforloop;\n" ++
            "          }\n" ++
            "          if (fvalue(s2v(ra)) == luaB_ipairsaux && h->metatable == NULL && ttisinteger(s2v(ra + 2))) {\n" ++
            "            lua_Unsigned n = l_castS2U(ivalue(s2v(ra + 2))) + 1;\n" ++
            "            const TValue *slot;\n" ++
            "            setivalue(s2v(ra + 4), l_castU2S(n));\n" ++
            "            if (luaV_fastgeti(L, s2v(ra + 1), n, slot)) {\n" ++
            "              setobj2s(L, ra + 5, slot);\n" ++
            "            }\n" ++
            "            else {\n" ++
            "              TValue key;\n" ++
            "              setivalue(&key, l_castU2S(n));\n" ++
            "              Protect(luaV_finishget(L, s2v(ra + 1), &key, ra + 5, slot));\n" ++
            "              if (ttisnil(s2v(ra + 5))) setnilvalue(s2v(ra + 4));\n" ++
            "            }\n" ++
            "            i = *(pc++);\n" ++
            "            goto l_tforloop;\n" ++
            "          }\n" ++
            "        }\n" ++
            "        /* push function, state, and control variable */\n" ++
            "        memcpy(ra + 4, ra, 3 * sizeof(*ra));\n",
    },
    .{
        .file = "ldo.c",
        .why = position_why,
        .find = "l_noret luaD_throw (lua_State *L, int errcode) {\n",
        .replace = "l_noret luaD_throw (lua_State *L, int errcode) {\n" ++
            "  if (errcode == LUA_ERRMEM) cu_no_memory(L);\n",
    },
    .{
        .file = "lvm.c",
        .why = position_why,
        .find = "        t = luaH_new(L);  /* memory allocation */\n",
        .replace = "        savepc(L);\n" ++
            "        t = luaH_new(L);  /* memory allocation */\n",
    },
    .{
        .file = "lvm.c",
        .why = position_why,
        .find = "          luaH_resizearray(L, h, last);  /* preallocate it at once */\n",
        .replace = "          savepc(L), luaH_resizearray(L, h, last);  /* preallocate it at once */\n",
    },
    .{
        .file = "lparser.c",
        .why = position_why,
        .find = "  funcstate.f->source = luaS_new(L, name);  /* create and anchor TString */\n",
        .replace = "  funcstate.f->source = luaS_createlngstrobj(L, strlen(name));  /* create and anchor TString */\n" ++
            "  memcpy(getlngstr(funcstate.f->source), name, strlen(name));\n",
    },
    .{
        .file = "lbaselib.c",
        .why = "Where `ipairs` was given no table, the error said less than that of `pairs`.",
        .find = "  lua_pushinteger(L, i);\n" ++
            "  return (lua_geti(L, 1, i) == LUA_TNIL) ? 1 : 2;\n",
        .replace = "  if (!lua_istable(L, 1) && luaL_getmetafield(L, 1, \"__index\") == LUA_TNIL)\n" ++
            "    luaL_checktype(L, 1, LUA_TTABLE);\n" ++
            "  lua_pushinteger(L, i);\n" ++
            "  return (lua_geti(L, 1, i) == LUA_TNIL) ? 1 : 2;\n",
    },
    .{
        .file = "lbaselib.c",
        .why = iterator_why,
        .find = "static int ipairsaux (lua_State *L) {",
        .replace = "int luaB_ipairsaux (lua_State *L) {",
    },
    .{
        .file = "lbaselib.c",
        .why = iterator_why,
        .find = "  lua_pushcfunction(L, ipairsaux);  /* iteration function */",
        .replace = "  lua_pushcfunction(L, luaB_ipairsaux);  /* iteration function */",
    },
    .{
        .file = "lbaselib.c",
        .why = iterator_why,
        .find = "static int luaB_next (lua_State *L) {",
        .replace = "int luaB_next (lua_State *L) {",
    },
    .{
        .file = "lmem.c",
        .why = "Where Lua can collect and ask again, the allocator may refuse before WASM memory grows.",
        .find = "  void *newblock;\n" ++
            "  global_State *g = G(L);\n" ++
            "  lua_assert((osize == 0) == (block == NULL));\n" ++
            "  newblock = firsttry(g, block, osize, nsize);\n",
        .replace = "  void *newblock;\n" ++
            "  global_State *g = G(L);\n" ++
            "  lua_assert((osize == 0) == (block == NULL));\n" ++
            "  newblock = (cantryagain(g) ? cu_reallocate_first : cu_reallocate)(g->ud, block, osize, nsize);\n",
    },
    .{
        .file = "lmem.c",
        .why = "Where Lua can collect and ask again, the allocator may refuse before WASM memory grows.",
        .find = "    void *newblock = firsttry(g, NULL, tag, size);\n",
        .replace = "    void *newblock = (cantryagain(g) ? cu_reallocate_first : cu_reallocate)(g->ud, NULL, tag, size);\n",
    },
    .{
        .file = "lgc.c",
        .why = view_why,
        .find = "      Udata *u = gco2u(o);\n" ++
            "      luaM_freemem(",
        .replace = "      Udata *u = gco2u(o);\n" ++
            "      cu_userdata_free(u);\n" ++
            "      luaM_freemem(",
    },
    .{
        .file = "ldo.c",
        .why = leave_why,
        .find = "  volatile int status;  /* error code */\n" ++
            "};\n",
        .replace = "  volatile int status;  /* error code */\n" ++
            "  int runs;  /* what it protects: 1: a call, 2: a coroutine, 0: something else */\n" ++
            "  l_uint32 calls;  /* nCcalls when it began */\n" ++
            "  l_uint32 pcallk;  /* nCcalls in what the last 'lua_pcallk' called in it */\n" ++
            "};\n" ++
            "\n" ++
            "CallInfo *cu_leaving = NULL;  /* the function that may, by the error it is raising */\n" ++
            "\n" ++
            "void f_call (lua_State *L, void *ud);  /* lapi.c */\n" ++
            "static void resume (lua_State *L, void *ud);\n" ++
            "static void unroll (lua_State *L, void *ud);\n" ++
            "\n" ++
            "#define canleave(f)  ((f) == luaB_error || (f) == luaB_assert || (f) == luaB_yield)\n",
    },
    .{
        .file = "lapi.c",
        .why = leave_why,
        .find = "    luaD_call(L, c.func, nresults);  /* do the call */\n" ++
            "    ci->callstatus &= ~CIST_YPCALL;\n" ++
            "    L->errfunc = ci->u.c.old_errfunc;\n" ++
            "    status = LUA_OK;  /* if it is here, there were no errors */\n",
        .replace = "    status = luaD_callk(L, ci, c.func, nresults);  /* do the call */\n",
    },
    .{
        .file = "ldo.h",
        .why = leave_why,
        .find = "LUAI_FUNC void luaD_callnoyield (lua_State *L, StkId func, int nResults);\n",
        .replace = "LUAI_FUNC void luaD_callnoyield (lua_State *L, StkId func, int nResults);\n" ++
            "LUAI_FUNC int luaD_callk (lua_State *L, CallInfo *ci, StkId func, int nResults);\n",
    },
    .{
        .file = "ldo.c",
        .why = leave_why,
        .find = "/*\n" ++
            "** Completes the execution of a C function interrupted by an yield.\n",
        .replace = "/*\n" ++
            "** The call of a 'lua_pcallk' that 'resume' protects.\n" ++
            "*/\n" ++
            "int luaD_callk (lua_State *L, CallInfo *ci, StkId func, int nresults) {\n" ++
            "  struct lua_longjmp *lj = L->errorJmp;\n" ++
            "  l_uint32 outer = lj->pcallk;\n" ++
            "  lj->pcallk = L->nCcalls + 1;\n" ++
            "  luaD_call(L, func, nresults);\n" ++
            "  lj->pcallk = outer;\n" ++
            "  if (l_unlikely(cu_pending & CU_LEAVES)) {  /* error: go on as 'precover' would */\n" ++
            "    cu_pending &= ~CU_LEAVES;\n" ++
            "    L->ci = ci;\n" ++
            "    setcistrecst(ci, LUA_ERRRUN);\n" ++
            "    return finishpcallk(L, ci);\n" ++
            "  }\n" ++
            "  ci->callstatus &= ~CIST_YPCALL;\n" ++
            "  L->errfunc = ci->u.c.old_errfunc;\n" ++
            "  return LUA_OK;\n" ++
            "}\n" ++
            "\n" ++
            "\n" ++
            "/*\n" ++
            "** Completes the execution of a C function interrupted by an yield.\n",
    },
    .{
        .file = "ldebug.h",
        .why = leave_why ++ "\nThese functions return then: luaG_errormsg, and what calls it.",
        .find = "#include \"lstate.h\"\n",
        .replace = "#include \"lstate.h\"\n" ++
            "\n" ++
            "#undef l_noret\n" ++
            "#define l_noret void\n",
    },
    .{
        .file = "ldebug.h",
        .why = leave_why,
        .find = "LUAI_FUNC int luaG_tracecall (lua_State *L);\n",
        .replace = "LUAI_FUNC int luaG_tracecall (lua_State *L);\n" ++
            "\n" ++
            "#undef l_noret\n" ++
            "#define l_noret void __attribute__((noreturn))\n",
    },
    .{
        .file = "ldebug.c",
        .why = leave_why,
        .find = "#include \"ltm.h\"\n" ++
            "#include \"lvm.h\"\n",
        .replace = "#include \"ltm.h\"\n" ++
            "#include \"lvm.h\"\n" ++
            "\n" ++
            "#undef l_noret\n" ++
            "#define l_noret void\n",
    },
    .{
        .file = "ldebug.c",
        .why = leave_why,
        .find = "l_noret luaG_errormsg (lua_State *L) {\n",
        .replace = "void luaG_callhandler (lua_State *L) {\n",
    },
    .{
        .file = "ldebug.c",
        .why = leave_why,
        .find = "    luaD_callnoyield(L, L->top.p - 2, 1);  /* call it */\n" ++
            "  }\n" ++
            "  luaD_throw(L, LUA_ERRRUN);\n",
        .replace = "    luaD_callnoyield(L, L->top.p - 2, 1);  /* call it */\n" ++
            "  }\n" ++
            "}\n" ++
            "\n" ++
            "\n" ++
            "l_noret luaG_errormsg (lua_State *L) {\n" ++
            "  int leave = (cu_leaving == L->ci);\n" ++
            "  cu_leaving = NULL;\n" ++
            "  luaG_callhandler(L);\n" ++
            "  if (leave) luaD_leave(L); else luaD_throw(L, LUA_ERRRUN);\n",
    },
    .{
        .file = "lbaselib.c",
        .why = leave_why,
        .find = "static int luaB_assert (lua_State *L) {\n",
        .replace = "void luaB_assertvalue (lua_State *L) {\n" ++
            "  lua_remove(L, 1);  /* remove the condition */\n" ++
            "  lua_pushliteral(L, \"assertion failed!\");  /* default message */\n" ++
            "  lua_settop(L, 1);  /* leave only message (default if no other one) */\n" ++
            "  luaB_errorvalue(L);\n" ++
            "}\n" ++
            "\n" ++
            "\n" ++
            "int luaB_assert (lua_State *L) {\n",
    },
    .{
        .file = "lbaselib.c",
        .why = leave_why,
        .find = "    luaL_checkany(L, 1);  /* there must be a condition */\n" ++
            "    lua_remove(L, 1);  /* remove it */\n" ++
            "    lua_pushliteral(L, \"assertion failed!\");  /* default message */\n" ++
            "    lua_settop(L, 1);  /* leave only message (default if no other one) */\n" ++
            "    return luaB_error(L);  /* call 'error' */\n",
        .replace = "    luaL_checkany(L, 1);  /* there must be a condition */\n" ++
            "    luaB_assertvalue(L);\n" ++
            "    return lua_error(L);\n",
    },
    .{
        .file = "ldo.c",
        .why = leave_why,
        .find = "  lj.status = LUA_OK;\n",
        .replace = "  lj.status = LUA_OK;\n" ++
            "  lj.runs = (f == f_call) ? 1 : (f == resume || f == unroll) ? 2 : 0;\n" ++
            "  lj.calls = oldnCcalls;\n" ++
            "  lj.pcallk = 0;\n",
    },
    .{
        .file = "ldo.c",
        .why = leave_why,
        .find = "  L->errorJmp = lj.previous;  /* restore old error handler */\n",
        .replace = "  cu_pending &= ~CU_LEAVES;\n" ++
            "  cu_leaving = NULL;\n" ++
            "  L->errorJmp = lj.previous;  /* restore old error handler */\n",
    },
    .{
        .file = "ldo.c",
        .why = leave_why,
        .find = "int luaD_pretailcall (lua_State *L, CallInfo *ci, StkId func,\n",
        .replace = "/*\n" ++
            "** What ends without a jump if the running function raises an error, or yields: 1: what\n" ++
            "** 'errorJmp' protects; 2: the call of a 'lua_pcallk'; 0: nothing, as there is C between.\n" ++
            "*/\n" ++
            "static int leaves (lua_State *L, int isyield) {\n" ++
            "  struct lua_longjmp *lj = L->errorJmp;\n" ++
            "  if (lj == NULL || lj->runs == 0) return 0;\n" ++
            "  if (L->nCcalls == lj->calls + (lj->runs == 1 ? nyci : 0)) return lj->runs == 2 || !isyield;\n" ++
            "  return (L->nCcalls == lj->pcallk && !isyield) ? 2 : 0;\n" ++
            "}\n" ++
            "\n" ++
            "\n" ++
            "/*\n" ++
            "** Called where luaV_execute returns after an error: tells luaG_errormsg.\n" ++
            "*/\n" ++
            "void luaD_mayleave (lua_State *L) {\n" ++
            "  cu_leaving = (isLua(L->ci) && leaves(L, 0)) ? L->ci : NULL;\n" ++
            "}\n" ++
            "\n" ++
            "\n" ++
            "void luaD_leave (lua_State *L) {\n" ++
            "  if (leaves(L, 0) == 1) L->errorJmp->status = LUA_ERRRUN;\n" ++
            "  cu_pending |= CU_LEAVES;\n" ++
            "}\n" ++
            "\n" ++
            "\n" ++
            "/*\n" ++
            "** 'error', 'assert' or 'yield', if it can do without a jump.\n" ++
            "*/\n" ++
            "static int leavedirectly (lua_State *L, StkId func, int nresults) {\n" ++
            "  lua_CFunction f = fvalue(s2v(func));\n" ++
            "  CallInfo *ci;\n" ++
            "  if (f == luaB_assert && (L->top.p == func + 1 || !l_isfalse(s2v(func + 1)))) return 0;\n" ++
            "  if (!leaves(L, f == luaB_yield)) return 0;\n" ++
            "  checkstackGCp(L, LUA_MINSTACK, func);\n" ++
            "  L->ci = ci = prepCallInfo(L, func, nresults, CIST_C, L->top.p + LUA_MINSTACK);\n" ++
            "  if (f == luaB_yield) {\n" ++
            "    ci->u.c.k = NULL;\n" ++
            "    ci->u2.nyield = cast_int(L->top.p - (ci->func.p + 1));\n" ++
            "    L->status = LUA_YIELD;\n" ++
            "    cu_pending |= CU_LEAVES;\n" ++
            "  }\n" ++
            "  else {\n" ++
            "    if (f == luaB_assert) luaB_assertvalue(L); else luaB_errorvalue(L);\n" ++
            "    luaG_callhandler(L);\n" ++
            "    luaD_leave(L);\n" ++
            "  }\n" ++
            "  return 1;\n" ++
            "}\n" ++
            "\n" ++
            "\n" ++
            "int luaD_pretailcall (lua_State *L, CallInfo *ci, StkId func,\n",
    },
    .{
        .file = "ldo.c",
        .why = leave_why,
        .find = "      precallC(L, func, nresults, fvalue(s2v(func)));\n" ++
            "      return NULL;\n",
        .replace = "      if (canleave(fvalue(s2v(func))) &&\n" ++
            "          leavedirectly(L, func, nresults))\n" ++
            "        return NULL;\n" ++
            "      precallC(L, func, nresults, fvalue(s2v(func)));\n" ++
            "      return NULL;\n",
    },
    .{
        .file = "ldo.c",
        .why = leave_why,
        .find = "      luaV_execute(L, ci);  /* execute down to higher C 'boundary' */\n",
        .replace = "      luaV_execute(L, ci);  /* execute down to higher C 'boundary' */\n" ++
            "      if (cu_pending & CU_LEAVES) return;\n",
    },
    .{
        .file = "ldo.c",
        .why = leave_why,
        .find = "  status = precover(L, status);\n",
        .replace = "  status = precover(L, status);\n" ++
            "  if (status == LUA_OK) status = L->status;  /* may have yielded without a jump */\n",
    },
    .{
        .file = "lvm.c",
        .why = leave_why,
        .find = "        if ((newci = luaD_precall(L, ra, nresults)) == NULL)\n" ++
            "          updatetrap(ci);  /* C call; nothing else to be done */\n" ++
            "        else {",
        .replace = "        if ((newci = luaD_precall(L, ra, nresults)) == NULL) {\n" ++
            "          if (cu_attends(L)) return;\n" ++
            "          updatetrap(ci);  /* C call; nothing else to be done */\n" ++
            "        }\n" ++
            "        else {",
    },
    .{
        .file = "lbaselib.c",
        .why = leave_why,
        .find = "static int luaB_error (lua_State *L) {\n" ++
            "  int level",
        .replace = "void luaB_errorvalue (lua_State *L) {\n" ++
            "  int level",
    },
    .{
        .file = "lbaselib.c",
        .why = leave_why,
        .find = "    lua_pushvalue(L, 1);\n" ++
            "    lua_concat(L, 2);\n" ++
            "  }\n" ++
            "  return lua_error(L);\n" ++
            "}\n",
        .replace = "    lua_pushvalue(L, 1);\n" ++
            "    lua_concat(L, 2);\n" ++
            "  }\n" ++
            "}\n" ++
            "\n" ++
            "\n" ++
            "int luaB_error (lua_State *L) {\n" ++
            "  luaB_errorvalue(L);\n" ++
            "  return lua_error(L);\n" ++
            "}\n",
    },
    .{
        .file = "lcorolib.c",
        .why = leave_why,
        .find = "static int luaB_yield (lua_State *L) {",
        .replace = "int luaB_yield (lua_State *L) {",
    },
    .{
        .file = "lapi.c",
        .why = leave_why,
        .find = "static void f_call (lua_State *L, void *ud) {",
        .replace = "void f_call (lua_State *L, void *ud) {",
    },
    .{
        .file = "ldo.c",
        .why = leave_why,
        .find = "      return precallC(L, func, LUA_MULTRET, fvalue(s2v(func)));\n",
        .replace = "      if (canleave(fvalue(s2v(func))) &&\n" ++
            "          leavedirectly(L, func, LUA_MULTRET))\n" ++
            "        return 0;\n" ++
            "      return precallC(L, func, LUA_MULTRET, fvalue(s2v(func)));\n",
    },
    .{
        .file = "lvm.c",
        .why = leave_why,
        .find = "        else {  /* C function? */\n" ++
            "          ci->func.p -= delta;  /* restore 'func' (if vararg) */\n",
        .replace = "        else {  /* C function? */\n" ++
            "          if (cu_attends(L)) return;\n" ++
            "          ci->func.p -= delta;  /* restore 'func' (if vararg) */\n",
    },
    .{
        .file = "lauxlib.c",
        .why = "A string buffer asks the allocator itself, which doesn't make Lua collect.",
        .find = "  if (l_unlikely(temp == NULL && newsize > 0)) {  /* allocation error? */\n",
        .replace = "  if (l_unlikely(temp == NULL && newsize > 0)) {\n" ++
            "    cu_collect(L);\n" ++
            "    temp = allocf(ud, box->box, box->bsize, newsize);\n" ++
            "  }\n" ++
            "  if (l_unlikely(temp == NULL && newsize > 0)) {  /* allocation error? */\n",
    },
    .{
        .file = "lvm.c",
        .why = leave_why,
        .find = "#define Protect(exp)  (savestate(L,ci), (exp), updatetrap(ci))\n",
        .replace = "#define Protect(exp)  { savestate(L,ci); exp; if (cu_attends(L)) return; updatetrap(ci); }\n",
    },
    .{
        .file = "lvm.c",
        .why = leave_why,
        .find = "      if (l_unlikely(notm(tm)))\n" ++
            "        luaG_typeerror(L, t, \"index\");  /* no metamethod */\n",
        .replace = "      if (l_unlikely(notm(tm))) {\n" ++
            "        luaD_mayleave(L);\n" ++
            "        luaG_typeerror(L, t, \"index\");  /* no metamethod */\n" ++
            "        return;\n" ++
            "      }\n",
    },
    .{
        .file = "lvm.c",
        .why = leave_why,
        .find = "      if (l_unlikely(notm(tm)))\n" ++
            "        luaG_typeerror(L, t, \"index\");\n",
        .replace = "      if (l_unlikely(notm(tm))) {\n" ++
            "        luaD_mayleave(L);\n" ++
            "        luaG_typeerror(L, t, \"index\");\n" ++
            "        return;\n" ++
            "      }\n",
    },
    .{
        .file = "lvm.c",
        .why = leave_why,
        .find = "      if (l_unlikely(notm(tm)))  /* no metamethod? */\n" ++
            "        luaG_typeerror(L, rb, \"get length of\");\n",
        .replace = "      if (l_unlikely(notm(tm))) {  /* no metamethod? */\n" ++
            "        luaD_mayleave(L);\n" ++
            "        luaG_typeerror(L, rb, \"get length of\");\n" ++
            "        return;\n" ++
            "      }\n",
    },
    .{
        .file = "ltm.c",
        .why = leave_why,
        .find = "    switch (event) {\n" ++
            "      case TM_BAND:",
        .replace = "    luaD_mayleave(L);\n" ++
            "    switch (event) {\n" ++
            "      case TM_BAND:",
    },
    .{
        .file = "ltm.c",
        .why = leave_why,
        .find = "      /* calls never return, but to avoid warnings: *//* FALLTHROUGH */\n",
        .replace = "      break;\n",
    },
    .{
        .file = "ltm.c",
        .why = leave_why,
        .find = "  luaG_ordererror(L, p1, p2);  /* no metamethod found */\n",
        .replace = "  luaD_mayleave(L);\n" ++
            "  luaG_ordererror(L, p1, p2);  /* no metamethod found */\n",
    },
    .{
        .file = "ldo.c",
        .why = leave_why,
        .find = "    luaG_callerror(L, s2v(func));  /* nothing to call */\n",
        .replace = "  {\n" ++
            "    luaD_mayleave(L);\n" ++
            "    luaG_callerror(L, s2v(func));  /* nothing to call */\n" ++
            "    return NULL;\n" ++
            "  }\n",
    },
    .{
        .file = "ldo.c",
        .why = leave_why,
        .find = "      /* return luaD_precall(L, func, nresults); */\n",
        .replace = "      if (l_unlikely(func == NULL)) return NULL;\n" ++
            "      if (l_unlikely(++links > LUAI_MAXCCALLS)) luaG_runerror(L, \"'__call' chain too long\");\n",
    },
    .{
        .file = "ldo.c",
        .why = leave_why,
        .find = "      /* return luaD_pretailcall(L, ci, func, narg1 + 1, delta); */\n",
        .replace = "      if (l_unlikely(func == NULL)) return 0;\n" ++
            "      if (l_unlikely(++links > LUAI_MAXCCALLS)) luaG_runerror(L, \"'__call' chain too long\");\n",
    },
    .{
        .file = "lvm.c",
        .why = leave_why,
        .find = "#include \"lvm.h\"\n",
        .replace = "#include \"lvm.h\"\n" ++
            "\n" ++
            "#define luaG_runerror(...)  (luaG_runerror(__VA_ARGS__), __builtin_unreachable())\n" ++
            "#define luaG_forerror(...)  (luaG_forerror(__VA_ARGS__), __builtin_unreachable())\n" ++
            "#define luaG_opinterror(...)  (luaG_opinterror(__VA_ARGS__), __builtin_unreachable())\n" ++
            "#define luaG_tointerror(...)  (luaG_tointerror(__VA_ARGS__), __builtin_unreachable())\n",
    },
    .{
        .file = "lgc.c",
        .why = collector_why,
        .find = "    lu_mem work = singlestep(L);  /* perform one single step */\n",
        .replace = "    lu_mem work = singlestep(L);  /* perform one single step */\n" ++
            "    cu_spend(work << 8);\n",
    },
    .{
        .file = "lgc.c",
        .why = collector_why,
        .find = "  lua_assert(isdecGCmodegen(g));\n" ++
            "}\n",
        .replace = "  lua_assert(isdecGCmodegen(g));\n" ++
            "  cu_spend(gettotalbytes(g));\n" ++
            "}\n",
    },
    .{
        .file = "lgc.c",
        .why = collector_why,
        .find = "    fullgen(L, g);\n" ++
            "  g->gcemergency = 0;\n",
        .replace = "    fullgen(L, g);\n" ++
            "  g->gcemergency = 0;\n" ++
            "  cu_spend(gettotalbytes(g));\n",
    },
    .{
        .file = "lcode.c",
        .why = parser_why,
        .find = "    while ((next = getjump(fs, list)) != NO_JUMP)  /* find last element */\n" ++
            "      list = next;\n",
        .replace = "    while ((next = getjump(fs, list)) != NO_JUMP) {  /* find last element */\n" ++
            "      cu_spend(64);\n" ++
            "      list = next;\n" ++
            "    }\n",
    },
    .{
        .file = "lparser.c",
        .why = parser_why,
        .find = "  for (i = ls->fs->firstlabel; i < dyd->label.n; i++) {\n",
        .replace = "  cu_spend((size_t)(dyd->label.n - ls->fs->firstlabel) << 6);\n" ++
            "  for (i = ls->fs->firstlabel; i < dyd->label.n; i++) {\n",
    },
    .{
        .file = "lparser.c",
        .why = parser_why,
        .find = "  for (i = cast_int(fs->nactvar) - 1; i >= 0; i--) {\n",
        .replace = "  cu_spend((size_t)fs->nactvar << 6);\n" ++
            "  for (i = cast_int(fs->nactvar) - 1; i >= 0; i--) {\n",
    },
    .{
        .file = "lparser.c",
        .why = parser_why ++ "\nGotos were taken out of the list one by one, each moving all after it.",
        .find = "  for (i = g; i < gl->n - 1; i++)  /* remove goto from pending list */\n" ++
            "    gl->arr[i] = gl->arr[i + 1];\n" ++
            "  gl->n--;\n",
        .replace = "",
    },
    .{
        .file = "lparser.c",
        .why = parser_why,
        .find = "static void solvegoto (LexState *ls, int g, Labeldesc *label) {\n" ++
            "  int i;\n",
        .replace = "static void solvegoto (LexState *ls, int g, Labeldesc *label) {\n",
    },
    .{
        .file = "lparser.c",
        .why = parser_why,
        .find = "  int needsclose = 0;\n" ++
            "  while (i < gl->n) {\n" ++
            "    if (eqstr(gl->arr[i].name, lb->name)) {\n" ++
            "      needsclose |= gl->arr[i].close;\n" ++
            "      solvegoto(ls, i, lb);  /* will remove 'i' from the list */\n" ++
            "    }\n" ++
            "    else\n" ++
            "      i++;\n" ++
            "  }\n",
        .replace = "  int needsclose = 0;\n" ++
            "  int left = i;  /* end of those that are left in the list */\n" ++
            "  for (; i < gl->n; i++) {\n" ++
            "    if (eqstr(gl->arr[i].name, lb->name)) {\n" ++
            "      needsclose |= gl->arr[i].close;\n" ++
            "      solvegoto(ls, i, lb);\n" ++
            "    }\n" ++
            "    else\n" ++
            "      gl->arr[left++] = gl->arr[i];\n" ++
            "  }\n" ++
            "  gl->n = left;\n",
    },
    .{
        .file = "ltable.c",
        .why = view_why ++ "\nElements that stand with Lua are found here, as an array's are.",
        .find = "    Node *n = hashint(t, key);\n",
        .replace = "    Node *n;\n" ++
            "    unsigned links = 0;\n" ++
            "    if (l_unlikely(t == cu_page.owner) && l_castS2U(key) - 1u - cu_page.first < cu_page.count)\n" ++
            "      return cu_page.values + (l_castS2U(key) - 1u - cu_page.first);\n" ++
            "    n = hashint(t, key);\n",
    },
    .{
        .file = "lvm.c",
        .why = chain_why,
        .find = "    /* else repeat (tail call 'luaV_finishget') */\n",
        .replace = "    /* else repeat (tail call 'luaV_finishget') */\n" ++
            "    cu_spend(64);\n",
    },
    .{
        .file = "lvm.c",
        .why = chain_why,
        .find = "    /* else 'return luaV_finishset(L, t, key, val, slot)' (loop) */\n",
        .replace = "    /* else 'return luaV_finishset(L, t, key, val, slot)' (loop) */\n" ++
            "    cu_spend(64);\n",
    },
    .{
        .file = "lvm.c",
        .why = limit_why,
        .find = "#define ProtectNT(exp)  (savepc(L), (exp), updatetrap(ci))\n",
        .replace = "#define ProtectNT(exp)  { savepc(L); exp; if (cu_attends(L)) return; updatetrap(ci); }\n",
    },
    .{
        .file = "lvm.c",
        .why = bulk_why,
        .find = "        int cond = luaV_rawequalobj(s2v(ra), rb);\n" ++
            "        docondjump();\n",
        .replace = "        int cond = luaV_rawequalobj(s2v(ra), rb);\n" ++
            "        if (l_unlikely(cu_pending)) Protect((void)0);\n" ++
            "        docondjump();\n",
    },
    .{
        .file = "lvm.c",
        .why = collector_why,
        .find = "\t{ luaC_condGC(L, (savepc(L), L->top.p = (c)), \\\n" ++
            "                         updatetrap(ci)); \\\n",
        .replace = "\t{ luaC_condGC(L, (savepc(L), L->top.p = (c)), \\\n" ++
            "                         if (cu_attends(L)) return; updatetrap(ci)); \\\n",
    },
    .{
        .file = "ldo.c",
        .why = call_why,
        .find = "  luaD_poscall(L, ci, n);\n" ++
            "  return n;\n" ++
            "}\n",
        .replace = "  luaD_poscall(L, ci, n);\n" ++
            "  cu_steps(L, 1 + ((narg + n) >> 3));\n" ++
            "  return n;\n" ++
            "}\n",
    },
    .{
        .file = "ldo.c",
        .why = call_why,
        .find = "  int n;  /* number of returns */\n" ++
            "  CallInfo *ci;\n" ++
            "  checkstackGCp(L, LUA_MINSTACK, func);  /* ensure minimum stack size */\n",
        .replace = "  int n;  /* number of returns */\n" ++
            "  int narg = cast_int(L->top.p - func);\n" ++
            "  CallInfo *ci;\n" ++
            "  checkstackGCp(L, LUA_MINSTACK, func);  /* ensure minimum stack size */\n",
    },
    .{
        .file = "ldo.c",
        .why = call_chain_why,
        .find = "  for (p = L->top.p; p > func; p--)  /* open space for metamethod */\n",
        .replace = "  cu_spend((L->top.p - func) * sizeof(StackValue));\n" ++
            "  for (p = L->top.p; p > func; p--)  /* open space for metamethod */\n",
    },
    .{
        .file = "ldo.c",
        .why = call_chain_why,
        .find = "CallInfo *luaD_precall (lua_State *L, StkId func, int nresults) {\n" ++
            " retry:\n",
        .replace = "CallInfo *luaD_precall (lua_State *L, StkId func, int nresults) {\n" ++
            "  int links = 0;\n" ++
            " retry:\n",
    },
    .{
        .file = "ldo.c",
        .why = call_chain_why,
        .find = "                                    int narg1, int delta) {\n" ++
            " retry:\n",
        .replace = "                                    int narg1, int delta) {\n" ++
            "  int links = 0;\n" ++
            " retry:\n",
    },
    .{
        .file = "ldo.c",
        .why = bulk_why,
        .find = "      for (i = 0; i < narg1; i++)  /* move down function and arguments */\n",
        .replace = "      if (narg1 > 64) cu_spend(narg1 * sizeof(StackValue));\n" ++
            "      for (i = 0; i < narg1; i++)  /* move down function and arguments */\n",
    },
    .{
        .file = "ldo.c",
        .why = bulk_why,
        .find = "  if (nres > wanted)  /* extra results? */\n",
        .replace = "  if (wanted > 64) cu_spend((size_t)wanted * sizeof(StackValue));\n" ++
            "  if (nres > wanted)  /* extra results? */\n",
    },
    .{
        .file = "ldo.c",
        .why = bulk_why,
        .find = "  StkId lim = L->top.p;\n" ++
            "  for (ci = L->ci; ci != NULL; ci = ci->previous) {\n",
        .replace = "  StkId lim = L->top.p;\n" ++
            "  cu_spend((size_t)L->nci << 2);\n" ++
            "  for (ci = L->ci; ci != NULL; ci = ci->previous) {\n",
    },
    .{
        .file = "lstate.c",
        .why = bulk_why,
        .find = "  CallInfo *ci = L->ci->next;  /* first free CallInfo */\n" ++
            "  CallInfo *next;\n",
        .replace = "  CallInfo *ci = L->ci->next;  /* first free CallInfo */\n" ++
            "  CallInfo *next;\n" ++
            "  cu_spend((size_t)L->nci << 4);\n",
    },
    .{
        .file = "lzio.h",
        .why = work_why,
        .find = "  size_t n;\t\t\t/* bytes still unread */\n",
        .replace = "  size_t n;\t\t\t/* bytes still unread */\n" ++
            "  size_t rest;\t\t\t/* bytes of the reader's that follow them */\n",
    },
    .{
        .file = "lzio.c",
        .why = work_why,
        .find = "  z->n = 0;\n" ++
            "  z->p = NULL;\n",
        .replace = "  z->n = 0;\n" ++
            "  z->rest = 0;\n" ++
            "  z->p = NULL;\n",
    },
    .{
        .file = "lstrlib.c",
        .why = work_why ++ "\n`strpbrk` reads to the end of its text before it begins.",
        .find = "static int nospecials (const char *p, size_t l) {\n" ++
            "  size_t upto = 0;\n" ++
            "  do {\n" ++
            "    if (strpbrk(p + upto, SPECIALS))\n" ++
            "      return 0;  /* pattern has a special character */\n" ++
            "    upto += strlen(p + upto) + 1;  /* may have more after \\0 */\n" ++
            "  } while (upto <= l);\n" ++
            "  return 1;  /* no special chars found */\n",
        .replace = "static int nospecials (lua_State *L, const char *p, size_t l) {\n" ++
            "  size_t i;\n" ++
            "  for (i = 0; i < l; i++) {\n" ++
            "    if (p[i] != '\\0' && memchr(SPECIALS, p[i], sizeof(SPECIALS) - 1))\n" ++
            "      return 0;  /* pattern has a special character */\n" ++
            "    cu_step_each(L, i, 8);\n" ++
            "  }\n" ++
            "  return 1;  /* no special chars found */\n",
    },
    .{
        .file = "lstrlib.c",
        .why = work_why,
        .find = "nospecials(p, lp))) {",
        .replace = "nospecials(L, p, lp))) {",
    },
    .{
        .file = "lstrlib.c",
        .why = "`strspn` reads to the end of its text before it begins, which made a long format quadratic.",
        .find = "  size_t len = strspn(strfrmt, L_FMTFLAGSF \"123456789.\");\n",
        .replace = "  size_t len = 0;\n" ++
            "  while (len < MAX_FORMAT && strfrmt[len] != '\\0' && strchr(L_FMTFLAGSF \"123456789.\", strfrmt[len])) len++;\n",
    },
    .{
        .file = "lstrlib.c",
        .why = work_why,
        .find = "  while (strfrmt < strfrmt_end) {\n" ++
            "    if (*strfrmt != L_ESC)\n",
        .replace = "  while (strfrmt < strfrmt_end) {\n" ++
            "    cu_step(L);\n" ++
            "    if (*strfrmt != L_ESC)\n",
    },
    .{
        .file = "lstrlib.c",
        .why = work_why ++ "\nA float with 99 digits takes 15 us, and the longest 80 us.",
        .find = "      strfrmt = getformat(L, strfrmt, form);\n" ++
            "      switch (*strfrmt++) {\n",
        .replace = "      strfrmt = getformat(L, strfrmt, form);\n" ++
            "      cu_steps(L, (strchr(\"aAeEfgG\", *strfrmt) == NULL) ? 16 : (form[2] == '\\0') ? 64 : 512);\n" ++
            "      switch (*strfrmt++) {\n",
    },
    .{
        .file = "lstrlib.c",
        .why = work_why,
        .find = "  while (len--) {\n" ++
            "    if (*s == '\"' || *s == '\\\\' || *s == '\\n') {\n",
        .replace = "  while (len--) {\n" ++
            "    cu_steps(b->L, iscntrl(uchar(*s)) ? 8 : 1);\n" ++
            "    if (*s == '\"' || *s == '\\\\' || *s == '\\n') {\n",
    },
    .{
        .file = "lstrlib.c",
        .why = work_why,
        .find = "  while (*fmt != '\\0') {\n" ++
            "    int size, ntoalign;\n" ++
            "    KOption opt = getdetails(&h, totalsize, &fmt, &size, &ntoalign);\n" ++
            "    totalsize += ntoalign + size;\n",
        .replace = "  while (*fmt != '\\0') {\n" ++
            "    int size, ntoalign;\n" ++
            "    KOption opt;\n" ++
            "    cu_steps(L, 16);\n" ++
            "    opt = getdetails(&h, totalsize, &fmt, &size, &ntoalign);\n" ++
            "    totalsize += ntoalign + size;\n",
    },
    .{
        .file = "lstrlib.c",
        .why = work_why,
        .find = "  while (*fmt != '\\0') {\n" ++
            "    int size, ntoalign;\n" ++
            "    KOption opt = getdetails(&h, totalsize, &fmt, &size, &ntoalign);\n" ++
            "    luaL_argcheck(L, opt != Kstring",
        .replace = "  while (*fmt != '\\0') {\n" ++
            "    int size, ntoalign;\n" ++
            "    KOption opt;\n" ++
            "    cu_steps(L, 16);\n" ++
            "    opt = getdetails(&h, totalsize, &fmt, &size, &ntoalign);\n" ++
            "    luaL_argcheck(L, opt != Kstring",
    },
    .{
        .file = "lstrlib.c",
        .why = work_why,
        .find = "  while (*fmt != '\\0') {\n" ++
            "    int size, ntoalign;\n" ++
            "    KOption opt = getdetails(&h, pos, &fmt, &size, &ntoalign);\n",
        .replace = "  while (*fmt != '\\0') {\n" ++
            "    int size, ntoalign;\n" ++
            "    KOption opt;\n" ++
            "    cu_steps(L, 16);\n" ++
            "    opt = getdetails(&h, pos, &fmt, &size, &ntoalign);\n",
    },
    .{
        .file = "lutf8lib.c",
        .why = work_why,
        .find = "    posi = s1 - s;\n" ++
            "    n++;\n",
        .replace = "    posi = s1 - s;\n" ++
            "    n++;\n" ++
            "    cu_step_each(L, n, 8);\n",
    },
    .{
        .file = "lutf8lib.c",
        .why = work_why,
        .find = "    while (posi > 0 && iscontp(s + posi)) posi--;\n",
        .replace = "    while (posi > 0 && iscontp(s + posi)) { posi--; cu_step_each(L, posi, 16); }\n",
    },
    .{
        .file = "lutf8lib.c",
        .why = work_why,
        .find = "           posi--;\n" ++
            "         } while (posi > 0 && iscontp(s + posi));\n",
        .replace = "           posi--;\n" ++
            "           cu_step_each(L, posi, 16);\n" ++
            "         } while (posi > 0 && iscontp(s + posi));\n",
    },
    .{
        .file = "lutf8lib.c",
        .why = work_why,
        .find = "           posi++;\n" ++
            "         } while (iscontp(s + posi));  /* (cannot pass final '\\0') */\n",
        .replace = "           posi++;\n" ++
            "           cu_step_each(L, posi, 16);\n" ++
            "         } while (iscontp(s + posi));  /* (cannot pass final '\\0') */\n",
    },
    .{
        .file = "lutf8lib.c",
        .why = work_why,
        .find = "    while (iscontp(s + n)) n++;  /* go to next character */\n",
        .replace = "    while (iscontp(s + n)) { n++; cu_step_each(L, n, 16); }  /* go to next character */\n",
    },
    .{
        .file = "lutf8lib.c",
        .why = work_why,
        .find = "    for (i = 1; i <= n; i++) {\n" ++
            "      pushutfchar(L, i);\n",
        .replace = "    for (i = 1; i <= n; i++) {\n" ++
            "      cu_steps(L, 8);\n" ++
            "      pushutfchar(L, i);\n",
    },
    .{
        .file = "lbaselib.c",
        .why = work_why ++ "\n`strspn` reads to the end of its text before it begins.",
        .find = "  s += strspn(s, SPACECHARS);  /* skip initial spaces */\n" ++
            "  if (*s == '-')",
        .replace = "  while (isspace((unsigned char)*s)) { s++; cu_step_each(NULL, s, 16); }  /* skip initial spaces */\n" ++
            "  if (*s == '-')",
    },
    .{
        .file = "lbaselib.c",
        .why = work_why,
        .find = "    n = n * base + digit;\n" ++
            "    s++;\n",
        .replace = "    n = n * base + digit;\n" ++
            "    s++;\n" ++
            "    cu_step_each(NULL, s, 8);\n",
    },
    .{
        .file = "lbaselib.c",
        .why = work_why,
        .find = "  s += strspn(s, SPACECHARS);  /* skip trailing spaces */\n",
        .replace = "  while (isspace((unsigned char)*s)) { s++; cu_step_each(NULL, s, 16); }  /* skip trailing spaces */\n",
    },
    .{
        .file = "ltablib.c",
        .why = work_why,
        .find = "  for (i = n; i >= 1; i--)  /* assign elements */\n" ++
            "    lua_seti(L, 1, i);\n",
        .replace = "  for (i = n; i >= 1; i--) {  /* assign elements */\n" ++
            "    cu_step(L);\n" ++
            "    lua_seti(L, 1, i);\n" ++
            "  }\n",
    },
    .{
        .file = "lstrlib.c",
        .why = work_why,
        .find = "    lua_Unsigned c = (lua_Unsigned)luaL_checkinteger(L, i);\n" ++
            "    luaL_argcheck(L, c <= (lua_Unsigned)UCHAR_MAX",
        .replace = "    lua_Unsigned c = (lua_Unsigned)luaL_checkinteger(L, i);\n" ++
            "    cu_step(L);\n" ++
            "    luaL_argcheck(L, c <= (lua_Unsigned)UCHAR_MAX",
    },
    .{
        .file = "lmathlib.c",
        .why = work_why,
        .find = "    if (lua_compare(L, i, imin, LUA_OPLT))\n",
        .replace = "    cu_step(L);\n" ++
            "    if (lua_compare(L, i, imin, LUA_OPLT))\n",
    },
    .{
        .file = "lmathlib.c",
        .why = work_why,
        .find = "    if (lua_compare(L, imax, i, LUA_OPLT))\n",
        .replace = "    cu_step(L);\n" ++
            "    if (lua_compare(L, imax, i, LUA_OPLT))\n",
    },
    .{
        .file = "lmathlib.c",
        .why = work_why,
        .find = "    lua_pushnumber(L, l_mathop(fmod)(luaL_checknumber(L, 1),\n" ++
            "                                     luaL_checknumber(L, 2)));\n",
        .replace = "    lua_pushnumber(L, cu_fmod(L, luaL_checknumber(L, 1), luaL_checknumber(L, 2)));\n",
    },
    .{
        .file = "lmathlib.c",
        .why = work_why ++ "\nIt takes 12 us for 1e308, to bring it into a circle.",
        .find = "  lua_pushnumber(L, l_mathop(sin)(luaL_checknumber(L, 1)));\n",
        .replace = "  lua_Number x = luaL_checknumber(L, 1);\n" ++
            "  if (l_unlikely(!(fabs(x) < 1e6))) cu_steps(L, 256);\n" ++
            "  lua_pushnumber(L, l_mathop(sin)(x));\n",
    },
    .{
        .file = "lmathlib.c",
        .why = work_why ++ "\nIt takes 12 us for 1e308, to bring it into a circle.",
        .find = "  lua_pushnumber(L, l_mathop(cos)(luaL_checknumber(L, 1)));\n",
        .replace = "  lua_Number x = luaL_checknumber(L, 1);\n" ++
            "  if (l_unlikely(!(fabs(x) < 1e6))) cu_steps(L, 256);\n" ++
            "  lua_pushnumber(L, l_mathop(cos)(x));\n",
    },
    .{
        .file = "lmathlib.c",
        .why = work_why ++ "\nIt takes 12 us for 1e308, to bring it into a circle.",
        .find = "  lua_pushnumber(L, l_mathop(tan)(luaL_checknumber(L, 1)));\n",
        .replace = "  lua_Number x = luaL_checknumber(L, 1);\n" ++
            "  if (l_unlikely(!(fabs(x) < 1e6))) cu_steps(L, 256);\n" ++
            "  lua_pushnumber(L, l_mathop(tan)(x));\n",
    },
    .{
        .file = "lauxlib.c",
        .why = bulk_why,
        .find = "    char *b = prepbuffsize(B, l, -1);\n" ++
            "    memcpy(b, s, l * sizeof(char));\n" ++
            "    luaL_addsize(B, l);\n" ++
            "  }\n",
        .replace = "    char *b = prepbuffsize(B, l, -1);\n" ++
            "    cu_spend(l);\n" ++
            "    memcpy(b, s, l * sizeof(char));\n" ++
            "    luaL_addsize(B, l);\n" ++
            "  }\n",
    },
    .{
        .file = "lobject.c",
        .why = format_why,
        .find = "  int len;\n" ++
            "  lua_assert(ttisnumber(obj));\n" ++
            "  if (ttisinteger(obj))\n" ++
            "    len = lua_integer2str(buff, MAXNUMBER2STR, ivalue(obj));\n" ++
            "  else {\n" ++
            "    len = lua_number2str(buff, MAXNUMBER2STR, fltvalue(obj));\n" ++
            "    if (buff[strspn(buff, \"-0123456789\")] == '\\0') {  /* looks like an int? */\n" ++
            "      buff[len++] = lua_getlocaledecpoint();\n" ++
            "      buff[len++] = '0';  /* adds '.0' to result */\n" ++
            "    }\n" ++
            "  }\n" ++
            "  return len;\n",
        .replace = "  lua_assert(ttisnumber(obj));\n" ++
            "  return cast_int(cu_number2str(buff, obj));\n",
    },
    .{
        .file = "lstrlib.c",
        .why = format_why ++ "\nIt is told what it is given, and no lengths of types.",
        .find = "static void addlenmod (char *form, const char *lenmod) {\n" ++
            "  size_t l = strlen(form);\n" ++
            "  size_t lm = strlen(lenmod);\n" ++
            "  char spec = form[l - 1];\n" ++
            "  strcpy(form + l - 1, lenmod);\n" ++
            "  form[l + lm - 1] = spec;\n" ++
            "  form[l + lm] = '\\0';\n" ++
            "}\n",
        .replace = "#define addlenmod(form, lenmod) ((void)0)\n",
    },
    .{
        .file = "lobject.c",
        .why = "A source of any length is looked through for its first line, of which 60 bytes are shown.",
        .find = "    const char *nl = strchr(source, '\\n');  /* find first new line (if any) */\n",
        .replace = "    const char *nl = memchr(source, '\\n', srclen < bufflen ? srclen : bufflen);  /* first new line (if near) */\n",
    },
    .{
        .file = "lapi.c",
        .why = library_why ++ "\nThe name of a function without one is looked for in all globals.",
        .find = "  t = gettable(L, idx);\n" ++
            "  more = ",
        .replace = "  t = gettable(L, idx);\n" ++
            "  cu_steps(L, 3);\n" ++
            "  more = ",
    },
    .{
        .file = "ldebug.c",
        .why = bulk_why,
        .find = "  int jmptarget = 0;  /* any code before this address is conditional */\n",
        .replace = "  int jmptarget = 0;  /* any code before this address is conditional */\n" ++
            "  cu_spend((size_t)lastpc << 4);\n",
    },
    .{
        .file = "ltable.c",
        .why = bulk_why,
        .find = "  setlimittosize(t);\n" ++
            "  na = numusearray(t, nums);  /* count keys in array part */\n",
        .replace = "  setlimittosize(t);\n" ++
            "  cu_spend((size_t)limitasasize(t) << 2);\n" ++
            "  na = numusearray(t, nums);  /* count keys in array part */\n",
    },
    .{
        .file = "lparser.c",
        .why = work_why,
        .find = "  for (i = bl->firstgoto; i < gl->n; i++) {  /* for each pending goto */\n" ++
            "    Labeldesc *gt = &gl->arr[i];\n" ++
            "    /* leaving",
        .replace = "  for (i = bl->firstgoto; i < gl->n; i++) {  /* for each pending goto */\n" ++
            "    Labeldesc *gt = &gl->arr[i];\n" ++
            "    cu_step(fs->ls->L);\n" ++
            "    /* leaving",
    },
    .{
        .file = "lcode.c",
        .why = work_why,
        .find = "        int target = finaltarget(p->code, i);\n",
        .replace = "        int target = finaltarget(p->code, i);\n" ++
            "        cu_step(fs->ls->L);\n",
    },
    .{
        .file = "lcode.c",
        .why = work_why,
        .find = "static void removevalues (FuncState *fs, int list) {\n" ++
            "  for (; list != NO_JUMP; list = getjump(fs, list))\n" ++
            "      patchtestreg(fs, list, NO_REG);\n",
        .replace = "static void removevalues (FuncState *fs, int list) {\n" ++
            "  for (; list != NO_JUMP; list = getjump(fs, list)) {\n" ++
            "    cu_step(fs->ls->L);\n" ++
            "    patchtestreg(fs, list, NO_REG);\n" ++
            "  }\n",
    },
    .{
        .file = "ltable.c",
        .why = hash_why,
        .find = "#define hashpointer(t,p)\thashmod(t, point2uint(p))\n",
        .replace = "#define hashpointer(t,p)\thashpow2(t, (point2uint(p) >> 3) + cu_mix(point2uint(p) >> 11))\n",
    },
    .{
        .file = "ltable.c",
        .why = hash_why ++ "\nIntegers near each other stay near each other, as they are often read one after the other.",
        .find = "  lua_Unsigned ui = l_castS2U(i);\n" ++
            "  if (ui <= cast_uint(INT_MAX))\n" ++
            "    return hashmod(t, cast_int(ui));\n" ++
            "  else\n" ++
            "    return hashmod(t, ui);\n",
        .replace = "  lua_Unsigned ui = l_castS2U(i);\n" ++
            "  return hashpow2(t, cast_uint(ui) + cu_mix(ui >> 8));\n",
    },
    .{
        .file = "ltable.c",
        .why = hash_why,
        .find = "      return hashmod(t, l_hashfloat(n));\n",
        .replace = "      unsigned long long bits;\n" ++
            "      memcpy(&bits, &n, sizeof(bits));\n" ++
            "      return hashpow2(t, cu_mix(bits));\n",
    },
    .{
        .file = "ltable.c",
        .why = hash_why,
        .find = "#if !defined(l_hashfloat)\n" ++
            "static int l_hashfloat",
        .replace = "#if 0  /* see 'mainpositionTV' */\n" ++
            "static int l_hashfloat",
    },
    .{
        .file = "ltable.c",
        .why = hash_why,
        .find = "#include \"lvm.h\"\n",
        .replace = "#include \"lvm.h\"\n" ++
            "\n" ++
            "#include <string.h>\n",
    },

    .{
        .file = "ltable.c",
        .why = null_why ++ "\nLua asserts that it copies no variant of nil; inside a table it may be a null.",
        .find = "#include <string.h>\n",
        .replace = "#include <string.h>\n" ++
            "\n" ++
            "#undef isnonstrictnil\n" ++
            "#define isnonstrictnil(v)\t(ttisnil(v) && !ttisstrictnil(v) && rawtt(v) != CU_VNULL)\n",
    },
    .{
        .file = "ltable.c",
        .why = hash_why,
        .find = "      TValue k;\n" ++
            "      getnodekey(L, &k, old);\n" ++
            "      luaH_set(L, t, &k, gval(old));\n",
        .replace = "      TValue k;\n" ++
            "      getnodekey(L, &k, old);\n" ++
            "      if (ttisinteger(&k) && l_castS2U(ivalue(&k)) - 1u < t->alimit) {\n" ++
            "        setobj2t(L, &t->array[ivalue(&k) - 1], gval(old));\n" ++
            "      }\n" ++
            "      else\n" ++
            "        luaH_newkey(L, t, &k, gval(old));  /* no other key is equal */\n",
    },
    .{
        .file = "ltable.c",
        .why = hash_why,
        .find = "static void reinsert (lua_State *L, Table *ot, Table *t) {\n",
        .replace = "static void luaH_newkey (lua_State *L, Table *t, const TValue *key, TValue *value);\n" ++
            "\n" ++
            "static void reinsert (lua_State *L, Table *ot, Table *t) {\n",
    },
    .{
        .file = "ltable.c",
        .why = hash_why,
        .find = "      while (othern + gnext(othern) != mp)  /* find previous */\n" ++
            "        othern += gnext(othern);\n",
        .replace = "      while (othern + gnext(othern) != mp) {  /* find previous */\n" ++
            "        othern += gnext(othern);\n" ++
            "        cu_spend(64);\n" ++
            "      }\n",
    },
    .{
        .file = "lstring.c",
        .why = hash_why,
        .find = "  unsigned int h = seed ^ cast_uint(l);\n" ++
            "  for (; l > 0; l--)\n" ++
            "    h ^= ((h<<5) + (h>>2) + cast_byte(str[l - 1]));\n" ++
            "  return h;\n",
        .replace = "  unsigned long long h = cu_secret[2] ^ seed ^ ((unsigned long long)l << 32);\n" ++
            "  unsigned long long w = 0;\n" ++
            "  for (; l > 8; l -= 8, str += 8) {\n" ++
            "    memcpy(&w, str, 8);\n" ++
            "    h = cu_fold(h ^ w);\n" ++
            "  }\n" ++
            "  w = 0;\n" ++
            "  if (l >= 4) {\n" ++
            "    unsigned int first, last;  /* which overlap */\n" ++
            "    memcpy(&first, str, 4);\n" ++
            "    memcpy(&last, str + l - 4, 4);\n" ++
            "    w = (unsigned long long)last << 32 | first;\n" ++
            "  }\n" ++
            "  else if (l > 0)\n" ++
            "    w = (unsigned)cast_byte(str[0]) | (unsigned)cast_byte(str[l >> 1]) << 8 | (unsigned)cast_byte(str[l - 1]) << 16;\n" ++
            "  return cu_mix(cu_fold(h ^ w));\n",
    },
    .{
        .file = "lstring.c",
        .why = hash_why,
        .find = "    size_t len = ts->u.lnglen;\n" ++
            "    ts->hash",
        .replace = "    size_t len = ts->u.lnglen;\n" ++
            "    cu_spend(len);\n" ++
            "    ts->hash",
    },
    .{
        .file = "lstring.c",
        .why = hash_why,
        .find = "      return ts;\n" ++
            "    }\n" ++
            "  }\n" ++
            "  /* else must create a new string */\n",
        .replace = "      return ts;\n" ++
            "    }\n" ++
            "    links++;\n" ++
            "  }\n" ++
            "  if (l_unlikely(links > 16)) cu_spend(links << 6);\n" ++
            "  /* else must create a new string */\n",
    },
    .{
        .file = "ldo.c",
        .why = "A stack that can't grow asked for no collection, though nearly all may be garbage: its pointers\n" ++
            "are offsets meanwhile. They are pointers again when it collects, and asks once more.",
        .find = "  lua_assert(newsize <= LUAI_MAXSTACK || newsize == ERRORSTACKSIZE);\n" ++
            "  relstack(L);",
        .replace = "  int canretry = (newsize > oldsize && !oldgcstop);\n" ++
            "  lua_assert(newsize <= LUAI_MAXSTACK || newsize == ERRORSTACKSIZE);\n" ++
            " retry:\n" ++
            "  relstack(L);",
    },
    .{
        .file = "ldo.c",
        .why = "See above.",
        .find = "    correctstack(L);  /* change offsets back to pointers */\n" ++
            "    if (raiseerror)\n",
        .replace = "    correctstack(L);  /* change offsets back to pointers */\n" ++
            "    if (canretry) {\n" ++
            "      canretry = 0;\n" ++
            "      luaC_fullgc(L, 1);\n" ++
            "      goto retry;\n" ++
            "    }\n" ++
            "    if (raiseerror)\n",
    },
    .{
        .file = "ltable.c",
        .why = hash_why,
        .find = "    if (equalkey(key, n, deadok))\n" ++
            "      return gval(n);  /* that's it */\n" ++
            "    else {\n",
        .replace = "    if (equalkey(key, n, deadok))\n" ++
            "      return gval(n);  /* that's it */\n" ++
            "    else {\n" ++
            "      if (l_unlikely((++links & 31) == 0)) cu_spend(64 * 32);\n",
    },
    .{
        .file = "ltable.c",
        .why = hash_why,
        .find = "      if (keyisinteger(n) && keyival(n) == key)\n" ++
            "        return gval(n);  /* that's it */\n" ++
            "      else {\n",
        .replace = "      if (keyisinteger(n) && keyival(n) == key)\n" ++
            "        return gval(n);  /* that's it */\n" ++
            "      else {\n" ++
            "        if (l_unlikely((++links & 31) == 0)) cu_spend(64 * 32);\n",
    },
    .{
        .file = "lvm.c",
        .why = work_why ++ "\nWithout locales `strcoll` compares bytes; piece by piece, as both may be of any length.",
        .find = "static int l_strcmp (const TString *ts1, const TString *ts2) {\n" ++
            "  const char *s1 = getstr(ts1);\n" ++
            "  size_t rl1 = tsslen(ts1);  /* real length */\n" ++
            "  const char *s2 = getstr(ts2);\n" ++
            "  size_t rl2 = tsslen(ts2);\n" ++
            "  for (;;) {  /* for each segment */\n" ++
            "    int temp = strcoll(s1, s2);\n" ++
            "    if (temp != 0)  /* not equal? */\n" ++
            "      return temp;  /* done */\n" ++
            "    else {  /* strings are equal up to a '\\0' */\n" ++
            "      size_t zl1 = strlen(s1);  /* index of first '\\0' in 's1' */\n" ++
            "      size_t zl2 = strlen(s2);  /* index of first '\\0' in 's2' */\n" ++
            "      if (zl2 == rl2)  /* 's2' is finished? */\n" ++
            "        return (zl1 == rl1) ? 0 : 1;  /* check 's1' */\n" ++
            "      else if (zl1 == rl1)  /* 's1' is finished? */\n" ++
            "        return -1;  /* 's1' is less than 's2' ('s2' is not finished) */\n" ++
            "      /* both strings longer than 'zl'; go on comparing after the '\\0' */\n" ++
            "      zl1++; zl2++;\n" ++
            "      s1 += zl1; rl1 -= zl1; s2 += zl2; rl2 -= zl2;\n" ++
            "    }\n" ++
            "  }\n" ++
            "}\n",
        .replace = "static int l_strcmp (lua_State *L, const TString *ts1, const TString *ts2) {\n" ++
            "  const char *s1 = getstr(ts1);\n" ++
            "  size_t rl1 = tsslen(ts1);\n" ++
            "  const char *s2 = getstr(ts2);\n" ++
            "  size_t rl2 = tsslen(ts2);\n" ++
            "  size_t common = rl1 < rl2 ? rl1 : rl2;\n" ++
            "  while (common > 0) {\n" ++
            "    size_t piece = common < CU_PIECE ? common : CU_PIECE;\n" ++
            "    int order = memcmp(s1, s2, piece);\n" ++
            "    if (order != 0) return order;\n" ++
            "    s1 += piece; s2 += piece; common -= piece;\n" ++
            "    cu_work(L, piece);\n" ++
            "  }\n" ++
            "  return (rl1 > rl2) - (rl1 < rl2);\n" ++
            "}\n",
    },
    .{
        .file = "lvm.c",
        .why = "See above.",
        .find = "return l_strcmp(tsvalue(l), tsvalue(r)) < 0",
        .replace = "return l_strcmp(L, tsvalue(l), tsvalue(r)) < 0",
    },
    .{
        .file = "lvm.c",
        .why = "See above.",
        .find = "return l_strcmp(tsvalue(l), tsvalue(r)) <= 0",
        .replace = "return l_strcmp(L, tsvalue(l), tsvalue(r)) <= 0",
    },
    .{
        .file = "lvm.c",
        .why = bulk_why,
        .find = "        if (forprep(L, ra))\n",
        .replace = "        int skips = forprep(L, ra);\n" ++
            "        if (cu_attends(L)) return;\n" ++
            "        if (skips)\n",
    },
    .{
        .file = "lstrlib.c",
        .why = work_why ++ "\nA fixed size can be of 2 GB.",
        .find = "        while (len++ < (size_t)size)  /* pad extra space */\n" ++
            "          luaL_addchar(&b, LUAL_PACKPADBYTE);\n",
        .replace = "        while (len < (size_t)size) {  /* pad extra space */\n" ++
            "          size_t piece = ((size_t)size - len < CU_PIECE) ? (size_t)size - len : CU_PIECE;\n" ++
            "          memset(luaL_prepbuffsize(&b, piece), LUAL_PACKPADBYTE, piece);\n" ++
            "          luaL_addsize(&b, piece);\n" ++
            "          len += piece;\n" ++
            "          cu_work(L, piece << 2);\n" ++
            "        }\n",
    },
    .{
        .file = "lstrlib.c",
        .why = work_why,
        .find = "  while ((p = (char *)memchr(news, L_ESC, l)) != NULL) {\n",
        .replace = "  while ((p = (char *)memchr(news, L_ESC, l)) != NULL) {\n" ++
            "    cu_steps(L, 8);\n",
    },
    .{
        .file = "ldo.c",
        .why = room_why,
        .find = "  L->nCcalls += inc;\n" ++
            "  if (l_unlikely(getCcalls(L) >= LUAI_MAXCCALLS)) {\n",
        .replace = "  L->nCcalls += inc;\n" ++
            "  if (l_unlikely(getCcalls(L) >= cu_levels)) {\n",
    },
    .{
        .file = "ldo.c",
        .why = room_why,
        .find = "  if (getCcalls(L) >= LUAI_MAXCCALLS)\n" ++
            "    return resume_error(L, \"C stack overflow\", nargs);\n",
        .replace = "  if (getCcalls(L) >= cu_levels && !cu_more_levels())\n" ++
            "    return resume_error(L, \"C stack overflow\", nargs);\n",
    },
    .{
        .file = "lstate.c",
        .why = room_why,
        .find = "  L->nCcalls++;\n" ++
            "  if (l_unlikely(getCcalls(L) >= LUAI_MAXCCALLS))\n" ++
            "    luaE_checkcstack(L);\n",
        .replace = "  L->nCcalls++;\n" ++
            "  if (l_unlikely(getCcalls(L) >= cu_levels))\n" ++
            "    luaE_checkcstack(L);\n",
    },
    .{
        .file = "lstate.c",
        .why = room_why ++ "\nWhere there is none, an error handler may take a few more, as Lua allows it.",
        .find = "void luaE_checkcstack (lua_State *L) {\n",
        .replace = "void luaE_checkcstack (lua_State *L) {\n" ++
            "  if (getCcalls(L) < LUAI_MAXCCALLS) {\n" ++
            "    l_uint32 over = getCcalls(L) - cu_levels;\n" ++
            "    if (cu_more_levels()) return;\n" ++
            "    if (over == 0) luaG_runerror(L, \"C stack overflow\");\n" ++
            "    if (over > CU_LEVELS_OF_HANDLERS) luaD_errerr(L);\n" ++
            "    return;\n" ++
            "  }\n",
    },
    .{
        .file = "lobject.c",
        .why = "Numerals are read by numbers.zig, which says why.",
        .find = "/* maximum length of a numeral to be converted to a number */\n" ++
            "#if !defined (L_MAXLENNUM)\n" ++
            "#define L_MAXLENNUM\t200\n" ++
            "#endif\n" ++
            "\n" ++
            "/*\n" ++
            "** Convert string 's' to a Lua number (put in 'result'). Return NULL on\n" ++
            "** fail or the address of the ending '\\0' on success. ('mode' == 'x')\n" ++
            "** means a hexadecimal numeral.\n" ++
            "*/\n" ++
            "static const char *l_str2dloc (const char *s, lua_Number *result, int mode) {\n" ++
            "  char *endptr;\n" ++
            "  *result = (mode == 'x') ? lua_strx2number(s, &endptr)  /* try to convert */\n" ++
            "                          : lua_str2number(s, &endptr);\n" ++
            "  if (endptr == s) return NULL;  /* nothing recognized? */\n" ++
            "  while (lisspace(cast_uchar(*endptr))) endptr++;  /* skip trailing spaces */\n" ++
            "  return (*endptr == '\\0') ? endptr : NULL;  /* OK iff no trailing chars */\n" ++
            "}\n" ++
            "\n" ++
            "\n" ++
            "/*\n" ++
            "** Convert string 's' to a Lua number (put in 'result') handling the\n" ++
            "** current locale.\n" ++
            "** This function accepts both the current locale or a dot as the radix\n" ++
            "** mark. If the conversion fails, it may mean number has a dot but\n" ++
            "** locale accepts something else. In that case, the code copies 's'\n" ++
            "** to a buffer (because 's' is read-only), changes the dot to the\n" ++
            "** current locale radix mark, and tries to convert again.\n" ++
            "** The variable 'mode' checks for special characters in the string:\n" ++
            "** - 'n' means 'inf' or 'nan' (which should be rejected)\n" ++
            "** - 'x' means a hexadecimal numeral\n" ++
            "** - '.' just optimizes the search for the common case (no special chars)\n" ++
            "*/\n" ++
            "static const char *l_str2d (const char *s, lua_Number *result) {\n" ++
            "  const char *endptr;\n" ++
            "  const char *pmode = strpbrk(s, \".xXnN\");  /* look for special chars */\n" ++
            "  int mode = pmode ? ltolower(cast_uchar(*pmode)) : 0;\n" ++
            "  if (mode == 'n')  /* reject 'inf' and 'nan' */\n" ++
            "    return NULL;\n" ++
            "  endptr = l_str2dloc(s, result, mode);  /* try to convert */\n" ++
            "  if (endptr == NULL) {  /* failed? may be a different locale */\n" ++
            "    char buff[L_MAXLENNUM + 1];\n" ++
            "    const char *pdot = strchr(s, '.');\n" ++
            "    if (pdot == NULL || strlen(s) > L_MAXLENNUM)\n" ++
            "      return NULL;  /* string too long or no dot; fail */\n" ++
            "    strcpy(buff, s);  /* copy string to buffer */\n" ++
            "    buff[pdot - s] = lua_getlocaledecpoint();  /* correct decimal point */\n" ++
            "    endptr = l_str2dloc(buff, result, mode);  /* try again */\n" ++
            "    if (endptr != NULL)\n" ++
            "      endptr = s + (endptr - buff);  /* make relative to 's' */\n" ++
            "  }\n" ++
            "  return endptr;\n" ++
            "}\n" ++
            "\n" ++
            "\n" ++
            "#define MAXBY10\t\tcast(lua_Unsigned, LUA_MAXINTEGER / 10)\n" ++
            "#define MAXLASTD\tcast_int(LUA_MAXINTEGER % 10)\n" ++
            "\n" ++
            "static const char *l_str2int (const char *s, lua_Integer *result) {\n" ++
            "  lua_Unsigned a = 0;\n" ++
            "  int empty = 1;\n" ++
            "  int neg;\n" ++
            "  while (lisspace(cast_uchar(*s))) s++;  /* skip initial spaces */\n" ++
            "  neg = isneg(&s);\n" ++
            "  if (s[0] == '0' &&\n" ++
            "      (s[1] == 'x' || s[1] == 'X')) {  /* hex? */\n" ++
            "    s += 2;  /* skip '0x' */\n" ++
            "    for (; lisxdigit(cast_uchar(*s)); s++) {\n" ++
            "      a = a * 16 + luaO_hexavalue(*s);\n" ++
            "      empty = 0;\n" ++
            "    }\n" ++
            "  }\n" ++
            "  else {  /* decimal */\n" ++
            "    for (; lisdigit(cast_uchar(*s)); s++) {\n" ++
            "      int d = *s - '0';\n" ++
            "      if (a >= MAXBY10 && (a > MAXBY10 || d > MAXLASTD + neg))  /* overflow? */\n" ++
            "        return NULL;  /* do not accept it (as integer) */\n" ++
            "      a = a * 10 + d;\n" ++
            "      empty = 0;\n" ++
            "    }\n" ++
            "  }\n" ++
            "  while (lisspace(cast_uchar(*s))) s++;  /* skip trailing spaces */\n" ++
            "  if (empty || *s != '\\0') return NULL;  /* something wrong in the numeral */\n" ++
            "  else {\n" ++
            "    *result = l_castU2S((neg) ? 0u - a : a);\n" ++
            "    return s;\n" ++
            "  }\n" ++
            "}\n" ++
            "\n" ++
            "\n" ++
            "size_t luaO_str2num (const char *s, TValue *o) {\n" ++
            "  lua_Integer i; lua_Number n;\n" ++
            "  const char *e;\n" ++
            "  if ((e = l_str2int(s, &i)) != NULL) {  /* try as an integer */\n" ++
            "    setivalue(o, i);\n" ++
            "  }\n" ++
            "  else if ((e = l_str2d(s, &n)) != NULL) {  /* else try as a float */\n" ++
            "    setfltvalue(o, n);\n" ++
            "  }\n" ++
            "  else\n" ++
            "    return 0;  /* conversion failed */\n" ++
            "  return (e - s) + 1;  /* success; return string size */\n" ++
            "}\n" ++
            "\n" ++
            "\n",
        .replace = "",
    },
    .{
        .file = "lcode.c",
        .why = parser_why,
        .find = "       i += GETARG_sJ(pc) + 1;\n" ++
            "  }\n" ++
            "  return i;\n",
        .replace = "       i += GETARG_sJ(pc) + 1;\n" ++
            "  }\n" ++
            "  cu_spend((size_t)count << 5);\n" ++
            "  return i;\n",
    },
    .{
        .file = "lvm.c",
        .why = trap_why,
        .find = "#define updatetrap(ci)  (trap = ci->u.l.trap)\n",
        .replace = "#define updatetrap(ci)  updatebase(ci)\n",
    },
    .{
        .file = "lvm.c",
        .why = trap_why,
        .find = "\t{ if (l_unlikely(trap)) { updatebase(ci); ra = RA(i); } }\n",
        .replace = "\t{ ra = RA(i); }\n",
    },
    .{
        .file = "lvm.c",
        .why = trap_why,
        .find = "  if (l_unlikely(trap)) {  /* stack reallocation or hooks? */ \\\n" ++
            "    trap = luaG_traceexec(L, pc);  /* handle hooks */ \\\n" ++
            "    updatebase(ci);  /* correct stack */ \\\n" ++
            "  } \\\n",
        .replace = "",
    },
    .{
        .file = "lvm.c",
        .why = trap_why,
        .find = "  int trap;\n" ++
            "#if LUA_USE_JUMPTABLE\n",
        .replace = "#if LUA_USE_JUMPTABLE\n",
    },
    .{
        .file = "lvm.c",
        .why = trap_why,
        .find = "  if (l_unlikely(trap))\n" ++
            "    trap = luaG_tracecall(L);\n",
        .replace = "",
    },
    .{
        .file = "lvm.c",
        .why = trap_why,
        .find = "        if (l_unlikely(L->hookmask)) {\n" ++
            "          StkId ra = RA(i);\n" ++
            "          L->top.p = ra;\n" ++
            "          savepc(ci);\n" ++
            "          luaD_poscall(L, ci, 0);  /* no hurry... */\n" ++
            "          trap = 1;\n" ++
            "        }\n" ++
            "        else {  /* do the 'poscall' here */\n",
        .replace = "        {  /* do the 'poscall' here */\n",
    },
    .{
        .file = "lvm.c",
        .why = trap_why,
        .find = "        if (l_unlikely(L->hookmask)) {\n" ++
            "          StkId ra = RA(i);\n" ++
            "          L->top.p = ra + 1;\n" ++
            "          savepc(ci);\n" ++
            "          luaD_poscall(L, ci, 1);  /* no hurry... */\n" ++
            "          trap = 1;\n" ++
            "        }\n" ++
            "        else {  /* do the 'poscall' here */\n",
        .replace = "        {  /* do the 'poscall' here */\n",
    },
    .{
        .file = "lvm.c",
        .why = trap_why,
        .find = "        if (l_unlikely(trap)) {  /* previous \"Protect\" updated trap */\n" ++
            "          luaD_hookcall(L, ci);\n" ++
            "          L->oldpc = 1;  /* next opcode will be seen as a \"new\" line */\n" ++
            "        }\n",
        .replace = "",
    },
    .{
        .file = "lstring.c",
        .why = hash_why,
        .find = "  TString *ts;\n" ++
            "  global_State *g = G(L);\n" ++
            "  stringtable *tb = &g->strt;\n" ++
            "  unsigned int h = luaS_hash",
        .replace = "  TString *ts;\n" ++
            "  unsigned links = 0;\n" ++
            "  global_State *g = G(L);\n" ++
            "  stringtable *tb = &g->strt;\n" ++
            "  unsigned int h = luaS_hash",
    },
    .{
        .file = "ltable.c",
        .why = hash_why,
        .find = "  Node *n = mainpositionTV(t, key);\n" ++
            "  for (;;) {",
        .replace = "  Node *n = mainpositionTV(t, key);\n" ++
            "  unsigned links = 0;\n" ++
            "  for (;;) {",
    },
    .{
        .file = "lvm.c",
        .why = call_lua_why,
        .find = "        savepc(L);  /* in case of errors */\n" ++
            "        if ((newci = luaD_precall(L, ra, nresults)) == NULL) {\n",
        .replace = "        savepc(L);  /* in case of errors */\n" ++
            "        if (l_likely(ttisLclosure(s2v(ra)) && (newci = ci->next) != NULL)) {\n" ++
            "          Proto *p = clLvalue(s2v(ra))->p;\n" ++
            "          int fsize = p->maxstacksize;  /* frame size */\n" ++
            "          if (l_likely(L->stack_last.p - L->top.p > fsize)) {\n" ++
            "            int missing = p->numparams - (cast_int(L->top.p - ra) - 1);\n" ++
            "            for (; missing > 0; missing--)\n" ++
            "              setnilvalue(s2v(L->top.p++));  /* complete missing arguments */\n" ++
            "            newci->func.p = ra;\n" ++
            "            newci->nresults = nresults;\n" ++
            "            newci->callstatus = 0;\n" ++
            "            newci->top.p = ra + 1 + fsize;\n" ++
            "            newci->u.l.savedpc = p->code;  /* starting point */\n" ++
            "            L->ci = ci = newci;\n" ++
            "            goto startfunc;\n" ++
            "          }\n" ++
            "        }\n" ++
            "        if ((newci = luaD_precall(L, ra, nresults)) == NULL) {\n",
    },
    .{
        .file = "lstrlib.c",
        .why = room_why ++ "\nA pattern takes 200 levels of its own: 16, and then all others.",
        .find = "  if (l_unlikely(ms->matchdepth-- == 0))\n" ++
            "    luaL_error(ms->L, \"pattern too complex\");\n",
        .replace = "  if (l_unlikely(ms->matchdepth-- == 0)) matchdeeper(ms);\n",
    },
    .{
        .file = "lstrlib.c",
        .why = "See above.",
        .find = "  int matchdepth;  /* control for recursive depth (to avoid C stack overflow) */\n",
        .replace = "  int matchdepth;  /* control for recursive depth (to avoid C stack overflow) */\n" ++
            "  int isdeep;  /* all levels were given */\n",
    },
    .{
        .file = "lstrlib.c",
        .why = "See above.",
        .find = "static const char *match (MatchState *ms, const char *s, const char *p) {\n",
        .replace = "static void matchdeeper (MatchState *ms) {\n" ++
            "  if (ms->isdeep || !cu_has_room())\n" ++
            "    luaL_error(ms->L, \"pattern too complex\");\n" ++
            "  ms->isdeep = 1;\n" ++
            "  ms->matchdepth += MAXCCALLS - CU_LEVELS;\n" ++
            "}\n" ++
            "\n" ++
            "\n" ++
            "static const char *match (MatchState *ms, const char *s, const char *p) {\n",
    },
    .{
        .file = "lstrlib.c",
        .why = "See above.",
        .find = "  ms->matchdepth = MAXCCALLS;\n" ++
            "  ms->level = 0;\n",
        .replace = "  ms->matchdepth = CU_LEVELS;\n" ++
            "  ms->isdeep = 0;\n" ++
            "  ms->level = 0;\n",
    },
    .{
        .file = "lstrlib.c",
        .why = work_why ++ "\nWhat stands there is copied, in pieces: one character a million times takes no million copies.",
        .find = "    while (n-- > 1) {  /* first n-1 copies (followed by separator) */\n" ++
            "      memcpy(p, s, l * sizeof(char)); p += l;\n" ++
            "      if (lsep > 0) {  /* empty 'memcpy' is not that cheap */\n" ++
            "        memcpy(p, sep, lsep * sizeof(char));\n" ++
            "        p += lsep;\n" ++
            "      }\n" ++
            "    }\n" ++
            "    memcpy(p, s, l * sizeof(char));  /* last copy (not followed by separator) */\n",
        .replace = "    size_t unit = l + lsep;  /* a copy, followed by separator */\n" ++
            "    size_t done = unit;\n" ++
            "    memcpy(p, s, l * sizeof(char));\n" ++
            "    if (n > 1)\n" ++
            "      memcpy(p + l, sep, lsep * sizeof(char));\n" ++
            "    while (done < totallen) {  /* copy what is there to what comes */\n" ++
            "      size_t piece = done - done % unit;\n" ++
            "      if (piece > 16 * CU_PIECE) piece = 16 * CU_PIECE;\n" ++
            "      if (piece > totallen - done) piece = totallen - done;\n" ++
            "      memcpy(p + done, p + done % unit, piece);\n" ++
            "      done += piece;\n" ++
            "      cu_work(L, piece << 1);\n" ++
            "    }\n",
    },
    .{
        .file = "lgc.c",
        .why = "A step size and a multiplier that code chooses overflowed the step's work, which is no number then.",
        .find = "  l_mem stepsize = (g->gcstepsize <= log2maxs(l_mem))\n",
        .replace = "  l_mem stepsize = (g->gcstepsize <= log2maxs(l_mem) - 12)  /* 'stepmul' has 12 bits */\n",
    },
    .{
        .file = "ldo.c",
        .why = trap_why,
        .find = "  if (l_unlikely(L->hookmask & LUA_MASKCALL)) {\n" ++
            "    int narg = cast_int(L->top.p - func) - 1;\n" ++
            "    luaD_hook(L, LUA_HOOKCALL, -1, 1, narg);\n" ++
            "  }\n",
        .replace = "",
    },
    .{
        .file = "ldo.c",
        .why = trap_why,
        .find = "  if (l_unlikely(L->hookmask && !hastocloseCfunc(wanted)))\n" ++
            "    rethook(L, ci, nres);\n",
        .replace = "",
    },
    .{
        .file = "ldo.c",
        .why = trap_why,
        .find = "        if (L->hookmask) {  /* if needed, call hook after '__close's */\n" ++
            "          ptrdiff_t savedres = savestack(L, res);\n" ++
            "          rethook(L, L->ci, nres);\n" ++
            "          res = restorestack(L, savedres);  /* hook can move stack */\n" ++
            "        }\n",
        .replace = "",
    },
    .{
        .file = "ldo.c",
        .why = trap_why,
        .find = "static void rethook (lua_State *L, CallInfo *ci, int nres) {\n",
        .replace = "l_sinline void rethook (lua_State *L, CallInfo *ci, int nres) {\n",
    },
    .{
        .file = "ldo.c",
        .why = call_c_why,
        .find = "l_sinline int precallC (",
        .replace = "__attribute__((always_inline)) l_sinline int precallC (",
    },
    .{
        .file = "ldo.c",
        .why = call_c_why,
        .find = "      precallC(L, func, nresults, clCvalue(s2v(func))->f);\n" ++
            "      return NULL;\n",
        .replace = "      f = clCvalue(s2v(func))->f;\n" ++
            "      goto callC;\n",
    },
    .{
        .file = "ldo.c",
        .why = call_c_why,
        .find = "      precallC(L, func, nresults, fvalue(s2v(func)));\n" ++
            "      return NULL;\n",
        .replace = "      f = fvalue(s2v(func));\n" ++
            "     callC:\n" ++
            "      precallC(L, func, nresults, f);\n" ++
            "      return NULL;\n",
    },
    .{
        .file = "ldo.c",
        .why = call_c_why,
        .find = "CallInfo *luaD_precall (lua_State *L, StkId func, int nresults) {\n",
        .replace = "CallInfo *luaD_precall (lua_State *L, StkId func, int nresults) {\n" ++
            "  lua_CFunction f;\n",
    },
    .{
        .file = "ldo.c",
        .why = call_c_why,
        .find = "      return precallC(L, func, LUA_MULTRET, clCvalue(s2v(func))->f);\n",
        .replace = "      f = clCvalue(s2v(func))->f;\n" ++
            "      goto callC;\n",
    },
    .{
        .file = "ldo.c",
        .why = call_c_why,
        .find = "      return precallC(L, func, LUA_MULTRET, fvalue(s2v(func)));\n",
        .replace = "      f = fvalue(s2v(func));\n" ++
            "     callC:\n" ++
            "      return precallC(L, func, LUA_MULTRET, f);\n",
    },
    .{
        .file = "ldo.c",
        .why = call_c_why,
        .find = "                                    int narg1, int delta) {\n",
        .replace = "                                    int narg1, int delta) {\n" ++
            "  lua_CFunction f;\n",
    },
    .{
        .file = "lauxlib.c",
        .why = "No text needs no format: it is the same string each time, found by its address.",
        .find = "  lua_pushfstring(L, \"\");  /* else, no information available... */\n",
        .replace = "  lua_pushliteral(L, \"\");  /* else, no information available... */\n",
    },

    .{
        .file = "lobject.h",
        .why = null_why,
        .find = "#define isempty(v)\t\tttisnil(v)\n",
        .replace = "#define isempty(v)\t\tttisnil(v)\n" ++
            "\n" ++
            "/* a null of JavaScript's that code has not assigned to: nil to code */\n" ++
            "#define CU_VNULL\tmakevariant(LUA_TNIL, 3)\n" ++
            "/* nothing stands here, no null either */\n" ++
            "#define cu_isvacant(v)\t(ttisnil(v) && rawtt(v) != CU_VNULL)\n",
    },

    .{
        .file = "ltable.c",
        .why = null_why,
        .find = "      if (!isempty(&t->array[i-1]))\n" ++
            "        lc++;\n",
        .replace = "      if (!cu_isvacant(&t->array[i-1]))\n" ++
            "        lc++;\n",
    },

    .{
        .file = "ltable.c",
        .why = null_why,
        .find = "    if (!isempty(gval(n))) {\n" ++
            "      if (keyisinteger(n))\n",
        .replace = "    if (!cu_isvacant(gval(n))) {\n" ++
            "      if (keyisinteger(n))\n",
    },

    .{
        .file = "ltable.c",
        .why = null_why,
        .find = "    if (!isempty(gval(old))) {\n",
        .replace = "    if (!cu_isvacant(gval(old))) {\n",
    },

    .{
        .file = "ltable.c",
        .why = null_why,
        .find = "      if (!isempty(&t->array[i]))\n" ++
            "        luaH_setint(",
        .replace = "      if (!cu_isvacant(&t->array[i]))\n" ++
            "        luaH_setint(",
    },

    .{
        .file = "ltable.c",
        .why = null_why,
        .find = "  if (ttisnil(value))\n" ++
            "    return;  /* do not insert nil values */\n" ++
            "  mp = mainpositionTV(t, key);\n" ++
            "  if (!isempty(gval(mp)) ",
        .replace = "  if (cu_isvacant(value))\n" ++
            "    return;  /* do not insert nil values */\n" ++
            "  mp = mainpositionTV(t, key);\n" ++
            "  if (!cu_isvacant(gval(mp)) ",
    },

    .{
        .file = "ltable.c",
        .why = null_why,
        .find = "  lua_assert(isempty(gval(mp)));\n",
        .replace = "  lua_assert(cu_isvacant(gval(mp)));\n",
    },

    .{
        .file = "lgc.c",
        .why = null_why ++ "\nA null keeps its key.",
        .find = "#include \"ltm.h\"\n",
        .replace = "#include \"ltm.h\"\n" ++
            "\n" ++
            "#undef isempty\n" ++
            "#define isempty(v)\tcu_isvacant(v)\n",
    },

    .{
        .file = "lgc.c",
        .why = order_why,
        .find = "  markobjectN(g, h->metatable);\n" ++
            "  if (l_unlikely(h->view &",
        .replace = "  markobjectN(g, h->metatable);\n" ++
            "  if (cu_isordered(h)) markobject(g, cu_order(h));\n" ++
            "  if (l_unlikely(h->view &",
    },
    .{
        .file = "lapi.c",
        .why = "`lua_insert`, which puts the result of `pcall` and `resume` before the others, moves them up by one.",
        .find = "  m = (n >= 0 ? t - n : p - n - 1);  /* end of prefix */\n",
        .replace = "  if (n == 1) {\n" ++
            "    TValue last;\n" ++
            "    setobj(L, &last, s2v(t));\n" ++
            "    for (; t > p; t--) setobjs2s(L, t, t - 1);\n" ++
            "    setobj2s(L, p, &last);\n" ++
            "    return;\n" ++
            "  }\n" ++
            "  m = (n >= 0 ? t - n : p - n - 1);  /* end of prefix */\n",
    },
};
