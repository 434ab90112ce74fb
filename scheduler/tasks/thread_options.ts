import { errnoName } from "../../ffi/errno.ts";
import type { Setters, Shim } from "../../ffi/shim.ts";
import { type Names, requireInteger, requireOptions, shown } from "./options.ts";

/** How a thread of its own is to look to the system. */
export interface ThreadOptions {
  /** As `/proc/self/task/TID/comm` shows it: at most 15 bytes of UTF-8. Default: the task's name, cut to that. */
  name?: string;
  /** The CPUs that it may run on. Default: those of the process. */
  affinity?: number[];
  /** From -20, the most favoured, to 19. Below the present one takes a privilege. Default: that of the process. */
  nice?: number;
}

/** Options of {@linkcode Scheduler.thread}. The default name is "heddle-native". */
export interface NativeThreadOptions extends ThreadOptions {
  /**
   * Puts the thread into the scheduling class SCHED_FIFO, with a priority from 1 to 99: it runs before every thread that is
   * not in a real-time class, until it blocks. Takes a privilege. Default: the class of the process.
   */
  priority?: number;
}

const MAX_NAME_BYTES = 15;
const encoder = new TextEncoder();

export const THREAD_OPTIONS = { name: true, affinity: true, nice: true } satisfies Names<ThreadOptions>;
const NATIVE_THREAD_OPTIONS = { ...THREAD_OPTIONS, priority: true } satisfies Names<NativeThreadOptions>;

/** What they say, read once. Throws a TypeError or a RangeError. */
export function requireThreadOptions(
  what: string,
  options: ThreadOptions,
  names: Readonly<Record<string, true>> = THREAD_OPTIONS,
): ThreadOptions {
  requireOptions(what, options, names);
  const { name, affinity, nice } = options;
  if (name !== undefined) requireThreadName(what, name);
  if (affinity !== undefined) requireAffinity(what, affinity);
  if (nice !== undefined) requireInteger(`${what}: nice`, nice, -20, 19);
  return { name, affinity, nice };
}

function requireThreadName(what: string, name: unknown): void {
  if (typeof name !== "string" || name === "" || name.includes("\0")) {
    throw new TypeError(
      `${what}: name is ${typeof name === "string" ? JSON.stringify(name) : shown(name)}: ` +
        `give a thread a name of 1 to 15 bytes.`,
    );
  }
  const bytes = encoder.encode(name).length;
  if (bytes > MAX_NAME_BYTES) {
    throw new RangeError(
      `${what}: name is "${name}", which is ${bytes} bytes: Linux names threads with 15 at most.`,
    );
  }
}

function requireAffinity(what: string, affinity: unknown): void {
  if (!Array.isArray(affinity) || affinity.length === 0) {
    throw new TypeError(
      `${what}: affinity is ${Deno.inspect(affinity)}: give the numbers of one or more CPUs.`,
    );
  }
  for (const cpu of affinity) {
    if (!Number.isInteger(cpu) || cpu < 0) {
      throw new RangeError(`${what}: affinity has ${shown(cpu)}: give the numbers of CPUs, from 0.`);
    }
  }
}

export function requireNativeThreadOptions(what: string, options: NativeThreadOptions): NativeThreadOptions {
  const wishes = requireThreadOptions(what, options, NATIVE_THREAD_OPTIONS);
  const { priority } = options;
  if (priority !== undefined) requireInteger(`${what}: priority`, priority, 1, 99);
  return { ...wishes, priority };
}

/** The longest start of a task's name that can name its thread. */
export function threadName(name: string): string {
  let bytes = 0;
  let cut = "";
  for (const character of name) {
    bytes += encoder.encode(character).length;
    if (bytes > MAX_NAME_BYTES) break;
    cut += character;
  }
  return cut;
}

interface Wish<R> {
  readonly grant: () => R;
  readonly asked: string;
  readonly remedy: () => string;
}

/** What the options ask of the system, in order. `shim` is only asked, for remedies. */
function wishes<R>(to: Setters<R>, shim: Shim, options: NativeThreadOptions): Wish<R>[] {
  const { name, affinity, nice, priority } = options;
  const wishes: Wish<R>[] = [];
  const wish = (grant: () => R, asked: string, remedy: () => string) => wishes.push({ grant, asked, remedy });
  if (name !== undefined) wish(() => to.setThreadName(name), `name "${name}"`, () => "give another name");
  if (affinity !== undefined) {
    const remedy = () => `this process may use the CPUs [${shim.getAffinity()}]`;
    wish(() => to.setAffinity(affinity), `affinity [${affinity}]`, remedy);
  }
  if (nice !== undefined) {
    wish(() => to.setNice(nice), `nice ${nice}`, () => "a lower one takes CAP_SYS_NICE");
  }
  if (priority !== undefined) {
    const remedy = () => "it takes CAP_SYS_NICE, or a limit of real-time priority (ulimit -r) of that much";
    wish(() => to.setFifoPriority(priority), `priority ${priority}`, remedy);
  }
  return wishes;
}

/**
 * Gives the calling thread what was asked for. Throws what the system says against it. Returns whether the thread is of
 * another kind than others now: a name makes no difference.
 */
export function wearThreadOptions(shim: Shim, options: ThreadOptions): boolean {
  for (const wish of wishes(shim, shim, options)) requireSuccess(wish.grant(), wish);
  return options.affinity !== undefined || options.nice !== undefined;
}

/** The same for another thread, which `to` asks. */
export async function haveThreadOptionsWorn(
  to: Setters<PromiseLike<number>>,
  shim: Shim,
  options: NativeThreadOptions,
): Promise<void> {
  for (const wish of wishes(to, shim, options)) requireSuccess(await wish.grant(), wish);
}

function requireSuccess(result: number, { asked, remedy }: Wish<unknown>): void {
  if (result < 0) {
    throw new Error(`The system refused a thread the ${asked}: ${errnoName(result)}; ${remedy()}.`);
  }
}
