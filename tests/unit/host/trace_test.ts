import { assertEquals } from "@std/assert";
import { loadShim } from "../../../ffi/shim.ts";
import { Arena, leastArenaBytes } from "../../../scheduler/arena/arena.ts";
import { load, store } from "../../../scheduler/arena/atomics.ts";
import { TRACE_END, TRACE_LOCK } from "../../../scheduler/arena/layout/header.ts";
import { eventsOf } from "../../../scheduler/host/finish_trace.ts";
import { drainTrace } from "../../../scheduler/host/trace.ts";
import { OVER, TraceDrain } from "../../../scheduler/host/trace_drain.ts";
import { Shared } from "../../../scheduler/parking/shared.ts";

Deno.test("who hears that a trace has ended may begin the next one: its reader has left", async () => {
  const shim = loadShim();
  const arena = new Arena({ maxTasks: 16, maxThreads: 2, bytes: leastArenaBytes(16, 2) });
  const shared = new Shared(arena, shim);
  const file = await Deno.makeTempFile();
  const events = Deno.openSync(eventsOf(file), { write: true, create: true });
  new TraceDrain(shared, shim, events).begin(1, "");
  events.close();
  store(shared.words, TRACE_END, 1);
  const heard: unknown[] = [];
  drainTrace({ file }, shared, shim, () => false, (message) => {
    heard.push(typeof message === "string" ? message : [message, load(shared.words, TRACE_LOCK)]);
  });
  const [up, [summary, lock]] = heard as [string, [{ dropped: number }, number]];
  assertEquals([up, summary.dropped, lock, heard.length], ["up", 0, OVER, 2]);
  await Deno.remove(file);
});
