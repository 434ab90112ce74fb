import { isolateOf } from "../../scheduler/sync/isolate.ts";
import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { type NativeThreadOptions, Scheduler, SchedulerClosedError } from "@heddle/heddle";
import { native } from "../support/capabilities.ts";
import { Gate, openCalled, testCalled } from "../support/called.ts";
import { blockClass } from "../../scheduler/arena/heap.ts";
import { QUEUE_WORDS } from "../../scheduler/arena/layout/native.ts";
import { soon, until } from "../support/deadline.ts";
import { threadName, threadNice, threadStatus, tids } from "../support/os_threads.ts";

// deno-lint-ignore no-explicit-any -- what no TypeScript would pass
type Any = any;

const encoder = new TextEncoder();
const allowed = Deno.readTextFileSync("/proc/self/status").match(/^Cpus_allowed_list:\s*(.*)$/m)![1];
const firstCpu = Number(/^\d+/.exec(allowed)![0]);

const libcDefinitions = {
  gettid: { parameters: [], result: "i32" },
  getppid: { parameters: [], result: "i32" },
  usleep: { parameters: ["u32"], result: "i32" },
  open: { parameters: ["buffer", "i32"], result: "i32" },
  labs: { type: "pointer" },
} as const;

const shared = await Scheduler.start({ procs: 1 });
Deno.test.afterAll(() => shared.close());

native.test("every call of a native thread runs on one thread, that has no other's", async () => {
  const sched = shared;
  await using one = await sched.thread();
  await using other = await sched.thread();
  assertNotEquals(one.tid, other.tid);
  assertNotEquals(one.tid, Deno.pid);
  const [libc, others] = [one, other].map((thread) => thread.dlopen("libc.so.6", libcDefinitions).symbols);
  const seen = await Promise.all(
    Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? libc : others).gettid()),
  );
  assertEquals(seen.findIndex((tid, i) => tid !== (i % 2 === 0 ? one : other).tid), -1);
});

native.test("a native thread has its name, CPUs and nice value, and no other thread has", async () => {
  const sched = shared;
  await using thread = await sched.thread({ name: "gl", affinity: [firstCpu], nice: 4 });
  await using plain = await sched.thread();
  const look = (tid: number) => [threadStatus(tid, "Name"), threadNice(tid)];
  assertEquals(look(thread.tid), ["gl", 4]);
  assertEquals(threadStatus(thread.tid, "Cpus_allowed_list"), String(firstCpu));
  assertEquals(look(plain.tid), ["heddle-native", threadNice(Deno.pid)]);
  // While it goes to another CPU it leaves out the one where it was.
  await until(() => threadStatus(plain.tid, "Cpus_allowed_list") === allowed, "it may use all CPUs");
  assertEquals(tids().filter((tid) => threadName(tid) === "gl"), [thread.tid]);
});

native.test("native threads for which the arena has no room are refused by name, and those that there are go on", async () => {
  await using sched = await Scheduler.start({ procs: 1, maxTasks: 16, arenaBytes: 64 << 20 });
  const { heap } = isolateOf(sched, "a test");
  await using first = await sched.thread();
  const sizeClass = blockClass(QUEUE_WORDS * 4);
  const blocks: number[] = [];
  for (let block; (block = heap.allocate(sizeClass)) !== 0;) blocks.push(block);
  await assertRejects(() => sched.thread(), RangeError, "(arenaBytes) is full");
  const { getppid } = first.dlopen("libc.so.6", { getppid: { parameters: [], result: "i32" } }).symbols;
  assertEquals(await getppid(), Deno.ppid);
  heap.free(blocks.pop()!, sizeClass);
  await using second = await sched.thread();
  assertNotEquals(second.tid, first.tid);
});

testCalled("a thousand calls of a native thread run in the order in which they were made", async (path) => {
  const sched = shared;
  await using thread = await sched.thread();
  const { wait_for, append } = openCalled(thread, path);
  const gate = new Gate();
  const blocked = wait_for(gate.words, 1);
  await until(() => gate.arrived === 1, "the thread is in a call");
  // More than there are records of calls: the last ones wait elsewhere, and later ones must not overtake them.
  const list = new Int32Array(9001);
  const calls = Array.from({ length: 6000 }, (_, i) => append(list, i));
  assertEquals(sched.stats().nativeCalls, 6001);
  gate.open();
  for (let i = 6000; i < 9000; i += 30) {
    await soon(calls[i - 6000], `call ${i - 6000}`);
    for (let j = i; j < i + 30; j++) calls.push(append(list, j));
  }
  await soon(Promise.all([blocked, ...calls]), "9000 calls");
  assertEquals(list[0], 9000);
  assertEquals(list.subarray(1).findIndex((value, i) => value !== i), -1);
});

