/** What a bundler makes of two modules that each have a task "run": one module, in which both have its URL. */
import { task } from "@heddle/heddle";

const { isThread } =
  (globalThis as unknown as Record<symbol, { isThread: boolean }>)[Symbol.for("heddle.registry")];

const first = () => task(import.meta, "run", () => "of the first module");
const second = () => task(import.meta, "run", () => "of the second module");

// Modules that import each other may be evaluated in another order where another one of them comes first.
const defined = isThread ? [second(), first()].toReversed() : [first(), second()];

export const [runOfFirst, runOfSecond] = defined;

/** Two that nothing tells apart. */
export function definesTwice(): void {
  for (let i = 0; i < 2; i++) task(import.meta, "twice", () => i);
}

/** As a file that was edited after the program had started. */
export const edited = isThread
  ? task(import.meta, "edited", () => "after")
  : task(import.meta, "edited", () => "before");
