/** Capacities shrink under the checker, so that a few operations come to their limits. */
import type { Patch } from "./transform.ts";

function shrink(file: string, from: string, to: string): Patch {
  return { file: `scheduler/${file}`, find: from, replace: to };
}

export const capacities: Patch[] = [
  shrink("arena/layout/p.ts", "MAX_PROCS = 256", "MAX_PROCS = 4"),
  shrink("arena/layout/slot.ts", "SLOTS_PER_THREAD = 512", "SLOTS_PER_THREAD = 4"),
  shrink("arena/layout/p.ts", "RING_SIZE = 256", "RING_SIZE = 4"),
  shrink("arena/layout/native.ts", "NATIVE_CALLS = 4096", "NATIVE_CALLS = 4"),
  shrink("arena/layout/native.ts", "MAX_NATIVE_THREADS = 4096", "MAX_NATIVE_THREADS = 1"),
  shrink("arena/layout/slot.ts", "MAX_DEFINITIONS = 4096", "MAX_DEFINITIONS = 4"),
  // The smallest arena has a heap of 16 KiB.
  shrink("arena/arena.ts", "heapBytes + (1 << 20)", "heapBytes + (1 << 14)"),
  shrink("arena/heap.ts", "MOST_CACHED = 32", "MOST_CACHED = 2"),
  shrink("sync/records.ts", "MOST_SPARE = 256", "MOST_SPARE = 2"),
  shrink("host/host_loop.ts", "LOOKS = 16", "LOOKS = 1"),
  shrink("host/host_loop.ts", "PAUSES = 20", "PAUSES = 1"),
  shrink("machine/children.ts", "HANDFUL = 8", "HANDFUL = 2"),
  // A number that grows with every turn would keep states apart that are the same. So all that an M does is one turn.
  shrink("parking/locks.ts", "ONE_TURN = 1 << 8", "ONE_TURN = 0"),
  shrink("sysmon/preemption.ts", "TRIES = 50", "TRIES = 1"),
  shrink("host/trace_chunks.ts", "BUFFERED = 1 << 20", "BUFFERED = 1 << 8"),
  shrink("arena/layout/ring.ts", "THREAD_EVENTS = 16384", "THREAD_EVENTS = 4"),
  shrink("arena/layout/journal.ts", "CHUNK_BYTES = 1 << 16", "CHUNK_BYTES = 1 << 9"),
  // What is measured decides nothing.
  shrink("arena/layout/meter.ts", "BUCKETS = 336", "BUCKETS = 1"),
  shrink("sysmon/sysmon.ts", "QUEUE_SAMPLE = 1e6", "QUEUE_SAMPLE = Infinity"),
  // Times are hints, and those of the model say nothing.
  shrink("machine/stopwatch.ts", "FIRST = 16", "FIRST = 0"),
  shrink("sysmon/gain.ts", "ENTRIES = 8", "ENTRIES = 1"),
  shrink("sysmon/preemption.ts", "LINGER = 1000", "LINGER = 5"),
  shrink("sysmon/preemption.ts", "GIVE_UP = 10_000", "GIVE_UP = 30"),
  // What is rewritten is a generator function. No task of a scenario is one by itself.
  shrink("tasks/stream.ts", 'kind === "GeneratorFunction" || kind === "AsyncGeneratorFunction"', "false"),
];
