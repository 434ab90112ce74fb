/** The codec is to do with a value what structuredClone does. */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { FromGetter } from "../fuzz/values.ts";
import type { Route } from "./routes.ts";
import { assertSameGraph } from "./same_graph.ts";

/** A copy, or why there is none. */
export type Outcome = { copy: unknown } | { refused: string } | { thrown: unknown };

export function outcomeOf(copy: () => unknown): Outcome {
  try {
    return { copy: copy() };
  } catch (error) {
    if (error instanceof DOMException && error.name === "DataCloneError") return { refused: error.message };
    return { thrown: error };
  }
}

export function assertSameOutcome(route: Route, value: unknown): void {
  const values = [value, ...route.beside()];
  const expected = outcomeOf(() => structuredClone(values));
  const actual = outcomeOf(() => route.copy(values));
  if ("copy" in expected && "copy" in actual) return assertSameGraph(actual.copy, expected.copy);
  // Nobody knows which isolate will receive it.
  if ("refused" in actual && actual.refused.includes("does not go through a channel")) return;
  assertEquals(Object.keys(actual), Object.keys(expected), Deno.inspect(actual));
  if (!("thrown" in expected && "thrown" in actual)) return;
  assertStrictEquals(actual.thrown, expected.thrown);
  assert(expected.thrown instanceof FromGetter, String(expected.thrown));
}
