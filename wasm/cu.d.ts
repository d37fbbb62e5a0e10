/** The compute unit's WASM module, as base64 text; made by `deno task build`. */
export const cuBase64: string;
