/**
 * One isolate's part in the netpoller: what its tasks wait for is in a **poll set** of its own, an epoll instance that no other
 * isolate uses, and of each descriptor that is known here there is a `Descriptor`. sysmon/README.md, "The netpoller", has the
 * protocol by which an isolate hears that something is ready in its set; what that is it asks the kernel itself.
 *
 * **Armed, or about to look.** As long as a look finds something, another one follows in a later turn of the isolate's loop, and
 * nobody is told of what comes meanwhile: so an isolate that is busy with its descriptors costs no other thread any time. A look that
 * finds nothing arms the set; from then on the kernel tells the poller, once, also of what had come before.
 *
 * **A number that is used again** is another file's. epoll knows files, so a change of an old registration fails then (ENOENT), and
 * what waited for the old file rejects. What is ready carries the generation of its registration, because a file that was
 * duplicated lives on in the set with the number that it had.
 *
 * Registrations are one-shot (`readable`) or edge-triggered (`pollable`): never is somebody told twice of what he knows.
 */
import { requireCapability } from "../../ffi/capabilities.ts";
import { errnoName, type Shim } from "../../ffi/shim.ts";
import { exchange, store } from "../arena/atomics.ts";
import { SYSMON } from "../arena/layout/header.ts";
import { M_POLL, M_POLL_SET } from "../arena/layout/m.ts";
import { reserveStack } from "../codec/stack_reserve.ts";
import { SchedulerClosedError } from "../tasks/errors.ts";
import type { Isolate, LocalPlace, PollSet } from "./isolate.ts";
import { SUCCEEDED } from "./outcome.ts";
import { leaveQueue, LocalQueue } from "./wait_queue.ts";
import { type Lot, type Waited, Waiter } from "./waiter.ts";

// What somebody waits for: the role of a waiter, and a bit.
export const READ = 1;
export const WRITE = 2;
export type Direction = typeof READ | typeof WRITE;

// <sys/epoll.h>
const [ADD, REMOVE, CHANGE] = [1, 2, 3];
const IN = 1;
const OUT = 4;
const ERROR_OR_HANG_UP = 8 | 16;
const PEER_HANG_UP = 0x2000;
const ONE_SHOT = 2 ** 30;
const EDGE = 2 ** 31 + IN + OUT + PEER_HANG_UP;

// <errno.h>
const EPERM = 1;
const EBADF = 9;
const ESHUTDOWN = 108;

/** Descriptors that one look takes out of the set. Guess: their tasks go on before the next one. */
const BATCH = 128;
/**
 * Nanoseconds of looks in vain after the last one that found something, before the set is armed: as long as an M spins. The two
 * wakes of poller and sysmon take that.
 */
const LINGER = 20_000;

/**
 * A descriptor, as long as its number stands for the same file, and the queue of those who wait for it. They come in tens of
 * thousands, as waiters do: so it is one object, and has no private method, which would take eight bytes of each.
 */
export class Descriptor extends LocalQueue<Waiter> implements Waited {
  readonly isolate: Poller;
  readonly number: number;
  readonly generation: number;
  /** Registered once for all, and no more at each wait. */
  isEdge = false;
  /** It was given back, or its number is another file's. */
  isGone = false;
  /** How many wait, for each direction. */
  readers = 0;
  writers = 0;
  /** Edges that nobody waited for. */
  #seen = 0;

  constructor(isolate: Poller, number: number, generation: number) {
    super();
    this.isolate = isolate;
    this.number = number;
    this.generation = generation;
  }

  /** What the kernel is to tell of, if somebody begins to wait for that too. */
  events(also: number): number {
    if (this.isEdge) return EDGE;
    const isRead = (also & READ) !== 0 || this.readers > 0;
    const isWrite = (also & WRITE) !== 0 || this.writers > 0;
    return ONE_SHOT + (isRead ? IN + PEER_HANG_UP : 0) + (isWrite ? OUT : 0);
  }

  get hasWaiting(): boolean {
    return this.first !== undefined;
  }

