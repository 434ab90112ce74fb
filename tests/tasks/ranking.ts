/** Tasks that say in which order they began, and how many of them are under way. */
import { task, TaskController } from "@heddle/heddle";
import { Flag } from "../support/flag.ts";

/** A word that counts, and after it the numbers of those that have begun. */
export function newLog(length: number): SharedArrayBuffer {
  return new SharedArrayBuffer(4 * (1 + length));
}

export function readLog(log: SharedArrayBuffer): number[] {
  const words = new Int32Array(log);
  return [...words.subarray(1, 1 + words[0])];
}

export const notes = task(import.meta, "notes", (_ctx, log: SharedArrayBuffer, n: number) => {
  const words = new Int32Array(log);
  words[Atomics.add(words, 0, 1) + 1] = n;
});

/**
 * `count` children with its own priority note 0, and then as many user-visible ones note 1. All of them are published before any of
 * them can begin: the thread is in the hands of this task.
 */
export const hasBoth = task(import.meta, "hasBoth", async (ctx, log: SharedArrayBuffer, count: number) => {
  ctx.lockOSThread();
  const own = Array.from({ length: count }, () => ctx.go(notes(log, 0)));
  const others = Array.from({ length: count }, () => ctx.go(notes(log, 1), { priority: "user-visible" }));
  await Promise.all([...own, ...others]);
  ctx.unlockOSThread();
});

/** A background child and many user-visible ones are published, and then the child is made urgent: the order of their notes. */
export const makesUrgent = task(
  import.meta,
  "makesUrgent",
  async (ctx, log: SharedArrayBuffer, count: number) => {
    ctx.lockOSThread();
    const controller = new TaskController({ priority: "background" });
    const urgent = ctx.go(notes(log, count), { signal: controller.signal });
    const others = Array.from({ length: count }, (_, n) => ctx.go(notes(log, n)));
    controller.setPriority("user-blocking");
    await Promise.all([urgent, ...others]);
    ctx.unlockOSThread();
  },
);

/** How many have begun before it. */
export const counts = task(import.meta, "counts", (_ctx, counter: SharedArrayBuffer) => {
  return new Flag(counter).increment();
});

/** How many of its kind were under way at most, this one among them. */
export const crowds = task(import.meta, "crowds", async (ctx, here: SharedArrayBuffer) => {
  const count = new Flag(here);
  let most = 0;
  try {
    most = count.increment();
    await ctx.sleep(1);
    most = Math.max(most, count.value);
  } finally {
    Atomics.sub(count.words, 0, 1);
  }
  return most;
});

/** Says that it has begun, and goes on until `go` is set, whether or not it is cancelled. */
export const staysUntilSet = task(
  import.meta,
  "staysUntilSet",
  async (_ctx, begun: SharedArrayBuffer, go: SharedArrayBuffer) => {
    new Flag(begun).value = 1;
    const flag = new Flag(go);
    while (flag.value === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  },
);

/** Computes for so many milliseconds. */
export const takes = task(import.meta, "takes", (_ctx, ms: number) => {
  for (const end = performance.now() + ms; performance.now() < end;);
});