testCalled("thread-local variables of C are there for the next call", async (path) => {
  const sched = shared;
  const counts = [];
  for (let i = 0; i < 2; i++) {
    await using thread = await sched.thread();
    const { count_here } = openCalled(thread, path);
    for (let j = 0; j < 3; j++) counts.push(await count_here());
  }
  assertEquals(counts, [1, 2, 3, 1, 2, 3]);
});

native.test("one thread's working directory is its own after unshare(CLONE_FS)", async () => {
  const sched = shared;
  await using thread = await sched.thread();
  const definitions = {
    unshare: { parameters: ["i32"], result: "i32" },
    chdir: { parameters: ["buffer"], result: "i32" },
  } as const;
  const libc = thread.dlopen("libc.so.6", definitions).symbols;
  const before = Deno.cwd();
  assertEquals(await libc.unshare(0x200), 0); // CLONE_FS
  assertEquals(await libc.chdir(encoder.encode("/proc\0")), 0);
  assertEquals(Deno.readLinkSync(`/proc/self/task/${thread.tid}/cwd`), "/proc");
  assertEquals(Deno.cwd(), before);
});

native.test("errno of a native thread's call is that call's", async () => {
  const sched = shared;
  await using thread = await sched.thread();
  const libc = thread.dlopen("libc.so.6", libcDefinitions).symbols;
  const [failing, quick] = [libc.open(encoder.encode("/no/such/file\0"), 0), libc.getppid()];
  assertEquals([await failing, failing.errno, await quick, quick.errno], [-1, 2, Deno.ppid, 0]);
});

native.test("a function is called by its address", async () => {
  const sched = shared;
  await using thread = await sched.thread();
  const { labs } = thread.dlopen("libc.so.6", libcDefinitions).symbols;
  const definition = { parameters: ["i64"], result: "i64" } as const;
  assertEquals(await Promise.all([thread.call(labs, definition, -5n), thread.call(labs, definition, 6n)]), [
    5n,
    6n,
  ]);
  assertThrows(() => thread.call(null, definition, 1n), TypeError, "call(null, …)");
  assertThrows(() => thread.call(5 as Any, definition, 1n), TypeError);
  assertThrows(() => thread.call(labs, definition, "x" as Any), TypeError, `call(): argument 1 is "x"`);
  assertThrows(
    () => thread.call(labs, { parameters: ["function"], result: "void" }, null),
    TypeError,
    "function",
  );
  assertEquals(await thread.call(labs, definition, -7n), 7n);
});

Deno.test("options of a native thread out of their range are errors at the call", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  const bad: [Any, typeof RangeError | typeof TypeError, string][] = [
    [{ name: "sixteen bytes..." }, RangeError, "which is 16 bytes: Linux names threads with 15 at most"],
    [{ name: "" }, TypeError, "give a thread a name of 1 to 15 bytes"],
    [{ affinity: [] }, TypeError, "affinity is []"],
    [{ affinity: [-1] }, RangeError, "affinity has -1"],
    [{ nice: 20 }, RangeError, "nice is 20: give an integer from -20 to 19"],
    [{ priority: 0 }, RangeError, "priority is 0: give an integer from 1 to 99"],
    [{ priority: 100 }, RangeError, "priority is 100"],
    [{ priority: 1.5 }, RangeError, "priority is 1.5"],
    [{ priority: "1" }, RangeError, "priority is 1"],
  ];
  for (const [options, errorClass, words] of bad) {
    assertThrows(() => sched.thread(options), errorClass as ErrorConstructor, words);
  }
  assertEquals(sched.stats().nativeThreads, 0);
});

native.test("what the system refuses a native thread is an error, and the thread is gone", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  const words = "refused a thread the affinity [1000]: EINVAL; this process may use the CPUs [";
  await assertRejects(() => sched.thread({ affinity: [1000] }), Error, words);
  await assertRejects(() => sched.thread({ affinity: [100_000] }), RangeError, "CPU 100000");
  await until(() => sched.stats().nativeThreads === 0, "their threads have ended");
});