  /** Takes an edge that was seen before. */
  take(direction: Direction): boolean {
    const isSeen = (this.#seen & direction) !== 0;
    this.#seen &= ~direction;
    return isSeen;
  }

  park(direction: Direction, signal: AbortSignal | undefined): Promise<void> {
    const waiter = new Waiter(this, direction);
    this.push(waiter);
    if (direction === READ) this.readers++;
    else this.writers++;
    this.isolate.park(waiter);
    return waiter.start(signal);
  }

  /** All that wait for it go on: which of them finds something is decided by who asks first. */
  fired(events: number): void {
    const isRead = (events & (IN | PEER_HANG_UP | ERROR_OR_HANG_UP)) !== 0;
    const isWrite = (events & (OUT | ERROR_OR_HANG_UP)) !== 0;
    const ready = (isRead ? READ : 0) | (isWrite ? WRITE : 0);
    if (this.readers === 0) this.#seen |= ready & READ;
    if (this.writers === 0) this.#seen |= ready & WRITE;
    // Nearly always these are all. Who goes on may take others back.
    while (this.first !== undefined && (this.first.role & ready) !== 0) {
      this.isolate.complete(leave(this.first));
    }
    if (this.first === undefined) return;
    for (const waiter of [...this]) {
      if ((waiter.role & ready) !== 0 && waiter.queue !== undefined) this.isolate.complete(leave(waiter));
    }
  }

  /** All that wait for it reject. */
  lose(why: string): void {
    this.isGone = true;
    const error = new Deno.errors.BadResource(`Descriptor ${this.number} ${why}.`);
    for (const waiter of [...this]) {
      if (this.withdraw(waiter)) waiter.fail(error);
    }
  }

  completed(waiter: Waiter): void {
    this.isolate.unparked(waiter);
    waiter.resolve(undefined);
  }

  withdraw(waiter: Waiter): boolean {
    if (waiter.queue === undefined) return false;
    leave(waiter);
    return true;
  }

  describe(waiter: Waiter): string {
    return waiter.role === READ ? `read descriptor ${this.number}` : `write to descriptor ${this.number}`;
  }
}

/** It is in its descriptor's queue. */
function leave(waiter: Waiter): Waiter {
  const descriptor = waiter.queue as unknown as Descriptor;
  leaveQueue(waiter);
  if (waiter.role === READ) descriptor.readers--;
  else descriptor.writers--;
  return waiter;
}

export class Poller implements PollSet, Lot, LocalPlace {
  listed = 0;
  readonly #isolate: Isolate;
  readonly #shim: Shim;
  /** The poll set; below 0 once it is closed. */
  #set: number;
  readonly #poller: number;
  readonly #word: number;
  readonly #descriptors = new Map<number, Descriptor>();
  #generation = 0;
  #lingersUntil = 0;
  readonly #ready = new Int32Array(3 * BATCH);

