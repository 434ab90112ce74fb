/** Some seconds of `deno task fuzz`, after all that is in the corpus. */
import { assertEquals } from "@std/assert";
import { begin } from "../support/meanwhile.ts";

const fuzz = begin("--no-code-cache", "tests/fuzz/main.ts", "--minutes", "0.05");

Deno.test("no input of the corpus, and none that was made from it, makes a parser or the codec misbehave", async () => {
  const { code, stdout, stderr } = await fuzz;
  // The seed, and what was covered.
  console.log(stdout);
  assertEquals([code, stderr], [0, ""]);
});
