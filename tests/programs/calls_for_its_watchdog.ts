/** What the argument names, by a scheduler that has no watchdog yet. Prints how many threads there are in the end, and how long it took. */
import { Scheduler } from "@heddle/heddle";
import { eventfd, signal } from "../support/descriptors.ts";
import { Host } from "../../scheduler/host/host.ts";
import { Flag } from "../support/flag.ts";
import { workersSince } from "../support/os_threads.ts";
import { nothing } from "../tasks/arithmetic.ts";
import { blocksUntilSet } from "../tasks/blocking.ts";
import { hog } from "../tasks/hogging.ts";
import { busy } from "../tasks/occupying.ts";
import { readsOnce } from "../tasks/polling.ts";

const cases = {
  /** For 0.2 s and more, on every P. */
  async computes(sched: Scheduler) {
    await Promise.all(Array.from({ length: 80 }, () => sched.go(busy(5))));
  },
  /** The only P is its thread's until another one has it. */
  async blocks(sched: Scheduler) {
    const flag = new Flag();
    const blocks = sched.go(blocksUntilSet(flag.buffer));
    await sched.go(nothing());
    flag.value = 1;
    Atomics.notify(flag.words, 0);
    await blocks;
  },
  async hogs(sched: Scheduler) {
    for (let i = 0; i < 2; i++) sched.go(hog("loop")).catch(() => {});
    await sched.go(nothing());
  },
  async polls(sched: Scheduler) {
    const fd = eventfd();
    const reads = sched.go(readsOnce(fd));
    // It waits, and nobody looks any more whether there is something.
    while (sched.stats().idleProcs < 2 || sched.stats().ran < 1) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    signal(fd);
    await reads;
  },
  async native(sched: Scheduler) {
    const { symbols } = sched.dlopen("libc.so.6", { usleep: { parameters: ["u32"], result: "i32" } });
    await symbols.usleep(100_000);
    // The same by itself, without the time that it takes: after two seconds there is one anyway.
    const host = Host.open({ procs: 1 });
    const { sysmonSleep } = host.shared;
    const before = sysmonSleep.isCalledFor;
    host.native;
    if (before || !sysmonSleep.isCalledFor) throw new Error("native calls do not call for a watchdog");
    await host.close();
  },
};

const what = Deno.args[0] as keyof typeof cases;
const begun = performance.now();
const sched = await Scheduler.start({ procs: what === "blocks" ? 1 : 2 });
await cases[what](sched);
console.log(workersSince(new Set()).length, Math.round(performance.now() - begun));
Deno.exit(0);
