/*
** In builds that check themselves: goes through all of Lua's heap between two phases of the
** collector, and traps where what must hold of it doesn't. So a missing barrier shows, or a
** reference to what was freed, whether or not anything reads it later. As Lua's own ltests.c,
** and with what the series adds: marks, orders, views, blocks of rows.
*/
#define LUA_CORE

#include "lprefix.h"

#include "lua.h"

#include "lfunc.h"
#include "lgc.h"
#include "lobject.h"
#include "lstate.h"
#include "lstring.h"
#include "ltable.h"

/*
** For each so many objects that there are, one collection goes by before the next check, so that large heaps
** take no more time, nor stress, where each allocation collects.
*/
#ifdef CU_STRESS
#define OBJECTS_EACH 64
#else
#define OBJECTS_EACH 4096
#endif

/* what view_numbers.zig and others keep outside of Lua's heap */
void cu_check_views(global_State *g);

/* for the two kinds of phases */
static unsigned to_skip[2] = {0, 0};

/* how many objects the gray lists have, and how many they must have */
static unsigned listed, grays;


/* Whether 'from' may refer to 'to', which must be an object. */
static void reference (global_State *g, const GCObject *from, const GCObject *to) {
  lua_assert(LUA_TSTRING <= novariant(to->tt) && novariant(to->tt) < LUA_TOTALTYPES);
  if (g->gcstate == GCSatomic) {  /* all is marked */
    lua_assert(!iswhite(to));
    return;
  }
  lua_assert(!isdead(g, to));
  if (!keepinvariant(g) || from->tt == LUA_VTHREAD) return;  /* threads are visited again in any case */
  if (g->gckind == KGC_INC)
    lua_assert(!(isblack(from) && iswhite(to)));
  else if (getage(from) == G_OLD && isblack(from))
    lua_assert(isold(to));
  else if (getage(from) == G_OLD1 || getage(from) == G_TOUCHED2)
    lua_assert(getage(to) != G_NEW);
}

static void value (global_State *g, const GCObject *from, const TValue *v) {
  if (!iscollectable(v)) {
    lua_assert(novariant(rawtt(v)) < LUA_NUMTYPES && novariant(rawtt(v)) != LUA_TTABLE);
    return;
  }
  lua_assert(righttt(v));
  reference(g, from, gcvalue(v));
}

#define object(g,from,to) \
  { if ((to) != NULL) reference(g, obj2gco(from), obj2gco(to)); }


static void hashpart (global_State *g, Table *t) {
  const GCObject *o = obj2gco(t);
  unsigned i, size = sizenode(t);
  lua_assert(t->lsizenode < 31);
  lua_assert(isdummy(t) ? size == 1 : t->node <= t->lastfree && t->lastfree <= t->node + size);
  if (t->node == cast(Node *, t + 1)) lua_assert(cu_inlinesize(t) == size);
  for (i = 0; i < size; i++) {
    Node *n = gnode(t, i);
    int next = cast_int(i) + gnext(n);
    lua_assert(0 <= next && next < cast_int(size));
    if (cu_isvacant(gval(n))) continue;  /* its key may be dead */
    lua_assert(!keyisnil(n) && !keyisdead(n));
    value(g, o, gval(n));
    if (keyiscollectable(n)) {
      lua_assert(withvariant(keytt(n)) == gckey(n)->tt);
      reference(g, o, gckey(n));
    }
  }
}

static void table (global_State *g, Table *t) {
  const GCObject *o = obj2gco(t);
  unsigned i, size = luaH_realasize(t);
  Table *held;
  object(g, t, t->metatable);
  lua_assert(t->metatable == NULL || t->metatable->tt == LUA_VTABLE);
  if (cu_isordered(t)) {
    lua_assert(cu_order(t)->tt == LUA_VTABLE);
    object(g, t, cu_order(t));
  }
  if (t->view & (CU_VIEW_CLEAN | CU_VIEW_ORDERED)) {
    for (i = 0; (held = cu_view_reference(t, i)) != NULL; i++) {
      lua_assert(held->tt == LUA_VTABLE);
      object(g, t, held);
    }
  }
  lua_assert((t->array == NULL) == (size == 0));
  for (i = 0; i < size; i++) value(g, o, &t->array[i]);
  hashpart(g, t);
}

