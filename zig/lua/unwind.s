# The tag under which Lua's errors are thrown, with the name that LLVM expects.
	.tagtype __cpp_exception i32
	.globl __cpp_exception
	.hidden __cpp_exception
__cpp_exception:
