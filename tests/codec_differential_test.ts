/** The codec against structuredClone, of which it is to be a copy but for a list of differences. */
import { assertEquals, assertGreater } from "@std/assert";
import { Random } from "./stress/random.ts";
import { Choices } from "./fuzz/target.ts";
import { valueOf } from "./fuzz/values.ts";
import { routes, waysTaken } from "./routes.ts";
import { assertSameOutcome, outcomeOf } from "./same_outcome.ts";

Deno.test("values of all kinds have the same outcome as with structuredClone, by every way", () => {
  const seed = Number(Deno.env.get("HEDDLE_SEED") ?? Date.now() % 2 ** 31);
  const outcomes = { copies: 0, refusals: 0 };
  for (let i = 0; i < 1200; i++) {
    const random = new Random(seed + i);
    const bytes = Uint8Array.from(
      { length: 20 + random.below(random.of([50, 400])) },
      () => random.below(256),
    );
    const value = valueOf(new Choices(bytes));
    for (const [name, route] of Object.entries(routes)) {
      try {
        assertSameOutcome(route, value);
      } catch (error) {
        throw new Error(`${name}: run again with HEDDLE_SEED=${seed + i}`, { cause: error });
      }
    }
    if ("copy" in outcomeOf(() => structuredClone(value))) outcomes.copies++;
    else outcomes.refusals++;
  }
  // The generator is worth its time.
  for (const count of [...Object.values(waysTaken()), ...Object.values(outcomes)]) assertGreater(count, 100);
  assertEquals(Object.keys(waysTaken()).sort(), ["block", "port", "slot"]);
});
