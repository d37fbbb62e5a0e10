/**
 * The run of `lazy_mode_test.ts`.
 *
 * @module
 */

/** Whether tests run once more, with lazy inputs: of no use to those that set none, or say which kind they are. */
export const isLazyMode = Deno.env.has("CU_LAZY_MODE");
