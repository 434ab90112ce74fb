/** A user who may have no more threads is refused another one. */
import { Scheduler } from "@heddle/heddle";

const libc = Deno.dlopen("libc.so.6", {
  setresuid: { parameters: ["u32", "u32", "u32"], result: "i32" },
  getrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
}).symbols;
const RLIMIT_NPROC = 6;
const usual = new BigUint64Array(2); // the soft limit and the hard one
libc.getrlimit(RLIMIT_NPROC, usual);
const [root, nobody] = [0, 65534];

/** The limit is not for root. All threads change users: sysmon starts native threads too. */
function limitThreads(limit: bigint, user: number): void {
  if (libc.setrlimit(RLIMIT_NPROC, BigUint64Array.of(limit, usual[1])) !== 0) {
    throw new Error("setrlimit failed");
  }
  if (Deno.uid() === 0 && libc.setresuid(user, user, root) !== 0) throw new Error("setresuid failed");
}

const sched = await Scheduler.start({ procs: 1 });
const { symbols } = sched.dlopen("libc.so.6", { getppid: { parameters: [], result: "i32" } });
// sysmon is up: the end of a long call comes through it. Not by a thread of the pool, which would stay for more calls.
const thread = await sched.thread();
await thread.dlopen("libc.so.6", { usleep: { parameters: ["u32"], result: "i32" } }).symbols.usleep(100_000);
// And so is the spare: no thread but those that are refused starts just now.
while (sched.stats().parks < 2) await new Promise((resolve) => setTimeout(resolve, 10));

limitThreads(0n, nobody);
const calls = [symbols.getppid(), symbols.getppid(), sched.thread()];
limitThreads(usual[0], root);

for (const call of await Promise.allSettled<unknown>(calls)) {
  console.log(call.status === "rejected" ? call.reason.message : call.value);
}
// The three that were refused do not count. sysmon may have seen their calls, and have begun one for these after the limit was lifted.
console.log(sched.stats().nativeThreads <= 2, sched.stats().nativeCalls);
await thread.close();
console.log(await symbols.getppid() === Deno.ppid, (await sched.thread()).tid > 0);
