/** Tasks that yield many results. */
import process from "node:process";
import { move, task, type TaskContext } from "@heddle/heddle";

/** Says in the word how far it is, and sets its sign when it is left. */
function* upTo(n: number, told: SharedArrayBuffer): Generator<number> {
  const words = new Int32Array(told);
  try {
    for (let i = 1; i <= n; i++) {
      Atomics.store(words, 0, i);
      yield i;
    }
  } finally {
    Atomics.store(words, 1, 1);
  }
}

export const numbers = task(import.meta, "numbers", function* (_ctx, n: number, told: SharedArrayBuffer) {
  yield* upTo(n, told);
});

/** One after the other, as others want it too. */
export const slowly = task(
  import.meta,
  "slowly",
  async function* (ctx, n: number, told: SharedArrayBuffer): AsyncGenerator<number> {
    for (const i of upTo(n, told)) {
      await ctx.yield();
      yield i;
    }
  },
);

/** The list, then what became of it: it fails, its thread dies, or it waits until it is cancelled. */
export const thenEnds = task(
  import.meta,
  "thenEnds",
  async function* (ctx, n: number, end: "throws" | "dies" | "waits" | "yields what cannot be copied") {
    for (let i = 0; i < n; i++) yield { i, of: [i] };
    if (end === "throws") throw new RangeError("no more of them", { cause: n });
    if (end === "dies") {
      await ctx.yield();
      process.exit(3);
    }
    if (end === "waits") await ctx.sleep(600_000);
    yield (() => {}) as never;
  },
);

/** Bytes that it gives up, and how many are left of them. */
export const givesBytes = task(import.meta, "givesBytes", function* (_ctx, length: number) {
  const bytes = new Uint8Array(length).fill(7);
  yield move(bytes);
  yield bytes.length;
});

/** Without end. */
export const dates = task(import.meta, "dates", function* () {
  for (;;) yield new Date(0);
});

/** What a task reads of another one's results, until it has seen `most`. */
async function read(ctx: TaskContext, n: number, most: number, told: SharedArrayBuffer): Promise<number[]> {
  const seen: number[] = [];
  for await (const i of ctx.go(slowly(n, told), { window: 3, signal: ctx.signal })) {
    if (seen.push(i) === most) break;
  }
  return seen;
}

export const reads = task(import.meta, "reads", read);

/** The child is elsewhere: this thread takes no others. */
export const readsElsewhere = task(
  import.meta,
  "readsElsewhere",
  async (ctx, ...args: [number, number, SharedArrayBuffer]) => {
    ctx.dedicate();
    const seen = await read(ctx, ...args);
    ctx.undedicate();
    return seen;
  },
);

/** It waits for what does not come. */
export const readsOn = task(import.meta, "readsOn", async (ctx): Promise<void> => {
  for await (const _ of ctx.go(thenEnds(1, "waits"), { signal: ctx.signal }));
});

/** What a scope says of it. */
export const inScope = task(
  import.meta,
  "inScope",
  (ctx) => ctx.scope((scope) => scope.go(thenEnds(1, "waits") as never)),
);
