import { assert, assertEquals, assertGreater, assertLess, assertRejects, assertThrows } from "@std/assert";
import { Scheduler, SchedulerClosedError } from "@heddle/heddle";
import { native } from "../support/capabilities.ts";
import { Gate, openCalled, testCalled } from "../support/called.ts";
import { soon, until } from "../support/deadline.ts";
import { threadName, threadStatus, tids } from "../support/os_threads.ts";
import { Pipe } from "../support/pipe.ts";

const encoder = new TextEncoder();

const libcDefinitions = {
  getppid: { parameters: [], result: "i32" },
  gettid: { parameters: [], result: "i32" },
  usleep: { parameters: ["u32"], result: "i32" },
  open: { parameters: ["buffer", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "i32"], result: "i32" },
} as const;

function openLibc(sched: Scheduler) {
  return sched.dlopen("libc.so.6", libcDefinitions).symbols;
}

function nativeTids(): number[] {
  return tids().filter((tid) => threadName(tid) === "heddle-native");
}

const seconds = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const shared = await Scheduler.start({ procs: 1 });
Deno.test.afterAll(() => shared.close());

native.test("a native call returns what the function returns, in a promise", async () => {
  const sched = shared;
  const libc = openLibc(sched);
  const call = libc.getppid();
  assert(call instanceof Promise);
  assertEquals(sched.stats().nativeCalls, 1);
  assertEquals(await call, Deno.ppid);
  assertEquals([sched.stats().nativeCalls, sched.stats().inFlight], [0, 0]);
});

native.test("errno is that of the call, by name of the promise", async () => {
  const sched = shared;
  const libc = openLibc(sched);
  const call = libc.open(encoder.encode("/no/such/file\0"), 0);
  assertEquals([await call, call.errno], [-1, 2]);
});

testCalled("errno is 0 before every call, and never another call's", async (path) => {
  const sched = shared;
  const { fail_with, errno_before } = openCalled(sched, path);
  for (let i = 0; i < 50; i++) {
    const calls = Array.from({ length: 20 }, (_, j) => [fail_with(j + 1), errno_before()]).flat();
    const results = await Promise.all(calls);
    assertEquals(results, Array.from({ length: 20 }, () => [-1, 0]).flat());
    assertEquals(calls.map((call) => call.errno), Array.from({ length: 20 }, (_, j) => [j + 1, 0]).flat());
  }
});

native.test("64 calls block at once, and do not delay a file that is read meanwhile", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  const { read } = openLibc(sched);
  using pipe = new Pipe();
  const calls = Array.from({ length: 64 }, () => read(pipe.reader, new Uint8Array(1), 1));
  // On Deno's own pool there are 32 at once, and the file waits for one of them to end.
  await until(() => sched.stats().nativeThreads >= 64, "each has a thread");
  await soon(Deno.readTextFile("/proc/self/status"), "a file");
  pipe.write(...new Array(64).fill(1));
  assertEquals(await soon(Promise.all(calls), "they return"), new Array(64).fill(1));
});

native.test("a call returns while all of Deno's own blocking threads are taken", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  const libc = openLibc(sched);
  using pipe = new Pipe();
  const theirs = Deno.dlopen("libc.so.6", {
    read: { parameters: ["i32", "buffer", "i32"], result: "i32", nonblocking: true },
  });
  await libc.getppid();
  const taken = Array.from({ length: 80 }, () => theirs.symbols.read(pipe.reader, new Uint8Array(1), 1));
  // Long enough for the host to sleep when it returns.
  await soon(libc.usleep(100_000), "a call of ours");
  assertEquals(await Promise.race([...taken, "all of theirs block"]), "all of theirs block");
  pipe.write(...new Array(80).fill(1));
  assertEquals(await soon(Promise.all(taken), "theirs"), new Array(80).fill(1));
  theirs.close();
});

