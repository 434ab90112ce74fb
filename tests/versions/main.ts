/**
 * A part of the suite on each version of Deno that npm has from 2.8 on, and what became of it into README.md: `deno task versions`.
 * With names of versions only on these. On a machine that has much else to do more tests fail: they wait for what is slow then.
 */
import { withWritten } from "../../bench/readme.ts";
import { byVersion, folderOf, placeDeno, published } from "../support/npm_deno.ts";
import { readResults, type Result, resultOf, resultsFile, tableOf } from "./results.ts";

const ROOT = new URL("../../", import.meta.url);
/**
 * What a version of the runtime can change: how values and modules cross, how threads begin, sleep and end, calls of C and from C,
 * signals in the code that V8 makes, timers, stacks. The rest of the suite is about our own words in memory, and takes long.
 */
const BEHAVIOUR = [
  "bytes",
  "called_back",
  "cancellation",
  "leftovers",
  "modules",
  "native_calls",
  "native_thread",
  "options",
  "per_thread",
  "pipeline",
  "poller",
  "preemption",
  "scope",
  "select",
  "signal_argument",
  "stack_traces",
  "standing_still",
  "stream",
  "stream_argument",
  "task",
  "tasks_from",
  "threads",
  "tier",
  "values",
];
const FILES = [
  ...BEHAVIOUR.map((name) => `tests/behaviour/${name}_test.ts`),
  ...["codec", "ffi", "host", "parking"].map((name) => `tests/unit/${name}`),
];

const { os, arch } = Deno.build;
const KIND = `${os}-${arch === "x86_64" ? "x64" : "arm64"}${os === "linux" ? "-glibc" : ""}`;
const PACKAGE = `@deno/${KIND}`;

async function chosen(): Promise<string[]> {
  const all = [...(await published(PACKAGE)).keys()].sort(byVersion);
  const stranger = Deno.args.find((version) => !all.includes(version));
  if (stranger !== undefined) {
    throw new RangeError(`npm has no ${PACKAGE} ${stranger}, but ${all.join(", ")}`);
  }
  if (Deno.args.length > 0) return Deno.args;
  return all.slice(0, all.indexOf("2.8.0") + 1);
}

async function v8Of(deno: string): Promise<string> {
  const args = ["eval", "console.log(Deno.version.v8)"];
  const { stdout } = await new Deno.Command(deno, { args, env: { NO_COLOR: "1" } }).output();
  return new TextDecoder().decode(stdout).trim().replace("-rusty", "");
}

async function resultOn(version: string, deno: string, directory: string): Promise<Result> {
  const report = `${directory}/${version}.xml`;
  const flags = ["-A", "--no-check", "--no-lock", `--junit-path=${report}`];
  const { code } = await new Deno.Command(deno, {
    args: ["test", ...flags, ...FILES],
    cwd: ROOT,
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    stdout: "null",
    stderr: "null",
  }).spawn().status;
  const result = resultOf(await Deno.readTextFile(report).catch(() => ""));
  if (result.tests === 0) throw new Error(`deno ${version} ran no test, and ended with code ${code}.`);
  return { v8: await v8Of(deno), date: new Date().toISOString().slice(0, 10), ...result };
}

const folder = folderOf("versions");
if (folder === undefined) throw new Error("There is no place for a Deno: set HOME or XDG_CACHE_HOME.");
const directory = await Deno.makeTempDir({ prefix: "heddle-versions-" });
try {
  for (const version of await chosen()) {
    const deno = `${folder}/deno-${version}`;
    await placeDeno(PACKAGE, version, deno);
    const result = await resultOn(version, deno, directory);
    console.log(
      `${version}: ${result.tests} tests, ${result.failed.length} failed, ${result.skipped} skipped`,
    );
    for (const name of result.failed) console.log(`  ${name}`);
    // After each one: they take long.
    const results = { ...await readResults(), [version]: result };
    await Deno.writeTextFile(resultsFile, `${JSON.stringify(results, null, 2)}\n`);
    const readme = new URL("README.md", ROOT);
    await Deno.writeTextFile(
      readme,
      withWritten(await Deno.readTextFile(readme), "versions", tableOf(results)),
    );
  }
} finally {
  await Deno.remove(directory, { recursive: true });
}
