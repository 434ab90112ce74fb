/** What takes threads and Ps away: tasks that lock, dedicate, block and die, lockers, and changes of procs. */
import { SchedulerClosedError, type Task } from "@heddle/heddle";
import type { Act } from "../act.ts";
import { threadStatus } from "../../support/os_threads.ts";
import { script, type Step } from "../../tasks/script.ts";
import type { Random } from "../random.ts";
import { tidOf } from "../tasks/families.ts";
import { fillsHeap, type Looks, looksAtItself } from "../tasks/threads.ts";

function randomScript(random: Random, depth: number, isDeadly: boolean): Step[] {
  const steps: Step[] = [];
  let [locks, dedications] = [0, 0];
  const length = 1 + random.below(8);
  for (let i = 0; i < length; i++) {
    const dice = random.below(100);
    if (dice < 8) steps.push(["sleep", random.below(4)]);
    else if (dice < 18) steps.push(["outside", random.below(4)]);
    else if (dice < 24) steps.push(["microtasks", random.below(12)]);
    else if (dice < 30) steps.push(["yield"]);
    else if (dice < 34) steps.push(["resumeLater"]);
    else if (dice < 48) steps.push(["block", random.of([0, 1, 20, 50, 200, 2_000, 12_000])]);
    else if (dice < 56) steps.push(["handOff", random.of([0, 20, 200, 2_000, 12_000])]);
    else if (dice < 64) steps.push(["compute", random.of([1, 100, 1_000, 3_000, 14_000])]);
    else if (dice < 70) (locks++, steps.push(["lock"]));
    else if (dice < 74) (locks--, steps.push(["unlock"]));
    else if (dice < 79) (dedications++, steps.push(["dedicate"]));
    else if (dice < 83 && dedications > 0) (dedications--, steps.push(["undedicate"]));
    else if (dice < 90 && depth > 0) steps.push(["start", randomScript(random, depth - 1, isDeadly)]);
    else if (dice < 95 && depth > 0) steps.push(["child", randomScript(random, depth - 1, isDeadly)]);
    else if (dice < 96) steps.push(["cancelLast"]);
    else if (dice < 97) steps.push(["throw"]);
    else if (dice < 98 && isDeadly) steps.push(["exit"]);
  }
  // Mostly they give back what they took; else the thread ends with them.
  if (random.chance(80)) {
    for (; locks > 0; locks--) steps.push(["unlock"]);
    for (; dedications > 0; dedications--) steps.push(["undedicate"]);
  }
  return steps;
}

/** By which errors it may end: those of its own steps, and of the children that it awaits at once. */
function mayFail(steps: Step[]): (error: Error) => boolean {
  const all = steps.flatMap((step): Step[] => step[0] === "child" ? [step, ...(step[1] as Step[])] : [step]);
  const has = (what: string) =>
    all.some(([each]) => each === what) || steps.some(([w, of]) => w === "child" && deep(of as Step[], what));
  return (error) =>
    (has("throw") && error.message === "on purpose") ||
    ((has("dedicate") || has("lock")) && error instanceof RangeError &&
      error.message.includes("maxThreads")) ||
    (has("dedicate") && error.message.includes("undedicate")) ||
    (has("unlock") && error.message.includes("unlockOSThread"));
}

function deep(steps: Step[], what: string): boolean {
  return steps.some(([each, of]) => each === what || (each === "child" && deep(of as Step[], what)));
}

export async function scripts(act: Act): Promise<void> {
  const { random, stage } = act;
  const running: Promise<unknown>[] = [];
  for (let i = random.below(5); i >= 0; i--) {
    const steps = randomScript(random, 2, stage.plan.isDeadly);
    const words = random.chance(10) ? new SharedArrayBuffer(64) : undefined;
    // One that ends without giving its thread back takes it from a locker.
    const task = act.go(script(steps, words), undefined, "no locker's");
    if (task === undefined) break;
    const what = JSON.stringify(steps);
    stage.note(`#${task.id} ${what}`);
    const cancelled = { reason: undefined as unknown };
    const may = mayFail(steps);
    running.push(
      act.outcome(task, what, (error) => may(error) || error === cancelled.reason)
        .then((tid) => act.check(tid === undefined || tid > 0, `${what} returned ${tid}`)),
    );
    if (random.chance(30)) await new Promise((resolve) => setTimeout(resolve, random.below(8)));
    if (random.chance(15)) {
      stage.note(`cancel #${task.id}, which is ${task.state}`);
      task.cancel(cancelled.reason = new Error("no more"));
    }
  }
  await Promise.all(running);
}

