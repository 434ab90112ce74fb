/** Tasks that pass large values on, or give them up. */
import { type Channel, move, type Task, task, type TaskContext } from "@heddle/heddle";

export const echoBytes = task(import.meta, "echoBytes", (_ctx, bytes: Uint8Array): Uint8Array => bytes);

/** What it has when its result was passed on: the last task's. */
let kept: Uint8Array | undefined;

export const movesBytes = task(import.meta, "movesBytes", (_ctx, length: number): Uint8Array => {
  kept = new Uint8Array(length).fill(7);
  return move(kept);
});

export const keptLength = task(import.meta, "keptLength", (): number | undefined => kept?.length);

export const echoMoved = task(import.meta, "echoMoved", (_ctx, value: unknown): unknown => move(value));

/** How long the bytes are here, there, and here afterwards. */
export interface Lengths {
  there: number;
  before: number;
  after: number;
}

const lengthOf = task(import.meta, "lengthOf", (_ctx, bytes: Uint8Array): number => bytes.length);

export const passesOn = task(
  import.meta,
  "passesOn",
  async (ctx, length: number, how: "move" | "transfer" | "copy"): Promise<Lengths> => {
    const bytes = new Uint8Array(length);
    const call = lengthOf(how === "move" ? move(bytes) : bytes);
    const child = ctx.go(call, how === "transfer" ? { transfer: [bytes.buffer] } : undefined);
    return { before: length, after: bytes.length, there: await child };
  },
);

export const sendsMoved = task(
  import.meta,
  "sendsMoved",
  async (_ctx, to: Channel<Uint8Array>, count: number, length: number): Promise<number[]> => {
    const left: number[] = [];
    for (let i = 0; i < count; i++) {
      const bytes = new Uint8Array(length).fill(i);
      await to.send(move(bytes));
      left.push(bytes.length);
    }
    return left;
  },
);

export const sendsBytes = task(
  import.meta,
  "sendsBytes",
  async (_ctx, to: Channel<Uint8Array>, count: number, length: number): Promise<void> => {
    for (let i = 0; i < count; i++) await to.send(new Uint8Array(length).fill(i));
  },
);

/** On a channel that nobody else knows: the same memory comes out. */
export const movesAtHome = task(import.meta, "movesAtHome", async (ctx): Promise<[number, number]> => {
  const { Channel } = await import("@heddle/heddle");
  const own = new Channel<Uint8Array>(ctx, 1);
  const bytes = new Uint8Array(1 << 20).fill(3);
  await own.send(move(bytes));
  const received = await own.recv();
  return [bytes.length, received.length];
});

/** Ends its thread while large values are on their way to it and from it. */
export const diesAmongBytes = task(
  import.meta,
  "diesAmongBytes",
  (ctx: TaskContext, bytes: Uint8Array): Promise<never> => {
    const children: Task<Uint8Array>[] = Array.from({ length: 12 }, () => ctx.go(echoBytes(bytes)));
    const until = performance.now() + 20;
    while (performance.now() < until && children.some(({ state }) => state === "queued")) {
      void ctx.shouldYield;
    }
    Deno.exit();
  },
);

/** Ends its thread while it waits to send. */
export const sendsAndDies = task(import.meta, "sendsAndDies", (_ctx, to: Channel<Uint8Array>) => {
  to.send(new Uint8Array(2 << 20)).catch(() => {});
  Deno.exit();
});

/** Waits to receive, says so, and ends its thread once it was sent something, which it does not read. */
export const isSentToAndDies = task(
  import.meta,
  "isSentToAndDies",
  (_ctx, from: Channel<Uint8Array>, told: SharedArrayBuffer) => {
    from.recv().catch(() => {});
    const words = new Int32Array(told);
    Atomics.store(words, 0, 1);
    Atomics.wait(words, 0, 1);
    Deno.exit();
  },
);

/** Ends its thread, after the only other one that knows a channel has put something there and died. */
export const knowsAloneAndDies = task(import.meta, "knowsAloneAndDies", async (ctx) => {
  const { Channel } = await import("@heddle/heddle");
  const channel = new Channel<Uint8Array>(ctx, 2);
  await ctx.go(putsAndDies(channel)).catch(() => {});
  if (channel.length === 2) Deno.exit();
});

const putsAndDies = task(import.meta, "putsAndDies", async (_ctx, channel: Channel<Uint8Array>) => {
  for (let i = 0; i < 2; i++) await channel.send(new Uint8Array(2 << 20));
  Deno.exit();
});
