// What a trace has of a program, and that its sums are those of stats().
import {
  assert,
  assertEquals,
  assertGreater,
  assertGreaterOrEqual,
  assertRejects,
  assertThrows,
} from "@std/assert";
import {
  Channel,
  finishTrace,
  Scheduler,
  SchedulerClosedError,
  ThreadDiedError,
  type TraceSummary,
} from "@heddle/heddle";
import { buildModel } from "@tracerbench/trace-model";
import { soon, until } from "../support/deadline.ts";
import { preemption } from "../support/capabilities.ts";
import { Flag } from "../support/flag.ts";
import { Pipe } from "../support/pipe.ts";
import { runProgram } from "../support/programs.ts";
import { fan, nothing } from "../tasks/arithmetic.ts";
import { readsPipe } from "../tasks/blocking.ts";
import { exitOfDeno } from "../tasks/dying.ts";
import { spinsUntilSet } from "../tasks/hogging.ts";
import {
  awaitsOutside,
  hasLateRegion,
  hasManyRegions,
  hasRegions,
  receivesOne,
  sendsOne,
  talksToItself,
} from "../tasks/traced.ts";
import { echo } from "../tasks/values.ts";

/** As in the file. Times are microseconds. */
interface Entry {
  name: string;
  cat?: string;
  ph: string;
  pid: number;
  tid: number;
  ts: number;
  dur?: number;
  id?: number;
  flow_in?: true;
  flow_out?: true;
  bind_id?: string;
  args?: Record<string, unknown>;
}

interface Traced {
  readonly entries: Entry[];
  readonly summary: TraceSummary;
}

function entriesOf(text: string): Entry[] {
  return JSON.parse(text);
}

async function traced(sched: Scheduler, run: () => Promise<unknown>): Promise<Traced> {
  const file = await Deno.makeTempFile();
  try {
    const trace = await sched.trace({ file });
    await run();
    const summary = await trace.stop();
    return { entries: entriesOf(await Deno.readTextFile(file)), summary };
  } finally {
    await Deno.remove(file);
  }
}

function slices(entries: readonly Entry[], category: string): Entry[] {
  return entries.filter(({ ph, cat }) => ph === "X" && cat === category);
}

/** Slices of a lane lie in each other, or beside each other. */
function assertNested(entries: readonly Entry[]): void {
  const lanes = Map.groupBy(entries.filter(({ ph }) => ph === "X"), ({ pid, tid }) => `${pid} ${tid}`);
  for (const lane of lanes.values()) {
    const open: number[] = [];
    for (const { ts, dur, name } of lane.toSorted((a, b) => a.ts - b.ts || b.dur! - a.dur!)) {
      // A nanosecond is lost where a large number is a sum of two.
      while (open.length > 0 && open.at(-1)! <= ts + 0.002) open.pop();
      const end = ts + dur!;
      assert(open.length === 0 || end <= open.at(-1)! + 0.002, `${name} at ${ts} ends in another slice`);
      open.push(end);
    }
  }
}

/** Every arrow that ends in such a slice begins somewhere before. Returns the ends. */
function assertArrows(entries: readonly Entry[], category: string): Entry[] {
  const begins = Map.groupBy(entries.filter(({ flow_out }) => flow_out), ({ bind_id }) => bind_id);
  const ends = slices(entries, category).filter(({ flow_in }) => flow_in);
  for (const end of ends) {
    const begin = begins.get(end.bind_id)?.[0];
    assert(begin !== undefined && begin.ts <= end.ts, `an arrow to ${end.name} at ${end.ts}`);
  }
  return ends;
}

