/**
 * What takes long and does not mind a busy machine, side by side: some stress, and what uses one CPU or waits for
 * processes. Each of these can be run alone: `deno test -A tests/beside/model.ts`.
 */
import { assertEquals } from "@std/assert";
import { stress } from "./beside/stress.ts";
import { beginCheck, beginTests } from "./support/meanwhile.ts";
import "./beside/sanitizers.ts";
import "./beside/aarch64.ts";
import "./beside/fuzz.ts";
import "./beside/following.ts";
import "./beside/sandbox.ts";
import "./beside/sandbox_policy.ts";
import "./beside/sandbox_net.ts";
import "./beside/debugger.ts";
import "./beside/dump.ts";
import "./beside/exit.ts";
import "./beside/priorities.ts";
import "./beside/resources.ts";
import "./beside/running_out.ts";
import "./beside/native_exit.ts";
import "./beside/growth.ts";

const model = beginTests("tests/beside/model.ts");
const oddMoments = beginTests("tests/beside/odd_moments.ts");
const checking = beginCheck("tests/behaviour", "tests/unit", "tests/minute_test.ts");

Deno.test("the tests are well typed, and all that they import", async () => {
  const { code, stderr } = await checking;
  assertEquals(code, 0, stderr);
});

Deno.test("calls, locks and deaths at odd moments are handled as at others", async () => {
  const { code, stdout, stderr } = await oddMoments;
  assertEquals(code, 0, stdout + stderr);
});

Deno.test("the model checker finds no fault in any scenario, within short bounds", async () => {
  const { code, stdout, stderr } = await model;
  console.log(stdout);
  assertEquals(code, 0, stderr);
});

Deno.test("random schedules and operations agree with the model, and leave nothing behind", async () => {
  const { code, stdout, stderr } = await stress;
  // The seeds, with which a failure can be had again.
  console.log(stdout);
  assertEquals([code, stderr], [0, ""]);
});
