// States that several processes use, and that outlast them. In a short form; `CU_STATE_FULL=1` runs all of it.

import { assert, assertEquals } from "@std/assert";
import { openHome } from "@computeunit/cu";
import { makeNamedPlace, type NamedPlace, openByName } from "../helpers/store_places.ts";
import { STORE_KINDS } from "../helpers/stores.ts";
import { pathOf } from "../../tools/run.ts";
import { generationOf } from "./child.ts";

const isFull = Deno.env.get("CU_STATE_FULL") === "1";

const CHILD = pathOf(new URL("child.ts", import.meta.url));

const PROCESSES = 4;
const UPDATES = isFull ? 500 : 20;

/** How often a process is killed, and how long after its first save at most: about what three saves take. */
const KILLS: Record<string, { count: number; withinMs: number }> = {
  "SqliteStore": { count: isFull ? 200 : 5, withinMs: 60 },
  "KvStore": { count: isFull ? 50 : 3, withinMs: 400 },
};

const hasPostgres = STORE_KINDS.some(({ name, isMissing }) => name.startsWith("PostgresStore") && !isMissing);

/** A process, and what it says, line by line. */
class Child {
  readonly lines: string[] = [];
  readonly #process: Deno.ChildProcess;
  readonly #ended: Promise<void>;
  #onLine: (() => void) | undefined;

  constructor(...args: string[]) {
    const command = ["run", "-A", "--no-check", "--unstable-kv", CHILD, ...args];
    this.#process = new Deno.Command(Deno.execPath(), { args: command, stdin: "null", stdout: "piped" }).spawn();
    this.#ended = this.#read();
  }

  async #read(): Promise<void> {
    let rest = "";
    for await (const text of this.#process.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      this.lines.push(...lines);
      this.#onLine?.();
    }
    this.#onLine?.();
  }

  /** Waits until it has said so many lines. */
  async said(count: number): Promise<void> {
    while (this.lines.length < count) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#onLine = resolve;
      const hasEnded = await Promise.race([promise.then(() => false), this.#ended.then(() => true)]);
      if (hasEnded && this.lines.length < count) throw new Error(`The process has ended: ${this.lines.at(-1)}`);
    }
  }

  /** Ends it in the middle of whatever it does. */
  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.end();
  }

  /** Waits for its end. */
  async end(): Promise<boolean> {
    await this.#ended;
    return (await this.#process.status).success;
  }

  /** The number in the last line that begins with a word, 0 where there is none. */
  last(word: string): number {
    return Number(this.lines.findLast((line) => line.startsWith(word))?.split(" ")[1] ?? 0);
  }
}

async function savedGeneration(name: string, place: NamedPlace): Promise<number> {
  await using store = await openByName(name, place.name);
  return generationOf(await openHome(store, "state"));
}

for (const [name, { count, withinMs }] of Object.entries(KILLS)) {
  Deno.test(`${count} times killed while it saves, ${name} has a state that was saved whole`, async () => {
    await using place = await makeNamedPlace(name);
    let before = 0;
    let inMiddle = 0;
    for (let i = 0; i < count; i++) {
      const child = new Child("save", name, place.name);
      // The first one has saved once, however slow it is: "saves 1", "saved 1".
      await child.said(i === 0 ? 2 : 1);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * withinMs));
      await child.kill();
      const generation = await savedGeneration(name, place);
      const [saved, saves] = [child.last("saved") || before, child.last("saves")];
      assert(generation >= saved && generation <= saves, `${generation} is not from ${saved} to ${saves}`);
      if (saves > saved) inMiddle++;
      before = generation;
    }
    assert(before > 0);
    if (isFull) console.log(`${name}: ${before} saves, ${inMiddle} of ${count} kills in the middle of one`);
  });
}

async function savedCount(name: string, place: NamedPlace): Promise<unknown> {
  await using store = await openByName(name, place.name);
  return (await openHome(store, "counter")).table.get("count");
}

for (const name of ["SqliteStore", "KvStore", "PostgresStore"]) {
  const isPostgres = name === "PostgresStore";
  Deno.test({
    name: `${PROCESSES} processes make ${UPDATES} updates each in ${name}${isPostgres ? ", restarted meanwhile" : ""}`,
    ignore: isPostgres && !hasPostgres,
    fn: async () => {
      await using place = await makeNamedPlace(name);
      const children = Array.from({ length: PROCESSES }, () => new Child("add", name, place.name, String(UPDATES)));
      if (isPostgres) {
        await children[0].said(UPDATES / 2);
        await place.server!.crash();
        await place.server!.resume();
      }
      assertEquals(await Promise.all(children.map((child) => child.end())), children.map(() => true));
      assertEquals(await savedCount(name, place), PROCESSES * UPDATES);
    },
  });
}
