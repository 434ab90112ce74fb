/** Under `deno test --coverage`: a task of the default scheduler, of whose two branches one is taken. */
import { assertEquals } from "@std/assert";
import { go } from "@heddle/heddle";
import { sizeOf } from "../tasks/covered.ts";

Deno.test("a task takes one of its branches", async () => {
  assertEquals(await go(sizeOf(2)), "large");
});
