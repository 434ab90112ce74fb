/**
 * `Scheduler.dump()`: what the arena says of a scheduler at one moment, as plain data. The host reads it, and needs nobody
 * for that: no thread is stopped, asked or waited for, and no lock is taken. So it works while all of them hang.
 *
 * How each part is read, so that nothing torn is shown as if it were whole:
 *
 *   slots             slots/seen_slot.ts. What did not hold still is left out, and counted in `unstable`.
 *   channels, locks   sync/seen_objects.ts. The same.
 *   threads           the host gives the numbers of threads away, and takes them back, both in its own event loop: so a record
 *                     is one thread's from the begin of a dump to its end. Each of its words is told as it was read; two of
 *                     them may be of different moments (a thread that goes on meanwhile is shown as it was, with the P that
 *                     it has).
 *   Ps, queues        words that say all by themselves.
 *   descriptors       poll_sets.ts: the kernel's.
 *   what waits here   the host's own.
 *
 *   awaits, holders   with `stacks: true`: seen_journal.ts. What did not hold still is left out, and counted.
 *
 * What lives in the heap of a thread alone cannot be read from here: children without a slot, what a task awaits, which
 * task has taken a lock, local channels and locks. The thread says how many tasks have begun on it, and its parked operations
 * on shared objects are known. With `stacks: true` it keeps a journal of the rest.
 */
import type { Shim } from "../../ffi/shim.ts";
import { load } from "../arena/atomics.ts";
import { CLOSING, ISOLATES, PREEMPTED, STACKS } from "../arena/layout/header.ts";
import { HOST, M_IMPORTS, M_LIVE, M_PARKS, M_POLL_SET, M_RAN, M_RUNS, M_TID } from "../arena/layout/m.ts";
import { METER_HEAP_USED } from "../arena/layout/meter.ts";
import { O_FIRST_QUEUE } from "../arena/layout/object.ts";
import { holder, isInCall, isOnItsWay, isRunning } from "../parking/processor.ts";
import { DEDICATED, LOCKED, POOL, SPARE } from "../parking/roles.ts";
import type { Shared } from "../parking/shared.ts";
import {
  isAsleep,
  isBlocked,
  isFrozen,
  isGiven,
  isLost,
  isSeized,
  sleepsInEventLoop,
} from "../parking/sleep_word.ts";
import { G_CANCELLED, G_QUEUED, G_RUNNING } from "../slots/g_table.ts";
import { type SeenSlot, seeSlot, UNSTABLE } from "../slots/seen_slot.ts";
import type { TaskTable } from "../slots/task_table.ts";
import { BARRIER, CHANNEL, MUTEX, ONCE, RW_MUTEX, SEMAPHORE, WAIT_GROUP } from "../sync/handles.ts";
import { READ } from "../sync/rw_mutex.ts";
import { type SeenObject, SeenObjects, type SeenWait } from "../sync/seen_objects.ts";
import { splitKey } from "../tasks/define.ts";
import { doublesOf } from "../tracing/meter.ts";
import type {
  Dump,
  DumpedDescriptor,
  DumpedObject,
  DumpedPlace,
  DumpedProcessor,
  DumpedTask,
  DumpedThread,
  DumpedWait,
} from "./dump.ts";
import { dumpText } from "./dump_text.ts";
import { addAwaits } from "./dumped_awaits.ts";
import { seePollSet } from "./poll_sets.ts";
import { SeenJournal } from "./seen_journal.ts";
import { cyclesOf } from "./wait_cycles.ts";
import { kernelName, systemCall } from "./system_calls.ts";

/** What the host alone knows. */
export interface Known {
  readonly name: string | undefined;
  /** Threads that are there. */
  readonly isolates: readonly number[];
  /** Without a slot. */
  readonly waiting: readonly { readonly id: number; readonly name: string; readonly module: string }[];
  /** Of one of its own tasks. */
  nameOf(slot: number): string | undefined;
  readonly native: Dump["native"];
}

const ROLES: Readonly<Record<number, DumpedThread["role"]>> = {
  [SPARE]: "spare",
  [POOL]: "pool",
  [DEDICATED]: "dedicated",
  [LOCKED]: "locked",
};

const KINDS: Readonly<Record<number, DumpedObject["kind"]>> = {
  [CHANNEL]: "channel",
  [MUTEX]: "mutex",
  [RW_MUTEX]: "RWMutex",
  [SEMAPHORE]: "Semaphore",
  [WAIT_GROUP]: "WaitGroup",
  [ONCE]: "Once",
  [BARRIER]: "Barrier",
};

export class Dumper {
  readonly #shared: Shared;
  readonly #table: TaskTable;
  readonly #shim: Pick<Shim, "cpuNs">;
  /** Names and modules of definitions, which never change. */
  readonly #definitions: { readonly name: string; readonly module: string }[] = [];

  constructor(shared: Shared, table: TaskTable, shim: Pick<Shim, "cpuNs">) {
    this.#shared = shared;
    this.#table = table;
    this.#shim = shim;
  }

