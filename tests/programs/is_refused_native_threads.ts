/** With a limit on addresses there is no room for another stack. */
import { Scheduler } from "@heddle/heddle";

const libc = Deno.dlopen("libc.so.6", {
  setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
}).symbols;
const RLIMIT_AS = 9;
const unlimited = 2n ** 64n - 1n;

function limitAddresses(bytes: bigint): void {
  if (libc.setrlimit(RLIMIT_AS, BigUint64Array.of(bytes, unlimited)) !== 0) {
    throw new Error("setrlimit failed");
  }
}

const sched = await Scheduler.start({ procs: 1 });
const { symbols } = sched.dlopen("libc.so.6", { getppid: { parameters: [], result: "i32" } });
// sysmon is up: the end of a long call comes through it. Not by a thread of the pool, whose stack glibc would keep.
const thread = await sched.thread();
await thread.dlopen("libc.so.6", { usleep: { parameters: ["u32"], result: "i32" } }).symbols.usleep(100_000);
// And so is the spare: a thread that starts just now needs addresses.
while (sched.stats().parks < 2) await new Promise((resolve) => setTimeout(resolve, 10));
const kilobytes = /^VmSize:\s*(\d+)/m.exec(Deno.readTextFileSync("/proc/self/status"))![1];

limitAddresses(BigInt(kilobytes) * 1024n);
const calls = [symbols.getppid(), symbols.getppid(), sched.thread()];
limitAddresses(unlimited);

for (const call of await Promise.allSettled<unknown>(calls)) {
  console.log(call.status === "rejected" ? call.reason.message : call.value);
}
console.log(sched.stats().nativeThreads, sched.stats().nativeCalls);
await thread.close();
console.log(await symbols.getppid() === Deno.ppid, (await sched.thread()).tid > 0);
