/**
 * What the modules under test run on: threads that take turns, shared words, and a futex. The transform puts calls of the
 * functions with a dollar sign into the modules.
 *
 * One thread runs at a time, until it comes to an operation on a word that others use too; there the schedule decides who
 * goes on. A thread is deterministic, so what it has read since it began says all about its state; and the words, with
 * a hash for each thread of what it has read, say all about the world.
 */
import { AWAITS_P } from "../../scheduler/parking/sleep_word.ts";
import { InFlight } from "./in_flight.ts";
import { Failure, Races } from "./races.ts";
import type { Site } from "./transform.ts";

const [LOAD, STORE, ADD, OR, EXCHANGE, CAS, GLANCE] = [0, 1, 2, 3, 4, 5, 6];
const NAMES = ["load", "store", "add", "or", "exchange", "cas", "glance"];

const RUNS = 0;
const IN_FUTEX = 1;
const IN_EVENT_LOOP = 2;
const ENDED = 3;

/** More than any thread of a scenario takes: somebody goes round for ever. */
const MOST_STEPS = 5_000;

/** Where spins end by themselves. */
const ENDS_BY_ITSELF = new Set(["scheduler/machine/spin.ts", "scheduler/host/host_loop.ts"]);

/** Looks at one thing are repeated at most so often in loops that end by themselves. */
const ROUNDS = 8;

type Body = () => unknown;
export type Routine<T = void> = Generator<unknown, T, unknown>;

/** Who decides. */
export interface Schedule {
  /** The world comes again the way that it has come before, to where the last run branched off. */
  readonly isRepeating: boolean;
  /** Whether others may go first. If not, the operation concerns nobody else. */
  concerns(thread: Thread, index: number, writes: boolean): boolean;
  /** Who goes on: instead of the running one, if there is one. Undefined: this run is over. */
  next(running: Thread | undefined): Thread | undefined;
  /** One of `count`, for what is random. */
  choose(count: number): number;
  /** One of `count` that the operation which is done may find there, of what this thread has written. */
  chooseSeen(by: Thread, count: number): number;
  /** The word is read while somebody may be writing to it plainly. */
  glances(index: number): void;
  isGlanced(index: number): boolean;
}

/** What a scenario assumes of the world. */
export interface Rules {
  /** How often in a run a sleep may end because its time is over, whatever others do: of `timePasses`, or anybody's. */
  readonly timeouts: number;
  /** Threads whose sleeps end by their time when nobody else can go on. All others' last for ever. */
  readonly timePasses: readonly string[];
  /** Nanoseconds from a thread's look at a clock to its next one. */
  readonly tick: number;
}

export class Thread {
  routine!: Routine<unknown>;
  state = RUNS;
  /** Its sleep in the futex has been ended. */
  isWoken = false;
  /** How many writes there had been when it began to spin until somebody else writes. */
  pausedAt = -1;
  /** Threads that go first, as bits, until they have: it went round in vain. */
  owes = 0;
  sleepsAt = -1;
  isTimed = false;
  nowNs = 1e9;
  steps = 0;
  h1 = 0;
  h2 = 0;
  readonly inFlight = new InFlight();
  /** Of a handler: a signal is on its way to the thread that it interrupts. */
  isSignalled = false;
  /** What handles signals to this thread. */
  handler: Thread | undefined = undefined;
  readonly microtasks: Body[] = [];
  /** What `process.nextTick` was given. */
  readonly ticks: Body[] = [];
  /** Things of the world outside that its event loop waits for, as far as Deno counts them. */
  pending = 0;
  /** Of its event loop: what others have ended, then what `setImmediate` was given. */
  readonly tasks: Body[] = [];
  readonly immediates: Body[] = [];
  /** Sleeps in the event loop. */
  readonly listens: { index: number; wake: () => void; isTimed: boolean }[] = [];
  // The operation that it is about to do.
  site = 0;
  kind = 0;
  words!: Int32Array;
  index = 0;
  a = 0;
  b = 0;

  constructor(
    readonly id: number,
    readonly name: string,
    readonly begin: () => Routine = function* () {},
    readonly interrupts?: Thread,
  ) {
    this.forget();
  }

  /** It begins. */
  start(): void {
    this.state = RUNS;
    this.isSignalled = false;
    this.routine = this.begin();
  }

