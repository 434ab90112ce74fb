/** A trace of all that happens meanwhile: what is in the file is whole, and as much as it says. */
import { SchedulerClosedError, type Trace } from "@heddle/heddle";
import type { Act } from "../act.ts";

interface Entry {
  ph: string;
  name: string;
  cat?: string;
  ts?: number;
  dur?: number;
  args?: Record<string, unknown>;
}

export async function traces(act: Act): Promise<void> {
  const file = await Deno.makeTempFile();
  try {
    const trace = await begun(act, file);
    if (trace === undefined) return;
    for (let i = act.random.below(10); i >= 0; i--) {
      act.sched.dump();
      await new Promise((resolve) => setTimeout(resolve, act.random.below(10)));
    }
    const summary = await trace.stop();
    const entries: Entry[] = JSON.parse(await Deno.readTextFile(file));
    const told = JSON.stringify(entries.at(-1)?.args);
    act.check(told === JSON.stringify(summary), `a trace of ${JSON.stringify(summary)} says ${told}`);
    const tasks = new Set<unknown>();
    for (const entry of entries) {
      const { ph, ts = 0, dur = 0, cat, args } = entry;
      act.check(ph === "M" || ts > -1e6 && dur >= 0, `an event that is none: ${Deno.inspect(entry)}`);
      if (ph !== "X" || cat !== "task") continue;
      act.check(!tasks.has(args!.id), `task ${args!.id} ran twice`);
      tasks.add(args!.id);
    }
  } finally {
    for (const made of [file, `${file}.events`]) await Deno.remove(made).catch(() => {});
  }
}

/** Undefined: another act's is under way, there is no room for a thread, or all is closing. */
async function begun(act: Act, file: string): Promise<Trace | undefined> {
  try {
    return await act.sched.trace({ file });
  } catch (error) {
    const isRight = error instanceof SchedulerClosedError ||
      /being traced|refused a thread/.test(String(error));
    act.check(isRight, `a trace was refused: ${error}`);
  }
}
