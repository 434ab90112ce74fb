import { Scheduler } from "@heddle/heddle";

const sched = await Scheduler.start({ procs: 1 });
const { symbols } = sched.dlopen("libc.so.6", { usleep: { parameters: ["u32"], result: "i32" } });
symbols.usleep(700_000).then(() => console.log("the call has returned"));
console.log("end of the module");
