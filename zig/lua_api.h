/* What the Zig sources see of Lua: its C API, and the inside of its tables,
** strings and closures, which the bridge reads and writes directly. */
#include "lua_config.h"
#include "lua.h"
#include "lauxlib.h"
#include "lualib.h"
#include "ldo.h"
#include "lfunc.h"
#include "lgc.h"
#include "lmem.h"
#include "lobject.h"
#include "lstate.h"
#include "lstring.h"
#include "ltable.h"
