import { imported } from "../imported.ts";
import { head, type Program, threadsFor } from "../program.ts";

const TASKS = { full: 60, quick: 10 };

/** Each with one thread. */
const sides = ["heddle: 1", "cooperative: 1", "loop: 1", "piscina: 1", "tinypool: 1"];

const row = (measure: string, unit: string, reading: string) =>
  head("slow-import", measure, unit, reading, sides);

export const slowImport: Program = {
  name: "slow-import",
  sides,
  measures: [
    {
      ...row("slow-import: tasks of 30 ms, their module takes 0.3 s to import; 1 proc", "ms", "ms"),
      comparisons: [
        { against: ["loop: 1"] },
        { against: ["piscina: 1"], atLeast: 1 },
        { against: ["tinypool: 1"] },
        { against: ["cooperative: 1"], atLeast: 0.95 },
      ],
    },
    {
      ...row("slow-import: threads that imported the module", "threads", "imports"),
      comparisons: [{ atMost: 1 }, { against: ["piscina: 1"] }, { against: ["cooperative: 1"] }],
    },
    {
      ...row("slow-import: worker threads at peak", "threads", "threads"),
      comparisons: [{ atMost: threadsFor(1) }, { against: ["piscina: 1"] }],
    },
    {
      ...row("slow-import: resident memory at peak", "MB", "MB"),
      comparisons: [{ against: ["piscina: 1"] }, { against: ["cooperative: 1"] }],
    },
  ],
  async run(crew, { quick }) {
    const tasks = Array.from({ length: quick ? TASKS.quick : TASKS.full }, (_, n) => n);
    const answers = await Promise.all(tasks.map((n) => crew.run<number>("compute", n)));
    return { readings: { imports: await takeCount() }, answer: answers.join() };
  },
};

async function takeCount(): Promise<number> {
  try {
    const { length } = await Deno.readTextFile(imported);
    await Deno.remove(imported);
    return length;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0; // the loop: its only thread is the main one
    throw error;
  }
}
