/** What the cluster promises, by each engine. */
import { assert, assertEquals, assertInstanceOf, assertLess, assertRejects } from "@std/assert";
import { Scheduler } from "@heddle/heddle";
import { Redis } from "ioredis";
import { Client, remote } from "../../examples/cluster/client.ts";
import { openQueue } from "../../examples/cluster/engine.ts";
import { Worker, type WorkerOptions } from "../../examples/cluster/worker.ts";
import { soon, until } from "../support/deadline.ts";
import { servers, testWith } from "./servers.ts";

const modules = { work: import.meta.resolve("../../examples/cluster/work.ts") };
const work = remote<typeof import("../../examples/cluster/work.ts")>("work");
const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

for (const kind of ["redis", "postgres"] as const) {
  testWith(kind, `the cluster on ${kind}`, async (t) => {
    await using server = await servers[kind].start();
    await using sched = await Scheduler.start({ procs: 2, warm: [modules.work] });
    const directory = await Deno.makeTempDir({ prefix: "heddle-cluster-" });
    /** The worker and the client are strangers: a connection each. */
    const step = async (
      name: string,
      body: (client: Client, worker: Worker, queue: string) => Promise<void>,
      options: Partial<WorkerOptions> = {},
    ) => {
      await t.step(name, async () => {
        const queue = crypto.randomUUID();
        await using theirs = await openQueue({ url: server.url, name: queue });
        await using ours = await openQueue({ url: server.url, name: queue });
        await using client = new Client(ours);
        const worker = new Worker(sched, theirs, { modules, ...options });
        const running = worker.run();
        try {
          await body(client, worker, queue);
        } finally {
          worker.drain(0);
          await soon(running, "the worker ends");
        }
      });
    };
    const lines = (file: string) => Deno.readTextFileSync(`${directory}/${file}`).split("\n").length - 1;
    const exists = (file: string) => {
      try {
        return Deno.statSync(`${directory}/${file}`).size > 0;
      } catch {
        return false;
      }
    };

    await step("a result comes back as structuredClone would give it", async (client) => {
      const value = { map: new Map([["a", new Set([1n])]]), bytes: new Uint8Array([1, 2]), at: new Date(0) };
      assertEquals(await client.go(work.echo(value)), value);
      const many = await Promise.all(Array.from({ length: 200 }, (_, i) => client.go(work.sum(0, i))));
      assertEquals(many[199], 19_701);
    });

    await step("an error comes back with its class, its cause and where it was thrown", async (client) => {
      const error = await assertRejects(
        () => client.go(work.fail("no such thing")),
        RangeError,
        "no such thing",
      );
      assertEquals((error.cause as Error).message, "the cause");
      assert(error.stack?.includes("work.ts"), error.stack);
    });

    await step("what a worker was not told to run, it does not run", async (client) => {
      const call = { task: "data:text/javascript,1#x", args: [] };
      await assertRejects(() => client.go(call), TypeError, "this worker has work");
      await assertRejects(() => client.go({ task: "work#sum2", args: [] }), TypeError, 'no task "sum2"');
    });

    await step("two orders of one key are one job, also when it has ended", async (client) => {
      const call = work.record(`${directory}/key`, "once", 0);
      await Promise.all([client.go(call, { key: "k" }), client.go(call, { key: "k" })]);
      await client.go(call, { key: "k" });
      assertEquals(lines("key"), 1);
      await client.go(call, { key: "another" });
      assertEquals(lines("key"), 2);
    });

    await step("progress comes while the task computes, and its log", async (client) => {
      const seen: unknown[] = [], logged: string[] = [];
      const options = {
        onProgress: (n: unknown) => seen.push(n),
        onLog: (line: string) => logged.push(line),
      };
      await client.go(work.steps(20, 60), options);
      assert(seen.length >= 2, `some of them: ${seen}`);
      assertLess(seen[0] as number, 1);
      assertEquals([seen.at(-1), logged], [1, ["20 steps done"]]);
    });

    await step("the job knows its trace, and has a thread of its own if it asks for one", async (client) => {
      const about = await client.go(work.about(), { traceparent, dedicated: { name: "own thread" } });
      assertEquals([about.traceparent, about.thread, about.deaths], [traceparent, "own thread", 0]);
    });

    await step("a job may call C", async (client) => {
      assertEquals(await client.go({ task: "libc#abs", args: [-7] }), 7);
    }, { libraries: { libc: sched.dlopen("libc.so.6", { abs: { parameters: ["i32"], result: "i32" } }) } });

    await step(
      "a job that is cancelled rejects at once, and is stopped where it runs",
      async (client, worker) => {
        const job = client.go(work.wait(600_000, `${directory}/cancelled`));
        await until(() => exists("cancelled"), "it runs");
        job.cancel(new Error("not needed"));
        await assertRejects(() => job, Error, "not needed");
        await until(() => worker.tally.cancelled === 1, "the worker has heard of it");
        await until(() => sched.stats().inFlight === 0, "nothing is left of it");
      },
    );

    await step("a job past its deadline is stopped, and its client hears of it", async (client, worker) => {
      const job = client.go(work.wait(600_000), { timeout: 300 });
      assertEquals((await assertRejects(() => job)).name, "TimeoutError");
      await until(() => worker.tally.failed + worker.tally.cancelled === 1, "the worker has stopped it");
    });

    await step(
      "a job outlives two threads that die with it; the third makes it a dead letter",
      async (client, _, name) => {
        assertEquals(await client.go(work.kill(2)), "survived");
        const error = await assertRejects(() => client.go(work.kill(99)));
        assertEquals(error.name, "ThreadDiedError");
        await using queue = await openQueue({ url: server.url, name });
        const [{ order, reason }, ...others] = await queue.dead();
        assertEquals([order.task, others.length], ["work#kill", 0]);
        assert(reason.includes("3 of 3"), reason);
      },
    );

    await step("a worker takes no more than it can start at once", async (client, worker) => {
      // The first two tell how long one takes.
      await Promise.all([client.go(work.hog(200)), client.go(work.hog(200))]);
      const jobs = Array.from({ length: 8 }, () => client.go(work.hog(200)));
      await until(() => worker.tally.taken >= 4, "two more are taken");
      while (worker.tally.done < 10) {
        const { taken, done } = worker.tally;
        assertLess(taken - done, 4);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      await Promise.all(jobs);
    });

    await step(
      "what a worker cannot end in time it gives back, and another one runs it",
      async (client, worker, name) => {
        const job = client.go(work.wait(1500, `${directory}/given back`));
        await until(() => exists("given back"), "it runs");
        worker.drain(0);
        await until(() => worker.tally.released === 1, "it is given back");
        await using queue = await openQueue({ url: server.url, name });
        const other = new Worker(sched, queue, { modules });
        const running = other.run();
        assertEquals(await job, "waited");
        other.drain(0);
        await running;
        assertEquals([lines("given back"), other.tally.done], [2, 1]);
      },
    );

    await step("a client without workers waits no longer than its deadline", async (client, worker) => {
      worker.drain(0);
      const error = await assertRejects(() => client.go(work.sum(0, 1), { timeout: 1200 }));
      assertInstanceOf(error, DOMException);
    });
    await Deno.remove(directory, { recursive: true });
  });
}

testWith("redis", "a worker with room for many jobs asks Redis for few that are not there", async () => {
  await using server = await servers.redis.start();
  await using sched = await Scheduler.start({ procs: 2, warm: [modules.work] });
  await using theirs = await openQueue({ url: server.url });
  await using ours = await openQueue({ url: server.url });
  await using client = new Client(ours);
  const worker = new Worker(sched, theirs, { modules });
  const running = worker.run();
  using redis = new DisposableStack();
  const connection = redis.adopt(new Redis(server.url), (it) => it.disconnect());
  /** A worker's script begins with it, whether it finds a job or not. */
  const looks = async () => {
    const stats = await connection.info("commandstats");
    return Number(/^cmdstat_rpoplpush:calls=(\d+)/m.exec(stats)?.[1] ?? 0);
  };
  // By these the worker learns how short they are, and that it has room for 100.
  for (let i = 0; i < 20; i++) await client.go(work.sum(0, 1));
  const before = await looks();
  for (let i = 0; i < 25; i++) await Promise.all([client.go(work.sum(0, 1)), client.go(work.sum(0, 1))]);
  const each = (await looks() - before) / 50;
  // One finds it, one comes with its end, and one or two of them both find that there are no more.
  assertLess(each, 5);
  worker.drain(0);
  await running;
});
