/** Workers that embed a scheduler end in each way that there is. Prints the threads that are more than before. */
import { Worker as NodeWorker } from "node:worker_threads";
import { threadName, tids } from "../support/os_threads.ts";
import { until } from "../support/deadline.ts";

const url = (name: string) => new URL(name, import.meta.url).href;
const ending = {
  "after a task": `await go(add(1, 2)); done();`,
  "at once": `go(add(1, 2)); done();`,
  "with a hog frozen": `
    const sched = await Scheduler.start({ procs: 1 });
    sched.go(work("loop", 400)).catch(() => {});
    await sched.go(answer(3, 10));
    done();`,
  "with native calls": `
    const sched = await Scheduler.start({ procs: 1 });
    const usleep = { usleep: { parameters: ["u32"], result: "i32" } };
    const libc = sched.dlopen("libc.so.6", usleep);
    const thread = await sched.thread();
    await libc.symbols.usleep(1);
    for (const { symbols } of [libc, thread.dlopen("libc.so.6", usleep)]) symbols.usleep(700_000).catch(() => {});
    done();`,
  // The queue of who comes back from a call lies in the arena, which nobody else needs any more.
  "with native calls, closed": `
    const sched = await Scheduler.start({ procs: 1 });
    const libc = sched.dlopen("libc.so.6", { usleep: { parameters: ["u32"], result: "i32" } });
    libc.symbols.usleep(700_000).catch(() => {});
    await sched.close();
    done();`,
};

function program(body: string, done: string): URL {
  const code = `
    import { go, Scheduler } from "${url("../../mod.ts")}";
    import { add } from "${url("../tasks/arithmetic.ts")}";
    import { answer, work } from "${url("../tasks/hogging.ts")}";
    const done = () => ${done};
    ${body}`;
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
}

async function runWeb(body: string, done: string): Promise<void> {
  const worker = new Worker(program(body, done), { type: "module" });
  await new Promise((resolve) => worker.onmessage = resolve);
  if (!done.includes("close")) worker.terminate();
}

async function runNode(body: string): Promise<void> {
  const worker = new NodeWorker(
    program(
      body,
      `{ process.getBuiltinModule("node:worker_threads").parentPort.postMessage(0); process.exit(); }`,
    ),
  );
  await new Promise((resolve) => worker.once("exit", resolve));
}

// One round for the threads of the runtime itself.
await runWeb("done();", "postMessage(0)");
const names = () => tids().map(threadName).filter((name) => /worker-|heddle/.test(name));
await until(() => names().length === 0, "the first Worker is gone");
await Promise.all(
  Object.values(ending).flatMap((body) => [
    runWeb(body, "postMessage(0)"),
    runWeb(body, "{ postMessage(0); self.close(); }"),
    runNode(body),
  ]),
);
await until(() => names().length === 0, "all threads of all schedulers are gone", 15_000).catch((error) => {
  console.log(error.message, names().join(" "));
});
console.log("gone");
Deno.exit();
