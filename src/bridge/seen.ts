/**
 * Which containers a message has, so that one that stands in it twice crosses once.
 *
 * @module
 */

/** Slots at first; a power of two. */
const SLOTS_MIN = 64;

/** Slots looked at for one object; one that would stand further from its own slot goes into the Map. */
const PROBES_MAX = 40;

/** Objects moved on for a new one; the next goes into the Map. */
const MOVES_MAX = 64;

/** Beyond this, tables are dropped between messages. */
const KEPT_MAX = 1000;

/** Stands for the hash of an object that is in the Map. */
const IN_MAP = -1;

/** The same, of one that has a hash but no slot. */
const CROWDED_OUT = -2;

/** The same, of what is no object of a message: it is numbered, but not found again by itself. */
export const NOT_HASHED = -3;

/** Hashes that V8 keeps without a box. */
const HASH_MASK = 0x3fff_ffff;

const float = new Float64Array(1);
const halves = new Int32Array(float.buffer);

/**
 * Numbers objects in the order in which they come; a number that was removed is given
 * again.
 *
 * A Map of objects hashes their identity, which takes 100 to 200 ns for each of many
 * rows: more than to encode one. Rows mostly differ in their first field, so that one
 * serves as a hash here, and neighbours get neighbouring slots. Objects without such a
 * field go into a Map, and those that find no slot near their own, or lose it to another:
 * data chooses the hashes, and may choose the same for many objects. So to add one looks at
 * so many slots at most and moves so many objects on, whatever is there.
 */
export class Seen {
  #numbers: Numbers;
  /** Number + 1 of the object, 0 where free. */
  #slots = new Int32Array(SLOTS_MIN);
  #slotted = 0;
  /** Objects in the Map that have a hash. */
  #crowdedOut = 0;
  #byIdentity = false;
  #map = new Map<object, number>();

  /** Constructs one that gives numbers of its own, or of those that several share. */
  constructor(numbers: Numbers = new Numbers()) {
    this.#numbers = numbers;
  }

  /** Forgets all objects, and begins again from 0; not where the numbers are shared. */
  clear(): void {
    if (this.#numbers.objects.length > KEPT_MAX) {
      this.#slots = new Int32Array(SLOTS_MIN);
      this.#map = new Map();
    } else {
      if (this.#slotted > 0) this.#slots.fill(0);
      if (this.#map.size > 0) this.#map.clear();
    }
    this.#numbers = new Numbers();
    this.#slotted = 0;
    this.#crowdedOut = 0;
    this.#byIdentity = false;
  }

  /**
   * Adds an object; answers its number if it was there, else -1 less its new number.
   *
   * @param first The value of its first field, if it is a plain object: always the same
   * for the same object, or {@linkcode Seen.useIdentity} has been called.
   */
  add(object: object, first: unknown): number {
    if (this.#byIdentity) return this.#addToMap(object, IN_MAP);
    if (typeof first === "number") return this.#addToSlots(object, hashOfNumber(first));
    if (typeof first === "string") return this.#addToSlots(object, hashOfString(first));
    return this.#addToMap(object, IN_MAP);
  }

  #addToMap(object: object, hash: typeof IN_MAP | typeof CROWDED_OUT): number {
    const known = this.#map.get(object);
    if (known !== undefined) return known;
    const number = this.#numbers.give(object, hash);
    this.#map.set(object, number);
    if (hash === CROWDED_OUT) this.#crowdedOut++;
    return -1 - number;
  }

  #addToSlots(object: object, hash: number): number {
    const { objects, hashes } = this.#numbers;
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = hash & mask;
    for (let probes = 0; probes < PROBES_MAX; probes++) {
      const entry = slots[slot];
      if (entry === 0 || ((slot - hashes[entry - 1]) & mask) < probes) {
        const known = this.#crowdedOut > 0 ? this.#map.get(object) : undefined;
        if (known !== undefined) return known;
        const number = this.#numbers.give(object, hash);
        if (entry === 0) slots[slot] = number + 1;
        else this.#insert(number + 1, slot);
        if (++this.#slotted * 2 > mask) this.#grow();
        return -1 - number;
      }
      if (objects[entry - 1] === object) return entry - 1;
      slot = (slot + 1) & mask;
    }
    return this.#addToMap(object, CROWDED_OUT);
  }

  /**
   * Puts an entry into a slot from this one on. Those further from their home slots go
   * first (Celis, "Robin Hood Hashing", 1986), so that a gap that a removal leaves is
   * closed at the next entry that is at home. The last one that has to move may find no slot.
   */
  #insert(entry: number, slot: number): void {
    const { hashes } = this.#numbers;
    const slots = this.#slots;
    const mask = slots.length - 1;
    let distance = (slot - hashes[entry - 1]) & mask;
    for (let moves = 0;;) {
      const other = slots[slot];
      if (other === 0) break;
      const otherDistance = (slot - hashes[other - 1]) & mask;
      if (otherDistance < distance) {
        slots[slot] = entry;
        entry = other;
        distance = otherDistance;
        if (++moves === MOVES_MAX) return this.#crowdOut(entry);
      }
      slot = (slot + 1) & mask;
      if (++distance === PROBES_MAX) return this.#crowdOut(entry);
    }
    slots[slot] = entry;
  }

  /** Puts an entry that has lost its slot into the Map. */
  #crowdOut(entry: number): void {
    const { objects, hashes } = this.#numbers;
    hashes[entry - 1] = CROWDED_OUT;
    this.#map.set(objects[entry - 1]!, entry - 1);
    this.#crowdedOut++;
    this.#slotted--;
  }