export async function lockers(act: Act): Promise<void> {
  const { random, stage, sched } = act;
  const noThread = (error: Error) => error instanceof RangeError;
  const locker = await act.outcome(sched.locker({ name: "torture" }), "a locker", noThread);
  if (locker === undefined) return;
  stage.lockers.add(locker);
  try {
    const tids = await Promise.all(
      Array.from({ length: random.below(5) }, () => {
        const seed = random.below(2 ** 31);
        return act.outcome(locker.go(tidOf(seed)), "a task of the locker");
      }),
    );
    for (const tid of tids) {
      act.check(tid === undefined || tid === locker.tid, `a task of locker ${locker.tid} ran on ${tid}`);
    }
    await new Promise((resolve) => setTimeout(resolve, random.below(20)));
  } catch (error) {
    const isOver = stage.plan.isDeadly || (stage.isClosing && error instanceof SchedulerClosedError);
    act.check(isOver, `a locker threw ${Deno.inspect(error)}`);
  } finally {
    stage.lockers.delete(locker);
    await act.outcome(locker.close(), "a locker's close()");
    if (random.chance(20)) await act.outcome(locker.close(), "its second close()");
  }
}

export async function procs(act: Act): Promise<void> {
  const { random, stage, sched } = act;
  for (let i = random.below(4); i >= 0; i--) {
    await new Promise((resolve) => setTimeout(resolve, random.below(10)));
    if (stage.isClosing) return;
    const n = Math.min(1 + random.below(3), stage.plan.options.maxThreads - 1);
    stage.note(`setProcs(${n})`);
    sched.setProcs(n);
    act.check(sched.procs === n, `procs is ${sched.procs} after setProcs(${n})`);
  }
}

/** In rounds in which threads die: one whose heap is full. */
export async function fullHeap(act: Act): Promise<void> {
  if (!act.stage.plan.isDeadly || !act.random.chance(30)) return;
  await act.outcome(act.go(fillsHeap()), "one that fills its heap");
}

/** Threads with options of their own. */
export async function options(act: Act): Promise<void> {
  const { random, sched } = act;
  const name = `own-${random.below(1e6)}`;
  const nice = random.of([undefined, 1, 3]);
  const [cpu] = threadStatus(Deno.pid, "Cpus_allowed_list").split(/[,-]/);
  const affinity = random.of([undefined, [Number(cpu)]]);
  let task: Task<Looks>;
  try {
    task = sched.dedicate(looksAtItself(), { name, nice, affinity, signal: act.signal });
  } catch (error) {
    const isPlanned = error instanceof RangeError ||
      (act.stage.isClosing && error instanceof SchedulerClosedError);
    return act.check(isPlanned, `dedicate() threw ${Deno.inspect(error)}`);
  }
  const looks = await act.outcome(task, "a task with options");
  if (looks === undefined) return;
  act.check(looks.name === name, `the thread of ${name} is called ${looks.name}`);
  act.check(nice === undefined || looks.nice === nice, `nice ${nice} became ${looks.nice}`);
  act.check(affinity === undefined || looks.cpus === cpu, `CPU ${cpu} became ${looks.cpus}`);
}

/** Signals of others: those of the process, which our handler passes on. */
export async function signals(act: Act): Promise<void> {
  for (let i = act.random.below(8); i >= 0; i--) {
    Deno.kill(Deno.pid, "SIGURG");
    await new Promise((resolve) => setTimeout(resolve, act.random.below(3)));
  }
}

/** What stats() says at any moment. */
export async function statistics(act: Act): Promise<void> {
  const { maxThreads } = act.stage.plan.options;
  let [ran, stolen, parks, preempted] = [0, 0, 0, 0];
  for (let i = act.random.below(20); i >= 0; i--) {
    const s = act.sched.stats();
    const special = [s.dedicatedThreads, s.lockedThreads, s.blockedThreads, s.frozenThreads];
    const counts = [
      s.idleProcs,
      s.spinning,
      s.queued,
      s.inFlight,
      s.nativeCalls,
      s.nativeThreads,
      ...special,
    ];
    act.check(counts.every((n) => n >= 0), `a count below 0: ${Deno.inspect(s)}`);
    act.check(s.threads <= maxThreads, `${s.threads} threads, and ${maxThreads} may be`);
    const isGrowing = s.ran >= ran && s.stolen >= stolen && s.parks >= parks && s.preempted >= preempted;
    act.check(isGrowing, `a total became less: ${Deno.inspect(s)}`);
    ({ ran, stolen, parks, preempted } = s);
    await new Promise((resolve) => setTimeout(resolve, act.random.below(5)));
  }
}