  /** Throws a TypeError without the shim, and an Error if the system refuses a descriptor or the thread. */
  constructor(isolate: Isolate, what: string) {
    const { arena, number, shim, words } = isolate;
    requireCapability(shim, "poller", what);
    // Who is called for sysmon's sake would be taken out of its sleep, and not woken.
    reserveStack();
    this.#isolate = isolate;
    this.#shim = shim;
    const address = (word: number) => shim.addressOf(words.subarray(word));
    const line = arena.isolate(number) + M_POLL;
    this.#poller = address(arena.poller);
    this.#word = address(line);
    isolate.sysmonSleep.callFor();
    requireDone(shim.pollerOpen(this.#poller, address(SYSMON)));
    this.#set = requireDone(shim.pollOpen());
    // From here on the host closes it if the thread dies.
    store(words, arena.isolate(number) + M_POLL_SET, this.#set + 1);
    this.#arm();
  }

  // Looking -----------------------------------------------------------------------------------------------------------

  /** By mail, whose reader has left POLL_MAILED; and by the loop, in a later turn. */
  look(): void {
    if (this.#set < 0) return;
    const ready = this.#ready;
    const count = this.#shim.pollTake(this.#set, ready);
    if (count < 0) throw new Error(`A poll set cannot be read: ${errnoName(count)}.`);
    // What was answered just now may be asked again in a moment: then it is found without the poller and sysmon.
    if (count > 0) this.#lingersUntil = this.#shim.nowNs() + LINGER;
    else if (this.#shim.nowNs() >= this.#lingersUntil) return this.#arm();
    for (let i = 0; i < 3 * count; i += 3) {
      const descriptor = this.#descriptors.get(ready[i]);
      if (descriptor?.generation === ready[i + 1]) this.#fired(descriptor, ready[i + 2]);
    }
    this.#isolate.loop.resumeLater(this);
  }

  fire(): void {
    this.look();
  }

  #fired(descriptor: Descriptor, events: number): void {
    descriptor.fired(events);
    // The kernel tells of nothing more, and the other direction has its waiters still.
    if (descriptor.isEdge || !descriptor.hasWaiting) return;
    if (this.#control(CHANGE, descriptor) < 0) this.#lose(descriptor);
  }

  #arm(): void {
    const result = this.#shim.pollerArm(this.#poller, this.#set, this.#word);
    // All is closing, and nobody hears of anything any more.
    if (result !== -ESHUTDOWN) requireDone(result);
  }

  /** By the isolate as its thread ends, or by the host at its own end. */
  close(): void {
    this.#set = -1;
    closePollSet(this.#isolate, this.#isolate.number);
  }

  // Descriptors -------------------------------------------------------------------------------------------------------

  /** `readable` and `writable`: resolves when the kernel says so from now on, or if it is now. */
  wait(number: number, direction: Direction, signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    reserveStack();
    const descriptor = this.#register(number, direction);
    descriptor.take(direction);
    return descriptor.park(direction, signal);
  }

  /** Registered once for all. */
  open(number: number): Descriptor {
    const known = this.#descriptors.get(number);
    if (known?.isEdge && this.#control(CHANGE, known) === 0) {
      throw new TypeError(`pollable(…, ${number}): this thread has one of it: use that, or close it first.`);
    }
    reserveStack();
    const descriptor = this.#register(number, 0);
    descriptor.isEdge = true;
    this.#refuse(number, this.#control(CHANGE, descriptor));
    return descriptor;
  }

  /** Of one that is registered once for all: resolves at once if an edge was seen since the last wait. */
  waitAgain(descriptor: Descriptor, direction: Direction, signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (descriptor.isGone) {
      throw new Deno.errors.BadResource(`Descriptor ${descriptor.number} was closed before.`);
    }
    if (this.#isolate.shutdown !== undefined) throw this.#isolate.shutdown();
    reserveStack();
    return descriptor.take(direction) ? this.#isolate.done() : descriptor.park(direction, signal);
  }

  /** Nothing more is told of it. False: it was gone before. */
  release(descriptor: Descriptor): boolean {
    if (descriptor.isGone) return false;
    // It fails if the file is closed: then the kernel has done this.
    if (this.#set >= 0) this.#control(REMOVE, descriptor);
    this.#descriptors.delete(descriptor.number);
    descriptor.lose("was closed while somebody waited for it");
    return true;
  }

  /** As `release`; then the descriptor is closed. */
  closeDescriptor(descriptor: Descriptor): void {
    if (!this.release(descriptor)) return;
    this.#refuse(descriptor.number, this.#shim.closeDescriptor(descriptor.number));
  }

  /** The kernel is to tell of what it waits for, and of `also`. */
  #register(number: number, also: number): Descriptor {
    const known = this.#descriptors.get(number);
    if (known !== undefined) {
      if (this.#control(CHANGE, known, also) === 0) return known;
      this.#lose(known);
    }
    const descriptor = new Descriptor(this, number, ++this.#generation);
    this.#refuse(number, this.#control(ADD, descriptor, also));
    this.#descriptors.set(number, descriptor);
    return descriptor;
  }

  #control(operation: number, descriptor: Descriptor, also = 0): number {
    const { generation, number } = descriptor;
    return this.#shim.pollControl(this.#set, operation, number, descriptor.events(also), generation);
  }

  /** Its file was closed behind our back. */
  #lose(descriptor: Descriptor): void {
    this.#descriptors.delete(descriptor.number);
    descriptor.lose("was closed while somebody waited for it, and is another file's by now");
  }

  #refuse(number: number, result: number): void {
    if (result >= 0) return;
    if (result === -EBADF) throw new Deno.errors.BadResource(`Descriptor ${number} is not open.`);
    if (result === -EPERM) {
      throw new TypeError(
        `Descriptor ${number} is that of a file or folder, which are always ready: give a socket, a pipe, or what else can wait.`,
      );
    }
    throw new Error(`Descriptor ${number} cannot be waited for: ${errnoName(result)}.`);
  }

  // What is parked ----------------------------------------------------------------------------------------------------

  get isolate(): Isolate {
    return this.#isolate;
  }

  park(waiter: Waiter): void {
    // Not in the list: nobody waited for a while.
    if (this.listed === 0) this.#isolate.list(this);
    if (this.#isolate.polled++ === 0) this.#isolate.loop.holdProcess?.();
    this.#isolate.park(waiter);
  }

  unparked(waiter: Waiter): void {
    if (--this.#isolate.polled === 0) this.#isolate.loop.letProcessGo?.();
    this.#isolate.unparked(waiter);
  }

  complete(waiter: Waiter): void {
    this.#isolate.complete(waiter, SUCCEEDED);
  }

  get hasWaiting(): boolean {
    return this.#isolate.polled !== 0;
  }

  *waiting(): Iterable<Waiter> {
    for (const descriptor of this.#descriptors.values()) yield* descriptor;
  }
}

/** The poll set of an isolate, by itself or by the host when it is dead: once. What is registered there is no more. */
export function closePollSet({ arena, shim, words }: Isolate, number: number): void {
  const set = exchange(words, arena.isolate(number) + M_POLL_SET, 0) - 1;
  if (set >= 0) shim.closeDescriptor(set);
}

function requireDone(result: number): number {
  if (result >= 0) return result;
  if (result === -ESHUTDOWN) throw new SchedulerClosedError("The scheduler is closed: start another one.");
  throw new Error(`The system refuses what waiting for descriptors takes: ${errnoName(result)}.`);
}
