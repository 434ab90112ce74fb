/**
 * The suite on each version of Deno that npm has from 2.8 on, and what became of it into README.md: `deno task versions`. With names of
 * versions only on these. It takes 5 minutes for a version on two cores that have nothing else to do, and else more tests fail: they
 * wait for what is slow then.
 */
import { withWritten } from "../../bench/readme.ts";
import { byVersion, folderOf, placeDeno, published } from "../support/npm_deno.ts";
import { readResults, type Result, resultOf, resultsFile, tableOf } from "./results.ts";

const ROOT = new URL("../../", import.meta.url);
const FOLDERS = ["tests/behaviour", "tests/unit"];
/** Of the folders: examples and the bench are for the newest Deno, one measures, one looks at what this writes. */
const LEFT_OUT = [
  "tests/behaviour/example_*",
  "tests/behaviour/gain_test.ts",
  "tests/behaviour/readme_test.ts",
  "tests/unit/bench",
  "tests/unit/versions_test.ts",
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

async function output(deno: string, ...args: string[]): Promise<string> {
  const { stdout } = await new Deno.Command(deno, { args, env: { NO_COLOR: "1" } }).output();
  return new TextDecoder().decode(stdout);
}

async function resultOn(version: string, deno: string, directory: string): Promise<Result> {
  const report = `${directory}/${version}.xml`;
  const flags = ["-A", "--no-check", "--no-lock", `--junit-path=${report}`, `--ignore=${LEFT_OUT.join(",")}`];
  const { code } = await new Deno.Command(deno, {
    args: ["test", ...flags, ...FOLDERS],
    cwd: ROOT,
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    stdout: "null",
    stderr: "null",
  }).spawn().status;
  const result = resultOf(await Deno.readTextFile(report));
  if (result.tests === 0) throw new Error(`deno ${version} ran no test, and ended with code ${code}.`);
  const v8 = JSON.parse(await output(deno, "eval", "console.log(JSON.stringify(Deno.version.v8))"));
  return { v8: v8.replace("-rusty", ""), date: new Date().toISOString().slice(0, 10), ...result };
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