Deno.test("what a trace has is what was done", async (t) => {
  await using sched = await Scheduler.start({ procs: 2, name: "traced" });
  await sched.go(nothing());
  // The threads tell how many they have run as they go to sleep.
  await until(() => sched.stats().ran === 1, "one has run");

  await t.step("tasks: as many as stats() counts, each once, with an arrow from who queued it", async () => {
    const before = sched.stats().ran;
    const { entries, summary } = await traced(
      sched,
      () => Promise.all(Array.from({ length: 300 }, () => sched.go(nothing()))),
    );
    await until(() => sched.stats().ran - before === 300, "300 have run");
    const tasks = slices(entries, "task");
    assertEquals(tasks.map(({ name }) => name), Array(300).fill("nothing"));
    assertEquals(new Set(tasks.map(({ args }) => args!.id)).size, 300);
    assertEquals(slices(entries, "go").length, 300);
    assertEquals(assertArrows(entries, "task").length, 300);
    assertNested(entries);
    assertEquals(summary.dropped, 0);
    assertEquals(entries.at(-1)!.args, { ...summary });
    const lanes = entries.filter(({ ph, name, pid }) => ph === "M" && name === "thread_name" && pid === 1);
    assert(lanes.some(({ args }) => args!.name === "host"));
    assert(lanes.some(({ args }) => /^thread \d+$/.test(args!.name as string)));
    const names = entries.filter(({ name }) => name === "process_name").map(({ args }) => args!.name);
    assertEquals(names, ["traced: threads", "traced: Ps"]);
  });

  await t.step("regions of tasks, blocking calls, and what goes by port", async () => {
    const { entries } = await traced(sched, async () => {
      const outcomes = await sched.go(hasRegions());
      assertEquals(outcomes, [1, 2, "in a region", "RangeError: later"]);
      await sched.go(echo(new SharedArrayBuffer(8)));
    });
    const lengths = new Map(slices(entries, "region").map(({ name, dur }) => [name, dur!]));
    assertEquals([...lengths.keys()], ["computes", "fails"]);
    assertGreaterOrEqual(lengths.get("computes")!, 2000);
    const [begin, end] = entries.filter(({ name }) => name === "sleeps");
    assertEquals([begin.ph, end.ph, begin.id], ["b", "e", end.id]);
    assertGreaterOrEqual(end.ts - begin.ts, 2900);
    assertEquals(entries.filter(({ name }) => name === "rejects").length, 2);
    const [call] = slices(entries, "call");
    assertGreaterOrEqual(call.dur!, 2000);
    assertEquals(entries.filter(({ name }) => name === "hasRegions ended").length, 1);
    assertEquals(entries.filter(({ name }) => name === "value by port").length, 2);
    assertNested(entries);
  });

  await t.step("native calls by their names, and what tasks await that is no object", async () => {
    const { entries } = await traced(sched, async () => {
      await sched.go(awaitsOutside());
      if (!sched.capabilities.native) return;
      using libc = sched.dlopen("libc.so.6", { usleep: { parameters: ["u32"], result: "i32" } });
      await libc.symbols.usleep(2000);
    });
    const lengths = new Map<string, number>();
    for (const { cat, name, ph, id, ts } of entries) {
      if (ph !== "b" || cat !== "pause" && cat !== "native") continue;
      lengths.set(`${cat}: ${name}`, entries.find((end) => end.ph === "e" && end.id === id)!.ts - ts);
    }
    // Their ends were fixed a moment before they began.
    const least = { "pause: sleep": 0, "pause: a promise of the outside": 0 };
    const leastOfAll = sched.capabilities.native ? { ...least, "native: usleep": 2000 } : least;
    const shown = () => JSON.stringify([[...lengths], entries]);
    assertEquals([...lengths.keys()].toSorted(), Object.keys(leastOfAll).toSorted(), shown());
    for (const [name, us] of Object.entries(leastOfAll)) assertGreater(lengths.get(name)!, us, shown());
  });

  await t.step("what an operation waited for, with an arrow from who ended that", async () => {
    const channel = new Channel<number>(sched, 0);
    const { entries } = await traced(sched, async () => {
      const received = sched.dedicate(receivesOne(channel));
      await until(() => sched.dump().objects.some(({ waiting }) => waiting.length > 0), "it waits");
      await sched.go(sendsOne(channel, 7));
      assertEquals(await received, 7);
    });
    const waits = entries.filter(({ cat }) => cat === "wait").map(({ name, ph }) => [ph, name]);
    assertEquals(waits.map(([ph]) => ph), ["b", "e"]);
    assert(/^receive from channel \d+$/.test(waits[0][1]), waits[0][1]);
    assertEquals(assertArrows(entries, "ready").length, 1);
  });

  await t.step("the same of channels and mutexes that one thread alone knows", async () => {
    const [count, sum] = [100, 4950];
    const { entries } = await traced(
      sched,
      async () => assertEquals(await sched.go(talksToItself(count)), sum),
    );
    const waits = Map.groupBy(
      entries.filter(({ cat, ph }) => cat === "wait" && ph === "b"),
      ({ name }) => name.replace(/\d+/g, "n").replace("send to", "receive from"),
    );
    // Of a value without room in the channel one of the two waits for the other.
    assertEquals(Array.from(waits, ([name, { length }]) => [name, length]).toSorted(), [
      ["lock a mutex of this thread, which thread n holds", 1],
      ["receive from channel n of this thread", count],
    ]);
    const ends = assertArrows(entries, "ready");
    assertEquals([ends.length, new Set(ends.map(({ bind_id }) => bind_id)).size], [count + 1, count + 1]);
    // Afterwards they are not heard of, and go on.
    assertEquals(await sched.go(talksToItself(count)), sum);
  });

  await t.step(
    "a public reader of such files finds in it what stats() counts, in lanes with names",
    async () => {
      // One of its own: threads tell late what they did in the steps before.
      await using sched = await Scheduler.start({ procs: 2, name: "traced" });
      const { entries } = await traced(sched, async () => {
        await Promise.all(Array.from({ length: 50 }, () => sched.go(hasRegions())));
      });
      await until(() => sched.stats().ran === 50, "50 have run");
      const [threads, ps, ...more] = buildModel(entries as never).processes;
      assertEquals([threads.name, ps.name, more], ["traced: threads", "traced: Ps", []]);
      assert(ps.threads.every(({ name }) => /^P [01]$/.test(name!)));
      const host = threads.threads.find(({ name }) => name === "host")!;
      const others = threads.threads.filter(({ name }) => /^thread \d+$/.test(name!));
      const sum = (category: string, lanes = others) =>
        lanes.flatMap(({ events }) => events).filter(({ cat, ph }) => ph === "X" && String(cat) === category)
          .length;
      // Of each hasRegions two regions that are not asynchronous.
      assertEquals([sum("go", [host]), sum("task"), sum("region"), sum("call")], [50, 50, 100, 50]);
      assertEquals(
        others.flatMap(({ events }) => events).filter(({ name }) => name === "steal").length,
        sched.stats().stolen,
      );
      // It nests them itself: what runs in a task is in its slice.
      const computes = others.flatMap(({ events }) => events).filter(({ name }) => name === "computes");
      assertEquals(new Set(computes.map(({ parent }) => parent?.name)), new Set(["hasRegions"]));
    },
  );

  await t.step("children that are stolen, sleeps of threads, and who had which P", async () => {
    const { entries } = await traced(sched, async () => {
      await until(() => sched.stats().idleProcs === 2, "all sleep");
      await sched.go(fan(2000));
    });
    assertGreater(slices(entries, "idle").length, 0);
    const ps = slices(entries, "P");
    assertGreater(ps.length, 0);
    for (const { pid, tid } of ps) assert(pid === 2 && (tid === 1 || tid === 2), `P ${tid}`);
    assertArrows(entries, "task");
    assertNested(entries);
  });

  await t.step("more than there is room for is dropped and counted, and the task goes on", async () => {
    // A ring is full after 2 ms of that, and emptied every 8.
    const { entries, summary } = await traced(sched, () => sched.go(hasManyRegions(200_000)));
    const regions = slices(entries, "region").length;
    assertGreater(summary.dropped, 0);
    assertGreaterOrEqual(regions, 16_000);
    assertGreaterOrEqual(regions + summary.dropped, 200_000);
    assertEquals(entries.at(-1)!.name, `${summary.dropped} events dropped`);
  });

  await t.step("a thread that dies has told what it did, and the next one goes on", async () => {
    const { entries } = await traced(sched, async () => {
      await assertRejects(() => sched.go(exitOfDeno()), ThreadDiedError);
      await Promise.all(Array.from({ length: 20 }, () => sched.go(hasRegions())));
    });
    assertEquals(slices(entries, "region").filter(({ name }) => name === "computes").length, 20);
    assertNested(entries);
  });

  await t.step("a region that ends in the next trace is in none, and harms neither", async () => {
    const [begun, go] = [new Flag(), new Flag()];
    let late: Promise<unknown> | undefined;
    await traced(sched, async () => {
      late = sched.go(hasLateRegion(begun.buffer, go.buffer));
      await until(() => begun.value === 1, "it is in its region");
      await sched.go(hasManyRegions(100));
    });
    const { entries } = await traced(sched, async () => {
      await sched.go(hasManyRegions(10));
      go.value = 1;
      await late;
      await sched.go(hasManyRegions(10));
    });
    assertEquals(slices(entries, "region").map(({ name }) => name), Array(20).fill("one of many"));
    assertNested(entries);
  });

  await t.step("what cannot be written is what stop() rejects with, and all else goes on", async () => {
    const file = await Deno.makeTempFile();
    // That is where events are collected; then where they are made text.
    for (const full of [`${file}.events`, file]) {
      await Deno.remove(full).catch(() => {});
      await Deno.symlink("/dev/full", full);
      const started = sched.trace({ file });
      if (full !== file) {
        await assertRejects(() => started, Error, "No space left");
        await Deno.remove(full);
        continue;
      }
      const trace = await started;
      await Promise.all(Array.from({ length: 20 }, () => sched.go(nothing())));
      await assertRejects(() => trace.stop(), Error, "No space left");
      await assertRejects(() => trace.stop(), Error, "No space left");
      await sched.go(nothing());
    }
    // What was collected is still there.
    await Deno.remove(file);
    assertEquals(finishTrace(file).dropped, 0);
    assertEquals(slices(entriesOf(await Deno.readTextFile(file)), "task").length, 20);
    await Deno.remove(file);
  });

  await t.step("a trace has nothing of what came before, and one at a time is written", async () => {
    await sched.go(hasManyRegions(10));
    const { entries } = await traced(sched, async () => {
      await assertRejects(() => sched.trace({ file: "/tmp/other" }), Error, "stop() that trace first");
      await sched.go(nothing());
    });
    assertEquals(slices(entries, "region"), []);
    assertEquals(slices(entries, "task").length, 1);
    const file = await Deno.makeTempFile();
    const ended = (await sched.trace({ file })).stop();
    await assertRejects(() => sched.trace({ file }), Error, "stop() that trace first");
    await ended;
    await Deno.remove(file);
    await assertRejects(() => sched.trace({ file: "/no/such/folder/trace" }), Deno.errors.NotFound);
    await assertRejects(() => sched.trace({} as never), TypeError, "file is undefined");
  });
});