testCalled("calls that block do not keep out quick ones, however many", async (path) => {
  await using sched = await Scheduler.start({ procs: 1 });
  const libc = openLibc(sched);
  const { wait_for } = openCalled(sched, path);
  // Again, since sysmon is awake at first.
  for (let round = 0; round < 5; round++) {
    const gate = new Gate();
    const blocked = Array.from({ length: 100 }, (_, i) => wait_for(gate.words, i));
    assertEquals(await soon(libc.getppid(), "a quick call behind 100 that block"), Deno.ppid);
    await until(() => gate.arrived === 100, "all 100 run");
    assertEquals(sched.stats().nativeCalls, 100);
    gate.open();
    assertEquals(await soon(Promise.all(blocked), "they return"), Array.from({ length: 100 }, (_, i) => i));
  }
});

testCalled("two calls that come while one thread looks both run", async (path) => {
  await using sched = await Scheduler.start({ procs: 1 });
  const libc = openLibc(sched);
  const { wait_for } = openCalled(sched, path);
  for (let round = 0; round < 300; round++) {
    const gate = new Gate();
    await libc.getppid();
    const pair = [wait_for(gate.words, 1), wait_for(gate.words, 2)];
    await until(() => gate.arrived === 2, `both of round ${round} run`);
    gate.open();
    await Promise.all(pair);
  }
});

testCalled("there are maxNativeThreads threads and no more, and calls beyond wait", async (path) => {
  await using sched = await Scheduler.start({ procs: 1, maxNativeThreads: 3 });
  const { wait_for } = openCalled(sched, path);
  const gate = new Gate();
  const before = nativeTids().length;
  const calls = Array.from({ length: 10 }, (_, i) => wait_for(gate.words, i));
  await until(() => gate.arrived === 3, "three run");
  assertEquals([nativeTids().length - before, sched.stats().nativeThreads], [3, 3]);
  assertEquals(gate.arrived, 3);
  gate.open();
  assertEquals(await soon(Promise.all(calls), "all return"), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assertEquals([gate.arrived, sched.stats().nativeThreads], [10, 3]);
});

testCalled("calls by the ten thousand wait their turn, each with its own arguments", async (path) => {
  await using sched = await Scheduler.start({ procs: 1, maxNativeThreads: 1 });
  const { wait_for, sum } = openCalled(sched, path);
  const gate = new Gate();
  const blocked = wait_for(gate.words, 7);
  await until(() => gate.arrived === 1, "the only thread is in a call");
  const one = new Uint8Array(200).fill(1);
  const calls = Array.from({ length: 10_000 }, (_, i) => sum(one, BigInt(i % 200)));
  assertEquals(sched.stats().nativeCalls, 10_001);
  gate.open();
  assertEquals(await soon(blocked, "the first one"), 7);
  const sums = await soon(Promise.all(calls), "10,000 calls");
  assertEquals(sums.findIndex((sum, i) => sum !== BigInt(i % 200)), -1);
});

native.test("a burst of quick calls does not start threads by the hundred", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  const libc = openLibc(sched);
  for (let i = 0; i < 5; i++) await Promise.all(Array.from({ length: 5000 }, () => libc.getppid()));
  // Two CPUs, and those that were taken off their CPU for so long that they looked stuck.
  assertLess(sched.stats().nativeThreads, 64);
});

native.test("threads have their name, block signals, and end after a while without work", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  const libc = openLibc(sched);
  await until(() => nativeTids().length === 0, "those of other tests have ended");
  const all = await Promise.all(Array.from({ length: 8 }, () => libc.usleep(50_000)));
  assertEquals(all.length, 8);
  const tid = await libc.gettid();
  assert(nativeTids().includes(tid));
  const isBlocked = (signal: number) =>
    (BigInt(`0x${threadStatus(tid, "SigBlk")}`) >> BigInt(signal - 1)) & 1n;
  assertEquals([1, 2, 15, 17, 23].map(isBlocked), [1n, 1n, 1n, 1n, 1n]);
  assertEquals([4, 5, 7, 8, 11].map(isBlocked), [0n, 0n, 0n, 0n, 0n]);
  assertGreater(sched.stats().nativeThreads, 2);
  await until(() => nativeTids().length === 0, "they end");
  assertEquals(sched.stats().nativeThreads, 0);
  assertEquals(await soon(libc.getppid(), "a call after that"), Deno.ppid);
});

