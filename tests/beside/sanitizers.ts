/** The shim under gcc's sanitizers, driven by tests/native/shim_driver.c. */
import { assertEquals } from "@std/assert";
import { compilerVersion, libraries } from "../../native/build.ts";

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

/** Builds the driver and runs it. */
async function drive(sanitizer: string): Promise<unknown[]> {
  const program = `${directory}/${sanitizer}`;
  const flags = "-std=gnu11 -g -O1 -Wall -Wextra -Werror -pthread -fno-sanitize-recover=all".split(" ");
  const driver = "tests/native/shim_driver.c";
  const refusal = await gcc(...flags, `-fsanitize=${sanitizer}`, "-o", program, driver, ...sources);
  if (refusal !== undefined) return [refusal];
  const { code, stdout, stderr } = await new Deno.Command(program).output();
  const text = new TextDecoder();
  return [code, text.decode(stdout), text.decode(stderr)];
}

const sanitizers = ["address", "thread", "undefined"];
const lacking = await Promise.all(sanitizers.map(lacks));
// All at once.
const driven = sanitizers.map((sanitizer, i) => lacking[i] === undefined ? drive(sanitizer) : undefined);

sanitizers.forEach((sanitizer, i) => {
  const name = `the shim passes -fsanitize=${sanitizer} with several threads in every function`;
  if (lacking[i] !== undefined) console.log(`skipped: "${name}", since ${lacking[i]}`);
  Deno.test({
    name,
    ignore: lacking[i] !== undefined,
    fn: async () => assertEquals(await driven[i], [0, "done\n", ""]),
  });
});
