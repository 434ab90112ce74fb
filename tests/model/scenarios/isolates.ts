/** Isolates that only use what tasks share: as dedicated Ms they keep their P while they sleep for mail. */
import type { HasIsolate } from "../../../scheduler/home.ts";
import { Futex } from "../../../scheduler/atomics.ts";
import { GlobalRunQueue } from "../../../scheduler/global_run_queue.ts";
import { CHANNEL } from "../../../scheduler/handles.ts";
import { Idle } from "../../../scheduler/idle.ts";
import { HOME, Isolate, type Loop } from "../../../scheduler/isolate.ts";
import { LocalRunQueue } from "../../../scheduler/local_run_queue.ts";
import { Mailbox, TO_WAITER } from "../../../scheduler/mailbox.ts";
import {
  Arena,
  C_CAPACITY,
  CELL_WORDS,
  HOST,
  ISOLATES,
  leastArenaBytes,
} from "../../../scheduler/memory_layout.ts";
import { KEEPS_P_FUTEX, Parker } from "../../../scheduler/parker.ts";
import { SharedChannel } from "../../../scheduler/shared_channel.ts";
import { check } from "../scenario.ts";
import { shim } from "./machines.ts";

export class Member implements Loop, HasIsolate {
  readonly home: Isolate;
  readonly mayRun = true;
  readonly #number: number;
  readonly #mailbox: Mailbox;
  readonly #parker: Parker;

  constructor(arena: Arena, number: number) {
    this.#number = number;
    const futex = new Futex(shim, arena.i32);
    const parker = this.#parker = new Parker(arena, futex);
    const global = new GlobalRunQueue(arena);
    const mailbox = this.#mailbox = new Mailbox(arena);
    const idle = new Idle(arena, parker, global, new LocalRunQueue(arena, global), mailbox);
    this.home = new Isolate(arena, number, shim, idle, mailbox, this);
    this.home.reserve(2);
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
