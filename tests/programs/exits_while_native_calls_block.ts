import { Scheduler } from "@heddle/heddle";

const sched = await Scheduler.start({ procs: 1 });
const { symbols } = sched.dlopen("libc.so.6", { pause: { parameters: [], result: "i32" } });
const calls = [1, 2, 3].map(() => symbols.pause());
await sched.close();
console.log(
  (await Promise.allSettled(calls)).map((call) => (call as PromiseRejectedResult).reason.name).join(" "),
);
