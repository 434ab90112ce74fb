/** What costs are taken of: the operations of both sides, and what only the host can do. */
import { Channel, Scheduler } from "@heddle/heddle";
import { native } from "../support/capabilities.ts";
import { costOf, type Operation } from "../support/growth.ts";
import { until } from "../support/deadline.ts";
import {
  exits,
  grow,
  keeps,
  nothing,
  operations,
  operationsOfTasks,
  operationsOnObjects,
  sleeps,
  sleepsOfChildren,
  times,
} from "../tasks/growing.ts";

export interface Row {
  readonly name: string;
  readonly cost: Operation;
}

const FOR_LONG = 600_000;

/** So much that a million operations can be parked at once. */
function start(maxTasks?: number, preempt?: boolean): Promise<Scheduler> {
  return Scheduler.start({ procs: 1, arenaBytes: 2 ** 30, maxTasks, preempt });
}

/** What each does with a scheduler of its own, and what of that counts. */
const ofHost: Record<string, Operation> = {
  "close, n queued": async (n) => {
    const sched = await start();
    const tasks = times(n, () => sched.go(sleeps(FOR_LONG)));
    return costOf(() => Promise.allSettled([sched.close(), ...tasks]));
  },
  "close, n in flight": async (n) => {
    const sched = await start(n);
    const tasks = times(n, () => sched.go(sleeps(FOR_LONG)));
    await until(() => tasks.every(({ state }) => state === "running"), "all run");
    return costOf(() => Promise.allSettled([sched.close(), ...tasks]));
  },
  "close, n children in flight": async (n) => {
    const sched = await start();
    const begun = new Channel<void>(sched, 1);
    const task = sched.go(sleepsOfChildren(n, begun));
    await begun.recv();
    return costOf(() => Promise.allSettled([sched.close(), task]));
  },
  "close, n parked": async (n) => {
    const sched = await start();
    const [local, shared] = [new Channel<number>(sched), new Channel<number>(sched)];
    const until = new Channel<void>(sched);
    const parked: Promise<unknown>[] = [sched.go(keeps(shared, until))];
    for (const channel of [local, shared]) parked.push(...times(n, () => channel.recv()));
    return costOf(() => Promise.allSettled([sched.close(), ...parked]));
  },
  "close, n calls in flight": async (n) => {
    const sched = await start();
    const { symbols } = sched.dlopen("libc.so.6", libc);
    const calls = times(n, () => symbols.getppid());
    return costOf(() => Promise.allSettled([sched.close(), ...calls]));
  },
  "more tasks than slots": async (n) => {
    await using sched = await start(1024);
    return await costOf(() => Promise.all(times(n, () => sched.go(nothing()))));
  },
  "setProcs, n queued": async (n) => {
    await using sched = await start();
    const tasks = times(n, () => sched.go(nothing()));
    return await costOf(() => {
      for (let i = 0; i < 100; i++) sched.setProcs(1 + i % 2);
      return Promise.all(tasks);
    });
  },
  "stats and state, n in flight": async (n) => {
    const sched = await start();
    const tasks = times(n, () => sched.go(sleeps(FOR_LONG)));
    const cost = await costOf(() => {
      for (const task of tasks) if (task.state === "done" || sched.stats().inFlight !== n) throw new Error();
    });
    await Promise.allSettled([sched.close(), ...tasks]);
    return cost;
  },
  "a thread dies that ran n tasks": async (n) => {
    // All on one thread.
    await using sched = await start(n + 1, false);
    const tasks = times(n, () => sched.go(sleeps(FOR_LONG)));
    await until(() => tasks.every(({ state }) => state === "running"), "all run");
    return await costOf(() => Promise.allSettled([sched.go(exits()), ...tasks]));
  },
  "native calls": async (n) => {
    await using sched = await start();
    const { symbols } = sched.dlopen("libc.so.6", libc);
    return await costOf(() => Promise.all(times(n, () => symbols.getppid())));
  },
  "native calls on one thread": async (n) => {
    await using sched = await start();
    await using thread = await sched.thread();
    const { symbols } = thread.dlopen("libc.so.6", libc);
    return await costOf(() => Promise.all(times(n, () => symbols.getppid())));
  },
  "tasks of a locker": async (n) => {
    await using sched = await start();
    await using locker = await sched.locker();
    return await costOf(() => Promise.all(times(n, () => locker.go(nothing()))));
  },
};

const libc = { getppid: { parameters: [], result: "i32" } } as const;

/** The short form does what is the same on both sides on one of them. */
const OF_NATIVE_CALLS = ["close, n calls in flight", "native calls", "native calls on one thread"];

function isPossible([name]: [string, unknown]): boolean {
  if (native.isThere || !OF_NATIVE_CALLS.includes(name)) return true;
  console.log(`skipped: "${name}", as there are no native calls here`);
  return false;
}

export function rows(sched: Scheduler, isShort: boolean): Row[] {
  const onHost = isShort ? operations : { ...operations, ...operationsOnObjects };
  const inTask = { ...(isShort ? {} : operations), ...operationsOnObjects, ...operationsOfTasks };
  return [
    ...Object.entries(onHost).map(([name, on]) => ({ name: `host: ${name}`, cost: on.bind(null, sched) })),
    ...Object.entries(ofHost).filter(isPossible).map(([name, cost]) => ({ name: `host: ${name}`, cost })),
    ...Object.keys(inTask).map((name) => ({
      name: `task: ${name}`,
      cost: (n: number) => sched.go(grow(name, n)),
    })),
  ];
}
