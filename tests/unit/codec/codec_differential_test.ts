/** The codec against structuredClone, of which it is to be a copy but for a list of differences. */
import { assertEquals, assertGreater } from "@std/assert";
import { Channel, Scheduler } from "@heddle/heddle";
import { MAX_DEPTH } from "../../../scheduler/codec/depth.ts";
import { copy } from "../../../scheduler/codec/codec.ts";
import { Random } from "../../stress/random.ts";
import { Choices } from "../../fuzz/target.ts";
import { valueOf } from "../../fuzz/values.ts";
import { routes, waysTaken } from "../../support/routes.ts";
import { assertSameOutcome, outcomeOf } from "../../support/same_outcome.ts";

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

// deno-lint-ignore no-explicit-any -- copies are looked into freely
type Any = any;

/** What is seen of a copy, or "DataCloneError", or the class of what was thrown. */
function seen(copy: (value: Any) => Any, make: () => unknown, look: (value: Any) => unknown): unknown {
  const outcome = outcomeOf(() => copy(make()));
  if ("copy" in outcome) return look(outcome.copy);
  return "refused" in outcome ? "DataCloneError" : (outcome.thrown as Error).constructor.name;
}

function nested(levels: number): unknown {
  let value: unknown = 0;
  for (let i = 0; i < levels; i++) value = [value];
  return value;
}

/** A value, what is looked at, and what that is in structuredClone's copy and in the codec's: by the name in codec/README.md. */
const differences: Record<
  string,
  [make: () => unknown, look: (copy: Any) => unknown, theirs: unknown, ours: unknown][]
> = {
  "Errors": [
    [
      () => Object.assign(new Deno.errors.NotFound("m"), { code: 7 }),
      (error) => [error.constructor.name, error.code],
      ["Error", undefined],
      ["NotFound", 7],
    ],
    [() => new AggregateError([1], "m"), (error) => [error.constructor.name, error.errors], [
      "Error",
      undefined,
    ], [
      "AggregateError",
      [1],
    ]],
    [
      () => Object.assign(new Error("m"), { name: "TypeError" }),
      (error) => [error.constructor.name, error.name],
      ["TypeError", "TypeError"],
      ["Error", "TypeError"],
    ],
  ],
  "What an error holds": [
    [
      () => new Error("m", { cause: [() => {}] }),
      (error) => error.cause,
      "DataCloneError",
      "[ [Function (anonymous)] ]",
    ],
  ],
  "Ports": [[
    () => {
      const { port1, port2 } = new MessageChannel();
      port2.close();
      return port1;
    },
    (port) => (port.close(), "a port"),
    "DataCloneError",
    "a port",
  ]],
  "Handles": [[() => channel, (copy) => copy === channel, false, true]],
  "The platform's objects": [
    () => new AbortController().signal,
    () => new EventTarget(),
    () => new FormData(),
    () => new Deno.Command("true"),
    // At the top of a value structuredClone refuses these.
    () => [new URL("https://deno.com/")],
    () => [new Headers()],
  ].map((make) => [make, (copy) => Object.keys([copy].flat()[0]), [], "DataCloneError"]),
  "Depth": [
    [() => nested(MAX_DEPTH + 1), () => "a copy", "a copy", "DataCloneError"],
    [() => nested(100_000), () => "a copy", "RangeError", "DataCloneError"],
  ],
  "Prototypes that were taken away": [
    [() => Object.setPrototypeOf(new Map([[1, 2]]), null), (copy) => copy instanceof Map, true, false],
  ],
  "Raw JSON": [[() => (JSON as Any).rawJSON("1"), (copy) => copy, "DataCloneError", { rawJSON: "1" }]],
  "Large buffers": [
    [
      () => {
        const large = new Uint8Array(20_000);
        return {
          large,
          get later() {
            return large[0] = 9;
          },
        };
      },
      (copy) => copy.large[0],
      0,
      9,
    ],
    [
      () => {
        const large = new Uint8Array(20_000);
        return {
          large,
          get later() {
            return structuredClone(large, { transfer: [large.buffer] }).length;
          },
        };
      },
      (copy) => copy.large.length,
      20_000,
      "DataCloneError",
    ],
  ],
  "Getters": [
    [
      () => {
        let runs = 0;
        return {
          get counts() {
            return ++runs;
          },
          get large() {
            return "x".repeat(500);
          },
          get after() {
            return runs;
          },
        };
      },
      (copy) => copy.after,
      1,
      2,
    ],
  ],
};

let channel: Channel<unknown>;

Deno.test("the codec differs from structuredClone as scheduler/codec/README.md lists it, and not otherwise", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  channel = new Channel<unknown>(sched);
  for (const [name, cases] of Object.entries(differences)) {
    for (const [make, look, theirs, ours] of cases) {
      assertEquals(seen(structuredClone, make, look), theirs, `${name}: structuredClone`);
      assertEquals(seen(throughSlot, make, look), ours, `${name}: the codec`);
    }
  }
  const page = await Deno.readTextFile(new URL("../../../scheduler/codec/README.md", import.meta.url));
  const section = page.split("\n### What differs from structuredClone\n")[1].split(/\n##+ /)[0];
  assertEquals([...section.matchAll(/^- \*\*(.+?)\*\*/gm)].map(([, name]) => name), Object.keys(differences));
});

function throughSlot(value: unknown): unknown {
  return value === channel ? copy(value, "value") : (routes.slot.copy([value]) as unknown[])[0];
}