native.test("a native thread with a priority is in SCHED_FIFO, or the error says what that takes", async () => {
  const sched = shared;
  const options: NativeThreadOptions = { priority: 7, name: "fifo" };
  let thread;
  try {
    thread = await sched.thread(options);
  } catch (error) {
    const { message } = error as Error;
    assert(message.includes("the priority 7: EPERM; it takes CAP_SYS_NICE"), message);
    console.log("SCHED_FIFO is not permitted here: only the error was tested");
    return;
  }
  await using open = thread;
  const stat = Deno.readTextFileSync(`/proc/self/task/${open.tid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // proc(5): (40) rt_priority, (41) policy; the third field is the first after the name.
  assertEquals(fields.slice(37, 39), ["7", "1"]);
});

native.test("a hundred and fifty native threads, one after the other, leave none behind", async () => {
  // By their name: what the runtime starts meanwhile, or ends after its idle 10 s, is not ours.
  const natives = () => tids().filter((tid) => threadName(tid) === "heddle-native");
  const before = new Set(natives());
  await using sched = await Scheduler.start({ procs: 1 });
  for (let i = 0; i < 150; i++) {
    const thread = await soon(sched.thread(), `open ${i}`);
    await soon(thread.close(), `close ${i}`);
  }
  await until(() => natives().every((tid) => before.has(tid)), "no native thread but those of before");
  assertEquals(sched.stats().nativeThreads, 0);
});

testCalled("close() waits for the calls that were made before, and takes none after", async (path) => {
  const sched = shared;
  const thread = await sched.thread();
  const library = thread.dlopen("libc.so.6", libcDefinitions);
  const { wait_for, append } = openCalled(thread, path);
  const gate = new Gate();
  const list = new Int32Array(3);
  const calls = [wait_for(gate.words, 1), append(list, 8), append(list, 9)];
  await until(() => gate.arrived === 1, "it is in a call");
  let isClosed = false;
  const closing = thread.close().then(() => isClosed = true);
  assertThrows(() => library.symbols.getppid(), TypeError, `the native thread ${thread.tid} was closed`);
  assertThrows(() => thread.dlopen("libc.so.6", {}), TypeError, "was closed; open another one");
  assertThrows(
    () => thread.call(library.symbols.labs, { parameters: ["i64"], result: "i64" }, 1n),
    TypeError,
    "was closed",
  );
  assert(!isClosed && tids().includes(thread.tid));
  gate.open();
  await soon(closing, "it closes");
  assertEquals([await Promise.all(calls), [...list]], [[1, undefined, undefined], [2, 8, 9]]);
  await until(() => !tids().includes(thread.tid), "the thread has ended");
  assertEquals(await thread.close(), undefined);
});

testCalled("the scheduler's close() rejects the calls of native threads, which end then", async (path) => {
  const sched = await Scheduler.start({ procs: 1 });
  const [busy, idle] = [await sched.thread(), await sched.thread()];
  const { wait_for, append } = openCalled(busy, path);
  const gate = new Gate();
  const list = new Int32Array(3);
  const calls = [wait_for(gate.words, 1), append(list, 8)];
  await until(() => gate.arrived === 1, "it is in a call");
  const closing = busy.close();
  await soon(sched.close(), "close() does not wait for the call");
  for (const call of calls) await assertRejects(() => call as Promise<unknown>, SchedulerClosedError);
  await soon(closing, "and so the thread is closed as well");
  await soon(idle.close(), "and so is the idle one");
  await until(() => !tids().includes(idle.tid), "the idle one has ended");
  gate.open();
  await until(() => !tids().includes(busy.tid), "the busy one has ended");
  // What had not begun never did.
  assertEquals([...list], [0, 0, 0]);
  assertThrows(() => sched.thread(), SchedulerClosedError);
});

native.test("native threads are counted, and not against maxNativeThreads", async () => {
  await using sched = await Scheduler.start({ procs: 1, maxNativeThreads: 1 });
  const threads = await Promise.all(Array.from({ length: 5 }, () => sched.thread()));
  assertEquals(sched.stats().nativeThreads, 5);
  const { gettid } = sched.dlopen("libc.so.6", libcDefinitions).symbols;
  assert(!threads.map(({ tid }) => tid).includes(await gettid()));
  assertEquals(sched.stats().nativeThreads, 6);
  await Promise.all(threads.map((thread) => thread.close()));
  await until(() => sched.stats().nativeThreads <= 1, "five have ended");
});
