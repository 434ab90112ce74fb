/** Tasks of all kinds on two Ps, long ones and short ones for which those are frozen, until threads were frozen so often. */
import { Scheduler } from "@heddle/heddle";
import { burst, kinds, work } from "../tasks/hogging.ts";

const cycles = Number(Deno.args.at(-1));
if (!(cycles > 0)) throw new RangeError(`${Deno.args} is no number of cycles.`);
const sched = await Scheduler.start({ procs: 2, sliceMs: 1 });
let isOver = false;

async function keepWorking(first: number): Promise<void> {
  const isShort = first % 2 === 0;
  for (let i = first; !isOver; i++) {
    const kind = kinds[i % kinds.length];
    await sched.go(isShort ? burst(kind) : work(kind, 100));
  }
}

const workers = Promise.all(Array.from({ length: 8 }, (_, i) => keepWorking(i)));
while (sched.stats().preempted < cycles) {
  await Promise.race([workers, new Promise((resolve) => setTimeout(resolve, 20))]);
}
isOver = true;
await workers;
await sched.close();
console.log(`${cycles}: all right`);
