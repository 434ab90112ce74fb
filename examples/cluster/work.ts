/** Tasks for a cluster to run. They run on one machine as well, by `sched.go`. */
import { task } from "@heddle/heddle";
import { jobOf } from "./job.ts";

/** The sum of the integers from `from` up to, but not including, `to`. */
export const sum = task(import.meta, "sum", (_ctx, from: number, to: number) => {
  let total = 0;
  for (let n = from; n < to; n++) total += n;
  return total;
});

/** Computes for so long, without an `await`. Appends a line to the file `started`, if there is one. */
export const hog = task(import.meta, "hog", (_ctx, ms: number, started?: string) => {
  if (started !== undefined) Deno.writeTextFileSync(started, "started\n", { append: true });
  const end = performance.now() + ms;
  let turns = 0;
  while (performance.now() < end) turns++;
  return turns > 0;
});

/** Appends a line to a file, by one `write`, after so many ms of computing: an effect that a checker can count. */
export const record = task(import.meta, "record", (_ctx, path: string, line: string, ms: number) => {
  const end = performance.now() + ms;
  while (performance.now() < end);
  Deno.writeTextFileSync(path, `${line}\n`, { append: true });
});

/** Waits as long as it may, and says so. */
export const wait = task(import.meta, "wait", async (ctx, ms: number, started?: string) => {
  if (started !== undefined) Deno.writeTextFileSync(started, `${ctx.tid}\n`, { append: true });
  await ctx.sleep(ms);
  return "waited";
});

/** Says how far it is, without an `await`. */
export const steps = task(import.meta, "steps", async (ctx, count: number, ms: number) => {
  const job = jobOf(ctx);
  for (let step = 1; step <= count; step++) {
    const end = performance.now() + ms;
    while (performance.now() < end);
    job?.progress(step / count);
  }
  await job?.log(`${count} steps done`);
  return count;
});

/** What the job is to its task. */
export const about = task(import.meta, "about", (ctx) => {
  const { id, deaths, traceparent } = jobOf(ctx)!;
  return { id, deaths, traceparent, thread: Deno.readTextFileSync(`/proc/self/task/${ctx.tid}/comm`).trim() };
});

/** Ends its thread: before so many have died with it, or always. */
export const kill = task(import.meta, "kill", (ctx, deaths: number) => {
  if (jobOf(ctx)!.deaths < deaths) Deno.exit(1);
  return "survived";
});

export const fail = task(import.meta, "fail", (_ctx, message: string) => {
  throw new RangeError(message, { cause: new Error("the cause") });
});

/** Returns what it gets. */
export const echo = task(import.meta, "echo", (_ctx, value: unknown) => value);