  dump(known: Known): Dump {
    const { idle, words } = this.#shared;
    const processors = this.#processors();
    const objects = new SeenObjects(this.#shared.arena);
    const seen = objects.see();
    const tasks: DumpedTask[] = [];
    const begun = new Map<number, number>();
    let unstable = this.#addTasks(tasks, begun, known) + objects.unstable;
    const threads = known.isolates.map((isolate) => this.#thread(isolate, begun.get(isolate) ?? 0));
    const dumpedObjects = seen.map((one) => this.#object(one));
    if (load(words, STACKS) === 1) unstable += this.#addAwaits(tasks, dumpedObjects, known.isolates);
    const dump: Dump = {
      version: 1,
      time: new Date().toISOString(),
      ...(known.name !== undefined && { name: known.name }),
      isClosed: load(words, CLOSING) === 1,
      procs: idle.procs,
      idleProcs: Math.max(0, idle.idlePs),
      spinning: idle.spinning,
      preempted: load(words, PREEMPTED),
      tasks,
      threads,
      processors,
      queues: {
        global: Math.max(0, this.#shared.global.length),
        local: processors.reduce((sum, { queued }) => sum + queued, 0),
        host: known.waiting.length,
      },
      objects: dumpedObjects,
      descriptors: [HOST, ...known.isolates].flatMap((isolate) => this.#descriptors(isolate)),
      native: known.native,
      cycles: cyclesOf(tasks, dumpedObjects),
      unstable,
    };
    return Object.defineProperty(dump, "toString", { value: () => dumpText(dump) });
  }

  // Tasks -------------------------------------------------------------------------------------------------------------

  /** Counts those that have begun, by isolate. Returns how many were left out. */
  #addTasks(tasks: DumpedTask[], begun: Map<number, number>, known: Known): number {
    const { arena, words } = this.#shared;
    // Of numbers that were never used, nobody can have started anything.
    const end = arena.firstSlot(load(words, ISOLATES));
    let unstable = 0;
    const shown = new Map<number, number>();
    for (let slot = 0; slot < end; slot++) {
      const seen = seeSlot(arena, slot);
      if (seen === undefined) continue;
      if (seen === UNSTABLE) {
        unstable++;
        continue;
      }
      const { status, runner } = seen;
      if (status === G_RUNNING) begun.set(runner, (begun.get(runner) ?? 0) + 1);
      const earlier = shown.get(seen.id);
      if (earlier === undefined) {
        shown.set(seen.id, tasks.push(this.#task(slot, seen, known)) - 1);
      } else if (isWaitingOrRunning(seen)) {
        // Its priority has changed, and its last slot is left in a queue: Owner.rewrite.
        tasks[earlier] = this.#task(slot, seen, known);
      }
    }
    for (const { id, name, module } of known.waiting) {
      tasks.push({ id, name, module, state: "waiting for a slot", startedBy: "host" });
    }
    return unstable;
  }

  #task(slot: number, { id, status, definition, runner }: SeenSlot, known: Known): DumpedTask {
    const { name, module } = this.#definition(definition);
    const owner = this.#shared.arena.ownerOf(slot);
    const given = owner === HOST ? known.nameOf(slot) : undefined;
    return {
      id,
      name: given ?? name,
      module,
      state: stateOf(status, runner),
      startedBy: this.#place(owner),
      ...(runner !== HOST && { thread: this.#place(runner) }),
    };
  }

  #definition(number: number): { readonly name: string; readonly module: string } {
    const known = this.#definitions[number];
    if (known !== undefined) return known;
    const [module, name] = splitKey(this.#table.key(number));
    return this.#definitions[number] = { name, module };
  }

  /** Returns how many were left out. */
  #addAwaits(tasks: DumpedTask[], objects: DumpedObject[], isolates: readonly number[]): number {
    let unstable = 0;
    const journals: [DumpedPlace, SeenJournal][] = [];
    for (const isolate of isolates) {
      const thread = this.#place(isolate);
      // What a thread that is starting has there is the last one's.
      if (thread === "starting") continue;
      const journal = new SeenJournal(this.#shared.arena);
      journal.see(isolate);
      unstable += journal.unstable;
      journals.push([thread, journal]);
    }
    addAwaits(tasks, objects, journals);
    return unstable;
  }

  // Threads and Ps ----------------------------------------------------------------------------------------------------

  #place(isolate: number): DumpedPlace {
    if (isolate === HOST) return "host";
    return load(this.#shared.words, this.#shared.arena.isolate(isolate) + M_TID) || "starting";
  }

  /** `begun`: tasks with a slot that have. The thread's own count is older, and has those without. */
  #thread(isolate: number, begun: number): DumpedThread {
    const { arena, idle, parker, roles, words } = this.#shared;
    const record = arena.isolate(isolate);
    const role = ROLES[roles.of(isolate)] ?? "ending";
    const tid = load(words, record + M_TID);
    const p = this.#heldBy(isolate);
    const runs = load(words, record + M_RUNS);
    const state = threadState(parker.state(isolate), tid, p >= 0 && isInCall(idle.ps.word(p)));
    const name = tid === 0 ? undefined : kernelName(tid);
    const call = tid === 0 ? undefined : systemCall(tid);
    const heapBytes = doublesOf(arena, isolate)[METER_HEAP_USED];
    const cpuNs = tid === 0 ? -1 : this.#shim.cpuNs(tid);
    return {
      tid,
      ...(name !== undefined && { name }),
      role,
      state,
      ...(runs > 0 && { runs: this.#definition(runs - 1).name }),
      ...(p >= 0 && { processor: p }),
      ...(p < 0 && role === "dedicated" && { processor: "exempt" as const }),
      ...(call !== undefined && { systemCall: call }),
      ...(cpuNs >= 0 && { cpuMs: cpuNs / 1e6 }),
      ...(heapBytes > 0 && { heapBytes }),
      begun: Math.max(begun, load(words, record + M_LIVE)),
      importing: load(words, record + M_IMPORTS),
      ran: load(words, record + M_RAN),
      parks: load(words, record + M_PARKS),
    };
  }

  #heldBy(isolate: number): number {
    const { idle } = this.#shared;
    for (let p = 0; p < idle.mostProcs; p++) if (holder(idle.ps.word(p)) === isolate) return p;
    return -1;
  }

  #processors(): DumpedProcessor[] {
    const { idle, rings } = this.#shared;
    return Array.from({ length: idle.mostProcs }, (_, number) => {
      const word = idle.ps.word(number);
      const thread = holder(word);
      return {
        number,
        state: processorState(word, number < idle.procs),
        ...(thread !== HOST && { thread: this.#place(thread) }),
        queued: rings.length(number),
      };
    });
  }

  // Descriptors -------------------------------------------------------------------------------------------------------

  #descriptors(isolate: number): DumpedDescriptor[] {
    const set = load(this.#shared.words, this.#shared.arena.isolate(isolate) + M_POLL_SET) - 1;
    if (set < 0) return [];
    const thread = this.#place(isolate);
    return seePollSet(set).map((one) => ({ ...one, thread }));
  }

  // Channels and locks ------------------------------------------------------------------------------------------------

  #object(seen: SeenObject): DumpedObject {
    const { kind, name, isEnded, count, limit, holders } = seen;
    const isCounted = ![MUTEX, RW_MUTEX, ONCE].includes(kind);
    return {
      name: nameOf(seen),
      kind: KINDS[kind],
      ...(name !== undefined && { label: name }),
      ...(kind === CHANNEL && { isClosed: isEnded }),
      ...(kind !== CHANNEL && { isPoisoned: isEnded }),
      ...(isCounted && { count }),
      ...(isCounted && kind !== WAIT_GROUP && { limit }),
      heldBy: holders.map(([isolate, times]) => ({ thread: this.#place(isolate), times })),
      waiting: seen.waits.map((wait) => ({
        operation: operationOf(kind, wait),
        thread: this.#place(wait.isolate),
        count: wait.count,
        inSelect: wait.isInSelect,
      })),
    };
  }
}

function stateOf(status: number, runner: number): DumpedTask["state"] {
  if (status === G_QUEUED) return runner === HOST ? "queued" : "importing";
  if (status === G_RUNNING) return "begun";
  return status === G_CANCELLED ? "cancelled" : "ended";
}

function threadState(state: number, tid: number, isInCall: boolean): DumpedThread["state"] {
  if (tid === 0) return "starting";
  if (isLost(state)) return "abandoned";
  if (isFrozen(state)) return "frozen";
  if (isSeized(state)) return "seized";
  if (isGiven(state)) return "waking";
  if (isBlocked(state)) return isAsleep(state) ? "waiting for a P" : "in call";
  if (sleepsInEventLoop(state)) return "in event loop";
  if (isAsleep(state)) return "parked";
  return isInCall ? "in call" : "running";
}

function processorState(word: number, isCounted: boolean): DumpedProcessor["state"] {
  if (isInCall(word)) return "in call";
  if (isRunning(word)) return "running";
  if (isOnItsWay(word)) return "passing";
  return isCounted ? "idle" : "stopped";
}

function nameOf({ kind, number, name }: SeenObject): string {
  return `${KINDS[kind]} ${number}${name === undefined ? "" : ` ${JSON.stringify(name)}`}`;
}

function operationOf(kind: number, { queue, demand }: SeenWait): DumpedWait["operation"] {
  if (kind === CHANNEL) return queue === O_FIRST_QUEUE ? "receive" : "send";
  if (kind === MUTEX) return "lock";
  if (kind === RW_MUTEX) return demand === READ ? "read lock" : "lock";
  return kind === SEMAPHORE ? "acquire" : "wait";
}

function isWaitingOrRunning({ status }: SeenSlot): boolean {
  return status === G_QUEUED || status === G_RUNNING;
}
