/** A minute of `deno task stress`. */
import { assertEquals } from "@std/assert";

Deno.test("random schedules and operations agrees with the model, and leaves nothing behind", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "tests/stress/main.ts", "--minutes", "1"],
    cwd: new URL("../", import.meta.url),
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder();
  // The seeds, with which a failure can be had again.
  console.log(text.decode(stdout));
  assertEquals([code, text.decode(stderr)], [0, ""]);
});
