/** Tasks and the host wait for descriptors: `readable`, `writable`, `pollable`. */
import { assert, assertEquals, assertGreater, assertRejects, assertThrows } from "@std/assert";
import {
  Channel,
  pollable,
  readable,
  Scheduler,
  SchedulerClosedError,
  ThreadDiedError,
  writable,
} from "@heddle/heddle";
import { poller } from "../support/capabilities.ts";
import { soon, until } from "../support/deadline.ts";
import {
  close,
  dup,
  dup2,
  eventfd,
  inotify,
  pidfd,
  pipe,
  readAll,
  shutdown,
  signal,
  socketPair,
  timerfd,
  write,
  writeUntilFull,
} from "../support/descriptors.ts";
import { Flag } from "../support/flag.ts";
import { askForLinks, netlink, sendThroughTun, tun } from "../support/kernel_descriptors.ts";
import { threadName, tids } from "../support/os_threads.ts";
import { runProgram } from "../support/programs.ts";
import {
  answersCalls,
  asksListener,
  closesWhileOthersWait,
  diesBesideWaits,
  readsOnce,
  readsToTheEnd,
  waitsBothWays,
  waitsForAll,
} from "../tasks/polling.ts";

const sched = await Scheduler.start({ procs: 2 });
Deno.test.afterAll(() => sched.close());

/** The numbers of all descriptors of this process. */
function descriptors(): number[] {
  return [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => Number(name));
}

/** In how many poll sets a descriptor is. */
function registrations(fd: number): number {
  const isThere = new RegExp(`^tfd: +${fd} `, "m");
  return descriptors().filter((each) => isThere.test(aboutDescriptor(each))).length;
}

/** What the kernel says of it; nothing, if it has just been closed. */
function aboutDescriptor(fd: number): string {
  try {
    return Deno.readTextFileSync(`/proc/self/fdinfo/${fd}`);
  } catch {
    return "";
  }
}

function isIdle(): boolean {
  const { idleProcs, spinning } = sched.stats();
  return idleProcs === sched.procs && spinning === 0;
}

poller.test("a task goes on when something can be read, whatever kind of descriptor it is", async () => {
  const folder = await Deno.makeTempDir();
  const [left, right] = socketPair();
  const [input, output] = pipe();
  const child = new Deno.Command("true").spawn();
  const process = pidfd(child.pid);
  const [event, timer, files] = [eventfd(), timerfd(1), inotify(folder)];
  const fds = { socket: left, pipe: input, event, timer, files, process };
  const reads = Object.entries(fds).map(async ([kind, fd]) => {
    await soon(sched.go(readsOnce(fd)), kind);
    return kind;
  });
  write(right, new Uint8Array(3));
  write(output, new Uint8Array(3));
  signal(event);
  await Deno.writeTextFile(`${folder}/new`, "");
  assertEquals(await Promise.all(reads), Object.keys(fds));
  await child.status;
  for (const fd of [...Object.values(fds), right, output]) close(fd);
  await Deno.remove(folder, { recursive: true });
});

poller.test("a task waits for signals of a process all of whose threads have them blocked", async () => {
  const { code, stdout, stderr } = await runProgram("waits_for_a_signal", {
    prefix: ["env", "--block-signal=USR2"],
  });
  assertEquals([code, stdout], [0, "first: 128 bytes\nsecond: 128 bytes\n"], stderr);
});

poller.test("a task waits for what the kernel says of the network's links", async () => {
  const fd = netlink();
  const task = sched.go(readsOnce(fd));
  await until(isIdle, "it waits");
  askForLinks(fd);
  assertGreater(await soon(task, "the answer"), 0);
  close(fd);
});

poller.test("a task waits for what is sent through a tun device", async (t) => {
  const fd = tun();
  await t.step({
    name: "of this machine",
    ignore: fd < 0 && console.log("skipped: this process may make no tun device") === undefined,
    async fn() {
      await soon(writable(sched, fd), "room to write");
      // The kernel may have said something as the device came up.
      readAll(fd);
      const task = sched.go(readsOnce(fd));
      sendThroughTun();
      assertGreater(await soon(task, "a packet"), 0);
      close(fd);
    },
  });
});

poller.test("a task waits at the listener of another thread's filter, and answers its call", async (t) => {
  const listener = new Channel<number>(sched);
  const asks = sched.dedicate(asksListener(listener));
  const fd = await soon(listener.recv(), "the filter");
  await t.step({
    name: "of a kernel that has such listeners",
    ignore: fd < 0 && console.log("skipped: the kernel gives no seccomp listener here") === undefined,
    async fn() {
      await soon(sched.go(answersCalls(fd, 4242)), "the call");
      assertEquals(await soon(asks, "the answer"), 4242);
      // Nobody is left who could call.
      const last = sched.go(answersCalls(fd, 0));
      await assertRejects(() => soon(last, "the thread's end"), Error, "No call waits");
      close(fd);
    },
  });
  await asks;
});

