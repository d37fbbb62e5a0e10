; How Lua's errors unwind: luaD_throw and luaD_rawrunprotected (ldo.c) call these
; two through LUAI_THROW and LUAI_TRY in lua/config.h. The error itself stands in
; L->errorJmp, so the exception carries nothing. The catch takes this tag only:
; what JavaScript throws inside an import passes through it to the host.

target triple = "wasm32-unknown-wasi"

declare void @llvm.wasm.throw(i32, ptr) noreturn
declare ptr @llvm.wasm.get.exception(token)
declare i32 @llvm.wasm.get.ehselector(token)
declare i32 @__gxx_wasm_personality_v0(...)

define hidden void @cu_throw() noreturn {
  call void @llvm.wasm.throw(i32 0, ptr null)
  unreachable
}

define hidden void @cu_try(ptr %function, ptr %state, ptr %data) personality ptr @__gxx_wasm_personality_v0 {
entry:
  invoke void %function(ptr %state, ptr %data) to label %done unwind label %dispatch

dispatch:
  %switch = catchswitch within none [label %catch] unwind to caller

catch:
  %pad = catchpad within %switch [ptr null]
  %exception = call ptr @llvm.wasm.get.exception(token %pad)
  %selector = call i32 @llvm.wasm.get.ehselector(token %pad)
  catchret from %pad to label %done

done:
  ret void
}
