import { type Sandbox, sandbox, type SandboxOptions } from "../../examples/sandbox/sandbox.ts";
import { Supervision } from "../../examples/sandbox/supervisor.ts";
import { Scheduler } from "@heddle/heddle";
import type { Contender, Pool } from "../contender.ts";
import { computed } from "../box_tasks.ts";
import { residentBytes } from "../resident.ts";
import { compiled } from "./compiled.ts";

const startTask = async (): Promise<number> => {
  const start = performance.now();
  const { success } = await new Deno.Command("true").output();
  if (!success) throw new Error("true has failed");
  return performance.now() - start;
};

async function startBox(scheduler: Scheduler): Promise<number> {
  const start = performance.now();
  await using box = await sandbox(scheduler, { command: ["true"] });
  if (!(await box.status).success) throw new Error("true has failed in a box");
  return performance.now() - start;
}

/** Milliseconds of one: one after the other, or all at once. */
async function each(start: () => Promise<number>, times: number, atOnce: boolean): Promise<number> {
  const begun = performance.now();
  if (atOnce) await Promise.all(Array.from({ length: times }, start));
  else for (let i = 0; i < times; i++) await start();
  return (performance.now() - begun) / times;
}

function sleeping(scheduler: Scheduler, count: number): Promise<Sandbox[]> {
  const options: SandboxOptions = { command: ["sleep", "1000"], trace: "refused" };
  return Promise.all(Array.from({ length: count }, () => sandbox(scheduler, options)));
}

async function end(boxes: readonly Sandbox[]): Promise<void> {
  await Promise.all(boxes.map((box) => box[Symbol.asyncDispose]()));
}

/** What `count` boxes take that sleep, in KiB of one: of this process, and of the two processes of the launcher. */
async function memoryOf(scheduler: Scheduler, count: number): Promise<number> {
  const before = residentBytes();
  const boxes = await sleeping(scheduler, count);
  const own = residentBytes() - before;
  let others = 0;
  for (const { name } of Deno.readDirSync("/proc")) {
    if (isLauncher(name)) others += proportionalKiB(name);
  }
  await end(boxes);
  return (own / 1024 + others) / count;
}

function isLauncher(process: string): boolean {
  try {
    return /^\d+$/.test(process) && Deno.readTextFileSync(`/proc/${process}/cmdline`).startsWith("sandbox\0");
  } catch {
    return false; // it has gone
  }
}

function proportionalKiB(process: string): number {
  const rollup = Deno.readTextFileSync(`/proc/${process}/smaps_rollup`);
  return Number(/^Pss:\s+(\d+) kB$/m.exec(rollup)![1]);
}

/** The mean microseconds of an open in `boxes` boxes at once, each traced: one after the other, or one each millisecond. */
async function opening(
  scheduler: Scheduler,
  program: string,
  boxes: number,
  pace: "alone" | "paced",
  times: number,
): Promise<number> {
  const taken = await Promise.all(Array.from({ length: boxes }, async () => {
    const options: SandboxOptions = {
      command: [program, pace, String(times)],
      stdout: "piped",
      trace: "refused",
    };
    await using box = await sandbox(scheduler, options);
    const [text, { success }] = await Promise.all([new Response(box.stdout).text(), box.status]);
    if (!success) throw new Error("the program has failed in its box");
    return Number(text);
  }));
  return taken.reduce((sum, us) => sum + us) / boxes;
}

/** The same in one box, as others sleep. */
async function inCrowd(scheduler: Scheduler, program: string, crowd: number, times: number): Promise<number> {
  const others = await sleeping(scheduler, crowd);
  const us = await opening(scheduler, program, 1, "alone", times);
  await end(others);
  return us;
}

const BOXES = 8, CROWD = 499;

/** All Ps compute. Returns what `meanwhile` does, and what they have computed in a millisecond. */
async function besideComputing(
  scheduler: Scheduler,
  meanwhile: () => Promise<number>,
): Promise<{ value: number; rate: number }> {
  const words = Array.from({ length: scheduler.procs }, () => new SharedArrayBuffer(8));
  const tasks = words.map((each) => scheduler.go(computed(each)));
  const counts = words.map((each) => new Int32Array(each));
  while (counts.some((count) => Atomics.load(count, 1) === 0)) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const sum = () => counts.reduce((sum, count) => sum + Atomics.load(count, 1), 0);
  const start = performance.now(), from = sum();
  const value = await meanwhile();
  const rate = (sum() - from) / (performance.now() - start);
  for (const count of counts) Atomics.store(count, 0, 1);
  await Promise.all(tasks);
  return { value, rate };
}

function beside(inPool: boolean) {
  return async (threads: number): Promise<Pool> => {
    const program = await compiled("opens");
    const scheduler = await Scheduler.start({ procs: threads });
    if (inPool) Supervision.startInPool(scheduler);
    return {
      threads,
      async run(work, times) {
        const open = () => opening(scheduler, program, BOXES, "paced", times);
        const { value, rate } = await besideComputing(scheduler, open);
        return work === "latency" ? value : rate;
      },
    };
  };
}

async function warm(): Promise<Pool> {
  const program = await compiled("opens");
  const scheduler = await Scheduler.start({ procs: 1 });
  return {
    threads: 1,
    run(work, size) {
      if (work === "memory") return memoryOf(scheduler, size);
      if (work === "crowd") return inCrowd(scheduler, program, CROWD, size);
      return each(() => startBox(scheduler), size, work === "at once");
    },
  };
}

const plain = (): Pool => ({ threads: 1, run: (work, size) => each(startTask, size, work === "at once") });

/** Starts of boxes, many of them, and 8 of them beside a pool that computes: their supervisor on its own thread, or in it. */
export const contender: Contender = {
  version: "this checkout",
  modes: { warm, plain, dedicated: beside(false), pool: beside(true) },
};