  forget(): void {
    this.h1 = Math.imul(this.id + 1, 0x9e3779b1);
    this.h2 = Math.imul(this.id + 1, 0x85ebca6b);
  }

  /** A handler does on its thread what it does. */
  get clock(): number {
    return this.interrupts?.id ?? this.id;
  }

  get hasEnded(): boolean {
    return this.state === ENDED;
  }

  get isPaused(): boolean {
    return this.pausedAt === writes;
  }

  get canGoOn(): boolean {
    if (this.handler?.hasEnded === false) return false;
    if (this.state === ENDED) return this.isSignalled && !this.interrupts!.hasEnded;
    if (this.state === RUNS || (timeouts > 0 && this.mayTimeOut && timeMayPass(this))) return true;
    if (this.state === IN_FUTEX) return this.isWoken;
    return this.state === IN_EVENT_LOOP && this.tasks.length > 0;
  }

  /** It sleeps, and not for ever. */
  get mayTimeOut(): boolean {
    if (this.state === IN_FUTEX) return this.isTimed;
    return this.state === IN_EVENT_LOOP && this.listens.some(({ isTimed }) => isTimed);
  }

  /** For a report. */
  get where(): string {
    if (this.state === ENDED) return "has ended";
    if (this.handler?.hasEnded === false) return "is interrupted";
    if (this.state === IN_FUTEX) {
      return `sleeps on ${nameOfWord(this.sleepsAt)}, which is ${plain[this.sleepsAt]}`;
    }
    if (this.state !== IN_EVENT_LOOP) return "could go on";
    const on = this.listens.map(({ index }) => `${nameOfWord(index)}, which is ${plain[index]}`);
    return `waits in its event loop${on.length > 0 ? ` for ${on.join(" and ")}` : ""}`;
  }

  know(value: number): void {
    this.h1 = Math.imul((this.h1 ^ value) + 0x7f4a7c15 | 0, 0x2c1b3c6d);
    this.h1 ^= this.h1 >>> 15;
    this.h2 = Math.imul((this.h2 ^ value) + 0x1b873593 | 0, 0x297a2d39);
    this.h2 ^= this.h2 >>> 13;
  }

  /** In the state of the world, besides what it has read. */
  get mark(): number {
    return this.state | (this.isWoken ? 4 : 0) | (this.isPaused ? 8 : 0) | this.tasks.length << 4 |
      this.immediates.length << 8 | this.listens.length << 12 | this.owes << 16 |
      (this.isSignalled ? 1 << 28 : 0);
  }
}

let threads: Thread[] = [];
let current: Thread;
/** Who goes on after the running thread has yielded. */
let following: Thread | undefined;
let isStandstill = false;
let schedule: Schedule;
let rules: Rules;
let sites: readonly Site[] = [];
let buffer: ArrayBufferLike | undefined;
let plain = new Int32Array(0);
/** Above 0: what runs now gives way to nobody. */
let uninterrupted = 0;
let writes = 0;
let timeouts = 0;
/** The thread that has taken the last steps, and how often it was where. */
let alone: Thread | undefined;
let stepsAlone = 0;
const rounds = new Map<number, number>();
let memory1 = 0;
let memory2 = 0;
let log: string[] | undefined;
let nameOfWord: (index: number) => string = String;
let invariant: (() => unknown) | undefined;
const races = new Races();
/** Promises that were rejected, and nobody has asked for the reason. */
export let unhandled: Map<object, unknown> = new Map();

function timeMayPass({ name }: Thread): boolean {
  return rules.timePasses.length === 0 || rules.timePasses.includes(name);
}

/** Whether Deno knows of nothing that the event loop of the thread has to do. It counts no sleeps that others end. */
export function isEventLoopEmpty(): boolean {
  const { ticks, immediates, listens, pending } = current;
  const isTimer = ({ index }: { index: number }) => index < 0;
  return ticks.length + immediates.length + pending === 0 && !listens.some(isTimer);
}

/** The running thread waits for something outside that Deno counts, until it does so no more. */
export function count(by: 1 | -1): void {
  current.pending += by;
}

export function running(): Thread {
  return current;
}

/** Nanoseconds. */
export function now(tick = rules.tick): number {
  return current.nowNs += tick;
}

// A run --------------------------------------------------------------------------------------------------------------------

