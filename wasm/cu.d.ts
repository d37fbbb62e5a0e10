/** The compute unit's WASM module, as text that `src/runtime/module_text.ts` decodes; made by `deno task build`. */
export function cuText(): string;
/** Length of that text. */
export const cuTextLength: number;
/** The bytes of the WASM module that decodes it. */
export const cuDecoder: number[];
