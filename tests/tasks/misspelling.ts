/** Misspells the options of what a context offers. */
import { task } from "@heddle/heddle";

// deno-lint-ignore no-explicit-any -- what no TypeScript would pass
type Any = any;

const nothing = task(import.meta, "nothing", () => {});

export const misspells = task(import.meta, "misspells", async (ctx): Promise<string[]> => {
  const told: string[] = [];
  const attempts: (() => unknown)[] = [
    () => ctx.go(nothing(), { timout: 1 } as Any),
    () => ctx.scope(() => {}, { singal: ctx.signal } as Any),
    () => ctx.scope((scope) => void scope.go(nothing(), { nam: "x" } as Any)),
    () => ctx.blocking(() => {}, { handoff: true } as Any),
  ];
  for (const attempt of attempts) {
    try {
      await attempt();
    } catch (error) {
      told.push((error as Error).message);
    }
  }
  return told;
});
