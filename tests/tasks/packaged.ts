/** What a task sees of the package. */
import * as heddle from "@heddle/heddle";

/** Whether these are the classes and functions of the scheduler that runs its thread. */
export const hasItsThreads = heddle.task(import.meta, "hasItsThreads", () => {
  const { heddle: own } = (globalThis as unknown as Record<symbol, { heddle?: Record<string, unknown> }>)[
    Symbol.for("heddle.registry")
  ];
  return Object.entries(heddle).map(([name, value]) => own?.[name] === value ? "same" : name);
});
