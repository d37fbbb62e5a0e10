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

const mark_why =
    \\A table remembers what it was in JavaScript (array, Map, Set, typed array), also
    \\when it is empty, and an array with nulls its length. See marks.zig.
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
        .why = "Chains of ephemerons in a bad order take a round for each link, and the collector can't be\n" ++
            "stopped inside an atomic step. After 32 rounds the values of dead keys are kept for a cycle.",
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
        .why = "Chains of ephemerons in a bad order take a round for each link, and the collector can't be\n" ++
            "stopped inside an atomic step. After 32 rounds the values of dead keys are kept for a cycle.",
        .find = "  } while (changed);  /* repeat until no more changes */\n",
        .replace = "  } while (changed);  /* repeat until no more changes */\n" ++
            "  cu_impatient = 0;\n",
    },
    .{
        .file = "lgc.c",
        .why = "Chains of ephemerons in a bad order take a round for each link, and the collector can't be\n" ++
            "stopped inside an atomic step. After 32 rounds the values of dead keys are kept for a cycle.",
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
        .why = "Chains of ephemerons in a bad order take a round for each link, and the collector can't be\n" ++
            "stopped inside an atomic step. After 32 rounds the values of dead keys are kept for a cycle.",
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
        .replace = "  struct Table *metatable;\n  GCObject *gclist;\n  const struct cu_Mark *mark;\n} Table;",
    },
    .{
        .file = "ltable.c",
        .why = mark_why,
        .find = "  t->metatable = NULL;\n  t->flags",
        .replace = "  t->metatable = NULL;\n  t->mark = NULL;\n  t->flags",
    },
    .{
        .file = "ltable.c",
        .why = mark_why,
        .find = "void luaH_free (lua_State *L, Table *t) {\n",
        .replace = "void luaH_free (lua_State *L, Table *t) {\n" ++
            "  if (l_unlikely(t->mark != NULL)) cu_mark_free(L, t);\n",
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
};
