import { assertEquals, assertThrows } from "@std/assert";
import type { Dump } from "../../../scheduler/host/dump.ts";
import { schedTraceText, tracingOf } from "../../../scheduler/host/schedtrace.ts";

const dump: Dump = {
  version: 1,
  time: "2026-01-01T00:00:00.000Z",
  isClosed: false,
  procs: 2,
  idleProcs: 1,
  spinning: 0,
  preempted: 0,
  tasks: [
    { id: 1, name: "reads", module: "file:///a.ts", state: "begun", startedBy: "host", thread: 11 },
    { id: 2, name: "waits", module: "file:///a.ts", state: "queued", startedBy: 11 },
  ],
  threads: [
    { tid: 11, role: "pool", state: "in call", processor: 0, begun: 1, importing: 0, ran: 1, parks: 0 },
    { tid: 12, role: "pool", state: "parked", begun: 0, importing: 0, ran: 0, parks: 1 },
  ],
  processors: [
    { number: 0, state: "in call", thread: 11, queued: 3 },
    { number: 1, state: "idle", queued: 0 },
    { number: 2, state: "stopped", queued: 0 },
  ],
  queues: { global: 4, local: 3, host: 1 },
  descriptors: [],
  objects: [],
  native: { threads: 0, calls: 0 },
  cycles: [],
  unstable: 0,
};

Deno.test("a line of schedtrace is Go's", () => {
  assertEquals(
    schedTraceText(dump, 1004, false),
    "SCHED 1004ms: gomaxprocs=2 idleprocs=1 threads=2 spinningthreads=0 needspinning=0 idlethreads=1 runqueue=5 [3 0]",
  );
});

Deno.test("with scheddetail Ps, Ms and Gs have a line each", () => {
  assertEquals(schedTraceText(dump, 1004, true).split("\n").slice(1), [
    "  P0: status=2 m=11 runqsize=3",
    "  P1: status=0 m=-1 runqsize=0",
    "  P2: status=4 m=-1 runqsize=0",
    "  M11: p=0 blocked=true begun=1 role=pool state=in-call",
    "  M12: p=-1 blocked=true begun=0 role=pool state=parked",
    "  G1: status=2(reads) m=11",
    "  G2: status=1(waits) m=-1",
  ]);
});

Deno.test("HEDDLE_DEBUG is a list of names and numbers, of which others are somebody else's", () => {
  assertEquals(tracingOf(""), undefined);
  assertEquals(tracingOf("other=1"), undefined);
  assertEquals(tracingOf("schedtrace=0"), undefined);
  assertEquals(tracingOf("scheddetail=1"), undefined);
  assertEquals(tracingOf("schedtrace=1000"), { every: 1000, isDetailed: false });
  assertEquals(tracingOf("other=1, schedtrace=5,scheddetail=1"), { every: 5, isDetailed: true });
  assertThrows(() => tracingOf("schedtrace=often"), RangeError, "HEDDLE_DEBUG: schedtrace is NaN");
});
