/**
 * A copy of the project whose threads are disturbed: the modules of seams/ stand in the place of those in scheduler/ that
 * have their names, and capacities shrink, so that what is rare becomes common. The product pays nothing for it.
 */
import { copyOfProject, pathsIn } from "../support/variant.ts";

/** What is different in a module: text by text. */
const patches: Record<string, readonly [is: string, becomes: string][]> = {
  "arena/layout/p.ts": [["RING_SIZE = 256", "RING_SIZE = 8"]],
  "arena/layout/slot.ts": [["SLOTS_PER_THREAD = 512", "SLOTS_PER_THREAD = 32"]],
  "sync/isolate.ts": [["BUDGET = 1024", "BUDGET = 16"]],
  "sync/records.ts": [["MOST_SPARE = 256", "MOST_SPARE = 4"]],
  "arena/heap.ts": [["MOST_CACHED = 32", "MOST_CACHED = 2"]],
  "machine/park.ts": [["RETIRE = 5_000", "RETIRE = 20"]],
  // A tenth of the slice that was asked for. What cannot be frozen is seized soon.
  "sysmon/preemption.ts": [
    ["load(this.#words, SLICE_MS) * 1e6", "load(this.#words, SLICE_MS) * 1e5"],
    ["TRIES = 50", "TRIES = 3"],
    ["OVERTIME_INTERVAL = 2e6", "OVERTIME_INTERVAL = 1e5"],
    ["SEIZED_INTERVAL = 1e6", "SEIZED_INTERVAL = 1e5"],
    ["LINGER = 1000", "LINGER = 3000"],
  ],
  // What has not begun gets a thread nearly as soon as its turn is over who runs.
  "sysmon/gain.ts": [["NO_PROGRESS = 25", "NO_PROGRESS = 1"], ["MOST_SLICES = 100", "MOST_SLICES = 2"]],
  "native/pool.ts": [["IDLE_US = 3e6", "IDLE_US = 3e3"]],
};

/** Makes it in a new directory, which the caller removes. Throws if a text to be changed is not there any more. */
export function makeVariant(): Promise<URL> {
  return copyOfProject("stress", async (scheduler) => {
    for (const [name, texts] of Object.entries(patches)) {
      const file = new URL(name, scheduler);
      let text = await Deno.readTextFile(file);
      for (const [is, becomes] of texts) {
        if (text.split(is).length !== 2) throw new Error(`scheduler/${name} has no "${is}", or several.`);
        text = text.replace(is, becomes);
      }
      await Deno.writeTextFile(file, text);
    }
    await putSeams(new URL("seams/", import.meta.url), scheduler);
  });
}

/** They lie as the modules do whose place they take: `room/module.ts`; what has none is theirs alone. */
async function putSeams(seams: URL, scheduler: URL): Promise<void> {
  const paths = [...pathsIn(seams)];
  const isThere = (path: string) => {
    try {
      return Deno.statSync(new URL(path, scheduler)).isFile;
    } catch {
      return false;
    }
  };
  const replaced = new Set(paths.filter(isThere));
  for (const path of paths) {
    const file = new URL(path, scheduler);
    if (replaced.has(path)) await Deno.rename(file, new URL(undisturbed(path), scheduler));
    const text = await Deno.readTextFile(new URL(path, seams));
    const moved = text
      .replace(
        /"(?:\.\.\/){4}scheduler\/([a-z_/]+\.ts)"/g,
        (_, real) => `"../${replaced.has(real) ? undisturbed(real) : real}"`,
      )
      .replaceAll('"../../../../ffi/', '"../../ffi/');
    await Deno.writeTextFile(file, moved);
  }
}

function undisturbed(path: string): string {
  return path.replace(/[^/]+$/, "undisturbed_$&");
}
