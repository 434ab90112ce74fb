/** A dump as text: what somebody reads at a desk, after Go's SIGQUIT dump. Equal tasks are one entry, as are equal threads. */
import { OUTSIDE } from "../machine/await_watch.ts";
import type {
  Dump,
  DumpedAwait,
  DumpedCycle,
  DumpedDescriptor,
  DumpedObject,
  DumpedTask,
  DumpedThread,
} from "./dump.ts";
import { Parties, placeText } from "./dumped_parties.ts";

/** Ids of one entry that are printed. Guess: enough to look for one of them in a log. */
const MOST_IDS = 8;

export function dumpText(dump: Dump): string {
  const { name, isClosed, procs, idleProcs, spinning, tasks, threads, native } = dump;
  const parties = new Parties(dump);
  const lines = [
    `Heddle${name === undefined ? "" : ` "${name}"`} at ${dump.time}${isClosed ? ", closed" : ""}: ` +
    `${count(procs, "proc")} (${idleProcs} idle), ${
      count(threads.length, "thread")
    } (${spinning} spinning), ` +
    `${count(tasks.length, "task")}, ${count(native.calls, "native call")} on ${
      count(native.threads, "native thread")
    }`,
    ...section("Cycles of waiting", dump.cycles.map((cycle) => cycleText(cycle, parties))),
    ...section("Tasks", grouped(tasks, (task) => taskText(task, parties))),
    ...section("Threads", grouped(threads, threadText)),
    ...section("Channels and locks", dump.objects.map((object) => objectText(object, parties))),
    ...section("Descriptors", grouped(dump.descriptors, descriptorText)),
    ...section(
      "Processors",
      dump.processors.map(({ number, state, thread, queued }) =>
        `P${number} [${state}]${thread === undefined ? "" : `: ${placeText(thread)}`}, ${queued} queued`
      ),
    ),
    "",
    `Queues: ${dump.queues.global} global, ${dump.queues.local} local, ${dump.queues.host} on the host.`,
  ];
  if (dump.unstable > 0) lines.push(`Left out, since they changed at each look: ${dump.unstable}.`);
  return lines.join("\n") + "\n";
}

