/** What users import is made of mod.ts by native/build.ts: the same, in one file, and once in a thread. */
import { assertEquals } from "@std/assert";
import * as heddle from "@heddle/heddle";
import * as sources from "../../mod.ts";
import { soon } from "../support/deadline.ts";
import { hasItsThreads } from "../tasks/packaged.ts";

const root = new URL("../../", import.meta.url).pathname;

async function outcome(args: string[]): Promise<[code: number, stdout: string, stderr: string]> {
  const env = { NO_COLOR: "1" };
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, env, cwd: root }).output();
  const text = new TextDecoder();
  return [code, text.decode(stdout), text.decode(stderr)];
}

Deno.test("the package exports what mod.ts does", () => {
  assertEquals(Object.keys(heddle).sort(), Object.keys(sources).sort());
});

Deno.test("a task's module gets the package that its thread has, and loads no other", async () => {
  await using sched = await heddle.Scheduler.start({ procs: 1 });
  const seen = await soon(sched.go(hasItsThreads()), "the task");
  assertEquals(new Set(seen), new Set(["same"]));
});

Deno.test("a program that was bundled with the package runs its tasks", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const { build, stop } = await import("esbuild");
    await build({
      entryPoints: ["tests/programs/runs_tasks_of_its_own_main_module.ts"],
      alias: { "@heddle/heddle": "./mod.js" },
      absWorkingDir: root,
      bundle: true,
      format: "esm",
      platform: "neutral",
      external: ["node:*"],
      target: "esnext",
      outfile: `${directory}/program.js`,
      logLevel: "silent",
    });
    await stop();
    assertEquals(await outcome(["run", "-A", `${directory}/program.js`]), [0, "[ 1, 4, 9 ]\n", ""]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("threads begin with no other permission than that for foreign functions", async () => {
  const program = `
    import { Scheduler } from ${JSON.stringify(import.meta.resolve("../../mod.js"))};
    await using sched = await Scheduler.start({ procs: 1 });
    const { symbols } = sched.dlopen("libc.so.6", { getpid: { parameters: [], result: "i32" } });
    console.log(await symbols.getpid() === Deno.pid, sched.stats().threads > 0);
  `;
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${directory}/program.ts`, program);
    const ran = await outcome(["run", "--no-prompt", "--allow-ffi", "--no-check", `${directory}/program.ts`]);
    assertEquals(ran, [0, "true true\n", ""]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
