/** What `Deno.test` finds open after a test that started a scheduler and closed it: nothing. */
import { assertEquals } from "@std/assert";
import { Scheduler } from "@heddle/heddle";
import { native } from "../support/capabilities.ts";
import { add } from "../tasks/arithmetic.ts";

Deno.test({
  name: "a scheduler that was closed leaves no library, port, timer or operation open",
  sanitizeResources: true,
  sanitizeOps: true,
  async fn() {
    await using sched = await Scheduler.start({ procs: 2 });
    assertEquals(await sched.go(add(1, 2)), 3);
    {
      await using locker = await sched.locker();
      assertEquals(await locker.go(add(1, 2)), 3);
    }
    if (!native.isThere) return console.log("skipped: what native calls leave, as there are none here");
    using libc = sched.dlopen("libc.so.6", { getppid: { parameters: [], result: "i32" } });
    assertEquals(await libc.symbols.getppid(), Deno.ppid);
    await using thread = await sched.thread();
    assertEquals(thread.tid > 0, true);
  },
});