static void proto (global_State *g, Proto *p) {
  int i;
  object(g, p, p->source);
  for (i = 0; i < p->sizek; i++) value(g, obj2gco(p), &p->k[i]);
  for (i = 0; i < p->sizeupvalues; i++) object(g, p, p->upvalues[i].name);
  for (i = 0; i < p->sizep; i++) object(g, p, p->p[i]);
  for (i = 0; i < p->sizelocvars; i++) object(g, p, p->locvars[i].varname);
}

static void luaclosure (global_State *g, LClosure *f) {
  int i;
  object(g, f, f->p);
  for (i = 0; i < f->nupvalues; i++) {
    UpVal *uv = f->upvals[i];
    if (uv == NULL) continue;
    lua_assert(uv->tt == LUA_VUPVAL);
    object(g, f, uv);
  }
}

/* The open ones of a thread stand in its stack, the last first. */
static void openupvalues (lua_State *th) {
  UpVal *uv;
  UpVal **link = &th->openupval;
  for (; (uv = *link) != NULL; link = &uv->u.open.next) {
    lua_assert(uv->tt == LUA_VUPVAL && upisopen(uv) && !isblack(uv));
    lua_assert(uv->u.open.previous == link);
    lua_assert(s2v(th->stack.p) <= uv->v.p && uv->v.p < s2v(th->stack_last.p));
    lua_assert(uv->u.open.next == NULL || uv->u.open.next->v.p < uv->v.p);
  }
}

static void thread (global_State *g, lua_State *th) {
  StkId o;
  CallInfo *ci;
  lua_assert(!isblack(th) || g->gcstate >= GCSatomic || getage(th) == G_OLD1);
  if (th->stack.p == NULL) return;  /* it is being made */
  lua_assert(th->stack.p <= th->top.p && th->top.p <= th->stack_last.p + EXTRA_STACK);
  lua_assert(th->stack.p <= th->tbclist.p && th->tbclist.p < th->stack_last.p + EXTRA_STACK);
  for (o = th->stack.p; o < th->top.p; o++) value(g, obj2gco(th), s2v(o));
  openupvalues(th);
  for (ci = th->ci; ci != NULL; ci = ci->previous) {
    lua_assert(th->stack.p <= ci->func.p && ci->func.p < ci->top.p);
    lua_assert(ci->top.p <= th->stack_last.p + EXTRA_STACK);
    if (isLua(ci)) lua_assert(ttisLclosure(s2v(ci->func.p)));
    if (ci->previous != NULL) lua_assert(ci->previous->next == ci && ci->previous->func.p < ci->func.p);
  }
  object(g, th, th->waits);
}

static void contents (global_State *g, GCObject *o) {
  int i;
  switch (o->tt) {
    case LUA_VSHRSTR: {
      lua_assert(gco2ts(o)->shrlen <= LUAI_MAXSHORTLEN && getstr(gco2ts(o))[gco2ts(o)->shrlen] == '\0');
      break;
    }
    case LUA_VLNGSTR: {
      lua_assert(gco2ts(o)->shrlen == 0xff && getstr(gco2ts(o))[gco2ts(o)->u.lnglen] == '\0');
      break;
    }
    case LUA_VTABLE: table(g, gco2t(o)); break;
    case LUA_VUSERDATA: {
      Udata *u = gco2u(o);
      object(g, u, u->metatable);
      for (i = 0; i < u->nuvalue; i++) value(g, o, &u->uv[i].uv);
      break;
    }
    case LUA_VUPVAL: {
      UpVal *uv = gco2upv(o);
      if (!upisopen(uv)) value(g, o, uv->v.p);
      break;
    }
    case LUA_VLCL: luaclosure(g, gco2lcl(o)); break;
    case LUA_VCCL: {
      CClosure *f = gco2ccl(o);
      for (i = 0; i < f->nupvalues; i++) value(g, o, &f->upvalue[i]);
      break;
    }
    case LUA_VPROTO: proto(g, gco2p(o)); break;
    case LUA_VTHREAD: thread(g, gco2th(o)); break;
    default: lua_assert(0);
  }
}

/* An object in a list of the heap, which has none younger than 'age'. */
static void check (global_State *g, GCObject *o, int age, int may_be_dead) {
  if (g->gcstate == GCSatomic ? iswhite(o) : isdead(g, o)) {
    lua_assert(may_be_dead);
    return;
  }
  lua_assert(g->gcstate != GCSpause || iswhite(o));
  if (g->gckind == KGC_INC || g->gcstate == GCSatomic)
    lua_assert(g->gckind == KGC_GEN || getage(o) == G_NEW);
  else {
    lua_assert(getage(o) >= age);
    lua_assert(!isold(o) || !iswhite(o));
    lua_assert(getage(o) != G_TOUCHED1 || isgray(o));
    lua_assert(getage(o) != G_TOUCHED2 || isblack(o));
  }
  if ((isgray(o) && o->tt != LUA_VUPVAL) || (getage(o) == G_TOUCHED2 && !iswhite(o))) grays++;
  contents(g, o);
}

