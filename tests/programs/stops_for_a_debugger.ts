/** A task stops in a debugger, which the test is, until that has written down that it was there. */
import { Scheduler, task } from "@heddle/heddle";

export const stops = task(import.meta, "stops", async (ctx) => {
  const seen = { by: "" };
  while (seen.by === "") {
    // deno-lint-ignore no-debugger -- what this is about
    debugger;
    await ctx.sleep(1);
  }
  return seen.by;
});

if (import.meta.main) {
  await using sched = await Scheduler.start({ procs: 1 });
  console.log(await sched.go(stops()));
}