poller.test("it waits, also while nothing else happens, and the host waits as tasks do", async () => {
  const [fd, ours] = [eventfd(), eventfd()];
  let isReady = false;
  const [task, wait] = [sched.go(readsOnce(fd)), readable(sched, ours).then(() => isReady = true)];
  await until(isIdle, "all sleep");
  assertEquals([isReady, sched.stats().inFlight], [false, 1]);
  signal(fd);
  await soon(task, "the task");
  assertEquals([isReady, readAll(fd)], [false, 0]);
  signal(ours);
  await soon(wait, "the host");
  close(fd);
  close(ours);
});

poller.test("what is ready already is told at once, and so is the end of the other side", async () => {
  const [input, output] = pipe();
  write(output, new Uint8Array(7));
  assertEquals(await soon(sched.go(readsOnce(input)), "what is there"), 7);
  await soon(writable(sched, output), "room to write");
  close(output);
  assertEquals(await soon(sched.go(readsOnce(input)), "the end"), 0);
  close(input);
});

poller.test("one waits to read and another one to write at the same time", async () => {
  const [left, right] = socketPair();
  writeUntilFull(left);
  const begun = new Flag();
  const task = sched.go(waitsBothWays(left, begun.buffer));
  await until(() => begun.value === 1 && isIdle(), "it waits");
  readAll(right);
  await until(() => begun.value === 2, "one has gone on");
  write(right, new Uint8Array(1));
  assertEquals(await soon(task, "both"), ["writable", "readable"]);
  close(left);
  close(right);
});

poller.test("a thousand descriptors wait in one thread, and take none of their own", async () => {
  const fds = Array.from({ length: 1000 }, () => eventfd());
  const before = tids().length;
  const begun = new Flag();
  const task = sched.go(waitsForAll(fds, begun.buffer));
  await until(() => begun.value === 1 && isIdle(), "it waits");
  assert(tids().length <= before + 2, "threads have been started");
  for (const fd of fds.toReversed()) signal(fd);
  assertEquals((await soon(task, "all")).toSorted(), fds.toSorted());
  fds.forEach(close);
});

poller.test("a pollable is registered once, and hears of everything that comes", async () => {
  const [input, output] = pipe();
  const link = linkOf(input);
  const read = new Flag();
  const task = sched.go(readsToTheEnd(input, read.buffer));
  let sum = 0;
  for (let length = 1; length <= 100; length++) {
    sum += write(output, new Uint8Array(length * 10));
    if (length % 10 === 0) await until(() => read.value === sum && isIdle(), "it has read all");
  }
  close(output);
  const seen = await soon(task, "the end");
  assertEquals(seen.sum, sum);
  assert(seen.waits >= 10, `${seen.waits} waits`);
  // It has closed that. The number may be another file's by now, of a thread that starts.
  assert(linkOf(input) !== link);
});

poller.test("an edge that came before the wait is told at once, and once", async () => {
  const [left, right] = socketPair();
  const here = pollable(sched, left);
  write(right, new Uint8Array(1));
  await soon(here.readable(), "the edge");
  const again = here.readable();
  assertEquals(
    await Promise.race([again.then(() => "told twice"), writable(sched, right).then(() => "not")]),
    "not",
  );
  write(right, new Uint8Array(1));
  await soon(again, "the next edge");
  here.release();
  // It is open still, and the number can be registered again.
  using anew = pollable(sched, left);
  await soon(anew.readable(), "what is there");
  close(right);
});

poller.test("a wait is taken back by its signal, and by the end of its task", async () => {
  const fd = eventfd();
  const controller = new AbortController();
  const waits = [
    readable(sched, fd, { signal: controller.signal }),
    readable(sched, fd, { signal: AbortSignal.abort("before") }),
  ];
  const task = sched.go(readsOnce(fd));
  const all = Promise.allSettled([...waits, task]);
  await until(() => task.state === "running" && isIdle(), "it waits");
  controller.abort("meanwhile");
  task.cancel("the task's");
  const settled = await soon(all, "all");
  assertEquals(settled.map((each) => (each as PromiseRejectedResult).reason), [
    "meanwhile",
    "before",
    "the task's",
  ]);
  // On its thread the task may not have heard of it yet, and would take what comes.
  await until(() => sched.dump().tasks.length === 0, "it has ended there");
  // Nobody has left anything behind that keeps others from it.
  const next = readable(sched, fd);
  signal(fd);
  await soon(next, "the next wait");
  close(fd);
});

poller.test("what waits for a descriptor that is closed rejects, and so does who comes later", async () => {
  const [input, output] = pipe();
  const meanwhile = `BadResource: Descriptor ${input} was closed while somebody waited for it.`;
  assertEquals(await soon(sched.go(closesWhileOthersWait(input)), "all"), [
    meanwhile,
    meanwhile,
    meanwhile,
    `BadResource: Descriptor ${input} was closed before.`,
    `BadResource: Descriptor ${input} is not open.`,
  ]);
  close(output);
});

