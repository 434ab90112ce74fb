/**
 * `HEDDLE_DEBUG=schedtrace=1000[,scheddetail=1]`: so often, in milliseconds, a line in the format of Go's `GODEBUG=schedtrace`
 * to standard error, for who has tools or eyes for that; with scheddetail also Ps, Ms and Gs. Made of a dump, so it stops nobody.
 *
 * Fields have Go's names and meanings as far as there is such a thing here. Always 0 is needspinning: that question has no word of
 * its own here. A G's status is 1 while it is queued, 2 from its begin to its end, and 6 after that.
 */
import { variable } from "../../ffi/permitted.ts";
import type { Dump, DumpedPlace, DumpedProcessor, DumpedTask, DumpedThread } from "./dump.ts";
import { LONGEST } from "../queues/timers.ts";
import { requireInteger } from "../tasks/options.ts";

export interface Tracing {
  /** Milliseconds. */
  readonly every: number;
  readonly isDetailed: boolean;
}

/** What `HEDDLE_DEBUG` asks for, if it is set and may be read: nobody is asked for the permission. */
export function tracingOfEnvironment(): Tracing | undefined {
  return tracingOf(variable("HEDDLE_DEBUG") ?? "");
}

/** Names that are not known are somebody else's, as in GODEBUG. Throws a RangeError for a value of no use. */
export function tracingOf(text: string): Tracing | undefined {
  const values = new Map(
    text.split(",").map((part): [string, string] => {
      const [name, value = ""] = part.trim().split("=", 2);
      return [name, value];
    }),
  );
  const [every, detail] = ["schedtrace", "scheddetail"].map((name) =>
    values.has(name) ? requireInteger(`HEDDLE_DEBUG: ${name}`, Number(values.get(name)), 0, LONGEST) : 0
  );
  return every === 0 ? undefined : { every, isDetailed: detail > 0 };
}

/** Prints until it is stopped. It does not hold the process. */
export class SchedTrace {
  readonly #timer: ReturnType<typeof setInterval>;

  constructor({ every, isDetailed }: Tracing, dump: () => Dump) {
    const begun = performance.now();
    const print = () =>
      console.error(schedTraceText(dump(), Math.round(performance.now() - begun), isDetailed));
    this.#timer = setInterval(print, every);
    Deno.unrefTimer(this.#timer as unknown as number);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** `ms` since it began. */
export function schedTraceText(dump: Dump, ms: number, isDetailed: boolean): string {
  const { procs, idleProcs, threads, spinning, processors, queues } = dump;
  const idle = threads.filter(({ state }) => state === "parked").length;
  const line = `SCHED ${ms}ms: gomaxprocs=${procs} idleprocs=${idleProcs} threads=${threads.length} ` +
    `spinningthreads=${spinning} needspinning=0 idlethreads=${idle} runqueue=${queues.global + queues.host}`;
  if (!isDetailed) {
    const counted = processors.slice(0, procs).map(({ queued }) => queued);
    return `${line} [${counted.join(" ")}]`;
  }
  return [
    `${line} gcwaiting=false nmidlelocked=0 stopwait=0 sysmonwait=false`,
    ...processors.map(processorLine),
    ...threads.map(threadLine),
    ...dump.tasks.map(taskLine),
  ].join("\n");
}

/** Go's _Pidle, _Prunning, _Psyscall, _Pdead. */
const GO_P_STATUS = { idle: 0, running: 1, passing: 1, "in call": 2, stopped: 4 } as const;

function processorLine({ number, state, thread, queued }: DumpedProcessor): string {
  return `  P${number}: status=${GO_P_STATUS[state]} m=${tidOf(thread)} runqsize=${queued}`;
}

function threadLine({ tid, state, role, processor, begun }: DumpedThread): string {
  const p = typeof processor === "number" ? processor : -1;
  const isBlocked = state !== "running";
  return `  M${tid}: p=${p} blocked=${isBlocked} begun=${begun} role=${role} state=${
    state.replaceAll(" ", "-")
  }`;
}

/** Go's _Grunnable, _Grunning, _Gdead. */
const GO_G_STATUS = {
  "waiting for a slot": 1,
  queued: 1,
  importing: 1,
  begun: 2,
  cancelled: 6,
  ended: 6,
} as const;

function taskLine({ id, state, name, thread }: DumpedTask): string {
  return `  G${id}: status=${GO_G_STATUS[state]}(${name}) m=${tidOf(thread)}`;
}

function tidOf(place: DumpedPlace | undefined): number {
  return typeof place === "number" ? place : -1;
}
