import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { Scheduler } from "@heddle/heddle";
import { native } from "../support/capabilities.ts";
import { World } from "../../examples/own_world.ts";
import { threadStatus } from "../support/os_threads.ts";
import { runProgram } from "../support/programs.ts";

const isRoot = Deno.uid() === 0;
if (!isRoot) console.log("skipped: two tests of per-thread credentials, which take root");
else if (!native.isThere) {
  console.log("skipped: two tests of per-thread credentials, which take native threads");
}

native.test("own world: relative paths of one thread start at its own directory", async () => {
  const directories = [await Deno.makeTempDir(), await Deno.makeTempDir()];
  await using sched = await Scheduler.start({ procs: 1 });
  const before = Deno.cwd();
  await using threads = new AsyncDisposableStack();
  const worlds: World[] = [];
  for (const directory of directories) {
    await Deno.writeTextFile(`${directory}/where`, directory);
    const thread = threads.use(await sched.thread());
    const world = new World(thread);
    await world.enter(directory);
    assertEquals(await Deno.readLink(`/proc/self/task/${thread.tid}/cwd`), directory);
    worlds.push(world);
  }
  assertEquals(await Promise.all(worlds.map((world) => world.read("where"))), directories);
  // The pool's threads, and this one, stay where they were.
  const libc = sched.dlopen("libc.so.6", { open: { parameters: ["buffer", "i32"], result: "i32" } });
  assertEquals(await libc.symbols.open(new TextEncoder().encode("where\0"), 0), -1);
  assertEquals(Deno.cwd(), before);
  await assertRejects(() => worlds[0].enter("/no/such/directory"), Error, "failed with errno 2");
  for (const directory of directories) await Deno.remove(directory, { recursive: true });
});

Deno.test({
  name: "own world: one thread has a host name of its own",
  ignore: !isRoot || !native.isThere,
  fn: async (t) => {
    await using sched = await Scheduler.start({ procs: 1 });
    await using thread = await sched.thread();
    await using other = await sched.thread();
    const world = new World(thread);
    const before = Deno.hostname();
    try {
      await world.rename("heddle-test");
    } catch (error) {
      console.log(`skipped: "${t.name}", since ${(error as Error).message}`);
      return;
    }
    assertEquals(await world.hostname(), "heddle-test");
    assertEquals([await new World(other).hostname(), Deno.hostname()], [before, before]);
    const namespace = (tid: number | string) => Deno.readLinkSync(`/proc/self/task/${tid}/ns/uts`);
    assertEquals(namespace(other.tid), namespace(Deno.pid));
    assertEquals(namespace(thread.tid) === namespace(Deno.pid), false);
  },
});

Deno.test({
  name: "own world: one thread opens files as another user",
  ignore: !isRoot || !native.isThere,
  fn: async () => {
    await using sched = await Scheduler.start({ procs: 1 });
    await using thread = await sched.thread();
    await using other = await sched.thread();
    const [world, root] = [new World(thread), new World(other)];
    const path = await Deno.makeTempFile();
    await Deno.writeTextFile(path, "root's", { mode: 0o600 });
    await world.actAs(65534);
    assertEquals(threadStatus(thread.tid, "Uid").split("\t").map(Number), [0, 0, 0, 65534]);
    assertEquals(threadStatus(Deno.pid, "Uid").split("\t").map(Number), [0, 0, 0, 0]);
    await assertRejects(() => world.read(path), Error, "failed with errno 13"); // EACCES
    assertEquals([await root.read(path), await Deno.readTextFile(path)], ["root's", "root's"]);
    await Deno.remove(path);
  },
});

native.test("own world: the example shows two directories at once", async () => {
  const { code, stdout, stderr } = await runProgram("../../examples/own_world");
  assertEquals([code, stderr], [0, ""]);
  assertStringIncludes(stdout, "ostype: Linux\n");
  assertStringIncludes(stdout, `the process is still in ${Deno.cwd()}\n`);
});
