/** How a task lets some time pass. */
import type { TaskContext } from "@heddle/heddle";
import type { Random } from "../random.ts";

export const libc = Deno.dlopen("libc.so.6", { usleep: { parameters: ["u32"], result: "i32" } }).symbols;

/** Some time passes, in one of the ways in which a task can let it. */
export async function linger(ctx: TaskContext, random: Random): Promise<void> {
  const dice = random.below(22);
  if (dice < 7) return;
  if (dice < 10) { for (let i = random.below(12); i > 0; i--) await null; }
  else if (dice < 12) await ctx.yield();
  else if (dice < 14) await ctx.sleep(random.below(30) / 10);
  else if (dice < 15) await new Promise((resolve) => setTimeout(resolve, random.below(3)));
  else if (dice < 16) await ctx.wait(new Promise((resolve) => setTimeout(resolve, random.below(3))));
  else if (dice < 18) {
    ctx.blocking(() => libc.usleep(random.of([0, 10, 60, 300, 1500])), { handOff: random.chance(30) });
  } else if (dice < 19) {
    for await (const n of ctx.ticker(0.3)) if (n >= 2) break;
  } else if (dice < 20) {
    for (const end = performance.now() + 1; !ctx.shouldYield && performance.now() < end;);
  } else for (const end = performance.now() + random.below(20) / 10; performance.now() < end;);
}
