/**
 * The data of the benchmark suites.
 *
 * @module
 */

/** A row of the large payload. */
export interface Row {
  id: number;
  name: string;
  value: number;
  active: boolean;
}

/** An item of an order. */
export interface OrderItem {
  sku: string;
  title: string;
  quantity: number;
  price: number;
  discount: number;
}

/** The small payload: nested, about 1 KB as JSON. */
export interface Order {
  id: number;
  placedAt: string;
  currency: string;
  express: boolean;
  customer: {
    id: number;
    name: string;
    email: string;
    tags: string[];
    address: { street: string; city: string; zip: string; country: string };
  };
  items: OrderItem[];
}

/** Numbers from 0 to 1, the same in every run (Mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const WORDS = ["Ash", "Birch", "Café", "Dune", "Elm", "Fir", "Größe", "Hill", "Ivy", "Jade"];

/**
 * Makes rows with ids from 1; 100,000 of them are 6.2 MB as JSON.
 *
 * @param count How many.
 * @returns The rows.
 */
export function makeRows(count: number): Row[] {
  const random = randomNumbers(1);
  return Array.from({ length: count }, (_, i) => ({
    id: i + 1,
    name: `${WORDS[i % WORDS.length]} ${i + 1}`,
    value: Math.round(random() * 1e6) / 1e3,
    active: random() < 0.5,
  }));
}

/**
 * Makes an order of about 1 KB as JSON.
 *
 * @param number What tells it from other orders.
 * @returns The order.
 */
export function makeOrder(number: number): Order {
  const random = randomNumbers(number);
  const word = () => WORDS[Math.floor(random() * WORDS.length)];
  const name = `${word()} "${word()}" ${word()}`;
  return {
    id: 700_000 + number,
    placedAt: new Date(1_767_225_600_000 + number * 60_000).toISOString(),
    currency: "EUR",
    express: random() < 0.5,
    customer: {
      id: 10_000 + number,
      name,
      email: `customer.${number}@shop.example`,
      tags: ["returning", "newsletter", word().toLowerCase()],
      address: {
        street: `${word()} Street ${number % 100}`,
        city: word(),
        zip: String(10_000 + number),
        country: "DE",
      },
    },
    items: Array.from({ length: 8 }, (_, i) => ({
      sku: `SKU-${1000 + Math.floor(random() * 9000)}-${i}`,
      title: `${word()} ${word()} ${word()}`,
      quantity: 1 + Math.floor(random() * 9),
      price: Math.round(random() * 20_000) / 100,
      discount: Math.floor(random() * 4) / 20,
    })),
  };
}