/** Until `share`, what runs sets the scenario up. */
export function begin(how: Schedule, by: Rules, places: readonly Site[], keepsLog: boolean): void {
  threads = [];
  current = new Thread(0, "set-up");
  following = undefined;
  isStandstill = false;
  alone = undefined;
  schedule = how;
  rules = by;
  sites = places;
  buffer = undefined;
  uninterrupted = 1;
  writes = 0;
  timeouts = by.timeouts;
  memory1 = memory2 = 0;
  log = keepsLog ? [] : undefined;
  unhandled = new Map();
}

export function share(words: Int32Array, name: (index: number) => string, always?: () => unknown): void {
  buffer = words.buffer;
  plain = words as Int32Array<ArrayBuffer>;
  nameOfWord = name;
  invariant = always;
  races.begin(words.length);
  uninterrupted = 0;
}

export function follow(another: Schedule): void {
  schedule = another;
}

export function addThread(name: string, routine: () => Routine): void {
  const thread = new Thread(threads.length, name, routine);
  thread.start();
  threads.push(thread);
}

/**
 * A signal handler: a thread that begins when a signal has been sent to the one that it interrupts, at any operation of that,
 * or while that sleeps. From there to its end the interrupted one stands still. After all other threads.
 */
export function addHandler(of: string, routine: () => Routine): void {
  const interrupted = threadNamed(of);
  const thread = new Thread(threads.length, `${of}'s handler`, routine, interrupted);
  thread.state = ENDED;
  interrupted.handler = thread;
  threads.push(thread);
}

function threadNamed(name: string): Thread {
  return threads.find((one) => one.name === name)!;
}

export function allThreads(): readonly Thread[] {
  return threads;
}

/** Who could be the next: when nobody else can go on, time passes; and who spins in vain comes last. */
export function candidates(): Thread[] {
  const able: Thread[] = [];
  const eager: Thread[] = [];
  let bits = 0;
  for (const one of threads) {
    if (!one.canGoOn) continue;
    able.push(one);
    bits |= 1 << one.id;
  }
  for (const one of able) if (!one.isPaused && (one.owes & bits) === 0) eager.push(one);
  if (eager.length > 0) return eager;
  const timed = threads.filter(({ name, mayTimeOut }) => mayTimeOut && rules.timePasses.includes(name));
  return timed.length > 0 ? timed : able;
}

export function journal(): readonly string[] {
  return log ?? [];
}

/** Until no thread can go on: true. Or until the schedule ends it. */
export function run(): boolean {
  choose();
  while (following !== undefined) {
    current = following;
    if (current.hasEnded) beginHandling(current);
    if (!current.routine.next().done) continue;
    current.state = ENDED;
    // The next signal finds a handler that knows nothing of this one.
    if (current.interrupts !== undefined) current.forget();
    log?.push(`${current.name}  ends`);
    choose();
  }
  return isStandstill;
}

function beginHandling(thread: Thread): void {
  thread.start();
  // A signal is a word of its own, of which the thread that is sent one is the reader at each of its operations.
  schedule.concerns(thread, signalOf(thread.interrupts!), true);
  log?.push(`${thread.name}  begins`);
}

function signalOf(thread: Thread): number {
  return -1 - thread.id;
}

/** What runs from here on looks at the end. */
export function end(): void {
  buffer = undefined;
  uninterrupted = 1;
  current = new Thread(0, "end");
}

/** The running thread cannot go on, or there is none. */
function choose(): void {
  isStandstill = candidates().length === 0;
  following = isStandstill ? undefined : schedule.next(undefined);
}

function* pass(): Routine {
  if (uninterrupted > 0) {
    throw new Error(`What must not be interrupted waits for others: ${place(current.site)}.`);
  }
  const thread = current;
  choose();
  if (following !== thread) yield;
}

/** Waits in the event loop until there is a task. */
export function* listen(): Routine {
  const thread = current;
  thread.state = IN_EVENT_LOOP;
  yield* pass();
  thread.state = RUNS;
  if (thread.tasks.length > 0) return;
  if (timeouts > 0) timeouts--;
  log?.push(`${thread.name}  the time of its sleep is over`);
  const first = thread.listens.findIndex(({ isTimed }) => isTimed);
  thread.listens.splice(first, 1)[0].wake();
}

