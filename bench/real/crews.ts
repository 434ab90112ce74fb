/**
 * All who can run a program, with their default options; but tinypool's `useAtomics`, with which its first task never ends
 * under Deno. Each loads its library when it is started, and no other.
 */
import type { Call, TaskDefinition } from "@heddle/heddle";
import { type Crew, moduleOf } from "./program.ts";

type Work = Record<string, (argument: unknown) => unknown>;

function crewOf(run: Crew["run"]): Crew {
  return { run, map: (work, items) => Promise.all(items.map((item) => run(work, item))) as never };
}

async function heddle(program: string, procs: number, preempt?: boolean): Promise<Crew> {
  const { parallelMap, Scheduler, tasksFrom } = await import("@heddle/heddle");
  // As the other pools, it does not import the work where that does not run.
  const tasks = tasksFrom<Record<string, TaskDefinition<[unknown], unknown>>>(
    import.meta.resolve(`./tasks/${moduleOf(program)}`),
  );
  const sched = await Scheduler.start({ procs, preempt });
  return {
    run: (work, argument) => sched.go(tasks[work](argument) as Call<never>),
    map: (work, items) => Array.fromAsync(parallelMap(sched, items, tasks[work])) as never,
  };
}

export const crews: Record<string, (program: string, threads: number) => Promise<Crew>> = {
  heddle: (program, threads) => heddle(program, threads),
  /** Our own best options. */
  cooperative: (program, threads) => heddle(program, threads, false),
  /** No pool: one after the other, so that each result is there before the next work begins. */
  async loop(program) {
    const work: Work = await import(`./work/${moduleOf(program)}`);
    let last: Promise<unknown> = Promise.resolve();
    return crewOf((name, argument) => (last = last.then(() => work[name](argument))) as never);
  },
  async piscina(program, threads) {
    const { Piscina } = await import("piscina");
    const filename = import.meta.resolve(`./work/${moduleOf(program)}`);
    const pool = new Piscina({ filename, minThreads: threads, maxThreads: threads });
    return crewOf((name, argument) => pool.run(argument, { name }));
  },
  async tinypool(program, threads) {
    const { Tinypool } = await import("tinypool");
    const filename = import.meta.resolve(`./work/${moduleOf(program)}`);
    const pool = new Tinypool({ filename, minThreads: threads, maxThreads: threads, useAtomics: false });
    return crewOf((name, argument) => pool.run(argument, { name }));
  },
};
