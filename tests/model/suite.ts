/** All scenarios, and how a report calls the words that they share. */
import type { Modules } from "./load.ts";
import type { Scenario } from "./scenario.ts";

const folder = new URL("./scenarios/", import.meta.url).pathname;
const root = new URL("../../", import.meta.url).pathname;

export const scenarioFiles = [...Deno.readDirSync(folder)]
  .map(({ name }) => `tests/model/scenarios/${name}`)
  .filter((name) => name.endsWith(".ts"))
  .sort();

export function scenariosOf(modules: Modules): Scenario[] {
  const exported = scenarioFiles.flatMap((file) => Object.values(modules.load(root + file)));
  return exported.filter((value) => typeof (value as Scenario)?.setUp === "function") as Scenario[];
}

interface Places {
  processor(p: number): number;
  isolate(number: number): number;
  g(slot: number): number;
  readonly globalCells: number;
  definition(number: number): number;
  readonly nativeHost: number;
  readonly heapAt: number;
}

/** By the constants of scheduler/arena/layout/. */
export function wordNames(modules: Modules): (arena: object) => (index: number) => string {
  const words = (record: string, prefix = "") => {
    const layout = modules.load(`${root}scheduler/arena/layout/${record}.ts`);
    return Object.entries(layout).filter(([name]) => name.startsWith(prefix)) as [string, number][];
  };
  const header = words("header").filter(([name]) => name !== "LINE" && name !== "PROCS_FIXED");
  const field = (names: [string, number][], at: number) => {
    const below = names.filter(([, place]) => place <= at).sort((a, b) => b[1] - a[1])[0] ?? ["", 0];
    return at === below[1] ? below[0] : `${below[0]}+${at - below[1]}`;
  };
  return (arena) => {
    const at = arena as Places;
    const records =
      (from: number, size: number, record: string, prefix: string, name: string) => (index: number) =>
        `${name}${Math.floor((index - from) / size)}.${field(words(record, prefix), (index - from) % size)}`;
    const regions: [number, (index: number) => string][] = [
      [at.heapAt >> 2, (index) => `heap+${index - (at.heapAt >> 2)}`],
      [at.nativeHost, (index) => `native+${index - at.nativeHost}`],
      [at.g(0), records(at.g(0), at.g(1) - at.g(0), "slot", "G_", "slot")],
      [at.definition(0), (index) => `definitions+${index - at.definition(0)}`],
      [at.globalCells, (index) => {
        const cell = index - at.globalCells;
        return `global[${cell >> 1}].${(cell & 1) === 0 ? "turn" : "entry"}`;
      }],
      [at.isolate(0), records(at.isolate(0), at.isolate(1) - at.isolate(0), "m", "M_", "M")],
      [at.processor(0), records(at.processor(0), at.processor(1) - at.processor(0), "p", "P_", "P")],
      [0, (index) => field(header, index)],
    ];
    return (index) => regions.find(([from]) => index >= from)![1](index);
  };
}