/** Whether another thread goes first. Plain writes are no steps, so nobody knows whom a glance concerns: it may be anybody. */
function point(thread: Thread, index: number, isWrite: boolean, isGlance = false): boolean {
  if (++thread.steps > MOST_STEPS) throw new Failure(`${thread.name} takes more than ${MOST_STEPS} steps.`);
  if (invariant !== undefined && !schedule.isRepeating) uninterruptedly(invariant);
  for (const other of threads) other.owes &= ~(1 << thread.id);
  if (goesRound(thread, index)) {
    for (const { id } of threads) if (id !== thread.id) thread.owes |= 1 << id;
    choose();
    return following !== thread;
  }
  const concerns = schedule.concerns(thread, index, isWrite);
  if (!concerns && !isGlance && !threads[thread.clock].inFlight.endsWith(isWrite)) return false;
  following = schedule.next(thread);
  return following !== thread;
}

/**
 * Whether it has come so often to the same operation, with all words as they were: it goes round until somebody else does
 * something. No scheduler is so unfair, and the others go first.
 */
function goesRound(thread: Thread, index: number): boolean {
  if (thread !== alone) {
    alone = thread;
    stepsAlone = 0;
    rounds.clear();
  }
  if (++stepsAlone < 64) return false;
  const key = (memory1 >>> 0) * 2 ** 21 + (Math.imul(thread.site, 4096) + index & (1 << 21) - 1);
  const count = (rounds.get(key) ?? 0) + 1;
  rounds.set(key, count);
  if (count < ROUNDS || !threads.some((other) => other !== thread && other.canGoOn)) return false;
  alone = undefined;
  return true;
}

function uninterruptedly(look: () => unknown): unknown {
  const before = buffer;
  buffer = undefined;
  try {
    return $sync(look());
  } finally {
    buffer = before;
  }
}

export function stateOfWorld(): [number, number] {
  let h1 = memory1 ^ Math.imul(timeouts + 1, 0x27d4eb2f);
  let h2 = memory2;
  for (const thread of threads) {
    h1 = Math.imul(h1 ^ thread.h1 ^ Math.imul(thread.mark, 0x3c6ef372), 0x2c1b3c6d) + thread.inFlight.mark;
    h1 ^= h1 >>> 16;
    h2 = Math.imul(h2 ^ thread.h2 ^ Math.imul(thread.mark, 0x1b56c4e9), 0x297a2d39);
    h2 ^= h2 >>> 15;
  }
  return [h1, h2];
}

// Signals ------------------------------------------------------------------------------------------------------------------

/** One that is on its way already is the same. Whether there is such a thread. */
export function* signal(name: string, site: number): Routine<boolean> {
  const thread = current;
  const receiver = threadNamed(name);
  thread.site = site;
  if (point(thread, signalOf(receiver), true)) yield;
  if (receiver.handler !== undefined && !receiver.hasEnded) receiver.handler.isSignalled = true;
  thread.know(receiver.hasEnded ? 5 : 6);
  if (log !== undefined) step(site, `signal to ${name}${receiver.hasEnded ? ", which has ended" : ""}`);
  return !receiver.hasEnded;
}

/** Whether the thread has ended. */
export function hasEnded(name: string): boolean {
  const { hasEnded } = threadNamed(name);
  current.know(hasEnded ? 5 : 6);
  return hasEnded;
}

// Operations ---------------------------------------------------------------------------------------------------------------

/** The running thread is about to do this. Whether it has to yield before. */
export function $op(site: number, kind: number, words: Int32Array, index: number, a = 0, b = 0): boolean {
  const thread = current;
  thread.site = site;
  thread.kind = kind;
  thread.words = words;
  thread.index = index;
  thread.a = a;
  thread.b = b;
  if (uninterrupted > 0 || words.buffer !== buffer) return false;
  return point(thread, index, kind !== LOAD && kind !== GLANCE, kind === GLANCE);
}

export function $do(): number | boolean | void {
  const { site, kind, words, index, a, b } = current;
  return $now(site, kind, words, index, a, b);
}

