/**
 * Which containers a message has, so that one that stands in it twice crosses once.
 *
 * @module
 */

/** Slots at first; a power of two. */
const SLOTS_MIN = 64;

/** Slots looked at for one object before all go into a Map. */
const PROBES_MAX = 16;

/** Beyond this, tables are dropped between messages. */
const KEPT_MAX = 1000;

const float = new Float64Array(1);
const halves = new Int32Array(float.buffer);

/**
 * Numbers objects in the order in which they come.
 *
 * A Map of objects hashes their identity, which takes 100 to 200 ns for each of many
 * rows: more than to encode one. Rows mostly differ in their first field, so that one
 * serves as a hash here, and neighbours get neighbouring slots. Objects without such a
 * field, and all of them when slots are crowded, go into a Map.
 */
export class Seen {
  /** All objects by number. */
  #objects: object[] = [];
  /** Hashes of those in slots. */
  #hashes: number[] = [];
  /** Number + 1 of the object, 0 where free. */
  #slots = new Int32Array(SLOTS_MIN);
  #slotted = 0;
  #crowded = false;
  #map = new Map<object, number>();

  /** Forgets all objects. */
  clear(): void {
    if (this.#objects.length > KEPT_MAX) {
      this.#slots = new Int32Array(SLOTS_MIN);
      this.#map = new Map();
    } else {
      if (this.#slotted > 0) this.#slots.fill(0);
      if (this.#map.size > 0) this.#map.clear();
    }
    this.#objects = [];
    this.#hashes = [];
    this.#slotted = 0;
    this.#crowded = false;
  }

  /**
   * Adds an object; answers its number if it was there, else -1.
   *
   * @param first The value of its first field, if it is a plain object: always the same
   * for the same object.
   */
  add(object: object, first: unknown): number {
    if (this.#crowded) return this.#addToMap(object);
    if (typeof first === "number") return this.#addToSlots(object, hashOfNumber(first));
    if (typeof first === "string") return this.#addToSlots(object, hashOfString(first));
    return this.#addToMap(object);
  }

  #addToMap(object: object): number {
    const number = this.#map.get(object);
    if (number !== undefined) return number;
    this.#map.set(object, this.#objects.length);
    this.#objects.push(object);
    return -1;
  }

  #addToSlots(object: object, hash: number): number {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (let probes = 0; probes < PROBES_MAX; probes++) {
      const entry = this.#slots[slot];
      if (entry === 0) {
        const number = this.#objects.length;
        this.#objects.push(object);
        this.#hashes[number] = hash;
        this.#slots[slot] = number + 1;
        if (++this.#slotted * 2 > mask) this.#grow();
        return -1;
      }
      if (this.#objects[entry - 1] === object) return entry - 1;
      slot = (slot + 1) & mask;
    }
    this.#crowd();
    return this.#addToMap(object);
  }

  #grow(): void {
    const old = this.#slots;
    const slots = new Int32Array(old.length * 4);
    const mask = slots.length - 1;
    for (const entry of old) {
      if (entry === 0) continue;
      let slot = this.#hashes[entry - 1] & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = entry;
    }
    this.#slots = slots;
  }

  #crowd(): void {
    this.#crowded = true;
    for (let number = 0; number < this.#objects.length; number++) this.#map.set(this.#objects[number], number);
  }
}

function hashOfNumber(value: number): number {
  const integer = value | 0;
  if (integer === value) return integer;
  float[0] = value;
  return Math.imul(halves[0] ^ Math.imul(halves[1], 0x9e3779b1), 0x85ebca6b) >>> 7;
}

/** Of the last units: names and keys that count up differ there. */
function hashOfString(value: string): number {
  let hash = value.length;
  for (let i = value.length - 1, end = Math.max(0, i - 12); i >= end; i--) {
    hash = Math.imul(hash, 31) + value.charCodeAt(i);
  }
  return Math.imul(hash, 0x9e3779b1) >>> 5;
}
