/** Tasks that start children. */
import { Channel, task } from "@heddle/heddle";

export const note = task(import.meta, "note", (_ctx, path: string, text: string) => {
  Deno.writeTextFileSync(path, text, { append: true });
});

/** Says that it runs, and computes until it is told to leave: without the host, whose event loop may stand still. */
export const notesAndWaits = task(import.meta, "notesAndWaits", (_ctx, arrived: string, leave: string) => {
  Deno.writeTextFileSync(arrived, "");
  const deadline = performance.now() + 20_000;
  while (performance.now() < deadline) {
    try {
      Deno.statSync(leave);
      return;
    } catch {
      // Not yet.
    }
  }
});

/** The threads of a task and its children, which take a while. */
export const family = task(
  import.meta,
  "family",
  async (ctx, children: number, ms: number): Promise<[number, number[]]> => {
    const tids = await Promise.all(Array.from({ length: children }, () => ctx.go(computeHere(ms))));
    return [ctx.tid, tids];
  },
);

export const computeHere = task(import.meta, "computeHere", (ctx, ms: number): number => {
  const end = performance.now() + ms;
  while (performance.now() < end);
  return ctx.tid;
});

/** Cancels a child before it can start, and one that sleeps. Returns what they rejected with, and the states. */
export const cancelsChildren = task(import.meta, "cancelsChildren", async (ctx): Promise<unknown[]> => {
  const early = ctx.go(computeHere(0));
  early.cancel("early");
  const late = ctx.go(sleepFor(600_000));
  await ctx.yield();
  await ctx.yield();
  const before = late.state;
  late.cancel(new RangeError("late"));
  const [first, second] = await Promise.allSettled([early, late]);
  return [
    (first as PromiseRejectedResult).reason,
    early.state,
    before,
    (second as PromiseRejectedResult).reason,
    late.state,
  ];
});

/** A child's timeout, and a child's signal. */
export const limitsChildren = task(import.meta, "limitsChildren", async (ctx): Promise<unknown[]> => {
  const controller = new AbortController();
  const slow = ctx.go(sleepFor(600_000), { timeout: 5 });
  const aborted = ctx.go(sleepFor(600_000), { signal: controller.signal });
  const never = ctx.go(sleepFor(0), { signal: AbortSignal.abort("before") });
  await ctx.sleep(1);
  controller.abort("by signal");
  const outcomes = await Promise.allSettled([slow, aborted, never]);
  return outcomes.map((outcome) => (outcome as PromiseRejectedResult).reason);
});

export const sleepFor = task(import.meta, "sleepFor", async (ctx, ms: number) => {
  await ctx.sleep(ms);
});

/** The children's failures, as their parent sees them. */
export const failingChildren = task(import.meta, "failingChildren", async (ctx): Promise<unknown[]> => {
  const outcomes = await Promise.allSettled([ctx.go(failWith("one")), ctx.go(failWith("two"))]);
  return outcomes.map((outcome) => (outcome as PromiseRejectedResult).reason);
});

export const failWith = task(import.meta, "failWith", (_ctx, message: string) => {
  throw new RangeError(message);
});

/** What `ctx.go` says to what it cannot start: class and message. */
export const misusesGo = task(import.meta, "misusesGo", (ctx): string[][] => {
  const attempts: (() => unknown)[] = [
    () => ctx.go((() => 1) as never),
    () => ctx.go(note as never),
    () => ctx.go(note((() => 1) as never, "")),
    () => ctx.go(note("/dev/null", ""), { timeout: -1 }),
    () => ctx.go(note("/dev/null", ""), { signal: {} as never }),
  ];
  return attempts.map((attempt) => {
    try {
      attempt();
      return ["nothing was thrown"];
    } catch (error) {
      return [(error as Error).name, (error as Error).message];
    }
  });
});

const yieldsThrice = task(import.meta, "yieldsThrice", async (ctx, log: Channel<string>) => {
  const [first, second] = [ctx.yield(), ctx.yield()];
  const ends = [first, second].map((each) => each.then(() => "went on", String));
  log.trySend("began");
  log.trySend((await Promise.all(ends)).join());
  log.trySend(await ctx.yield().then(() => "went on", String));
});

/** Cancels a child that has yielded twice at once, and its sibling goes on. Returns what the yields came to: the sibling's last. */
export const cancelsYields = task(import.meta, "cancelsYields", async (ctx): Promise<string[]> => {
  const [log, others] = [new Channel<string>(ctx, 3), new Channel<string>(ctx, 3)];
  const sibling = ctx.go(yieldsThrice(others));
  const cancelled = ctx.go(yieldsThrice(log));
  await log.recv();
  cancelled.cancel(new RangeError("enough"));
  await cancelled.catch(() => {});
  await sibling;
  await others.recv();
  return [await log.recv(), await log.recv(), await others.recv(), await others.recv()];
});

export const says = task(import.meta, "says", (_ctx, words: Int32Array<SharedArrayBuffer>) => {
  Atomics.store(words, 0, 1);
});

/** The state of a child that another thread has run to its end, of which this one, which computes, cannot have heard. */
export const looksTooLate = task(import.meta, "looksTooLate", async (ctx): Promise<string> => {
  const words = new Int32Array(new SharedArrayBuffer(4));
  const child = ctx.go(says(words));
  ctx.go(says(words)).catch(() => {});
  while (Atomics.load(words, 0) === 0);
  for (const end = performance.now() + 20; performance.now() < end;);
  const { state } = child;
  await child;
  return state;
});
