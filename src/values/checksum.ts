/**
 * A checksum that shows damage: XXH32 (Collet, "xxHash fast digest algorithm"). It keeps nobody from making
 * other bytes with the same one.
 *
 * @module
 */

const PRIME_1 = 0x9e3779b1;
const PRIME_2 = 0x85ebca77;
const PRIME_3 = 0xc2b2ae3d;
const PRIME_4 = 0x27d4eb2f;
const PRIME_5 = 0x165667b1;

const STRIPE_BYTES = 16;

const rotate = (value: number, bits: number): number => value << bits | value >>> (32 - bits);

/** The checksum of bytes, an unsigned integer of 32 bits. */
export function checksumOf(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const striped = bytes.length - bytes.length % STRIPE_BYTES;
  let hash = (striped > 0 ? hashOfStripes(view, striped) : PRIME_5) + bytes.length | 0;
  let at = striped;
  for (; at + 4 <= bytes.length; at += 4) {
    hash = Math.imul(rotate(hash + Math.imul(view.getUint32(at, true), PRIME_3), 17), PRIME_4);
  }
  for (; at < bytes.length; at++) hash = Math.imul(rotate(hash + Math.imul(bytes[at], PRIME_5), 11), PRIME_1);
  hash = Math.imul(hash ^ hash >>> 15, PRIME_2);
  hash = Math.imul(hash ^ hash >>> 13, PRIME_3);
  return (hash ^ hash >>> 16) >>> 0;
}

function hashOfStripes(view: DataView, end: number): number {
  let a = PRIME_1 + PRIME_2 | 0;
  let b = PRIME_2 | 0;
  let c = 0;
  let d = -PRIME_1 | 0;
  for (let at = 0; at < end; at += STRIPE_BYTES) {
    a = Math.imul(rotate(a + Math.imul(view.getUint32(at, true), PRIME_2), 13), PRIME_1);
    b = Math.imul(rotate(b + Math.imul(view.getUint32(at + 4, true), PRIME_2), 13), PRIME_1);
    c = Math.imul(rotate(c + Math.imul(view.getUint32(at + 8, true), PRIME_2), 13), PRIME_1);
    d = Math.imul(rotate(d + Math.imul(view.getUint32(at + 12, true), PRIME_2), 13), PRIME_1);
  }
  return rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18) | 0;
}
