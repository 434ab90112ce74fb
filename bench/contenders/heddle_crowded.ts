import { Channel, Scheduler } from "@heddle/heddle";
import type { Contender } from "../contender.ts";
import { calls, crowds, wakesByPipe, write } from "../crowded_tasks.ts";
import { Pipe } from "../pipe.ts";
import { median } from "../rounds.ts";
import { type Place, wakes } from "../server_tasks.ts";
import { compiled } from "./compiled.ts";

const REQUESTS = 20;
/** The crowd, and some. */
const MOST_NATIVE_THREADS = 1_024;

/** Ends a crowd. Throws if one of it has not done what it was there for. */
type Disperse = () => Promise<void>;

/** Resolves when so many are there, or will be as soon as the gate is open. */
type Gather = (sched: Scheduler, count: number, gate: Channel<number>) => Promise<Disperse>;

const gatherings: Record<string, Gather> = {
  /** They compute, each for 20 us at a time. */
  async tasks(sched, count, gate) {
    const stop = new Int32Array(new SharedArrayBuffer(4));
    const arrived = new Channel<number>(sched);
    const all = Array.from({ length: count }, () => sched.go(crowds(arrived, gate, stop.buffer)));
    for (let i = 0; i < count; i++) await arrived.recv();
    return async () => {
      Atomics.store(stop, 0, 1);
      await Promise.all(all);
    };
  },
  /** They block in the kernel, in a `read` of a pipe. Native ones: an isolate for each would take 10 MB. */
  async threads(sched, count) {
    const pipe = new Pipe();
    const library = sched.dlopen("libc.so.6", {
      read: { parameters: ["i32", "buffer", "u32"], result: "i32" },
      write: { parameters: ["i32", "buffer", "u32"], result: "i32" },
    });
    const all = Array.from({ length: count }, () => library.symbols.read(pipe.reader, new Uint8Array(1), 1));
    while (sched.stats().nativeThreads < count) await new Promise((resolve) => setTimeout(resolve, 1));
    return async () => {
      await library.symbols.write(pipe.writer, new Uint8Array(count), count);
      const wrong = (await Promise.all(all)).find((length) => length !== 1);
      if (wrong !== undefined) throw new Error(`a read() of a byte returned ${wrong}`);
      library.close();
      pipe[Symbol.dispose]();
    };
  },
};

let program: Promise<string> | undefined;

/** Another process asks, asks.c. The median of the replies. */
async function askFromOutside(pipe: Pipe, replies: Channel<number>): Promise<number> {
  const asker = new Deno.Command(await (program ??= compiled("asks")), {
    args: [String(REQUESTS), `/proc/${Deno.pid}/fd/${pipe.writer}`],
    stdin: "piped",
  }).spawn();
  const heard = asker.stdin.getWriter();
  const samples: number[] = [];
  for (let i = 0; i < REQUESTS; i++) {
    samples.push(await replies.recv());
    await heard.write(new Uint8Array(1));
  }
  await heard.close();
  if (!(await asker.status).success) throw new Error("asks.c has failed");
  write(pipe.writer, 0);
  return median(samples);
}

/** Microseconds from a request to the server that it wakes there, the median. It is a task's, or comes from outside. */
async function request(
  sched: Scheduler,
  place: Place,
  isOutside: boolean,
  gather: Gather,
  count: number,
): Promise<number> {
  const [ready, gate, requests, replies] = Array.from({ length: 4 }, () => new Channel<number>(sched));
  using pipe = new Pipe();
  const isByPipe = isOutside || place === "blocking";
  const serving = sched.go(
    isByPipe ? wakesByPipe(place, ready, pipe.reader, replies) : wakes(place, ready, requests, replies),
  );
  await ready.recv();
  const asking = isOutside
    ? undefined
    : sched.go(calls(REQUESTS, gate, isByPipe ? pipe.writer : requests, replies));
  const disperse = await gather(sched, count, gate);
  gate.close();
  const us = await (asking ?? askFromOutside(pipe, replies));
  await serving;
  await disperse();
  return us;
}

const modeOf = (place: Place) => async (threads: number) => {
  const sched = await Scheduler.start({ procs: threads, maxNativeThreads: MOST_NATIVE_THREADS });
  const run = (work: string, count: number) => {
    const [asker, crowd] = work.split("-");
    return request(sched, place, asker === "outside", gatherings[crowd], count);
  };
  return { threads, run };
};

/** A server among others, by where it runs. */
export const contender: Contender = {
  version: "this checkout",
  modes: {
    pool: modeOf("pool"),
    blocking: modeOf("blocking"),
    locked: modeOf("locked"),
    dedicated: modeOf("dedicated"),
  },
};