static unsigned checklist (global_State *g, GCObject *o, GCObject *const from[], int is_final, int may_be_dead) {
  static const lu_byte ages[] = {G_NEW, G_SURVIVAL, G_OLD1, G_OLD};
  unsigned count = 0;
  int segment = 0;
  for (; o != NULL; o = o->next) {
    if (from != NULL && g->gckind == KGC_GEN)
      while (segment < 3 && o == from[segment]) segment++;
    lua_assert(!tofinalize(o) == !is_final);
    check(g, o, ages[segment], may_be_dead);
    count++;
  }
  return count;
}

static GCObject *nextgray (GCObject *o) {
  switch (o->tt) {
    case LUA_VTABLE: return gco2t(o)->gclist;
    case LUA_VLCL: return gco2lcl(o)->gclist;
    case LUA_VCCL: return gco2ccl(o)->gclist;
    case LUA_VTHREAD: return gco2th(o)->gclist;
    case LUA_VPROTO: return gco2p(o)->gclist;
    case LUA_VUSERDATA: return gco2u(o)->gclist;
    default: lua_assert(0); return NULL;
  }
}

static void countgrays (GCObject *o) {
  for (; o != NULL; o = nextgray(o)) {
    lua_assert(isgray(o) || getage(o) == G_TOUCHED2);
    lua_assert(++listed < 1u << 28);  /* no circle */
  }
}

/* Each short string stands in the chain of its hash, and none else. */
static void checkstrings (global_State *g) {
  int i, count = 0;
  for (i = 0; i < g->strt.size; i++) {
    TString *s = g->strt.hash[i];
    for (; s != NULL; s = s->u.hnext) {
      lua_assert(s->tt == LUA_VSHRSTR && lmod(s->hash, g->strt.size) == cast_uint(i));
      count++;
    }
  }
  lua_assert(count == g->strt.nuse);
}

static void checkroots (global_State *g) {
  int i, j;
  const GCObject *root = obj2gco(g->mainthread);
  value(g, root, &g->l_registry);
  for (i = 0; i < LUA_NUMTYPES; i++) object(g, g->mainthread, g->mt[i]);
  for (i = 0; i < TM_N; i++) object(g, g->mainthread, g->tmname[i]);
  for (i = 0; i < STRCACHE_N; i++)
    for (j = 0; j < STRCACHE_M; j++) object(g, g->mainthread, g->strcache[i][j]);
}

/*
** Between two phases: before objects are marked, and, in the state GCSatomic, when all are. What is white
** then, is dead.
*/
void cu_check_heap (global_State *g) {
  GCObject *o;
  GCObject *const all[] = {g->survival, g->old1, g->reallyold};
  GCObject *const final[] = {g->finobjsur, g->finobjold1, g->finobjrold};
  int is_atomic = g->gcstate == GCSatomic;
  int is_sweeping = GCSatomic < g->gcstate && g->gcstate <= GCSswpfinobj;
  unsigned count;
  if (!completestate(g)) return;
  if (to_skip[is_atomic] > 0) {
    to_skip[is_atomic]--;
    return;
  }
  listed = grays = 0;
  if (keepinvariant(g)) {
    countgrays(g->gray);
    countgrays(g->grayagain);
    countgrays(g->weak);
    countgrays(g->ephemeron);
    countgrays(g->allweak);
  }
  lua_assert(g->sweepgc == NULL || issweepphase(g));
  for (o = g->fixedgc; o != NULL; o = o->next) {
    lua_assert(o->tt == LUA_VSHRSTR && isgray(o) && getage(o) == G_OLD);
  }
  checkroots(g);
  count = checklist(g, g->allgc, all, 0, is_atomic || is_sweeping);
  count += checklist(g, g->finobj, final, 1, is_sweeping);
  count += checklist(g, g->tobefnz, NULL, 1, 0);
  if (keepinvariant(g)) lua_assert(listed == grays);
  checkstrings(g);
  cu_check_views(g);
  to_skip[is_atomic] = count / OBJECTS_EACH;
}
