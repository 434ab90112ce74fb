/** What every program relies on: tasks, a channel, a thread of its own, a hog that others wait for. Prints what there was. */
import { Channel, Scheduler } from "@heddle/heddle";
import { add, fan } from "../tasks/arithmetic.ts";
import { doubles } from "../tasks/channels.ts";
import { answer, hog } from "../tasks/hogging.ts";

const isCooperative = Deno.args.includes("cooperative");
const sched = await Scheduler.start({ procs: 1, ...(isCooperative && { preempt: false }) });
const { native, preemption } = sched.capabilities;
console.log(`native ${native}, preemption ${preemption}`);
console.log("children:", await sched.go(fan(100)));
console.log("of its own:", await sched.dedicate(add(3, 4)));
const [numbers, doubled] = [new Channel<number>(sched, 1), new Channel<number>(sched, 1)];
const doubler = sched.go(doubles(numbers, doubled));
await numbers.send(21);
console.log("channel:", await doubled.recv());
numbers.close();
await doubler;
if (native) {
  const { symbols } = sched.dlopen("libc.so.6", { abs: { parameters: ["i32"], result: "i32" } });
  console.log("native call:", await symbols.abs(-3));
}
if (preemption && !isCooperative) {
  const runsOn = sched.go(hog("loop"));
  runsOn.catch(() => {});
  console.log("beside a hog:", (await sched.go(answer(2, 1))).length);
}
await sched.close();
console.log("closed");
