/** What the journals of threads add to a dump: which tasks hold locks, and what each of them awaits. `stacks: true`. */
import { AWAITS, BEGUN, HOLDS } from "../arena/layout/journal.ts";
import { splitKey } from "../tasks/define.ts";
import type { DumpedAwait, DumpedObject, DumpedPlace, DumpedTask } from "./dump.ts";
import type { SeenEntry, SeenJournal } from "./seen_journal.ts";

type Journals = readonly (readonly [DumpedPlace, SeenJournal])[];

/** Of very many tasks. */
const NOTHING: readonly DumpedAwait[] = [];

/** While it is made. */
type BegunTask = { -readonly [Field in keyof DumpedTask]: DumpedTask[Field] };

/** What has the same words. There may be 100,000 awaits, of few kinds. */
type Known = Pick<DumpedAwait, "what" | "objects" | "heldBy" | "heldByTasks">;

/** To tasks and locks that are there already, and to `tasks` those that only their threads know of. */
export function addAwaits(tasks: DumpedTask[], objects: DumpedObject[], journals: Journals): void {
  const byName = new Map(objects.map((object, index) => [bareName(object), index]));
  const holds = addHolders(objects, byName, journals);
  const places = new Map(tasks.map((task, index) => [task.id, index]));
  const awaits = new Map<number, DumpedAwait[]>();
  const parents = new Map<number, number>();
  const lines = new Map<string, readonly string[]>();
  for (const [, { entries }] of journals) {
    const known = new Map<string, Known>();
    for (const entry of entries) {
      if (entry.kind !== AWAITS) continue;
      const one = awaitOf(entry, known, lines, (bare) => objects[byName.get(bare) ?? -1]);
      const others = awaits.get(entry.task);
      if (others === undefined) awaits.set(entry.task, [one]);
      else others.push(one);
      // Of others their own thread knows it.
      if (entry.other !== 0 && places.has(entry.other)) parents.set(entry.other, entry.task);
    }
  }
  for (const all of awaits.values()) if (all.length > 1) all.sort((a, b) => b.forMs - a.forMs);
  const keys = new Map<string, readonly [string, string]>();
  for (const [thread, { entries }] of journals) {
    for (const entry of entries) {
      if (entry.kind !== BEGUN) continue;
      const { task: id, place, other, hasTurn, forMs } = entry;
      const at = places.get(id);
      let key = keys.get(place);
      if (key === undefined) keys.set(place, key = splitKey(place));
      const known = at === undefined ? undefined : tasks[at];
      const parent = other || parents.get(id);
      const held = holds.get(id);
      const begun: BegunTask = {
        id,
        name: known === undefined ? key[1] : known.name,
        module: known === undefined ? key[0] : known.module,
        state: known === undefined ? "begun" : known.state,
        startedBy: known === undefined ? thread : known.startedBy,
        thread,
        hasTurn,
        forMs,
        awaits: awaits.get(id) ?? NOTHING,
      };
      if (parent !== undefined) begun.parent = parent;
      if (held !== undefined) begun.holds = held;
      if (at === undefined) tasks.push(begun);
      else tasks[at] = begun;
    }
  }
}

/** Of locks that are held there: a journal is read at another moment than the locks. Returns what each task holds. */
function addHolders(
  objects: DumpedObject[],
  byName: ReadonlyMap<string, number>,
  journals: Journals,
): Map<number, string[]> {
  const holders = new Map<number, Map<DumpedPlace, Set<number>>>();
  for (const [thread, { entries }] of journals) {
    for (const { kind, task, what } of entries) {
      const index = kind === HOLDS ? byName.get(what) : undefined;
      if (index === undefined || !objects[index].heldBy.some((holder) => holder.thread === thread)) continue;
      let places = holders.get(index);
      if (places === undefined) holders.set(index, places = new Map());
      const others = places.get(thread);
      if (others === undefined) places.set(thread, new Set([task]));
      else others.add(task);
    }
  }
  const holds = new Map<number, string[]>();
  for (const [index, places] of holders) {
    const { name, heldBy } = objects[index];
    objects[index] = {
      ...objects[index],
      heldBy: heldBy.map((holder) => {
        const tasks = places.get(holder.thread);
        return tasks === undefined ? holder : { ...holder, tasks: [...tasks] };
      }),
    };
    for (const tasks of places.values()) {
      for (const task of tasks) {
        const others = holds.get(task);
        if (others === undefined) holds.set(task, [name]);
        else others.push(name);
      }
    }
  }
  return holds;
}

/** Without its label. */
function bareName({ name }: DumpedObject): string {
  return name.split(" ", 2).join(" ");
}

function awaitOf(
  { other, forMs, place, what }: SeenEntry,
  known: Map<string, Known>,
  lines: Map<string, readonly string[]>,
  find: (bare: string) => DumpedObject | undefined,
): DumpedAwait {
  let at = lines.get(place);
  if (at === undefined) lines.set(place, at = place === "" ? [] : place.split("\n"));
  if (other !== 0) return { what: `task ${other}`, task: other, forMs, at };
  let words = known.get(what);
  if (words === undefined) known.set(what, words = wordsOf(what, find));
  return { ...words, forMs, at };
}

/** The words are those of the moment when it began: who holds the lock, and what it is called, the dump knows better. */
function wordsOf(what: string, find: (bare: string) => DumpedObject | undefined): Known {
  const objects: string[] = [];
  const places = new Set<DumpedPlace>();
  const tasks = new Set<number>();
  const named = what.replace(HOLDER, "").replace(OBJECT, (bare) => {
    const object = find(bare);
    if (object === undefined) return bare;
    objects.push(object.name);
    for (const holder of object.heldBy) {
      places.add(holder.thread);
      for (const task of holder.tasks ?? []) tasks.add(task);
    }
    return object.name;
  });
  return {
    what: named,
    ...(objects.length > 0 && { objects }),
    ...(places.size > 0 && { heldBy: [...places] }),
    ...(tasks.size > 0 && { heldByTasks: [...tasks] }),
  };
}

/** What `describe` says of operations: mutex_core.ts and its neighbours. */
const HOLDER = /, which thread \d+ holds/g;
const OBJECT = /\b(?:channel|mutex|RWMutex|Semaphore|WaitGroup|Once|Barrier) \d+\b(?! of this thread)/g;
