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
    \\move the stack rereads it (Protect), so a counter takes that place at the same cost.
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
        .replace = "#define countstep(L,ci) { if (cu_count()) { Protect(cu_budget_spent(L)); updatebase(ci); } }\n" ++
            "#define dojump(ci,i,e)\t{ pc += GETARG_sJ(i) + e; countstep(L,ci); }",
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
        .replace = " startfunc:\n  if (cu_count()) cu_budget_spent(L);\n  trap = L->hookmask;",
    },
    .{
        .file = "lstrlib.c",
        .why = "A pattern can take exponential time without a step of the VM.",
        .find = "  init: /* using goto to optimize tail recursion */",
        .replace = "  init: /* using goto to optimize tail recursion */\n" ++
            "  if (cu_count()) cu_budget_spent(ms->L);",
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
        .why = mark_why ++ "\nAn assignment of nil to the last place of an array that holds null there shortens it.",
        .find = "                                   const TValue *slot, TValue *value) {\n  if (isabstkey(slot))",
        .replace = "                                   const TValue *slot, TValue *value) {\n" ++
            "  if (l_unlikely(t->mark != NULL)) cu_mark_written(t, key, value);\n" ++
            "  if (isabstkey(slot))",
    },
};