preemption.test("a thread that is frozen, one that blocks, and the P that each lost", async () => {
  await using sched = await Scheduler.start({ procs: 1, preempt: true });
  const [begun, go] = [new Flag(), new Flag()];
  const { entries } = await traced(sched, async () => {
    const hogs = Array.from({ length: 2 }, () => sched.go(spinsUntilSet(begun.buffer, go.buffer)));
    await until(() => sched.metrics().freezes.count > 0, "one was frozen, and goes on");
    go.value = 1;
    await Promise.all(hogs);
    using pipe = new Pipe();
    const arrived = new Flag();
    const reads = sched.go(readsPipe(pipe.reader, arrived.buffer, false));
    await until(() => arrived.value === 1, "it is about to read");
    await sched.go(nothing());
    pipe.write(1);
    await reads;
  });
  const freezes = entries.filter(({ cat }) => cat === "freeze");
  assertGreaterOrEqual(freezes.length, 2);
  assert(/^thread \d+ frozen$/.test(freezes[0].name), freezes[0].name);
  for (const what of ["task", "call"]) {
    assertGreater(entries.filter(({ name }) => name === `P 0 taken from a ${what}`).length, 0, what);
  }
  // Nobody has a P while another one does.
  assertNested(entries.filter(({ cat }) => cat === "P"));
});

