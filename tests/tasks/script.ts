/** A task that does what it is told, step by step: for interleavings that no task of everyday life has. */
import { setImmediate } from "node:timers";
import { type Task, task, type TaskContext } from "@heddle/heddle";

const libc = Deno.dlopen("libc.so.6", { usleep: { parameters: ["u32"], result: "i32" } }).symbols;

/** Milliseconds after which nobody waits for a word any more: the test has failed by then. */
const GIVE_UP = 30e3;

export type Step =
  /** Milliseconds, by the scheduler's timers or by the event loop's. */
  | ["sleep" | "outside", number]
  /** So many turns of the microtask queue. */
  | ["microtasks", number]
  /** Microseconds, in the kernel or on the CPU. */
  | ["block" | "handOff" | "compute", number]
  | ["yield" | "resumeLater" | "lock" | "unlock" | "dedicate" | "undedicate" | "throw" | "exit"]
  /** Adds 1 to a word. */
  | ["say", number]
  /** Waits for a word to change: by short sleeps, by yields, by computing, in a blocking call, by looking at shouldYield. */
  | ["await" | "yieldUntil" | "spinUntil" | "blockUntil" | "handOffUntil" | "pollUntil", number]
  /** Starts a child; the first one is awaited at once. */
  | ["child" | "start", Step[]]
  /** Cancels the child that was started last. */
  | ["cancelLast"]
  /** Computes until it hears that it was cancelled, then adds 1 to the word. */
  | ["untilCancelled", number];

export const script = task(
  import.meta,
  "script",
  async (ctx, steps: Step[], buffer?: SharedArrayBuffer): Promise<number> => {
    const children: Task<unknown>[] = [];
    // In one function call each, so that a step begins in the microtask in which the last one ended.
    for (const step of steps) {
      const pending = take(ctx, step, buffer === undefined ? undefined : new Int32Array(buffer), children);
      if (pending !== undefined) await pending;
    }
    await Promise.allSettled(children);
    return ctx.tid;
  },
);

function take(
  ctx: TaskContext,
  [what, operand]: Step,
  words: Int32Array | undefined,
  children: Task<unknown>[],
): Promise<unknown> | undefined {
  const n = operand as number;
  const isSet = () => Atomics.load(words!, n) !== 0;
  switch (what) {
    case "sleep":
      return ctx.sleep(n);
    case "outside":
      return new Promise((resolve) => setTimeout(resolve, n));
    case "microtasks":
      return hops(n);
    case "block":
      return void ctx.blocking(() => libc.usleep(n));
    case "handOff":
      return void ctx.blocking(() => libc.usleep(n), { handOff: true });
    case "compute":
      return until(() => false, n / 1000);
    case "yield":
      return ctx.yield();
    case "resumeLater":
      return void ctx.yield().catch(() => {});
    case "lock":
      return ctx.lockOSThread() as undefined;
    case "unlock":
      return ctx.unlockOSThread() as undefined;
    case "dedicate":
      return ctx.dedicate() as undefined;
    case "undedicate":
      return ctx.undedicate() as undefined;
    case "throw":
      throw new RangeError("on purpose");
    case "exit":
      return Deno.exit(3);
    case "say":
      return void Atomics.add(words!, n, 1);
    case "await":
      return poll(isSet, () => ctx.sleep(1));
    case "yieldUntil":
      return poll(isSet, () => ctx.yield());
    case "spinUntil":
      return until(isSet);
    case "pollUntil":
      return until(() => isSet() || (ctx.shouldYield && false));
    case "blockUntil":
    case "handOffUntil":
      return void ctx.blocking(() => {
        for (const end = performance.now() + GIVE_UP; !isSet() && performance.now() < end;) libc.usleep(500);
      }, { handOff: what === "handOffUntil" });
    case "child":
      return ctx.go(child(operand as Step[], words));
    case "start":
      children.push(ctx.go(child(operand as Step[], words)));
      // Whatever becomes of their parent.
      children.at(-1)!.catch(() => {});
      return;
    case "cancelLast":
      return children.at(-1)?.cancel() as undefined;
    case "untilCancelled":
      until(() => ctx.shouldYield && ctx.signal.aborted);
      return void (ctx.signal.aborted && Atomics.add(words!, n, 1));
  }
}

/** Without the words if it can do without: they would make its arguments go by port. */
function child(steps: Step[], words: Int32Array | undefined) {
  const usesWords = steps.some(([what]) => /say|await|Until/.test(what));
  return script(steps, usesWords ? words?.buffer as SharedArrayBuffer | undefined : undefined);
}

async function hops(n: number): Promise<void> {
  for (let i = 0; i < n; i++) await null;
}

async function poll(holds: () => boolean, wait: () => Promise<void>): Promise<void> {
  for (const end = performance.now() + GIVE_UP; !holds() && performance.now() < end;) await wait();
}

function until(holds: () => boolean, ms = GIVE_UP): undefined {
  for (const end = performance.now() + ms; !holds() && performance.now() < end;);
}

/** What `undedicate()` says inside of `blocking()`, on a dedicated thread. */
export const undedicatesInCall = task(import.meta, "undedicatesInCall", (ctx): string => {
  ctx.dedicate();
  try {
    ctx.blocking(() => ctx.undedicate());
    return "nothing";
  } catch (error) {
    return (error as Error).message;
  }
});

const one = task(import.meta, "one", () => 1);

/** Rounds of a plain await, a child and a blocking call that publishes the child. Returns how many children ended. */
export const blocksAfterAwaits = task(
  import.meta,
  "blocksAfterAwaits",
  async (ctx, rounds: number): Promise<number> => {
    const children: Task<number>[] = [];
    for (let round = 0; round < rounds; round++) {
      await new Promise((resolve) => setImmediate(resolve));
      children.push(ctx.go(one()));
      ctx.blocking(() => {});
    }
    return (await Promise.all(children)).reduce((sum, n) => sum + n, 0);
  },
);