native.test("close() ends native threads that are in no call", async () => {
  for (let round = 0; round < 10; round++) {
    const sched = await Scheduler.start({ procs: 1 });
    const libc = openLibc(sched);
    await sched.thread();
    await Promise.all(Array.from({ length: 16 }, () => libc.usleep(5000)));
    assertGreater(sched.stats().nativeThreads, 2);
    await sched.close();
    // It waits for them, but not for longer than a busy machine may take.
    await until(() => sched.stats().nativeThreads === 0, "they have ended");
  }
});

testCalled("close() rejects calls in flight, and their threads end when they return", async (path) => {
  const sched = await Scheduler.start({ procs: 1, maxNativeThreads: 2 });
  const { wait_for, fill_after } = openCalled(sched, path);
  const gate = new Gate();
  const bytes = new Uint8Array(1 << 20);
  const calls = [
    wait_for(gate.words, 1),
    fill_after(gate.words, bytes, BigInt(bytes.length), 7),
    // Behind them.
    wait_for(gate.words, 3),
  ];
  await until(() => gate.arrived === 2, "two run");
  await soon(sched.close(), "close() does not wait for them");
  for (const call of calls) await assertRejects(() => call, SchedulerClosedError, "before the native call");
  assertThrows(() => wait_for(gate.words, 4), SchedulerClosedError);
  assertThrows(() => sched.dlopen("libc.so.6", {}), SchedulerClosedError);
  assertEquals(sched.stats().nativeThreads, 2);
  gate.open();
  await until(() => sched.stats().nativeThreads === 0, "they have ended");
  assertEquals(gate.arrived, 2);
  // C had the buffer to the end.
  assertEquals([bytes[0], bytes.at(-1)], [7, 7]);
});

testCalled("a library that is closed takes no calls; those under way return", async (path) => {
  await using sched = await Scheduler.start({ procs: 1 });
  const gate = new Gate();
  const library = sched.dlopen(path, { wait_for: { parameters: ["buffer", "i32"], result: "i32" } });
  const { wait_for } = library.symbols;
  const call = wait_for(gate.words, 5);
  await until(() => gate.arrived === 1, "it runs");
  library.close();
  library.close();
  assertThrows(() => wait_for(gate.words, 6), TypeError, "wait_for(): its library");
  gate.open();
  assertEquals(await soon(call, "it returns"), 5);
  {
    using other = sched.dlopen("libc.so.6", libcDefinitions);
    assertEquals(await other.symbols.getppid(), Deno.ppid);
  }
});

native.test("no call is lost, whatever the host and the threads are doing when it is made", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  const libc = openLibc(sched);
  // xorshift32 with a fixed start: bursts of 1 to 64 calls that sleep 0 to 300 us, with pauses of 0 to 3 ms between.
  let random = 0x2545f491;
  const below = (n: number) => {
    random ^= random << 13;
    random ^= random >>> 17;
    random ^= random << 5;
    return (random >>> 0) % n;
  };
  for (let round = 0; round < 150; round++) {
    const calls = Array.from(
      { length: 1 + below(64) },
      () => below(2) === 0 ? libc.getppid().then(() => 0) : libc.usleep(below(300)),
    );
    const results = await soon(Promise.all(calls), `round ${round}: ${JSON.stringify(sched.stats())}`);
    assert(results.every((result) => result === 0));
    if (below(3) > 0) await seconds(below(4));
  }
});

Deno.test("maxNativeThreads out of its range is an error that says the range", async () => {
  for (const maxNativeThreads of [0, -1, 1.5, 4097, NaN]) {
    await assertRejects(
      () => Scheduler.start({ maxNativeThreads }),
      RangeError,
      `maxNativeThreads is ${maxNativeThreads}: give an integer from 1 to 4096.`,
    );
  }
});
