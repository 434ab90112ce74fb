/** The shim under gcc's sanitizers, driven by the programs in tests/native. */
import { assertEquals } from "@std/assert";
import { compilerVersion, libraries } from "../../native/build.ts";
import { endOf } from "../support/programs.ts";

const root = new URL("../../", import.meta.url);
const sources = libraries[0].sources.filter((source) => source.endsWith(".c"));
const directory = await Deno.makeTempDir({ prefix: "heddle-sanitizers-" });
Deno.test.afterAll(() => Deno.remove(directory, { recursive: true }));

async function gcc(...args: string[]): Promise<string | undefined> {
  const { success, stderr } = await new Deno.Command("gcc", { args, cwd: root }).output();
  return success ? undefined : new TextDecoder().decode(stderr);
}

/** Why there can be no such build; undefined if there can. */
async function lacks(sanitizer: string): Promise<string | undefined> {
  if (await compilerVersion() === undefined) return "there is no gcc";
  const file = `${directory}/${sanitizer}.c`;
  await Deno.writeTextFile(file, "int main(void) { return 0; }\n");
  const program = `${directory}/empty-${sanitizer}`;
  if (await gcc(`-fsanitize=${sanitizer}`, "-o", program, file) !== undefined) {
    return `gcc has no library for -fsanitize=${sanitizer}`;
  }
  const { success, stderr } = await new Deno.Command(program).output();
  return success
    ? undefined
    : `a program with -fsanitize=${sanitizer} does not run: ${new TextDecoder().decode(stderr)}`;
}

const flags = "-std=gnu11 -g -O1 -Wall -Wextra -Werror -pthread -fno-sanitize-recover=all".split(" ");

interface Driver {
  name: string;
  file: string;
  sources: readonly string[];
  /** Of each run. */
  args: readonly string[][];
}

const drivers: readonly Driver[] = [
  {
    name: "the shim passes with several threads in every function",
    file: "shim_driver",
    sources,
    args: [[]],
  },
  {
    name: "preemption passes, with each kind of handler that may have been there before",
    file: "preempt_driver",
    sources,
    args: [["siginfo"], ["plain"], ["default"], ["ignored"]],
  },
  {
    name: "what reads /proc/self/maps passes with lines that no kernel writes",
    file: "maps_driver",
    sources: sources.filter((source) => !source.endsWith("preempt.c")),
    args: [[]],
  },
];

for (const sanitizer of ["address", "thread", "undefined"]) {
  const lacking = await lacks(sanitizer);
  for (const driver of drivers) {
    const name = `${driver.name}: -fsanitize=${sanitizer}`;
    if (lacking !== undefined) console.log(`skipped: "${name}", since ${lacking}`);
    Deno.test({
      name,
      ignore: lacking !== undefined,
      async fn() {
        const program = `${directory}/${driver.file}-${sanitizer}`;
        const file = `tests/native/${driver.file}.c`;
        assertEquals(
          await gcc(...flags, `-fsanitize=${sanitizer}`, "-o", program, file, ...driver.sources),
          undefined,
        );
        for (const args of driver.args) {
          const child = new Deno.Command(program, { args, stdout: "piped", stderr: "piped" }).spawn();
          const { code, stdout, stderr } = await endOf(child, 120_000);
          const lines = new TextDecoder().decode(stdout).split("\n");
          const leftOut = lines.filter((line) => line.startsWith("left out: "));
          for (const line of leftOut) console.log(line);
          const rest = lines.filter((line) => !leftOut.includes(line));
          assertEquals([code, rest, new TextDecoder().decode(stderr)], [0, ["done", ""], ""]);
        }
      },
    });
  }
}