export function $now(
  site: number,
  kind: number,
  words: Int32Array,
  index: number,
  a = 0,
  b = 0,
): number | boolean | void {
  const isShared = words.buffer === buffer;
  const older = isShared ? olderValue(index, kind) : undefined;
  const before = older ?? words[index];
  const isDone = kind !== CAS || before === a;
  if (kind === CAS && isDone) words[index] = b;
  else if (kind === STORE || kind === EXCHANGE) words[index] = a;
  else if (kind === ADD) words[index] = before + a;
  else if (kind === OR) words[index] = before | a;
  const result = kind === CAS ? isDone : kind === STORE ? undefined : before;
  if (isShared) {
    current.know(Number(result ?? 2));
    if (kind === GLANCE) schedule.glances(index);
    else if (older === undefined) races.atomic(current.clock, index, kind, kind !== LOAD && isDone);
    const { inFlight } = threads[current.clock];
    if (kind === STORE) inFlight.atomicStore(index, before);
    else if (kind === LOAD || kind === GLANCE || !isDone) inFlight.load();
    else inFlight.clear();
    if (kind !== LOAD && kind !== GLANCE && words[index] !== before) changed(index, before, words[index]);
    if (log !== undefined) {
      const args = kind === CAS ? `, ${a} → ${b}` : kind === LOAD || kind === GLANCE ? "" : `, ${a}`;
      step(site, `${NAMES[kind]} ${nameOfWord(index)}${args}${result === undefined ? "" : ` = ${result}`}`);
    }
  }
  return result;
}

/**
 * What the running thread finds in the word, if it is not what was written last. Who writes it atomically finds that. (What the writer
 * of an older value has released is not kept: to rely on it counts as a race.)
 */
function olderValue(index: number, kind: number): number | undefined {
  for (const other of threads) {
    if (other.id === current.clock || !other.inFlight.isInDoubt()) continue;
    const older = other.inFlight.olderValues(index);
    if (older.length === 0) continue;
    const age = kind !== LOAD && kind !== GLANCE || uninterrupted > 0
      ? 0
      : schedule.chooseSeen(other, older.length + 1);
    other.inFlight.seen(index, age);
    current.know(age);
    if (age === 0) continue;
    log?.push(`${current.name}  does not see yet what ${other.name} has written`);
    return older[age - 1];
  }
}

function changed(index: number, before: number, after: number): void {
  writes++;
  memory1 ^= zobrist(index, before, 0x2c1b3c6d) ^ zobrist(index, after, 0x2c1b3c6d);
  memory2 ^= zobrist(index, before, 0x297a2d39) ^ zobrist(index, after, 0x297a2d39);
}

function zobrist(index: number, value: number, factor: number): number {
  let h = Math.imul(index + 1, 0x9e3779b1) ^ Math.imul(value, 0x85ebca6b);
  h = Math.imul(h ^ h >>> 16, factor);
  h = Math.imul(h ^ h >>> 13, 0xc2b2ae35);
  return h ^ h >>> 16;
}

function step(site: number, what: string): void {
  log!.push(`${current.name}  ${place(site)}  ${what}`);
}

function place(site: number): string {
  const { file, line } = sites[site];
  return `${file}:${line}`;
}

// Plain accesses: part of the step before. Exclusive, or races.ts says so.

export function $get(words: Int32Array, index: number, _site: number): number {
  const value = words[index];
  if (words.buffer === buffer) {
    current.know(value);
    races.plainRead(current.clock, index);
  }
  return value;
}

export function $set(words: Int32Array, index: number, value: number, site: number): number {
  const before = words[index];
  words[index] = value;
  if (words.buffer === buffer) wrote(index, before, site);
  return value;
}

function wrote(index: number, before: number, site: number): void {
  races.plainWrite(current.clock, index);
  if (schedule.isGlanced(index)) threads[current.clock].inFlight.plainStore(index, before);
  if (plain[index] !== before) changed(index, before, plain[index]);
  if (log !== undefined) step(site, `plain ${nameOfWord(index)} = ${plain[index]}`);
}

type Elements = Int32Array | Uint8Array;

/** As the method of views, which reads the one and writes the other. */
export function $setAll(to: Elements, site: number, from: ArrayLike<number>, at = 0): void {
  if (ArrayBuffer.isView(from)) readAll(from as Elements, 0, from.length);
  if (to.buffer !== buffer) return to.set(from, at);
  const [first, end] = wordsOf(to, at, at + from.length);
  const before = plain.slice(first, end);
  to.set(from, at);
  for (let i = first; i < end; i++) wrote(i, before[i - first], site);
}

export function $slice<T extends Elements>(from: T, _site: number, start = 0, end = from.length): T {
  readAll(from, start, end);
  return from.slice(start, end) as T;
}

/** The words of shared memory in which these elements are: [from, to). */
function wordsOf(
  { byteOffset, BYTES_PER_ELEMENT: size }: Elements,
  from: number,
  to: number,
): [number, number] {
  return [(byteOffset + from * size) >> 2, (byteOffset + to * size + 3) >> 2];
}