function section(title: string, entries: readonly string[]): string[] {
  return entries.length === 0 ? [] : ["", `${title}:`, ...entries.map((entry) => `  ${entry}`)];
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? "" : "s"}`;
}

/** What is equal but for its number is one entry, where the first of them is. */
function grouped<T>(all: readonly T[], text: (one: T) => readonly [id: number, what: string, rest: string]) {
  const ids = new Map<string, { what: string; rest: string; ids: number[] }>();
  for (const one of all) {
    const [id, what, rest] = text(one);
    const key = `${what}${rest}`;
    const known = ids.get(key);
    if (known === undefined) ids.set(key, { what, rest, ids: [id] });
    else known.ids.push(id);
  }
  return [...ids.values()].map(({ what, rest, ids }) => `${idsText(what, ids)} ${rest}`);
}

function idsText(what: string, ids: readonly number[]): string {
  const shown = ids.slice(0, MOST_IDS).join(", ");
  const more = ids.length > MOST_IDS ? ` and ${ids.length - MOST_IDS} more` : "";
  return `${ids.length === 1 ? what : `${ids.length} ${what}s`} ${shown}${more}`;
}

function taskText(
  { id, name, module, state, startedBy, thread, parent, hasTurn, forMs, awaits, holds }: DumpedTask,
  parties: Parties,
): [number, string, string] {
  const on = parties.thread(thread);
  const where = thread === undefined ? "" : `, ${placeText(thread)}${on === undefined ? "" : ` ${what(on)}`}`;
  const by = startedBy === "host" ? "" : `, started on ${placeText(startedBy)}`;
  const parentText = parent === undefined ? "" : ` by task ${parent}`;
  const turn = hasTurn ? ", has its turn" : "";
  const rest = awaitsText(awaits ?? [], parties) +
    (holds === undefined ? "" : `\n    holds: ${holds.join(", ")}`);
  return [
    id,
    "task",
    `[${state}${age(forMs)}${where}${turn}]: ${name} of ${module}${by}${parentText}${rest}`,
  ];
}

/** Of what is known; else of what is not: a task's own functions await each other, too. Equal ones are one. */
function awaitsText(awaits: readonly DumpedAwait[], parties: Parties): string {
  if (awaits.length === 0) return "";
  if (awaits.length === 1) return awaitText(awaits[0], 1, [], parties);
  const known = awaits.filter(({ what }) => what !== OUTSIDE);
  const groups = new Map<string, { first: DumpedAwait; count: number; tasks: number[] }>();
  for (const one of known.length > 0 ? known : awaits) {
    const key = `${one.task === undefined ? one.what : ""}${age(one.forMs)}${parties.lines(one.at)}`;
    let group = groups.get(key);
    if (group === undefined) groups.set(key, group = { first: one, count: 0, tasks: [] });
    group.count++;
    if (one.task !== undefined) group.tasks.push(one.task);
  }
  let all = "";
  for (const { first, count, tasks } of groups.values()) all += awaitText(first, count, tasks, parties);
  return all;
}

function awaitText(one: DumpedAwait, count: number, tasks: readonly number[], parties: Parties): string {
  const { objects = [], at, forMs } = one;
  const what = tasks.length > 1 ? idsText("task", tasks) : one.what;
  const times = tasks.length > 1 || count === 1 ? "" : ` (${count} times)`;
  const held = objects.length === 0 ? "" : objects.map((name) => parties.heldBy(name)).join("");
  return `\n    awaits${age(forMs)}: ${what}${times}${held}${parties.lines(at)}`;
}

/** Minutes, as in Go's dump: else no two were equal. */
function age(ms = 0): string {
  return ms < 60_000 ? "" : ` for ${count(Math.floor(ms / 60_000), "minute")}`;
}

function what({ state, systemCall }: DumpedThread): string {
  if (systemCall === undefined) return state;
  return state === "in call" ? `in call: ${systemCall}` : `${state}, in ${systemCall}`;
}

function threadText(thread: DumpedThread): [number, string, string] {
  const { tid, name, role, runs, processor, cpuMs, heapBytes, begun, importing } = thread;
  const facts = [
    role,
    ...(processor === undefined ? [] : [processor === "exempt" ? "exempt P" : `P${processor}`]),
    ...(runs === undefined ? [] : [`runs ${runs}`]),
    count(begun, "task") + " begun",
    ...(importing === 0 ? [] : [`imports ${count(importing, "module")}`]),
    ...(cpuMs === undefined ? [] : [`${Math.round(cpuMs)} ms of CPU time`]),
    ...(heapBytes === undefined ? [] : [`heap ${(heapBytes / 2 ** 20).toFixed(1)} MB`]),
  ];
  return [tid, "thread", `${name === undefined ? "" : `"${name}" `}[${what(thread)}]: ${facts.join(", ")}`];
}

function objectText(object: DumpedObject, parties: Parties): string {
  const { name, count: filled, limit, isClosed, isPoisoned, heldBy, waiting } = object;
  const facts = [
    ...(filled === undefined ? [] : [limit === undefined ? String(filled) : `${filled} of ${limit}`]),
    ...(isClosed ? ["closed"] : []),
    ...(isPoisoned ? ["a thread died that held it"] : []),
    ...(heldBy.length === 0 ? [] : [parties.heldBy(name).slice(2)]),
    ...waiting.map(({ operation, thread, count, inSelect }) =>
      `${placeText(thread)} waits to ${verb(operation)}${inSelect ? " in a select" : ""}${
        count === 1 ? "" : ` (${count} times)`
      }`
    ),
  ];
  return facts.length === 0 ? `${name}: nobody waits` : `${name}: ${facts.join(", ")}`;
}

function descriptorText({ fd, awaits, thread }: DumpedDescriptor): [number, string, string] {
  const what = awaits === "both" ? "readable or writable" : awaits;
  const rest = awaits === "pollable"
    ? `registered by ${placeText(thread)}`
    : `awaited by ${placeText(thread)} to be ${what}`;
  return [fd, "descriptor", rest];
}

function verb(operation: string): string {
  return operation === "wait" ? "go on" : operation;
}

function cycleText(cycle: DumpedCycle, parties: Parties): string {
  return cycle.map(({ thread, task, waitsFor, heldBy, heldByTask }) => {
    const who = `${parties.text(thread, task)} waits for ${waitsFor}`;
    // Who waits for a task waits for nobody else.
    return waitsFor === `task ${heldByTask}` ? who : `${who}, held by ${parties.text(heldBy, heldByTask)}`;
  }).join("; ");
}
