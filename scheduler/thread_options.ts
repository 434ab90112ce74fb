import { errnoName } from "../ffi/errno.ts";
import type { Shim } from "../ffi/shim.ts";

/** How a thread of its own is to look to the system. */
export interface ThreadOptions {
  /** As `/proc/self/task/TID/comm` shows it: at most 15 bytes of UTF-8. Default: the task's name, cut to that. */
  name?: string;
  /** The CPUs that it may run on. Default: those of the process. */
  affinity?: number[];
  /** From -20, the most favoured, to 19. Below the present one takes a privilege. Default: that of the process. */
  nice?: number;
}

const MAX_NAME_BYTES = 15;
const encoder = new TextEncoder();

export function requireThreadOptions({ name, affinity, nice }: ThreadOptions): void {
  if (name !== undefined) {
    if (typeof name !== "string" || name === "" || name.includes("\0")) {
      throw new TypeError(
        `name is ${JSON.stringify(name) ?? String(name)}: give a thread a name of 1 to 15 bytes.`,
      );
    }
    const bytes = encoder.encode(name).length;
    if (bytes > MAX_NAME_BYTES) {
      throw new RangeError(
        `name is "${name}", which is ${bytes} bytes: Linux names threads with 15 at most.`,
      );
    }
  }
  if (affinity !== undefined) {
    if (!Array.isArray(affinity) || affinity.length === 0) {
      throw new TypeError(`affinity is ${Deno.inspect(affinity)}: give the numbers of one or more CPUs.`);
    }
    for (const cpu of affinity) {
      if (!Number.isInteger(cpu) || cpu < 0) {
        throw new RangeError(`affinity has ${String(cpu)}: give the numbers of CPUs, from 0.`);
      }
    }
  }
  if (nice !== undefined && !(Number.isInteger(nice) && nice >= -20 && nice <= 19)) {
    throw new RangeError(`nice is ${String(nice)}: give an integer from -20 to 19.`);
  }
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

/**
 * Gives the calling thread what was asked for. Throws what the system says against it. Returns whether the thread is of
 * another kind than others now: a name makes no difference.
 */
export function wearThreadOptions(shim: Shim, { name, affinity, nice }: ThreadOptions): boolean {
  if (name !== undefined) requireSuccess(shim.setThreadName(name), `name "${name}"`, "give another name");
  if (affinity !== undefined) {
    requireSuccess(
      shim.setAffinity(affinity),
      `affinity [${affinity}]`,
      `this process may use the CPUs [${shim.getAffinity()}]`,
    );
  }
  if (nice !== undefined) {
    requireSuccess(shim.setNice(nice), `nice ${nice}`, "a lower one takes CAP_SYS_NICE");
  }
  return affinity !== undefined || nice !== undefined;
}

function requireSuccess(result: number, asked: string, remedy: string): void {
  if (result < 0) {
    throw new Error(`The system refused a thread the ${asked}: ${errnoName(result)}; ${remedy}.`);
  }
}