function readAll(view: Elements, start: number, end: number): void {
  if (view.buffer !== buffer) return;
  const [first, last] = wordsOf(view, start, end);
  for (let i = first; i < last; i++) {
    current.know(plain[i]);
    races.plainRead(current.clock, i);
  }
}

export function $postfix(words: Int32Array, index: number, by: number, site: number): number {
  const before = $get(words, index, site);
  $set(words, index, before + by, site);
  return before;
}

export function $change(
  words: Int32Array,
  index: number,
  operator: string,
  by: number,
  site: number,
): number {
  const before = $get(words, index, site);
  const after = operator === "+"
    ? before + by
    : operator === "-"
    ? before - by
    : operator === "&"
    ? before & by
    : before | by;
  return $set(words, index, after, site);
}

export function $fill(words: Int32Array, value: number, from: number, to: number, site: number): void {
  for (let i = from; i < to; i++) $set(words, i, value, site);
}

// Waiting ------------------------------------------------------------------------------------------------------------------

/** A spin that ends only by what others do: they go first. */
export function* $pause(site: number): Routine {
  if (ENDS_BY_ITSELF.has(sites[site].file)) return;
  const thread = current;
  if (++thread.steps > MOST_STEPS) throw new Failure(`${thread.name} takes more than ${MOST_STEPS} steps.`);
  thread.site = site;
  thread.pausedAt = writes;
  yield* pass();
  thread.pausedAt = -1;
}

/** Takes the place of the Futex in atomics.ts. */
export class Futex {
  readonly #words: Int32Array;

  constructor(_shim: unknown, words: Int32Array) {
    this.#words = words;
  }

  *sleep(index: number, expected: number, timeoutUs: number, site: number): Routine<boolean> {
    const thread = current;
    thread.site = site;
    if (point(thread, index, false)) yield;
    const value = this.#words[index];
    thread.know(value);
    races.atomic(thread.clock, index, LOAD, false);
    if (log !== undefined) {
      step(site, `sleep on ${nameOfWord(index)} while ${expected}: ${value === expected}`);
    }
    if (value !== expected) return false;
    // It would wait until the sleep ends. A task that comes back from a blocking call needs the thread for itself.
    if (thread.microtasks.length + thread.ticks.length > 0 && expected !== AWAITS_P) {
      throw new Failure(`${thread.name} is about to sleep beside a continuation that is due`);
    }
    thread.state = IN_FUTEX;
    thread.sleepsAt = index;
    thread.isTimed = timeoutUs >= 0;
    yield* pass();
    thread.state = RUNS;
    const isOver = !thread.isWoken;
    if (isOver && timeouts > 0) timeouts--;
    if (isOver) thread.nowNs += timeoutUs * 1000;
    thread.isWoken = false;
    thread.know(isOver ? 1 : 2);
    if (log !== undefined) step(site, isOver ? "the time is over" : "is woken");
    return isOver;
  }

  *wake(index: number, site: number): Routine {
    const thread = current;
    thread.site = site;
    if (uninterrupted === 0 && point(thread, index, true)) yield;
    const sleeper = threads.find((one) => one.state === IN_FUTEX && one.sleepsAt === index && !one.isWoken);
    if (sleeper !== undefined) sleeper.isWoken = true;
    thread.know(3);
    if (log !== undefined) {
      step(site, `wake who sleeps on ${nameOfWord(index)}: ${sleeper?.name ?? "nobody"}`);
    }
  }
}

export function* $notify(words: Int32Array, index: number, site: number): Routine {
  const thread = current;
  thread.site = site;
  if (uninterrupted === 0 && words.buffer === buffer && point(thread, index, true)) yield;
  for (const other of threads) {
    for (let i = other.listens.length - 1; i >= 0; i--) {
      if (other.listens[i].index === index) other.tasks.push(other.listens.splice(i, 1)[0].wake);
    }
  }
  thread.know(4);
  if (log !== undefined) step(site, `notify who waits for ${nameOfWord(index)}`);
}

