/** Threads that beat on one structure at once. Each runs a module of this folder over the same memory. */
import { Worker, workerData } from "node:worker_threads";
import { Arena, type ArenaShape } from "../../../scheduler/arena/arena.ts";
import { soon } from "../deadline.ts";

export interface Hammer {
  readonly shape: ArenaShape;
  readonly buffer: SharedArrayBuffer;
  /** Whatever the threads of one test agree on. */
  readonly shared: SharedArrayBuffer;
  /** Which of them this one is. */
  readonly number: number;
  readonly count: number;
  readonly role: string;
}

/** Starts one thread for each role, and resolves when all have ended by themselves. */
export async function hammer(module: string, arena: Arena, shared: SharedArrayBuffer, roles: string[]) {
  const ended = roles.map((role, number) => {
    const data: Hammer = {
      shape: arena.shape,
      buffer: arena.buffer,
      shared,
      number,
      count: roles.length,
      role,
    };
    const worker = new Worker(new URL(module, import.meta.url), { workerData: data });
    return new Promise<void>((resolve, reject) => {
      worker.on("error", reject);
      worker.on("exit", () => resolve());
    });
  });
  await soon(Promise.all(ended), `${module} with ${roles} has ended`, 60_000);
}

/** In such a thread. Words 0 and 1 of `shared` are the starting line's. */
export function arrive(): { arena: Arena; words: Int32Array; number: number; count: number; role: string } {
  const { shape, buffer, shared, number, count, role } = workerData as Hammer;
  const words = new Int32Array(shared);
  Atomics.add(words, 0, 1);
  while (Atomics.load(words, 0) < count);
  return { arena: new Arena(shape, buffer), words, number, count, role };
}

/** xorshift32 (Marsaglia). */
export function random(seed: number): () => number {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}
