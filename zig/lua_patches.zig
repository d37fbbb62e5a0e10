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
    \\move the stack rereads it (Protect), so a counter of backward jumps takes that place.
    \\Measured: 2 % of the time of eight programs.
;

const library_why =
    \\A loop of the library that can run for as long as it likes without a step of the VM.
;

const bulk_why =
    \\One step of the VM that does work in proportion to the size of its operands.
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
    \\stopped inside an atomic step. After 32 rounds the values of dead keys are kept for a cycle.
;

const size_why =
    \\size_t has 32 bits here, and Lua's integers 64: what doesn't fit was cut off.
;

const mark_why =
    \\A table remembers what it was in JavaScript (array, Map, Set, typed array), also
    \\when it is empty, and an array with nulls its length. See marks.zig.
;

const view_why =
    \\A table may be a view of the host's data. What its own parts don't have is asked of
    \\the host, and before it is written to it becomes an ordinary table. See views.zig.
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
        .replace = "#define countstep(L,ci) { if (cu_count()) ProtectNT(cu_budget_spent(L)); }\n" ++
            "#define dojump(ci,i,e)\t{ int off_ = GETARG_sJ(i) + e; if (off_ < 0) countstep(L,ci); pc += off_; }",
    },
    .{
        .file = "lvm.c",
        .why = limit_why,
        .find = "        updatetrap(ci);  /* allows a signal to break the loop */",
        .replace = "        countstep(L, ci);",
    },
    .{
        .file = "lvm.c",
        .why = limit_why ++ "\nA C function as iterator (`for _ in math.random`) makes no other jump.",
        .find = "          setobjs2s(L, ra + 2, ra + 4);  /* save control variable */\n" ++
            "          pc -= GETARG_Bx(i);  /* jump back */",
        .replace = "          setobjs2s(L, ra + 2, ra + 4);  /* save control variable */\n" ++
            "          pc -= GETARG_Bx(i);  /* jump back */\n" ++
            "          countstep(L, ci);",
    },
    .{
        .file = "lvm.c",
        .why = limit_why ++ "\nTail calls loop without a jump.",
        .find = " startfunc:\n  trap = L->hookmask;",
        .replace = " startfunc:\n  cu_step(L);\n  trap = L->hookmask;",
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
        .find = "    while (n-- > 1) {  /* first n-1 copies (followed by separator) */",
        .replace = "    while (n-- > 1) {  /* first n-1 copies (followed by separator) */\n" ++
            "      cu_step(L);",
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
        .why = bulk_why,
        .find = "    i++;\n" ++
            "  /* keeps trying to match with the maximum repetitions */",
        .replace = "    i++;\n" ++
            "  cu_spend(i);\n" ++
            "  /* keeps trying to match with the maximum repetitions */",
    },
    .{
        .file = "lstrlib.c",
        .why = bulk_why,
        .find = "      else if (*s == b) cont++;\n",
        .replace = "      else if (*s == b) cont++;\n" ++
            "      if (((size_t)s & 0xfff) == 0) cu_spend(0x8000);\n",
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
        .file = "lvm.c",
        .why = bulk_why,
        .find = "  for (;;) {  /* for each segment */\n" ++
            "    int temp = strcoll(s1, s2);",
        .replace = "  cu_spend(rl1 < rl2 ? rl1 : rl2);\n" ++
            "  for (;;) {  /* for each segment */\n" ++
            "    int temp = strcoll(s1, s2);",
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
        .why = library_why ++ "\nThe parser has memory of its own and must end by an error, which frees it.",
        .find = "void luaX_next (LexState *ls) {\n" ++
            "  ls->lastline = ls->linenumber;\n",
        .replace = "void luaX_next (LexState *ls) {\n" ++
            "  ls->lastline = ls->linenumber;\n" ++
            "  if (cu_count() && cu_budget_spent_in_parser())\n" ++
            "    luaX_syntaxerror(ls, \"time limit exceeded\");\n",
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
        .file = "loslib.c",
        .why = library_why,
        .find = "    while (s < se) {\n      if (*s != '%')  /* not a conversion specifier? */\n",
        .replace = "    while (s < se) {\n      cu_step(L);\n      if (*s != '%')  /* not a conversion specifier? */\n",
    },
    .{
        .file = "luaconf.h",
        .why = "strtod works in long doubles, which are software on wasm: see numbers.zig.",
        .find = "#define lua_str2number(s,p)\tstrtod((s), (p))",
        .replace = "#define lua_str2number(s,p)\tcu_str2number((s),(p))",
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
        .why = bulk_why ++ "\nA comment of any length is one token.",
        .find = "  z->n = size - 1;  /* discount char being returned */\n",
        .replace = "  cu_spend(size);\n" ++
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
            "  do {\n" ++
            "    GCObject *w;\n" ++
            "    GCObject *next = g->ephemeron;  /* get ephemeron list */\n" ++
            "    cu_impatient = (++rounds > 32);\n",
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
            "  if (l_unlikely(t->mark != NULL)) cu_mark_free(L, t);\n" ++
            "  if (l_unlikely(t->view >> CU_VIEW_SHIFT)) cu_view_free(L, t);\n",
    },
    .{
        .file = "ltable.c",
        .why = mark_why,
        .find = "lua_Unsigned luaH_getn (Table *t) {\n  unsigned int limit = t->alimit;\n",
        .replace = "static lua_Unsigned border (Table *t);\n\n" ++
            "lua_Unsigned luaH_getn (Table *t) {\n" ++
            "  if (l_unlikely(t->mark != NULL)) {\n" ++
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
        .replace = "  if (l_unlikely(t->mark != NULL) && cu_mark_keeps_places(t) && asize < luaH_realasize(t))\n" ++
            "    asize = luaH_realasize(t);\n" ++
            "  /* resize the table to new computed sizes */\n",
    },
    .{
        .file = "ltable.c",
        .why = mark_why ++ "\nAn assignment of nil to the last place of an array that holds null there shortens it.",
        .find = "                                   const TValue *slot, TValue *value) {\n  if (isabstkey(slot))",
        .replace = "                                   const TValue *slot, TValue *value) {\n" ++
            "  if (l_unlikely(t->mark != NULL)) cu_mark_written(t, key, value);\n" ++
            "  if (isabstkey(slot))",
    },
    .{
        .file = "lvm.c",
        .why = view_why,
        .find = "      lua_assert(isempty(slot));\n" ++
            "      tm = fasttm(L, hvalue(t)->metatable, TM_INDEX);  /* table's metamethod */\n",
        .replace = "      if (cu_isincomplete(hvalue(t))) {\n" ++
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
            "int cu_leave = 0;  /* the running function has ended its protected call */\n" ++
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
            "  if (l_unlikely(cu_leave)) {  /* error: go on as 'precover' would */\n" ++
            "    cu_leave = 0;\n" ++
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
        .replace = "  cu_leave = 0;\n" ++
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
            "  cu_leave = 1;\n" ++
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
            "    cu_leave = 1;\n" ++
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
            "      if (cu_leave) return;\n",
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
            "          if (l_unlikely(cu_leave)) return;\n" ++
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
            "          if (l_unlikely(cu_leave)) return;\n" ++
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
        .replace = "#define Protect(exp)  { savestate(L,ci); exp; if (l_unlikely(cu_leave)) return; updatetrap(ci); }\n",
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
        .replace = "      if (l_unlikely(func == NULL)) return NULL;\n",
    },
    .{
        .file = "ldo.c",
        .why = leave_why,
        .find = "      /* return luaD_pretailcall(L, ci, func, narg1 + 1, delta); */\n",
        .replace = "      if (l_unlikely(func == NULL)) return 0;\n",
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
};
