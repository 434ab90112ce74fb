/** Channels, select and locks against Go's own tests: see tests/behaviour/go/world.ts. */
import "./go/chan.ts";
import "./go/powser.ts";
import "./go/runtime_chan.ts";
import "./go/sync.ts";
import "./go/x_sync.ts";
import { Placements, ports } from "./go/world.ts";
import { soon } from "../support/deadline.ts";

// `HEDDLE_ROUNDS=100` for a longer look.
const rounds = Number(Deno.env.get("HEDDLE_ROUNDS") ?? 1);
const placements = await Placements.start();
Deno.test.afterAll(() => placements[Symbol.asyncDispose]());

for (const port of ports) {
  Deno.test(`${port.source} passes as in Go, wherever its goroutines are`, async (t) => {
    for (const [placement, run] of Object.entries(placements.of(port))) {
      await t.step(placement, async () => {
        for (let round = 0; round < rounds; round++) await soon(run(), `${port.source} ${placement}`);
      });
    }
  });
}