  #grow(): void {
    const { hashes } = this.#numbers;
    const old = this.#slots;
    const slots = this.#slots = new Int32Array(old.length * 4);
    const mask = slots.length - 1;
    for (const entry of old) {
      if (entry === 0) continue;
      const slot = hashes[entry - 1] & mask;
      if (slots[slot] === 0) slots[slot] = entry;
      else this.#insert(entry, slot);
    }
  }

  /**
   * Tells all objects by their identity from now on, which is slower: the first field of one
   * of them has a getter, and may have another value each time.
   */
  useIdentity(): void {
    if (this.#byIdentity) return;
    this.#byIdentity = true;
    const { objects, hashes } = this.#numbers;
    for (const entry of this.#slots) {
      if (entry === 0) continue;
      this.#map.set(objects[entry - 1]!, entry - 1);
      hashes[entry - 1] = IN_MAP;
    }
    this.#slots = new Int32Array(SLOTS_MIN);
    this.#slotted = 0;
  }

  /** Knows an object by a number that it has already; from now on, tells all by their identity. */
  adopt(object: object, number: number): void {
    this.useIdentity();
    this.#map.set(object, number);
    this.#numbers.put(object, IN_MAP, number);
  }

  /** Removes the object of this number, which may then be given again. */
  remove(number: number): void {
    const { objects, hashes, free } = this.#numbers;
    const object = objects[number]!;
    objects[number] = undefined;
    free.push(number);
    if (hashes[number] < 0) {
      this.#map.delete(object);
      if (hashes[number] === CROWDED_OUT) this.#crowdedOut--;
      // Slots serve again as soon as no object is in the Map that should be in one.
      if (this.#byIdentity && this.#map.size === 0) this.#byIdentity = false;
      return;
    }
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = hashes[number] & mask;
    while (slots[slot] !== number + 1) slot = (slot + 1) & mask;
    let gap = slot;
    for (;;) {
      slot = (slot + 1) & mask;
      const entry = slots[slot];
      if (entry === 0 || ((slot - hashes[entry - 1]) & mask) === 0) break;
      slots[gap] = entry;
      gap = slot;
    }
    slots[gap] = 0;
    this.#slotted--;
  }
}

/** Objects by number, and what they were hashed by. */
export class Numbers {
  /** The objects; undefined where there is none now. */
  objects: (object | undefined)[] = [];
  /** Their hashes. */
  hashes: number[] = [];
  /** Numbers without an object. */
  free: number[] = [];

  /** Gives an object a number. */
  give(object: object, hash: number): number {
    const number = this.free.length > 0 ? this.free.pop()! : this.objects.length;
    this.put(object, hash, number);
    return number;
  }

  /** Puts an object under a number that none has. */
  put(object: object, hash: number, number: number): void {
    this.objects[number] = object;
    this.hashes[number] = hash;
  }
}

/** Integers in a row leave a slot between them, for another object with the same, or for other values. */
function hashOfNumber(value: number): number {
  const integer = value | 0;
  if (integer === value) return integer << 1 & HASH_MASK;
  float[0] = value;
  return Math.imul(halves[0] ^ Math.imul(halves[1], 0x9e3779b1), 0x85ebca6b) >>> 7;
}

/** Units of a string's end that are hashed, and the most of what stands before: 1 ns each. */
const END_UNITS = 12;
const REST_UNITS_MAX = 48;

/**
 * Of its end, where names and keys that count up differ, and here and there of the rest: what differs before the
 * same end, as addresses of mail and times do.
 */
function hashOfString(value: string): number {
  const { length } = value;
  const rest = Math.max(0, length - END_UNITS);
  let hash = length;
  for (let i = length - 1; i >= rest; i--) hash = Math.imul(hash, 31) + value.charCodeAt(i);
  const step = Math.ceil(rest / REST_UNITS_MAX);
  for (let i = rest - 1; i >= 0; i -= step) hash = Math.imul(hash, 31) + value.charCodeAt(i);
  return Math.imul(hash, 0x9e3779b1) >>> 5;
}
