/**
 * `runawayMs` on an emulated aarch64: a signal freezes a thread in code that V8 has made, for good, and another thread takes its place.
 * Emulated, three threads take a minute of CPU time to start. So this is a part of `deno task test:aarch64` alone.
 */
import { assertEquals } from "@std/assert";
import { emulatedDeno, lacksEmulator, runEmulated } from "../support/aarch64.ts";

const lacking = await lacksEmulator();
const deno = emulatedDeno();
const lack = lacking ?? (deno === undefined ? "there is no Deno for aarch64" : undefined);
if (lack !== undefined) console.log(`skipped: no task is abandoned on aarch64, since ${lack}`);

/** Beside much else it has taken 13 minutes. */
const LONG = 1_800_000;

Deno.test({
  name: "on aarch64 a task that runs on is abandoned",
  ignore: lack !== undefined,
  async fn() {
    const program = "tests/programs/abandons_emulated.ts";
    const ended = await runEmulated(LONG, deno!, "run", "-A", "--no-check", "--no-lock", program);
    assertEquals(ended, { code: 0, stdout: "TaskAbandonedError, then 3\n", stderr: "" });
  },
});
