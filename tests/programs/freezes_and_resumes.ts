/** Eight tasks of all kinds on two Ps, until threads were frozen so often. */
import { Scheduler } from "@heddle/heddle";
import { kinds, work } from "../tasks/hogging.ts";

const cycles = Number(Deno.args.at(-1));
if (!(cycles > 0)) throw new RangeError(`${Deno.args} is no number of cycles.`);
const sched = await Scheduler.start({ procs: 2, sliceMs: 1 });
let isOver = false;

async function keepWorking(first: number): Promise<void> {
  for (let i = first; !isOver; i++) await sched.go(work(kinds[i % kinds.length], 100));
}

const workers = Promise.all(Array.from({ length: 8 }, (_, i) => keepWorking(i)));
while (sched.stats().preempted < cycles) {
  await Promise.race([workers, new Promise((resolve) => setTimeout(resolve, 20))]);
}
isOver = true;
await workers;
await sched.close();
console.log(`${cycles}: all right`);
