/** Tasks that wait. */
import { task } from "@heddle/heddle";
import { Flag } from "../support/flag.ts";

/** How long ctx.sleep(ms) took. */
export const sleepTimed = task(import.meta, "sleepTimed", async (ctx, ms: number): Promise<number> => {
  const start = performance.now();
  await ctx.sleep(ms);
  return performance.now() - start;
});

/** Sleeps, timeouts and ticks that take so long. Returns which of them have ended after `ms` milliseconds. */
export const sleepsForLong = task(
  import.meta,
  "sleepsForLong",
  async (ctx, times: number[], ms: number): Promise<string[]> => {
    const ended: string[] = [];
    const children = times.flatMap((time) => {
      const kinds = {
        sleep: ctx.go(sleepTimed(time)),
        timeout: ctx.go(sleepTimed(600_000), { timeout: time }),
        ticker: ctx.go(ticks(time, 1, 2)),
        scope: ctx.go(sleepsInScope(time)),
      };
      for (const [kind, child] of Object.entries(kinds)) {
        const end = () => void ended.push(`${kind} ${time}`);
        child.then(end, end);
      }
      return Object.values(kinds);
    });
    await ctx.sleep(ms);
    const early = [...ended];
    for (const child of children) child.cancel();
    return early;
  },
);

const sleepsInScope = task(import.meta, "sleepsInScope", async (ctx, timeout: number): Promise<void> => {
  await ctx.scope((scope) => scope.go(sleepTimed(600_000)), { timeout });
});

/** Sleeps until it is cancelled, and tells what it then saw: the names of what its sleep rejected with and its signal said. */
export const sleepUntilCancelled = task(
  import.meta,
  "sleepUntilCancelled",
  async (ctx, path: string, arrived: SharedArrayBuffer) => {
    new Flag(arrived).increment();
    try {
      await ctx.sleep(600_000);
    } catch (error) {
      const { reason } = ctx.signal;
      const again = await ctx.sleep(1).then(() => "slept", (error) => show(error));
      Deno.writeTextFileSync(`${path}.new`, JSON.stringify([show(error), show(reason), again]));
      Deno.renameSync(`${path}.new`, path);
      throw error;
    }
  },
);

function show(error: unknown): unknown {
  return error instanceof Error ? [error.constructor.name, error.name, error.message] : error;
}

/** Two of these on one thread wait for each other, and write down how they take turns. */
export const turns = task(
  import.meta,
  "turns",
  async (ctx, log: SharedArrayBuffer, mark: number, count: number): Promise<number> => {
    const words = new Int32Array(log);
    for (Atomics.add(words, 99, 1); Atomics.load(words, 99) < 2;) await ctx.yield();
    for (let i = 0; i < count; i++) {
      words[Atomics.add(words, 0, 1) + 1] = mark;
      await ctx.yield();
    }
    return ctx.tid;
  },
);

export const waitsForOutside = task(import.meta, "waitsForOutside", async (ctx): Promise<unknown[]> => {
  const text = await ctx.wait(fetch("data:,hello").then((response) => response.text()));
  const timer = await ctx.wait(new Promise((resolve) => setTimeout(() => resolve("timer"), 2)));
  const failed = await ctx.wait(Promise.reject(new RangeError("outside"))).catch((error) => error);
  const thenable = await ctx.wait({
    then: (resolve) => Promise.resolve(resolve!("thenable")) as never,
  } as PromiseLike<string>);
  return [text, timer, failed, thenable];
});

export const awaitsOutside = task(
  import.meta,
  "awaitsOutside",
  async (_ctx, path: string): Promise<unknown[]> => {
    const timer = await new Promise((resolve) => setTimeout(() => resolve("timer"), 2));
    const file = await Deno.readTextFile(path);
    const text = await (await fetch("data:,plain")).text();
    const microtask = await new Promise((resolve) => queueMicrotask(() => resolve("microtask")));
    return [timer, file, text, microtask];
  },
);

export const races = task(import.meta, "races", async (ctx): Promise<string[]> => {
  const race = async (inside: number, outside: number): Promise<string> => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const timer = setTimeout(() => resolve("outside"), outside);
    const winner = await Promise.race([ctx.sleep(inside).then(() => "inside"), promise]);
    clearTimeout(timer);
    return winner;
  };
  return [await race(2, 60_000), await race(60_000, 2)];
});

