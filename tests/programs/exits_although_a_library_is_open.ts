import { Scheduler } from "@heddle/heddle";

const sched = await Scheduler.start({ procs: 1 });
const { symbols } = sched.dlopen("libc.so.6", { getppid: { parameters: [], result: "i32" } });
console.log(await symbols.getppid() === Deno.ppid);
const thread = await sched.thread({ name: "idle" });
console.log(thread.tid > 0);
