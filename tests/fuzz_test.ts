/** Some seconds of `deno task fuzz`, after all that is in the corpus. */
import { assertEquals } from "@std/assert";

Deno.test("no input of the corpus, and none that was made from it, makes a parser or the codec misbehave", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--no-code-cache", "tests/fuzz/main.ts", "--minutes", "0.08"],
    cwd: new URL("../", import.meta.url),
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder();
  // The seed, and what was covered.
  console.log(text.decode(stdout));
  assertEquals([code, text.decode(stderr)], [0, ""]);
});