Deno.test("close() ends a trace, whose file is whole then, and no other one begins", async () => {
  const sched = await Scheduler.start({ procs: 1 });
  const file = await Deno.makeTempFile();
  const trace = await sched.trace({ file });
  await sched.go(nothing());
  await sched.close();
  const entries = entriesOf(await Deno.readTextFile(file));
  assertEquals(slices(entries, "task").length, 1);
  assertEquals(await soon(trace.stop(), "it has ended"), entries.at(-1)!.args as unknown as TraceSummary);
  await assertRejects(() => sched.trace({ file }), SchedulerClosedError);
  await Deno.remove(file);
});

Deno.test("HEDDLE_TRACE has a program traced from its begin to its end, without a word in it", async () => {
  const file = await Deno.makeTempFile();
  const { code, stdout, stderr } = await runProgram("traces_itself", { env: { HEDDLE_TRACE: file } });
  assertEquals([code, stdout.trim()], [0, "[ 0, 0, 1, 3, 6 ]"], stderr);
  // The default scheduler is never closed: the file ends as the process did.
  const entries = entriesOf(await Deno.readTextFile(file));
  assertEquals(slices(entries, "task").map(({ name }) => name), Array(5).fill("sum"));
  assertNested(entries);
  await Deno.remove(file);
});

Deno.test("the trace of a program that was killed can be finished by another one", async () => {
  const file = await Deno.makeTempFile();
  const { code, stderr } = await runProgram("is_killed_while_traced", { env: { HEDDLE_TRACE: file } });
  assertEquals(code, 137, stderr);
  assertEquals(await Deno.readTextFile(file), "");
  const summary = finishTrace(new URL(`file://${file}`));
  const entries = entriesOf(await Deno.readTextFile(file));
  assertEquals(slices(entries, "task").map(({ name }) => name), Array(5).fill("sum"));
  assertEquals(entries.at(-1)!.args, { ...summary });
  // What was collected is gone now; and this is none.
  assertThrows(() => finishTrace(file), Deno.errors.NotFound);
  await Deno.rename(file, `${file}.events`);
  assertThrows(() => finishTrace(file), Error, "no trace of this version");
  for (const made of [file, `${file}.events`]) await Deno.remove(made);
});
