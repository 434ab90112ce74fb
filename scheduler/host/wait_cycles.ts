/**
 * Circles of waiting in a dump. Who waits leads to who holds what it waits for, and who awaits a task to that task. Both are tasks as
 * far as journals say so (`stacks: true`), else threads: then any operation that is parked on a thread may be what that waits for.
 */
import type { DumpedCycle, DumpedObject, DumpedPlace, DumpedTask } from "./dump.ts";

interface Party {
  readonly thread: DumpedPlace;
  /** Missing: one of its tasks, or the host's code. */
  readonly task?: number;
}

interface Wait {
  readonly from: Party;
  readonly waitsFor: string;
  readonly to: Party;
}

/** A task's number, or a thread. */
type Node = number | string;

function nodeOf({ thread, task }: Party): Node {
  return task ?? String(thread);
}

/** A shortest way back for each circle, once. */
export function cyclesOf(tasks: readonly DumpedTask[], objects: readonly DumpedObject[]): DumpedCycle[] {
  const next = graphOf(tasks, objects);
  prune(next);
  const told = new Set<Node>();
  const cycles: DumpedCycle[] = [];
  for (const start of next.keys()) {
    if (told.has(start)) continue;
    const way = wayBack(start, next);
    if (way === undefined) continue;
    for (const { from } of way) told.add(nodeOf(from));
    cycles.push(way.map(({ from, waitsFor, to }) => ({
      thread: from.thread,
      ...(from.task !== undefined && { task: from.task }),
      waitsFor,
      heldBy: to.thread,
      ...(to.task !== undefined && { heldByTask: to.task }),
    })));
  }
  return cycles;
}

type Graph = Map<Node, Wait[]>;

function graphOf(tasks: readonly DumpedTask[], objects: readonly DumpedObject[]): Graph {
  const next: Graph = new Map();
  const ofThreads = addLockWaits(next, tasks, objects);
  addTaskWaits(next, tasks, ofThreads);
  const byThread = new Map<DumpedPlace, Wait[]>();
  for (const waits of next.values()) {
    for (const wait of waits) append(byThread, wait.from.thread, wait);
  }
  for (const [thread, waits] of byThread) {
    // Who of a thread holds something is not known: it is no circle if that one waits for another one of the same thread.
    next.set(nodeOf({ thread }), waits.filter(({ to }) => to.thread !== thread));
  }
  return next;
}

/** Returns what is waited for on each thread by whom nobody knows. */
function addLockWaits(
  next: Graph,
  tasks: readonly DumpedTask[],
  objects: readonly DumpedObject[],
): Map<DumpedPlace, Wait[]> {
  const held = objects.filter(({ heldBy }) => heldBy.length > 0);
  const holders = new Map(held.map(({ name, heldBy }) => [name, heldBy.flatMap(partiesOf)]));
  const add = (from: Party, waitsFor: string, all: readonly Party[]) => {
    for (const to of all) {
      // Who has it and waits for it as well waits for itself if it has all of it, and only a task is known to be the same one.
      const isSame = nodeOf(from) === nodeOf(to);
      if (!isSame || (from.task !== undefined && all.length === 1)) {
        append(next, nodeOf(from), { from, waitsFor, to });
      }
    }
  };
  /** Operations of which it is known whose they are. */
  const known = new Map<string, number>();
  for (const { id, thread, awaits = [] } of holders.size === 0 ? [] : tasks) {
    if (thread === undefined) continue;
    for (const { objects = [] } of awaits) {
      for (const name of objects) {
        const all = holders.get(name);
        if (all === undefined) continue;
        known.set(`${thread} ${name}`, (known.get(`${thread} ${name}`) ?? 0) + 1);
        add({ thread, task: id }, name, all);
      }
    }
  }
  for (const { name, waiting } of held) {
    const counts = new Map<DumpedPlace, number>();
    for (const { thread, count } of waiting) counts.set(thread, (counts.get(thread) ?? 0) + count);
    for (const [thread, count] of counts) {
      if (count > (known.get(`${thread} ${name}`) ?? 0)) add({ thread }, name, holders.get(name)!);
    }
  }
  const ofThreads = new Map<DumpedPlace, Wait[]>();
  for (const waits of next.values()) {
    const { from } = waits[0];
    if (from.task === undefined) ofThreads.set(from.thread, waits);
  }
  return ofThreads;
}

