/* Lua's ldo.c includes <setjmp.h>; errors unwind by wasm exceptions instead. */
