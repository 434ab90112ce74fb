import { assert, assertEquals, assertRejects } from "@std/assert";
import { Channel, Scheduler } from "@heddle/heddle";
import { assertSameGraph } from "../support/same_graph.ts";
// Freezes them here, too.
import { echo, passesOn, throwsIt } from "../tasks/frozen.ts";

assert(Object.isFrozen(Object.prototype));
const names = [
  "toString",
  "constructor",
  "hasOwnProperty",
  "valueOf",
  "__proto__",
  "map",
  "length",
  "message",
];
const named = (): Record<string, unknown> => Object.fromEntries(names.map((name) => [name, [name]]));
const array: unknown[] = [1, , 3];
for (const name of ["toString", "map", "push"]) {
  Object.defineProperty(array, name, { value: 1, enumerable: true });
}
// deno-fmt-ignore
const values = [
  named(), { deep: [named(), new Map([["toString", named()]])] }, array, new Set([named()]), new Date(0), /a/g,
  new Uint8Array(3), "x".repeat(2000),
];

const sched = await Scheduler.start({ procs: 1 });
const channel = new Channel<unknown>(sched, 1);
for (const value of values) {
  // As it lies in a slot, in a block, and goes by port.
  for (const beside of ["", "y".repeat(500), new SharedArrayBuffer(8)]) {
    const expected = structuredClone([value, beside]);
    for (const task of [echo, passesOn]) {
      if (typeof beside === "object" && task === passesOn) continue;
      assertSameGraph(await sched.go(task([value, beside])), expected);
    }
  }
  await channel.send(value);
  assertSameGraph(await channel.recv(), structuredClone(value));
}
for (
  const error of [
    new TypeError("typed"),
    new DOMException("not", "NotFoundError"),
    new AggregateError([1], "a"),
  ]
) {
  for (const name of ["toString", "constructor"]) {
    Object.defineProperty(error, name, { value: name, enumerable: true });
  }
  const arrived = await assertRejects(() => sched.go(throwsIt(error)), Error);
  assertEquals([arrived.name, arrived.message], [error.name, error.message]);
  assertEquals(arrived.toString as unknown, "toString");
  // The others say who awaits the task.
  const [first, second] = [arrived, error].map(({ stack }) => stack!.split("\n").slice(0, 2));
  assertEquals(first, second);
}
const cancelled = sched.go(echo(1));
cancelled.cancel();
await sched.close();
console.log("all values arrived");
