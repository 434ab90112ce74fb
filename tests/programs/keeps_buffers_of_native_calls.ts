/** With --expose-gc: what a call was given is alive and in place until it returns, and no longer. */
import { Scheduler } from "@heddle/heddle";
import { Gate, openCalled, path } from "../support/called.ts";

declare const gc: () => void;

const turn = () => new Promise((resolve) => setTimeout(resolve, 5));
await using sched = await Scheduler.start({ procs: 1, maxNativeThreads: 8 });
const { fill_after, sum } = openCalled(sched, path!);
// Optimised code takes addresses in another way.
for (let i = 0; i < 200; i++) {
  await Promise.all(Array.from({ length: 200 }, () => sum(new Uint8Array(8), 8n)));
}
const gate = new Gate();
// The first two would lie in V8's heap, where a collection moves them.
const sizes = [8, 64, 65, 4096, 1 << 20];
const kept = sizes.map((size) => new Uint8Array(size));
const calls = kept.map((bytes, i) => fill_after(gate.words, bytes, BigInt(bytes.length), i + 1));
let finished = 0;
const weak = await (() => {
  // Nobody but the call has this one.
  const bytes = new Uint8Array(100);
  fill_after(gate.words, bytes, 100n, 9).then(() => finished++);
  return Promise.resolve(new WeakRef(bytes));
})();
const ballast: unknown[] = [];
for (let i = 0; i < 20; i++) {
  for (let j = 0; j < 20_000; j++) ballast.push({ i, j });
  gc();
  await turn();
}
console.log("alive:", weak.deref() !== undefined, "moved:", ballast.length > 0 && gate.arrived < 6);
gate.open();
await Promise.all(calls);
while (finished === 0) await turn();
console.log("written:", kept.every((bytes, i) => bytes.every((byte) => byte === i + 1)));
for (let i = 0; i < 50 && weak.deref() !== undefined; i++) {
  await turn();
  gc();
}
console.log("let go:", weak.deref() === undefined);
