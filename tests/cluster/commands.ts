/** The commands, as a user types them. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { cluster, eventually, linesOf, textOf } from "./processes.ts";
import { servers, testWith } from "./servers.ts";

async function outcome(...args: string[]): Promise<[code: number, stdout: string, stderr: string]> {
  await using process = cluster(...args);
  const { code, stdout, stderr } = await process.output;
  return [code, textOf(stdout), textOf(stderr)];
}

testWith("redis", "a worker runs what a client asks for, and ends by SIGTERM when that is done", async () => {
  await using server = await servers.redis.start();
  await using worker = cluster("worker", `--url=${server.url}`);
  const run = (...args: string[]) => outcome("run", `--url=${server.url}`, ...args);
  assertEquals(await run("work#sum", "0", "10"), [0, "45\n", ""]);
  assertEquals(await run("work#fail", "no"), [1, "", "cluster: no\n"]);
  assertEquals((await run("work#steps", "2", "1"))[2].includes("2 steps done"), true);

  const file = await Deno.makeTempFile();
  const [, id] = await run("work#wait", "1500", file, "--no-wait");
  assert(id.length > 30, id);
  await eventually(() => linesOf(file).length === 1, "it runs", 20_000);
  worker.child.kill("SIGTERM");
  const { code, stdout } = await worker.output;
  const tally = JSON.parse(textOf(stdout));
  assertEquals([code, tally.done, tally.released], [0, 3, 0]);
  await Deno.remove(file);
});

Deno.test("without Redis a command says how to get it, and fails", async () => {
  for (const command of [["worker"], ["run", "work#sum", "0", "1"], ["dead"]]) {
    const [code, stdout, stderr] = await outcome(...command, "--url=redis://127.0.0.1:1");
    assertEquals([code, stdout], [1, ""]);
    assertStringIncludes(stderr, "No Redis answers at redis://127.0.0.1:1");
    assertStringIncludes(stderr, "apt-get install redis-server");
  }
});

Deno.test("a command that is none shows the usage", async () => {
  for (const wrong of [[], ["walk"], ["worker", "--prcos=1"], ["run", "sum"], ["worker", "--procs=many"]]) {
    const [code, , stderr] = await outcome(...wrong);
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, "Usage: cluster COMMAND");
  }
});
