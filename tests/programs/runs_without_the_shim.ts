/** The public face, by whoever may read files and nothing else. Prints what it saw, and ends by itself. */
import { Channel, Mutex, parallelMap, Scheduler } from "@heddle/heddle";
import { add, fan, tree } from "../tasks/arithmetic.ts";
import { doubles } from "../tasks/channels.ts";
import { addsUnderLock } from "../tasks/locking.ts";
import { sleepTimed } from "../tasks/waiting.ts";

const sched = await Scheduler.start({ procs: 2 });
console.log(JSON.stringify(sched.capabilities));
console.log("spawn:", await sched.go(add(1, 2)), await sched.go(fan(1000)), (await sched.go(tree(10)))[0]);
console.log("of its own:", await sched.dedicate(add(3, 4), { name: "ignored" }));

const [numbers, doubled] = [new Channel<number>(sched), new Channel<number>(sched, 4)];
const doubler = sched.go(doubles(numbers, doubled));
const sent = (async () => {
  for (let n = 0; n < 100; n++) await numbers.send(n);
  numbers.close();
})();
let sum = 0;
for await (const n of doubled) sum += n;
await Promise.all([sent, doubler]);
console.log("channel:", sum);

const shared = new SharedArrayBuffer(8);
const mutex = new Mutex(sched);
const inside = await Promise.all([0, 1, 2].map(() => sched.go(addsUnderLock(mutex, shared, 500))));
console.log("mutex:", new Int32Array(shared)[0], Math.max(...inside));

const sums = parallelMap(sched, [1, 2, 3], (n) => add(n, n));
console.log("parallelMap:", await Array.fromAsync(sums));

const cancelled = sched.go(sleepTimed(600_000), { timeout: 20 });
console.log("cancelled:", await cancelled.catch((error) => error.name));
const asleep = sched.go(sleepTimed(600_000)).catch((error) => error.name);
await sched.close();
console.log("closed:", await asleep, sched.stats().threads);
