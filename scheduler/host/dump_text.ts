/** A dump as text: what somebody reads at a desk, after Go's SIGQUIT dump. Equal tasks are one entry, as are equal threads. */
import { OUTSIDE } from "../machine/await_watch.ts";
import type {
  Dump,
  DumpedAwait,
  DumpedDescriptor,
  DumpedObject,
  DumpedPlace,
  DumpedTask,
  DumpedThread,
} from "./dump.ts";

/** Ids of one entry that are printed. Guess: enough to look for one of them in a log. */
const MOST_IDS = 8;

export function dumpText(dump: Dump): string {
  const { name, isClosed, procs, idleProcs, spinning, tasks, threads, native } = dump;
  const states = new Map(threads.map((thread) => [thread.tid, thread]));
  const lines = [
    `Heddle${name === undefined ? "" : ` "${name}"`} at ${dump.time}${isClosed ? ", closed" : ""}: ` +
    `${count(procs, "proc")} (${idleProcs} idle), ${
      count(threads.length, "thread")
    } (${spinning} spinning), ` +
    `${count(tasks.length, "task")}, ${count(native.calls, "native call")} on ${
      count(native.threads, "native thread")
    }`,
    ...section("Cycles of threads that wait for each other", dump.cycles.map(cycleText)),
    ...section("Tasks", grouped(tasks, (task) => taskText(task, states))),
    ...section("Threads", grouped(threads, threadText)),
    ...section("Channels and locks", dump.objects.map(objectText)),
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
  return [...ids.values()].map(({ what, rest, ids }) => {
    const shown = ids.slice(0, MOST_IDS).join(", ");
    const more = ids.length > MOST_IDS ? ` and ${ids.length - MOST_IDS} more` : "";
    return `${ids.length === 1 ? what : `${ids.length} ${what}s`} ${shown}${more} ${rest}`;
  });
}

function taskText(
  { id, name, module, state, startedBy, thread, parent, hasTurn, forMs, awaits }: DumpedTask,
  threads: ReadonlyMap<number, DumpedThread>,
): [number, string, string] {
  const on = typeof thread === "number" ? threads.get(thread) : undefined;
  const where = thread === undefined ? "" : `, ${placeText(thread)}${on === undefined ? "" : ` ${what(on)}`}`;
  const by = startedBy === "host" ? "" : `, started on ${placeText(startedBy)}`;
  const parentText = parent === undefined ? "" : ` by task ${parent}`;
  const turn = hasTurn ? ", has its turn" : "";
  const rest = awaitsText(awaits ?? []);
  return [
    id,
    "task",
    `[${state}${age(forMs)}${where}${turn}]: ${name} of ${module}${by}${parentText}${rest}`,
  ];
}

/** Of what is known; else of what is not. Its own functions await each other, too. */
function awaitsText(awaits: readonly DumpedAwait[]): string {
  const known = awaits.filter(({ what }) => what !== OUTSIDE);
  return (known.length > 0 ? known : awaits).map((one) => {
    const held = one.heldBy === undefined ? "" : `, which ${one.heldBy.map(placeText).join(" and ")} holds`;
    return `\n    awaits${age(one.forMs)}: ${one.what}${held}${
      one.at.map((line) => `\n      at ${line}`).join("")
    }`;
  }).join("");
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

function objectText(object: DumpedObject): string {
  const { name, count: filled, limit, isClosed, isPoisoned, heldBy, waiting } = object;
  const facts = [
    ...(filled === undefined ? [] : [limit === undefined ? String(filled) : `${filled} of ${limit}`]),
    ...(isClosed ? ["closed"] : []),
    ...(isPoisoned ? ["a thread died that held it"] : []),
    ...heldBy.map(({ thread, times }) =>
      `held by ${placeText(thread)}${times === 1 ? "" : ` (${times} times)`}`
    ),
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

function cycleText(cycle: Dump["cycles"][number]): string {
  return cycle.map(({ thread, waitsFor, heldBy }) =>
    `${placeText(thread)} waits for ${waitsFor}, which ${placeText(heldBy)} holds`
  ).join("; ");
}

function placeText(place: DumpedPlace): string {
  if (place === "host") return "the host";
  return place === "starting" ? "a thread that is starting" : `thread ${place}`;
}
