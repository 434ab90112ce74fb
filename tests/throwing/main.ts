/** `deno task throwing`: what throwing_test.ts does in short, at every offset, in cold and in optimised code. */
import { tryAll } from "./operations.ts";

const [wanted = ""] = Deno.args;
for (const warmUp of [0, 5_000]) {
  for (const where of ["a task", "the host"] as const) {
    await tryAll(where, 12, warmUp, console.log, (name) => name.includes(wanted));
  }
}