/** The thread before and after each kind of await. */
export const tidsOverAwaits = task(import.meta, "tidsOverAwaits", async (ctx): Promise<number[]> => {
  const seen = [ctx.tid, kernelTid()];
  await ctx.sleep(1);
  seen.push(ctx.tid, kernelTid());
  await ctx.yield();
  seen.push(ctx.tid, kernelTid());
  await ctx.wait(new Promise((resolve) => setTimeout(resolve, 1)));
  seen.push(ctx.tid, kernelTid());
  await new Promise((resolve) => setTimeout(resolve, 1));
  seen.push(ctx.tid, kernelTid());
  return seen;
});

function kernelTid(): number {
  return Number(Deno.readLinkSync("/proc/thread-self").split("/").at(-1));
}

/** What ctx.sleep says to what is no time. */
export const misusesSleep = task(import.meta, "misusesSleep", async (ctx): Promise<string[][]> => {
  const said: string[][] = [];
  for (const ms of [-1, NaN, "5" as never]) {
    try {
      await ctx.sleep(ms);
      said.push(["nothing was thrown"]);
    } catch (error) {
      said.push([(error as Error).name, (error as Error).message]);
    }
  }
  return said;
});

/** Counts itself in, and waits for `leave` in turns with others. Returns how many. */
export const yieldsUntil = task(
  import.meta,
  "yieldsUntil",
  async (ctx, arrived: SharedArrayBuffer, leave: SharedArrayBuffer): Promise<number> => {
    new Flag(arrived).increment();
    const flag = new Flag(leave);
    const deadline = performance.now() + 10_000;
    let yields = 0;
    while (flag.value === 0 && performance.now() < deadline) {
      await ctx.yield();
      yields++;
    }
    return yields;
  },
);

export const raises = task(import.meta, "raises", (_ctx, flag: SharedArrayBuffer) => {
  new Flag(flag).value = 1;
});

/** As a dedicated thread sees itself, and others its own threads. */
export const threadState = task(import.meta, "threadState", async (ctx): Promise<Record<string, unknown>> => {
  const stat = Deno.readTextFileSync(`/proc/self/task/${ctx.tid}/stat`);
  const status = Deno.readTextFileSync(`/proc/self/task/${ctx.tid}/status`);
  await ctx.sleep(1);
  return {
    tid: ctx.tid,
    name: Deno.readTextFileSync(`/proc/self/task/${ctx.tid}/comm`).trimEnd(),
    cpus: /^Cpus_allowed_list:\s*(.*)$/m.exec(status)![1],
    nice: Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16]),
  };
});

/** How long each of `count` sleeps of `ms` took, one after the other. */
export const sleepsInTurn = task(
  import.meta,
  "sleepsInTurn",
  async (ctx, ms: number, count: number): Promise<number[]> => {
    const took: number[] = [];
    for (let i = 0; i < count; i++) {
      const start = performance.now();
      await ctx.sleep(ms);
      took.push(performance.now() - start);
    }
    return took;
  },
);

/** Sleeps of 0 to `most` ms at once, by one task. Returns the lateness of each, and how many ended out of their order. */
export const sleepsAtOnce = task(
  import.meta,
  "sleepsAtOnce",
  async (ctx, count: number, most: number): Promise<{ late: number[]; disorder: number }> => {
    const late: number[] = [];
    let [last, disorder] = [0, 0];
    await Promise.all(Array.from({ length: count }, async (_, i) => {
      const ms = i * 7919 % count * most / count;
      const from = performance.now();
      const slept = ctx.sleep(ms);
      const to = performance.now();
      await slept;
      late.push(performance.now() - from - ms);
      // Its deadline is between these two.
      if (to + ms < last) disorder++;
      last = Math.max(last, from + ms);
    }));
    return { late, disorder };
  },
);

/** The numbers and the times of the first ticks, with one long wait among them. */
export const ticks = task(
  import.meta,
  "ticks",
  async (ctx, ms: number, count: number, pauseAfter: number): Promise<[number, number][]> => {
    const start = performance.now();
    const seen: [number, number][] = [];
    for await (const tick of ctx.ticker(ms)) {
      seen.push([tick, performance.now() - start]);
      if (seen.length === pauseAfter) await ctx.sleep(5.5 * ms);
      if (seen.length === count) break;
    }
    return seen;
  },
);