/** As Atomics.waitAsync: `wake` is called in the event loop. Whether it waits. */
export function* waitAsync(
  words: Int32Array,
  index: number,
  expected: number,
  isTimed: boolean,
  wake: () => void,
  site: number,
): Routine<boolean> {
  const thread = current;
  thread.site = site;
  if (point(thread, index, false)) yield;
  const value = words[index];
  thread.know(value);
  races.atomic(thread.clock, index, LOAD, false);
  if (log !== undefined) step(site, `wait for ${nameOfWord(index)} while ${expected}: ${value === expected}`);
  if (value !== expected) return false;
  thread.listens.push({ index, wake, isTimed });
  return true;
}

/** The thread ends where it stands, once the schedule has come to this and `may` holds: no `finally` of it runs. */
export function* kill(name: string, may: () => unknown): Routine {
  const thread = current;
  const victim = threadOf(name);
  for (;;) {
    if (++thread.steps > MOST_STEPS) throw new Failure(`${name} cannot be killed.`);
    yield* pass();
    if (victim.hasEnded || uninterruptedly(may)) break;
    thread.pausedAt = writes;
  }
  thread.pausedAt = -1;
  log?.push(`${thread.name}  kills ${name}, which ${victim.where}, at ${place(victim.site)}`);
  victim.state = ENDED;
  victim.inFlight.clear();
  thread.know(5);
  // What it did is done before anything that follows here.
  races.join(thread.id, victim.id);
}

function threadOf(name: string): Thread {
  return threads.find((one) => one.name === name)!;
}

/** Whether the thread sleeps, by itself or in its event loop; for `may` of kill(). */
export function isAsleep(name: string): boolean {
  return threadOf(name).state !== RUNS;
}

// Calls of what may be a generator -----------------------------------------------------------------------------------------

/** Of what all generators inherit from: to ask for that is quicker than for a property by which they could be told. */
function Generators() {}
Generators.prototype = Object.getPrototypeOf(function* () {}).prototype;

export function isRoutine(value: unknown): value is Routine<unknown> {
  return value instanceof (Generators as unknown as typeof Object);
}

/** A routine that ends at once, for `yield*`. One for all values: it is asked for its value before there is another one. */
const given = Object.assign(Object.create(Generators.prototype), {
  done: true,
  value: undefined as unknown,
  next: () => given,
});

export function $maybe(value: unknown): Routine<unknown> {
  if (isRoutine(value)) return value;
  given.value = value;
  return given;
}

/** A property that may be a getter, which is a generator then. */
export function $read(object: Record<string, unknown>, name: string): Routine<unknown> {
  const getter = object[`$get_${name}`] as (() => Routine<unknown>) | undefined;
  return $maybe(getter === undefined ? object[name] : getter.call(object));
}

/** Without interruption. */
export function $sync(value: unknown): unknown {
  if (!isRoutine(value)) return value;
  uninterrupted++;
  try {
    const { done, value: result } = value.next();
    if (!done) throw new Error(`What must not be interrupted yields: ${place(current.site)}.`);
    return result;
  } finally {
    uninterrupted--;
  }
}

export function $uninterrupted(called: (...args: unknown[]) => unknown): (...args: unknown[]) => unknown {
  return (...args) => $sync(called(...args));
}

/** Methods of arrays with a generator for their callback. */
export function* $iterate(
  list: unknown[] & typeof Array,
  name: string,
  ...args: unknown[]
): Routine<unknown> {
  if (name === "from") {
    const all = Array.from(args[0] as unknown[]);
    const called = args[1] as (value: unknown, i: number) => unknown;
    for (let i = 0; i < all.length; i++) all[i] = yield* $maybe(called(all[i], i));
    return all;
  }
  const called = args[0] as (value: unknown, i: number) => unknown;
  const results: unknown[] = [];
  for (let i = 0; i < list.length; i++) {
    const result = yield* $maybe(called(list[i], i));
    if (name === "some" && result) return true;
    if (name === "every" && !result) return false;
    if (name === "find" && result) return list[i];
    if (name === "findIndex" && result) return i;
    if (name === "filter" && result) results.push(list[i]);
    if (name === "map") results.push(result);
  }
  if (name === "some") return false;
  if (name === "every") return true;
  if (name === "findIndex") return -1;
  return name === "filter" || name === "map" ? results : undefined;
}

/** One of `count`, each of which is tried. */
export function pick(count: number): number {
  if (uninterrupted > 0 || count === 1) return 0;
  const chosen = schedule.choose(count);
  current.know(chosen);
  log?.push(`${current.name}  chooses ${chosen} of ${count}`);
  return chosen;
}
