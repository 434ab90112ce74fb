/**
 * Many boxes at once: `deno task many-boxes`, or 100 of them: `deno task many-boxes -- 100`. All are traced, and one
 * supervisor hears of them, while every P of the scheduler computes.
 */
import { assert, assertEquals } from "@std/assert";
import { Scheduler } from "../../mod.ts";
import { type Sandbox, sandbox, type SandboxOptions } from "../../examples/sandbox/sandbox.ts";
import { obstacle } from "../support/boxes.ts";
import { Flag } from "../support/flag.ts";
import { until } from "../support/deadline.ts";
import { computesAndCounts } from "../tasks/hogging.ts";

const BOXES = Number(Deno.args[0] ?? 500);
/** Threads of a scheduler with two Ps: one for each, the supervisor, a spare. */
const THREADS = 4;

const reason = await obstacle();
if (reason) console.log(`Many boxes are not tested: ${reason}`);

/** Launchers: each has one child of the box's own namespace, and is a child of this process. */
function launchers(): number {
  let count = 0;
  for (const { name } of Deno.readDirSync("/proc")) {
    try {
      const isOurs = /^\d+$/.test(name) &&
        new RegExp(`^PPid:\\s${Deno.pid}$`, "m").test(Deno.readTextFileSync(`/proc/${name}/status`));
      if (isOurs && Deno.readTextFileSync(`/proc/${name}/cmdline`).startsWith("sandbox\0")) count++;
    } catch { /* it has gone meanwhile */ }
  }
  return count;
}

function descriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

/** Starts them all at once, and gives them to `use` when every one of them has said that it runs. */
async function withMany(
  options: (i: number) => SandboxOptions,
  use: (boxes: Sandbox[], scheduler: Scheduler, computed: () => number) => Promise<void>,
): Promise<void> {
  await using scheduler = await Scheduler.start({ procs: 2 });
  // Loads what stays open.
  await (await sandbox(scheduler, { command: ["true"], trace: "refused" })).status;
  const [stop, ...counts] = [new Flag(), new Flag(), new Flag()];
  const computing = counts.map((count) => scheduler.go(computesAndCounts(count.buffer, stop.buffer)));
  await until(() => counts.every(({ value }) => value > 0), "both Ps compute");
  const before = descriptors();
  const start = performance.now();
  const boxes = await Promise.all(
    Array.from({ length: BOXES }, (_, i) => sandbox(scheduler, options(i))),
  );
  try {
    console.log(`${BOXES} boxes have started within ${Math.round(performance.now() - start)} ms`);
    await use(boxes, scheduler, () => counts.reduce((sum, { value }) => sum + value, 0));
  } finally {
    await Promise.all(boxes.map((box) => box[Symbol.asyncDispose]()));
    stop.value = 1;
    await Promise.all(computing);
  }
  assertEquals([launchers(), descriptors()], [0, before], "launchers and descriptors that are left");
}

Deno.test({
  name:
    "many boxes at once, each traced, have one supervisor; the pool computes meanwhile, and no call is another's",
  ignore: reason !== undefined,
  fn: async () => {
    const directory = await Deno.realPath(await Deno.makeTempDir());
    try {
      const script = `echo ready; read go; (: < file$1) 2> /dev/null; echo "$go $1"; exit $(($1 % 100))`;
      await Promise.all(
        Array.from({ length: BOXES }, (_, i) => Deno.writeTextFile(`${directory}/file${i}`, "")),
      );
      await withMany((i) => ({
        command: ["sh", "-c", script, "sh", String(i)],
        cwd: directory,
        stdin: "piped",
        stdout: "piped",
        trace: "refused",
      }), async (boxes, scheduler, computed) => {
        const readers = boxes.map(({ stdout }) => stdout.pipeThrough(new TextDecoderStream()).getReader());
        for (const { value } of await Promise.all(readers.map((reader) => reader.read()))) {
          assertEquals(value, "ready\n");
        }
        assertEquals(launchers(), BOXES);
        assert(scheduler.stats().threads <= THREADS, `${scheduler.stats().threads} threads`);
        const atFirst = computed();
        await until(() => computed() > atFirst + 10, "the pool computes as all of them wait");
        const ends = await Promise.all(boxes.map(async (box, i) => {
          const writer = box.stdin.getWriter();
          await writer.write(new TextEncoder().encode("go\n"));
          await writer.close();
          const { value } = await readers[i].read();
          await readers[i].cancel();
          const { code, flags } = await box.status;
          return [value, code, flags];
        }));
        assertEquals(
          ends,
          ends.map((_, i) => [`go ${i}\n`, i % 100, [`--allow-read=${directory}/file${i}`]]),
        );
        assert(computed() > atFirst, "the pool stood still");
      });
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});

Deno.test({
  name: "many boxes that are killed at once, in the midst of their calls, have all ended",
  ignore: reason !== undefined,
  fn: () =>
    withMany(() => ({
      command: ["sh", "-c", "echo ready; while :; do : < /dev/null; done"],
      stdout: "piped",
      trace: "refused",
    }), async (boxes) => {
      const readers = boxes.map(({ stdout }) => stdout.getReader());
      await Promise.all(readers.map((reader) => reader.read()));
      const start = performance.now();
      for (const box of boxes) box.kill();
      assertEquals(
        await Promise.all(boxes.map(async ({ status }) => (await status).signal)),
        boxes.map(() => 9),
      );
      console.log(`and ended within ${Math.round(performance.now() - start)} ms`);
      await Promise.all(readers.map((reader) => reader.cancel()));
    }),
});
