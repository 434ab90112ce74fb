/**
 * Something of every feature that this machine has, a line for each. Given the library of tests/native/called.c, its functions are
 * called with all kinds of parameters. With a second argument no task is abandoned: emulated, that takes minutes,
 * and tests/aarch64/abandons.ts does it.
 */
import {
  after,
  Barrier,
  Channel,
  move,
  Mutex,
  Once,
  parallelMap,
  pipeline,
  prometheus,
  readable,
  recv,
  RWMutex,
  Scheduler,
  select,
  Semaphore,
  send,
  TaskAbandonedError,
  TaskTimeoutError,
  WaitGroup,
} from "@heddle/heddle";
import {
  aboutItsThread,
  adds,
  blocks,
  computesUntil,
  dedicates,
  doubling,
  echo,
  fails,
  hears,
  hog,
  setsAfterCall,
  sleeps,
  squares,
  sum,
  sumOfTree,
  usesItsThreads,
} from "../tasks/every_feature.ts";

const words = (count: number) => new Int32Array(new SharedArrayBuffer(4 * count));
const nameOf = (error: unknown) => (error as Error).name;
const lap = (line: string, ...values: unknown[]) => console.log(`${line}:`, ...values);

const sched = await Scheduler.start({ procs: 2 });
const { preemption, native, poller, threadOptions } = sched.capabilities;
lap("machine", preemption, native, threadOptions, poller);

lap("tasks", await sched.go(sum(0, 10)), await sched.go(sumOfTree(0, 1000)));
const failure: Error = await sched.go(fails("on purpose")).then(() => new Error("none"), (error) => error);
lap("error", failure instanceof RangeError, failure.message, (failure.cause as { code: number }).code);
const values = [
  1n << 70n,
  new Map([[1, new Set("ab")]]),
  new Date(0),
  /x/g,
  "é".repeat(300),
  Float64Array.of(0.1),
];
lap("values", Deno.inspect(await sched.go(echo(values))) === Deno.inspect(values));
const given = new Uint8Array(100_000).fill(7);
lap("moved", ((await sched.go(echo(move(given)))) as Uint8Array)[99_999], given.length);
lap("cancelled", await sched.go(sleeps(600_000), { timeout: 10 }).catch(nameOf) === TaskTimeoutError.name);
lap("stream", await Array.fromAsync(sched.go(squares(5))));
lap("priority", await sched.go(sum(0, 5), { priority: "background" }));
lap("parallelMap", await Array.fromAsync(parallelMap(sched, [1, 2, 3], (n) => sum(0, n))));
lap("pipeline", await Array.fromAsync(pipeline(sched, [1, 2, 3], [doubling, doubling])));
lap("perThread", await sched.go(usesItsThreads()));

const numbers = new Channel<number>(sched);
const doubled = new Channel<number>(sched, 2);
const doubler = sched.go(doubling(numbers, doubled));
const sending = (async () => {
  for (let n = 0; n < 20; n++) await select([send(numbers, n), after(600_000)]);
  numbers.close();
  await doubler;
  doubled.close();
})();
let total = 0;
for (;;) {
  const { value, done } = await select([recv(doubled)]);
  if (done) break;
  total += value as number;
}
await sending;
lap("channels", total);

const shared = words(4);
const locks = {
  mutex: new Mutex(sched),
  rw: new RWMutex(sched),
  permits: new Semaphore(sched),
  done: new WaitGroup(sched),
  once: new Once(sched),
  all: new Barrier(sched, 3),
};
locks.done.add(3);
const adders = [0, 1, 2].map(() => sched.go(adds(shared, locks)));
await locks.done.wait();
lap("locks", [...shared], (await Promise.all(adders)).filter(Boolean).length);

const gate = words(1);
const blocked = sched.go(blocks(gate));
lap("beside a blocking call", await sched.go(sum(0, 4)));
Atomics.store(gate, 0, 1);
Atomics.notify(gate, 0);
lap("blocking", ["ok", "not-equal"].includes(await blocked));
lap("locked", (await sched.go(aboutItsThread())) > 0);
lap("dedicated", await sched.go(dedicates()));
{
  await using locker = await sched.locker();
  const tids = await Promise.all([locker.go(aboutItsThread()), locker.go(aboutItsThread())]);
  lap("locker", tids.every((tid) => tid === locker.tid));
}
lap("dump", sched.dump().threads.length > 0, sched.stats().procs);
lap("metrics", prometheus(sched.metrics()).includes("heddle_"));