poller.test("shutdown() of a socket tells those who wait on other threads", async () => {
  const [left, right] = socketPair();
  const task = sched.go(readsOnce(left));
  await until(() => task.state === "running" && isIdle(), "it waits");
  shutdown(left, 2);
  assertEquals(await soon(task, "the end"), 0);
  close(left);
  close(right);
});

poller.test("a number that is used again is another descriptor, also if the old one lives on elsewhere", async () => {
  const [old, oldOutput] = pipe();
  const [other, output] = pipe();
  const copy = dup(old);
  const wait = readable(sched, old);
  const closed = pollable(sched, other);
  // `old` is another pipe from here on, and `other` is no pipe of ours.
  dup2(other, old);
  const anew = readable(sched, old);
  const lost = `Descriptor ${old} was closed while somebody waited for it, and is another file's by now.`;
  await soon(assertRejects(() => wait, Deno.errors.BadResource, lost), "the wait for the old one");
  // The old pipe has its place in the set, with the same number.
  write(oldOutput, new Uint8Array(1));
  const first = await Promise.race([anew.then(() => "mistaken"), readable(sched, copy).then(() => "not")]);
  assertEquals(first, "not");
  write(output, new Uint8Array(1));
  await soon(Promise.all([anew, closed.readable()]), "the new one");
  closed.close();
  for (const fd of [old, copy, oldOutput, output]) close(fd);
});

poller.test("close() of a pollable leaves a file alone that has its number by now", async () => {
  const [input, output] = pipe();
  const lost = pollable(sched, input);
  const other = eventfd();
  dup2(other, input);
  signal(other);
  await soon(readable(sched, input), "the new one");
  lost.close();
  assertEquals(close(input), 0);
  close(other);
  close(output);
});

poller.test("a thread that dies leaves no descriptor of its own, and those it waited for as they are", async () => {
  const fds = [eventfd(), eventfd()];
  await soon(
    assertRejects(() => sched.dedicate(diesBesideWaits(fds)), ThreadDiedError),
    "the death",
  );
  fds.forEach(signal);
  await soon(Promise.all([sched.go(readsOnce(fds[0])), readable(sched, fds[1])]), "others");
  // The host's and that of the task's thread are left.
  await until(() => registrations(fds[0]) === 1 && registrations(fds[1]) === 1, "its poll set is closed");
  fds.forEach((fd) => assertEquals(close(fd), 0));
});

poller.test("close() rejects what the host waits for, ends the thread, and leaves no descriptor", async () => {
  const fd = eventfd();
  const own = await Scheduler.start({ procs: 1 });
  const [wait, task] = [readable(own, fd), own.go(readsOnce(fd))];
  const here = pollable(own, fd);
  await until(() => tids().some((tid) => threadName(tid) === "heddle-poller"), "the thread");
  await until(() => registrations(fd) === 2, "both wait");
  const pollers = tids().filter((tid) => threadName(tid) === "heddle-poller").length;
  await soon(own.close(), "close()");
  await soon(assertRejects(() => wait, SchedulerClosedError), "the host's");
  await soon(assertRejects(() => task, SchedulerClosedError), "the task's");
  await assertRejects(() => here.readable(), SchedulerClosedError);
  await assertRejects(() => readable(own, fd), SchedulerClosedError);
  // The kernel lists one a little longer than who joins it waits.
  await until(
    () => tids().filter((tid) => threadName(tid) === "heddle-poller").length === pollers - 1,
    "the thread is gone",
  );
  here.release();
  assertEquals(registrations(fd), 0);
  close(fd);
});

poller.test("what cannot be waited for is refused, with the reason", async () => {
  const file = await Deno.makeTempFile();
  using opened = await Deno.open(file);
  const [fd] = descriptors().filter((fd) => linkOf(fd) === file);
  await assertRejects(() => readable(sched, fd), TypeError, `Descriptor ${fd} is that of a file or folder`);
  await assertRejects(
    () => readable(sched, 99_999),
    Deno.errors.BadResource,
    "Descriptor 99999 is not open.",
  );
  await assertRejects(
    () => readable(sched, -1),
    RangeError,
    "readable: the descriptor is -1: give an integer from 0 to",
  );
  await assertRejects(
    () => readable(sched, 0, { timeout: 1 } as never),
    TypeError,
    'there is no option "timeout": there is signal',
  );
  assertThrows(() => pollable({} as never, 0), TypeError, "give the Scheduler, or the ctx of the task");
  const event = eventfd();
  const one = pollable(sched, event);
  assertThrows(
    () => pollable(sched, event),
    TypeError,
    "this thread has one of it: use that, or close it first.",
  );
  one.close();
  assert(opened);
  await Deno.remove(file);
});

function linkOf(fd: number): string {
  try {
    return Deno.readLinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return "";
  }
}
