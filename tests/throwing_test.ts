/** Whatever throws, and wherever: nothing is held or lost afterwards. */
import { tryAll } from "./throwing/operations.ts";

const ignore = () => {};

Deno.test("near the end of the stack each operation of a task is done or throws, and holds and loses nothing", async () => {
  await tryAll("a task", 2, 0, ignore);
});

Deno.test("near the end of the stack each operation of the host is done or throws, and holds and loses nothing", async () => {
  await tryAll("the host", 2, 0, ignore);
});
