/** Tasks that block in system calls. */
import { task } from "@heddle/heddle";
import { loadShim } from "../../ffi/shim.ts";
import { Flag } from "../support/flag.ts";

const shim = loadShim();
const libc = Deno.dlopen("libc.so.6", {
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  usleep: { parameters: ["u32"], result: "i32" },
  getppid: { parameters: [], result: "i32" },
  waitid: { parameters: ["i32", "u32", "buffer", "i32"], result: "i32" },
  poll: { parameters: ["pointer", "usize", "i32"], result: "i32" },
}).symbols;

function readByte(fd: number): number {
  const byte = new Uint8Array(1);
  return Number(libc.read(fd, byte, 1n)) === 1 ? byte[0] : -1;
}

/** Counts itself in, and reads a byte from a pipe. Returns it, or -1 at the end or for an error. */
export const readsPipe = task(
  import.meta,
  "readsPipe",
  (ctx, fd: number, arrived: SharedArrayBuffer, handOff: boolean): number => {
    new Flag(arrived).increment();
    return ctx.blocking(() => readByte(fd), { handOff });
  },
);

/** Sleeps in the kernel. Returns the thread and for how long, in ms. */
export const sleepsInKernel = task(import.meta, "sleepsInKernel", (ctx, ms: number) => {
  const from = shim.nowNs();
  ctx.blocking(() => libc.usleep(ms * 1000));
  return { tid: ctx.tid, ms: (shim.nowNs() - from) / 1e6 };
});

/** Sleeps in the kernel until `count` tasks do. Returns the thread, and how many have got there. */
export const meetsInKernel = task(
  import.meta,
  "meetsInKernel",
  (ctx, here: SharedArrayBuffer, count: number) => {
    const flag = new Flag(here);
    return ctx.blocking(() => {
      flag.increment();
      const end = shim.nowNs() + 20e9;
      while (flag.value < count && shim.nowNs() < end) libc.usleep(1000);
      return { tid: ctx.tid, together: flag.value };
    });
  },
);

/** `times` calls that do not block. */
export const callsQuickly = task(import.meta, "callsQuickly", (ctx, times: number): number => {
  let sum = 0;
  for (let i = 0; i < times; i++) sum += ctx.blocking(() => libc.getppid() > 0 ? 1 : 0);
  return sum;
});

/** What comes out of `blocking`. */
export const callsOddly = task(import.meta, "callsOddly", (ctx) => {
  const outcomes: unknown[] = [ctx.blocking(() => ctx.blocking(() => "inner"))];
  for (const fn of [() => Promise.resolve(1), () => JSON.parse("{")]) {
    try {
      outcomes.push(ctx.blocking(fn));
    } catch (error) {
      outcomes.push((error as Error).name);
    }
  }
  outcomes.push(ctx.blocking(() => "after"));
  return outcomes;
});

/** Says when it is about to block, and blocks until told. Returns the moment of either, by the shim's clock. */
export const blocksUntilWritten = task(import.meta, "blocksUntilWritten", (ctx, fd: number) => {
  const from = shim.nowNs();
  ctx.blocking(() => readByte(fd));
  return [from, shim.nowNs()];
});

/** The moment at which it begins. */
export const begins = task(import.meta, "begins", (): number => shim.nowNs());

/** Starts children and blocks at once; they can only run elsewhere. Returns the threads that they ran on. */
export const blocksBesideChildren = task(
  import.meta,
  "blocksBesideChildren",
  async (ctx, count: number, done: SharedArrayBuffer): Promise<number[]> => {
    const children = Array.from({ length: count }, () => ctx.go(countsIn(done)));
    const flag = new Flag(done);
    ctx.blocking(() => {
      const end = shim.nowNs() + 20e9;
      while (flag.value < count && shim.nowNs() < end) libc.usleep(100);
    });
    return await Promise.all(children);
  },
);

export const countsIn = task(import.meta, "countsIn", (ctx, count: SharedArrayBuffer): number => {
  new Flag(count).increment();
  return ctx.tid;
});

/** Children that are started inside of a call. */
export const startsInCall = task(
  import.meta,
  "startsInCall",
  async (ctx, done: SharedArrayBuffer): Promise<boolean> => {
    const flag = new Flag(done);
    let child: Promise<number>;
    ctx.blocking(() => {
      child = ctx.go(countsIn(done));
      const end = shim.nowNs() + 20e9;
      while (flag.value === 0 && shim.nowNs() < end) libc.usleep(100);
    });
    return await child! !== ctx.tid;
  },
);

/** After an await of the outside world it goes on without a P, and blocks. */
export const blocksAfterOutside = task(
  import.meta,
  "blocksAfterOutside",
  async (ctx, fd: number, arrived: SharedArrayBuffer): Promise<number> => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    new Flag(arrived).increment();
    return ctx.blocking(() => readByte(fd));
  },
);

/** Blocks again and again for `us`, computing nothing between, until told. Returns how often. */
export const blocksAgain = task(
  import.meta,
  "blocksAgain",
  (ctx, us: number, arrived: SharedArrayBuffer, leave: SharedArrayBuffer): number => {
    new Flag(arrived).increment();
    const flag = new Flag(leave);
    let times = 0;
    for (const end = shim.nowNs() + 30e9; flag.value === 0 && shim.nowNs() < end; times++) {
      ctx.blocking(() => libc.usleep(us));
    }
    return times;
  },
);

/** Ends its thread from inside of a blocking call. */
export const exitsInCall = task(import.meta, "exitsInCall", (ctx, ms: number): void => {
  ctx.blocking(() => {
    libc.usleep(ms * 1000);
    Deno.exit(3);
  });
});

/** Computes, until told, in a continuation after a plain await of the outside world: so without a P. */
export const computesAfterOutside = task(
  import.meta,
  "computesAfterOutside",
  async (_ctx, arrived: SharedArrayBuffer, leave: SharedArrayBuffer): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    new Flag(arrived).increment();
    const flag = new Flag(leave);
    for (const end = shim.nowNs() + 30e9; flag.value === 0 && shim.nowNs() < end;);
  },
);

const P_PID = 1, WEXITED = 4, WNOWAIT = 0x01000000;

/** Waits in the kernel for the end of a child process, and leaves it to be reaped. Returns the signal that ended it. */
export const waitsForChild = task(
  import.meta,
  "waitsForChild",
  (ctx, pid: number, arrived: SharedArrayBuffer): number => {
    const info = new Int32Array(32);
    new Flag(arrived).increment();
    const result = ctx.blocking(() => libc.waitid(P_PID, pid, info, WEXITED | WNOWAIT));
    return result === 0 ? info[6] : -1; // si_status of siginfo_t
  },
);

/** Waits for nothing at all, until a signal comes. Returns what the call returned. */
export const waitsForSignal = task(import.meta, "waitsForSignal", (ctx, tid: SharedArrayBuffer): number => {
  new Flag(tid).value = ctx.tid;
  return ctx.blocking(() => libc.poll(null, 0n, -1));
});

/** Blocks until somebody has set the word. */
export const blocksUntilSet = task(
  import.meta,
  "blocksUntilSet",
  (ctx, flag: SharedArrayBuffer) => {
    const word = new Int32Array(flag);
    return ctx.blocking(() => Atomics.wait(word, 0, 0) !== "timed-out" && Atomics.load(word, 0) === 1);
  },
);
