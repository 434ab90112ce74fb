/** What the journals of threads add to the tasks of a dump: `stacks: true`. */
import { AWAITS, BEGUN } from "../arena/layout/journal.ts";
import { splitKey } from "../tasks/define.ts";
import type { DumpedAwait, DumpedObject, DumpedPlace, DumpedTask } from "./dump.ts";
import type { SeenEntry, SeenJournal } from "./seen_journal.ts";

/** To tasks that are there already, and to `tasks` those that only their threads know of. */
export function addAwaits(
  tasks: DumpedTask[],
  objects: readonly DumpedObject[],
  journals: readonly (readonly [DumpedPlace, SeenJournal])[],
): void {
  const now = performance.timeOrigin + performance.now();
  const byName = new Map(objects.map((object) => [bareName(object), object]));
  const [awaits, parents] = [new Map<number, DumpedAwait[]>(), new Map<number, number>()];
  for (const [thread, { entries }] of journals) {
    for (const entry of entries) {
      if (entry.kind !== AWAITS) continue;
      const one = awaitOf(entry, thread, now, byName);
      const others = awaits.get(entry.task);
      if (others === undefined) awaits.set(entry.task, [one]);
      else others.push(one);
      if (entry.other !== 0) parents.set(entry.other, entry.task);
    }
  }
  for (const all of awaits.values()) all.sort((a, b) => b.forMs - a.forMs);
  const places = new Map(tasks.map(({ id }, index) => [id, index]));
  for (const [thread, { entries }] of journals) {
    for (const { kind, task: id, other, since, place, hasTurn } of entries) {
      if (kind !== BEGUN) continue;
      const at = places.get(id);
      const parent = other || parents.get(id);
      const known = at === undefined ? privateTask(id, place, thread) : tasks[at];
      const task: DumpedTask = {
        ...known,
        ...(parent !== undefined && { parent }),
        hasTurn,
        forMs: Math.max(0, now - since),
        awaits: awaits.get(id) ?? [],
      };
      if (at === undefined) places.set(id, tasks.push(task) - 1);
      else tasks[at] = task;
    }
  }
}

/** Without its label. */
function bareName({ name }: DumpedObject): string {
  return name.split(" ", 2).join(" ");
}

function privateTask(id: number, key: string, thread: DumpedPlace): DumpedTask {
  const [module, name] = splitKey(key);
  return { id, name, module, state: "begun", startedBy: thread, thread };
}

/** The words are those of the moment when it began: who holds the lock, and what it is called, the dump knows better. */
function awaitOf(
  { other, since, place, what }: SeenEntry,
  thread: DumpedPlace,
  now: number,
  objects: ReadonlyMap<string, DumpedObject>,
): DumpedAwait {
  const holders = new Set<DumpedPlace>(what.startsWith(OWN_MUTEX) ? [thread] : []);
  const named = !/\d/.test(what) ? what : what.replace(HOLDER, "").replace(OBJECT, (bare) => {
    const object = objects.get(bare);
    for (const { thread } of object?.heldBy ?? []) holders.add(thread);
    return object?.name ?? bare;
  });
  return {
    what: named,
    ...(other !== 0 && { task: other }),
    ...(holders.size > 0 && { heldBy: [...holders] }),
    forMs: Math.max(0, now - since),
    at: place === "" ? [] : place.split("\n"),
  };
}

/** What `describe` says of operations: mutex_core.ts and its neighbours. */
const OWN_MUTEX = "lock a mutex of this thread";
const HOLDER = /, which thread \d+ holds/g;
const OBJECT = /\b(?:channel|mutex|RWMutex|Semaphore|WaitGroup|Once|Barrier) \d+\b(?! of this thread)/g;
