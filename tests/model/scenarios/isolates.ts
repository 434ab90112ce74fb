/** Isolates that only use what tasks share: as dedicated Ms they keep their P while they sleep for mail. */
import { Shared } from "../../../scheduler/parking/shared.ts";
import type { TaskContext } from "../../../scheduler/tasks/context.ts";
import { HANDLE } from "../../../scheduler/codec/handle.ts";
import { Arrived, CHANNEL, type Shareable } from "../../../scheduler/sync/handles.ts";
import { HOME, type Home } from "../../../scheduler/tasks/home.ts";
import { Isolate, isolateOf, type Loop } from "../../../scheduler/sync/isolate.ts";
import { type Mailbox, TO_WAITER } from "../../../scheduler/queues/mailbox.ts";
import { Arena, leastArenaBytes } from "../../../scheduler/arena/arena.ts";
import { ISOLATES } from "../../../scheduler/arena/layout/header.ts";
import { HOST } from "../../../scheduler/arena/layout/m.ts";
import { C_CAPACITY, CELL_WORDS } from "../../../scheduler/arena/layout/object.ts";
import type { Parker } from "../../../scheduler/parking/parker.ts";
import { KEEPS_P_FUTEX } from "../../../scheduler/parking/sleep_word.ts";
import { SharedChannel } from "../../../scheduler/sync/shared_channel.ts";
import { abort, check, ModelSignal } from "../scenario.ts";
import { shim } from "./machines.ts";

export class Member implements Loop {
  readonly home: Isolate;
  readonly mayRun = true;
  readonly #number: number;
  readonly #mailbox: Mailbox;
  readonly #parker: Parker;

  constructor(arena: Arena, number: number, ofThread = shim) {
    this.#number = number;
    const shared = new Shared(arena, ofThread);
    this.#parker = shared.parker;
    this.#mailbox = shared.mailbox;
    this.home = new Isolate(shared, number, ofThread, this);
    this.home.records.reserve(2);
  }

  get [HOME](): Isolate {
    return this.home;
  }

  resumeLater(resume: { fire(): void }): void {
    resume.fire();
  }

  startTimer(): void {
    throw new Error("There are no timers here.");
  }

  stopTimer(): void {}
  listen(): void {}

  readonly #read = (slot: number, addressee: number): void => {
    check(addressee === TO_WAITER, "only records come by mail");
    this.home.read(slot);
  };

  /** Reads mail, and sleeps for more, until the operation has settled. */
  async settled<T>(operation: Promise<T>): Promise<T> {
    let isOver = false;
    const end = () => void (isOver = true);
    operation.then(end, end);
    for (;;) {
      // Awaits that are under way, as in Machine.
      for (let turn = 0; turn < 8 && !isOver; turn++) await undefined;
      if (isOver) return operation;
      this.#parker.announce(this.#number, KEEPS_P_FUTEX);
      if (this.#mailbox.isEmpty(this.#number)) this.#parker.sleep(this.#number, KEEPS_P_FUTEX, Infinity);
      this.#parker.retract(this.#number, KEEPS_P_FUTEX);
      this.#mailbox.drain(this.#number, this.#read);
    }
  }
}

/** So many isolates over one arena. */
export function members(count: number): Member[] {
  const shape = { maxTasks: 1, maxThreads: count, bytes: leastArenaBytes(1, count) };
  const first = new Arena(shape);
  first.i32[ISOLATES] = count + 1;
  return Array.from({ length: count }, (_, i) => new Member(new Arena(shape, first.buffer), HOST + 1 + i));
}

/** A channel that they all know, as each of them has it. */
export function channelOf(all: readonly Member[], capacity: number): SharedChannel[] {
  const [{ home }] = all;
  const object = home.handles.create(CHANNEL, capacity * CELL_WORDS);
  home.words[object + C_CAPACITY] = capacity;
  return all.map((member) => new SharedChannel(member.home, object, member));
}

/** A channel between the host and the tasks of a pool, which the host has made. */
export class HostChannel extends SharedChannel {
  readonly host: Member;

  constructor(arena: Arena, capacity = 1) {
    const host = new Member(arena, HOST);
    const object = host.home.handles.create(CHANNEL, capacity * CELL_WORDS);
    host.home.words[object + C_CAPACITY] = capacity;
    super(host.home, object, host);
    this.host = host;
  }

  /** As a task has it. */
  of(ctx: TaskContext): SharedChannel {
    return new SharedChannel(isolateOf(ctx, "a test"), this.object, ctx);
  }
}

/** A lock that they all know, as each of them has it. */
export function lockOf<L extends { [HANDLE]: unknown }>(
  all: readonly Member[],
  make: (home: Home) => L,
): L[] {
  const first = make(all[0] as unknown as Home);
  const object = (first[HANDLE] as Shareable).share();
  const others = all.slice(1).map(({ home }) => make(new Arrived(home, object) as unknown as Home));
  return [first, ...others];
}

/** So many words that nobody else uses. Plain access to them is a race, unless what is tested orders it. */
export function plainWords([{ home }]: readonly Member[], count: number): number {
  const at = home.heap.allocate(0) >> 2;
  home.words.fill(0, at, at + count);
  return at;
}

/** Begins an operation and takes it back at once: what it came to, if that was before. */
export async function takenBack<T>(
  member: Member,
  begin: (signal: AbortSignal) => Promise<T>,
): Promise<T | "aborted"> {
  const signal = new ModelSignal();
  const operation = begin(signal as unknown as AbortSignal);
  abort(signal, "aborted");
  try {
    return await member.settled(operation);
  } catch (reason) {
    if (reason !== "aborted") throw reason;
    return "aborted";
  }
}