if (threadOptions) {
  const tid = await sched.dedicate(aboutItsThread(), { name: "by its name", affinity: [0], nice: 3 });
  lap("threadOptions", tid > 0 && tid !== Deno.pid);
}
if (poller) {
  const { close, eventfd, signal } = await import("../support/descriptors.ts");
  const fd = eventfd();
  const heard = sched.go(hears(fd));
  const heardHere = readable(sched, fd);
  signal(fd);
  lap("polled", await heard === fd, await heardHere);
  close(fd);
}
if (native) {
  const library = sched.dlopen("libc.so.6", {
    getpid: { parameters: [], result: "i32" },
    strlen: { parameters: ["buffer"], result: "usize" },
    // Variadic.
    format: {
      name: "snprintf",
      parameters: [
        "buffer",
        "usize",
        "buffer",
        "i32",
        "f64",
        "i64",
        "f64",
        "i32",
        "i32",
        "i32",
        "i32",
        "i32",
      ],
      result: "i32",
    },
  });
  const { getpid, strlen, format } = library.symbols;
  const cString = (text: string) => new TextEncoder().encode(`${text}\0`);
  lap("native", await getpid() === Deno.pid, await strlen(cString("heddle")));
  const text = new Uint8Array(100);
  const written = await format(
    text,
    100n,
    cString("%d %g %ld %g %d %d %d %d %d"),
    -1,
    0.5,
    2n ** 40n,
    -2.25,
    1,
    2,
    3,
    4,
    5,
  );
  lap("variadic", new TextDecoder().decode(text.subarray(0, written)));
  library.close();
  await using thread = await sched.thread({ name: "one" });
  const { gettid } = thread.dlopen("libc.so.6", { gettid: { parameters: [], result: "i32" } }).symbols;
  lap("native thread", await gettid() === thread.tid);
}
if (native && Deno.args.length > 0) {
  const { mixed, half, fail_with, dirty } = sched.dlopen(Deno.args[0], {
    mixed: {
      // deno-fmt-ignore
      parameters: [
        "i8", "f64", "u8", "f32", "i16", "f64", "u16", "f32", "i32", "f64", "u32", "f32", "i64", "f64", "u64", "f32",
        "bool", "f64", "buffer", "f32", "f64", "buffer",
      ],
      result: "f64",
    },
    half: { parameters: ["f32"], result: "f32" },
    fail_with: { parameters: ["i32"], result: "i32" },
    dirty: { parameters: ["u64"], result: "i16" },
  }).symbols;
  // deno-fmt-ignore
  const args = [
    -7, 1.5, 250, -2.5, -300, 3.25, 65_000, 4.5, -70_000, -5.75, 4e9, 6.125, -5_000_000_000n, 7.5, 6_000_000_000n, 8.5,
    true, -9.5, Uint8Array.of(9), 10.25, 11.5, Uint8Array.of(0, 12),
  ] as const;
  const weights = [1, 2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73];
  const weighed = args.map((arg) => arg instanceof Uint8Array ? arg.at(-1)! : Number(arg))
    .reduce((all, number, i) => all + weights[i] * number, 0);
  lap(
    "parameters",
    await mixed(...args) === weighed,
    await half(5),
    await fail_with(5),
    await dirty(0xfffen),
  );
}
if (preemption) {
  sched.setProcs(1);
  const flags = words(4);
  const caller = sched.go(setsAfterCall(flags));
  await Atomics.waitAsync(flags, 3, 0).value;
  const computes = sched.go(computesUntil(flags));
  await Atomics.waitAsync(flags, 1, 0).value;
  Atomics.store(flags, 2, 1);
  Atomics.notify(flags, 2);
  await caller;
  lap("preempted", await computes, sched.stats().preempted > 0);
}
await sched.close();
lap("closed", sched.stats().threads);

if (preemption && Deno.args.length < 2) {
  await using strict = await Scheduler.start({ procs: 1, runawayMs: 300 });
  const ending = await strict.go(hog()).catch(nameOf);
  lap("abandoned", ending === TaskAbandonedError.name, await strict.go(sum(0, 3)));
}
