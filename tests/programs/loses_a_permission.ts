/** A permission is revoked after the start: a module has to be imported, threads are needed, native code is to be called. */
import { Scheduler } from "@heddle/heddle";
import { until } from "../support/deadline.ts";
import { sum } from "../../examples/tasks.ts";
import { answer } from "../tasks/hogging.ts";

const sched = await Scheduler.start({ procs: 1 });
await sched.go(sum(0, 1));
await until(() => sched.stats().parks >= 2, "both threads are up");

Deno.permissions.revokeSync({ name: Deno.args[0] as "ffi" });

async function tell(what: string, act: () => unknown): Promise<void> {
  console.log(
    `${what}:`,
    await (async () => await act())().then(
      (value) => value,
      (error) =>
        `${error.name}: ${error.message}${error.cause ? ` <- ${error.cause.message.slice(0, 20)}` : ""}`,
    ),
  );
}

await tell("another module", async () => (await sched.go(answer(2, 1))).length);
// The spare becomes one of the pool.
sched.setProcs(2);
await tell("another thread", () => sched.dedicate(sum(0, 3)));
await tell("a native thread", async () => {
  const thread = await sched.thread();
  await thread.close();
  return "served";
});
await tell("a native call", async () => {
  const { symbols } = sched.dlopen("libc.so.6", { getppid: { parameters: [], result: "i32" } });
  return await symbols.getppid() > 0 ? "served" : "lost";
});
await tell("close()", () => sched.close());