/** To whom it may come that waits itself. */
function addTaskWaits(
  next: Graph,
  tasks: readonly DumpedTask[],
  ofThreads: ReadonlyMap<DumpedPlace, readonly Wait[]>,
): void {
  const known = new Map<number, DumpedTask>();
  for (const task of tasks) {
    const { id, thread, awaits, hasTurn } = task;
    if (awaits === undefined || thread === undefined) continue;
    if (awaits.length === 0) {
      // It computes; or it has returned the promise of an operation, and what that waits for nobody knows.
      const others = hasTurn ? undefined : ofThreads.get(thread)?.filter(({ to }) => to.task !== id);
      if (others === undefined || others.length === 0) continue;
      next.set(id, others.map((wait) => ({ ...wait, from: { thread, task: id } })));
    }
    if (next.has(id) || awaits.some(({ task }) => task !== undefined)) known.set(id, task);
  }
  for (const { id, thread, awaits } of known.values()) {
    for (const { what, task } of awaits!) {
      const other = task === undefined ? undefined : known.get(task);
      if (other === undefined) continue;
      const [from, to] = [{ thread: thread!, task: id }, { thread: other.thread!, task: other.id }];
      append(next, id, { from, waitsFor: what, to });
    }
  }
}

/** Those tasks that are known, and the thread if it holds more than they do. */
function partiesOf({ thread, times, tasks = [] }: DumpedObject["heldBy"][number]): Party[] {
  const parties: Party[] = tasks.map((task) => ({ thread, task }));
  return parties.length === 0 || (times > 1 && parties.length < times) ? [...parties, { thread }] : parties;
}

function append<K, V>(lists: Map<K, V[]>, key: K, one: V): void {
  const known = lists.get(key);
  if (known === undefined) lists.set(key, [one]);
  else known.push(one);
}

/** Takes out who waits for nobody that waits, and for whom nobody waits, until there are none: then little is left to look through. */
function prune(next: Graph): void {
  const before = new Map<Node, Node[]>();
  const waitedFor = new Map<Node, number>();
  const waitsFor = new Map<Node, number>();
  const leaves: Node[] = [];
  for (const [node, waits] of next) {
    waitsFor.set(node, waits.length);
    for (const { to } of waits) {
      const key = nodeOf(to);
      waitedFor.set(key, (waitedFor.get(key) ?? 0) + 1);
      append(before, key, node);
      if (!next.has(key)) leaves.push(key);
    }
  }
  const ends = new Set(leaves);
  for (const end of ends) {
    for (const node of before.get(end) ?? []) {
      const left = waitsFor.get(node)! - 1;
      waitsFor.set(node, left);
      if (left === 0) ends.add(node);
    }
  }
  for (const end of ends) next.delete(end);
  const begins = new Set([...next.keys()].filter((node) => !waitedFor.has(node)));
  for (const begin of begins) {
    for (const { to } of next.get(begin) ?? []) {
      const key = nodeOf(to);
      const left = waitedFor.get(key)! - 1;
      waitedFor.set(key, left);
      if (left === 0) begins.add(key);
    }
    next.delete(begin);
  }
}

interface Step {
  readonly before: Step | undefined;
  readonly wait: Wait;
}

/** Breadth first. */
function wayBack(start: Node, next: ReadonlyMap<Node, readonly Wait[]>): Wait[] | undefined {
  const cameBy = new Map<Node, Step | undefined>([[start, undefined]]);
  for (const [node, before] of cameBy) {
    for (const wait of next.get(node) ?? []) {
      const key = nodeOf(wait.to);
      if (key === start) return [...stepsTo(before), wait];
      if (!cameBy.has(key)) cameBy.set(key, { before, wait });
    }
  }
}

function stepsTo(last: Step | undefined): Wait[] {
  const way: Wait[] = [];
  for (let step = last; step !== undefined; step = step.before) way.push(step.wait);
  return way.reverse();
}
