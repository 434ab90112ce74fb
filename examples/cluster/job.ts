/** In a worker's thread: the task that runs jobs, and what a job's task may ask. */
import { type Channel, task, type TaskContext, type TaskDefinition } from "@heddle/heddle";
import { fromText, toText } from "./values.ts";
import { within } from "./trace.ts";

/** What a task can know of the job that it is run for. */
export interface Job {
  /** The same for each time that the job is run: what it has done can be told by it, so that a second time does it no more. */
  readonly id: string;
  /** How many threads have died with it before. */
  readonly deaths: number;
  /** W3C Trace Context, if the client gave one. */
  readonly traceparent?: string;
  /** Tells the client how far it is, without waiting: the client sees the newest, not each. */
  progress(value: unknown): void;
  /** A line of the job's log. */
  log(line: string): Promise<void>;
}

/** What goes from a thread to the worker's host. */
export interface Report {
  readonly lease: number;
  readonly progress?: string;
  readonly line?: string;
}

/** A result as text, and how many ms it took. */
export type Performed = [result: string, ms: number];

/** What the host knows of a job, for the thread. */
export interface Errand {
  /** The host's number of it, for its reports. */
  readonly lease: number;
  readonly id: string;
  readonly deaths: number;
  readonly traceparent?: string;
  /** The URL of the module, and the task's name there, which is the name of its export. */
  readonly module: string;
  readonly name: string;
  readonly args: string;
}

const jobs = new WeakMap<TaskContext, Job>();

/** By URL. A second `import` takes its way through the runtime, and the thread's event loop, as the first one. */
const imported = new Map<string, Record<string, unknown>>();

async function open(module: string): Promise<Record<string, unknown>> {
  const opened = await import(module);
  imported.set(module, opened);
  return opened;
}

/** The job that this task is run for; undefined where nobody has queued it. Children have none: pass on what they need. */
export function jobOf(ctx: TaskContext): Job | undefined {
  return jobs.get(ctx);
}

/** Runs a job's task. Arguments are read and results written here, so that the host has nothing to do but to pass texts on. */
export const perform = task(
  import.meta,
  "perform",
  async (ctx, errand: Errand, reports: Channel<Report>): Promise<Performed> => {
    const { lease, id, deaths, traceparent, module, name, args } = errand;
    const found = (imported.get(module) ?? await open(module))[name];
    const fn = (found as TaskDefinition<unknown[], unknown> | undefined)?.fn;
    if (typeof found !== "function" || typeof fn !== "function") {
      throw new TypeError(`${module} exports no task "${name}".`);
    }
    jobs.set(ctx, {
      id,
      deaths,
      traceparent,
      // A full channel has newer news than the host can pass on.
      progress: (value) => void reports.trySend({ lease, progress: toText(value) }),
      log: (line) => reports.send({ lease, line: String(line) }),
    });
    const given = fromText(args) as unknown[];
    const start = performance.now();
    const result = await within(traceparent, () => fn(ctx, ...given));
    return [toText(result), performance.now() - start];
  },
);
