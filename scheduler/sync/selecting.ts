/**
 * Waiting for one of several things at once, after Go's `runtime/select.go`: lock all channels in the order of their
 * addresses, look for a case that is ready, in random order; else queue on all of them in that order, and park. Who comes to
 * end one of the cases claims the select first (W_FIRED, by CAS, for channels in the arena), so one case wins and the others are
 * passed over. The isolate of the select then takes the losers out of their queues.
 */
import { CHANNEL_CLOSED, WOULD_BLOCK } from "./outcome.ts";
import { cas } from "../arena/atomics.ts";
import { alarm, whenAborted } from "../queues/cancellation.ts";
import { type Channel, lifeOf } from "./channel.ts";
import { type ChannelLife, RECEIVE, SEND } from "./channel_life.ts";
import type { Isolate } from "./isolate.ts";
import { W_FIRED } from "../arena/layout/object.ts";
import { type Cases, isNever } from "./select_case.ts";
import { SharedChannel } from "./shared_channel.ts";
import { noPromise, promiseOf, reject, type Resolver, silence } from "../tasks/promise.ts";
import { after } from "../queues/timers.ts";
import { type Selection, Waiter } from "./waiter.ts";

/** Which case was chosen, and with what. */
export interface Selected<T = unknown> {
  /** Among the cases as given; -1 if none was ready and `default` was asked for. */
  index: number;
  /** What was received; of `onAbort`, the signal's reason. */
  value?: T;
  /** Of `recv`: the channel is closed and empty. */
  done?: boolean;
}

/** A case about a channel. */
interface Entry {
  readonly kind: "channel";
  readonly index: number;
  readonly channel: Channel<unknown>;
  readonly role: typeof RECEIVE | typeof SEND;
  readonly value: unknown;
  life: ChannelLife;
  staged: unknown;
  waiter: Waiter | undefined;
}

/** A case about a time or a signal. */
interface Other {
  readonly kind: "other";
  readonly index: number;
  /** Since `performance` began: one look at the clock for all, so that equal times are equal. */
  readonly at: number;
  readonly signal: AbortSignal | undefined;
}

export class Select implements Selection, Resolver {
  main = 0;
  isOver = false;
  readonly #entries: Entry[] = [];
  /** With those about other things, in random order: that in which they are looked at, and in which they queue. */
  readonly #cases: (Entry | Other)[];
  resolve: (selected: unknown) => void = noPromise;
  #promise: Promise<unknown> | undefined = undefined;
  readonly #undo: (() => void)[] = [];
  /** It may not park: there is no room for its records. */
  #refusal: RangeError | undefined = undefined;

  constructor(cases: Cases) {
    const others: Other[] = [];
    let now = 0;
    for (let index = 0; index < cases.length; index++) {
      const one = cases[index];
      if (isNever(one)) continue;
      if (one.kind === "after") {
        now ||= performance.now();
        others.push({ kind: "other", index, at: one.ms === 0 ? 0 : now + one.ms, signal: undefined });
      } else if (one.kind === "onAbort") {
        others.push({ kind: "other", index, at: Infinity, signal: one.signal });
      } else {
        this.#entries.push({
          kind: "channel",
          index,
          channel: one.channel,
          role: one.kind === "recv" ? RECEIVE : SEND,
          value: one.kind === "send" ? one.value : undefined,
          life: lifeOf(one.channel),
          staged: undefined,
          waiter: undefined,
        });
      }
    }
    this.#cases = others.length === 0 ? this.#entries : [...this.#entries, ...others];
  }

  start(isDefault: boolean): Promise<Selected> {
    this.#stage();
    shuffle(this.#cases);
    const ready = this.#cases === this.#entries ? undefined : this.#cases.find(isReady);
    const locked = lockAll(this.#entries);
    let chosen: Entry | Other | undefined;
    let outcome = WOULD_BLOCK;
    for (const one of this.#cases) {
      if (one.kind === "channel") {
        outcome = one.role === SEND ? one.life.attemptSend(one.staged) : one.life.attemptReceive();
        if (outcome === WOULD_BLOCK) continue;
      } else if (one !== ready) continue;
      chosen = one;
      break;
    }
    const waits = chosen === undefined && !isDefault;
    const parks = waits && this.#refusal === undefined;
    if (parks) { for (const one of this.#cases) if (one.kind === "channel") this.#enqueue(one); }
    for (const life of locked) life.unlock();
    if (parks) return this.#park();
    this.#unstage(chosen, outcome);
    if (waits) return Promise.reject(this.#refusal);
    if (chosen === undefined) return this.#doneWith({ index: -1 });
    const { index } = chosen;
    if (chosen.kind === "other") return this.#doneWith(chosenOther(chosen));
    const { life, role } = chosen;
    if (outcome === CHANNEL_CLOSED) {
      return role === SEND
        ? Promise.reject(life.closed())
        : this.#doneWith({ index, value: undefined, done: true });
    }
    const value = life.collect();
    return this.#doneWith(role === SEND ? { index } : { index, value, done: false });
  }

  /** Without waiting, so it counts: a task may look again and again. */
  #doneWith(selected: Selected): Promise<Selected> {
    return this.#isolate?.doneWith(selected) ?? Promise.resolve(selected);
  }

  /**
   * Copies what is to be sent, each value into the record of its case. That may move channels to the arena, also those of
   * other cases: then once more.
   */
  #stage(): void {
    try {
      for (const entry of this.#entries) {
        entry.life = lifeOf(entry.channel);
        if (entry.role !== SEND) continue;
        entry.staged = entry.life.stage(entry.value);
        if (entry.life instanceof SharedChannel) this.#keep(entry, entry.life);
      }
      if (this.#entries.some((entry) => entry.life !== lifeOf(entry.channel))) {
        this.#unstage(undefined, WOULD_BLOCK);
        return this.#stage();
      }
      // Nothing below may fail for want of memory.
      const shared = this.#entries.filter(({ life, waiter }) =>
        life instanceof SharedChannel && waiter === undefined
      );
      if (shared.length > 0) this.#refusal = shared[0].life.isolate.records.tryReserve(shared.length);
    } catch (error) {
      this.#unstage(undefined, WOULD_BLOCK);
      throw error;
    }
  }

  #keep(entry: Entry, life: SharedChannel): void {
    try {
      life.isolate.records.reserve();
    } catch (error) {
      life.unstage();
      throw error;
    }
    const waiter = this.#waiter(entry);
    life.isolate.records.assign(waiter);
    life.keep(waiter);
    entry.staged = waiter.record;
  }

  #waiter(entry: Entry): Waiter {
    const waiter = entry.waiter = new Waiter(entry.life, entry.role);
    waiter.selection = this;
    return waiter;
  }

  /** The values that were not sent, and the records that are not needed. */
  #unstage(chosen: Entry | Other | undefined, outcome: number): void {
    for (const entry of this.#entries) {
      const { waiter, life } = entry;
      entry.waiter = undefined;
      if (waiter === undefined || waiter.record === 0) continue;
      const wasSent = entry === chosen && outcome !== CHANNEL_CLOSED;
      if (!wasSent) (life as SharedChannel).drop(waiter);
      life.isolate.records.release(waiter);
    }
  }

  #enqueue(entry: Entry): void {
    const waiter = entry.waiter ?? this.#waiter(entry);
    entry.life.enqueue(waiter, entry.staged);
  }

  #park(): Promise<Selected> {
    for (const { waiter } of this.#entries) waiter!.waited.isolate.park(waiter!);
    if (this.#isolate !== undefined) this.#isolate.parked++;
    const promise = this.#promise = promiseOf(this) as Promise<Selected>;
    try {
      for (const one of this.#cases) if (one.kind === "other") this.#watch(one);
    } catch (error) {
      // A signal's methods may be the user's.
      if (this.claim()) this.fail(error, false);
    }
    return promise;
  }

  #watch(other: Other): void {
    const { at, signal } = other;
    const fire = () => this.#choose(other);
    const clock = this.#isolate?.loop;
    if (signal !== undefined) this.#undo.push(whenAborted(signal, fire));
    else if (clock !== undefined) this.#undo.push(alarm(clock, at, fire));
    else this.#undo.push(after(at - performance.now(), fire));
  }

  /** Something that is no channel happened. */
  #choose(other: Other): void {
    if (!this.claim()) return;
    this.#leave(undefined);
    this.resolve(chosenOther(other));
  }

  claim(): boolean {
    if (this.isOver) return false;
    if (this.main !== 0 && !cas(this.#isolate!.words, this.main + W_FIRED, 0, 1)) return false;
    this.isOver = true;
    return true;
  }

  /** Undefined without channels: then nothing but the event loop is needed. */
  get #isolate(): Isolate | undefined {
    return this.#entries[0]?.life.isolate;
  }

  won(winner: Waiter, outcome: number, value: unknown): void {
    this.isOver = true;
    const { role, waited } = winner;
    const { index } = this.#entries.find(({ waiter }) => waiter === winner)!;
    this.#leave(winner);
    if (outcome !== CHANNEL_CLOSED) this.resolve(role === SEND ? { index } : { index, value, done: false });
    else if (role === SEND) reject(this, (waited as ChannelLife).closed());
    else this.resolve({ index, value: undefined, done: true });
  }

  /** The losers leave their queues. Nobody else ends them: the select is claimed. */
  #leave(winner: Waiter | undefined): void {
    for (const undo of this.#undo) undo();
    if (this.#isolate !== undefined) this.#isolate.parked--;
    const losers = this.#entries.map(({ waiter }) => waiter!).filter((waiter) => waiter !== winner);
    for (const waiter of losers) {
      const { waited } = waiter;
      // One that was passed over is in no queue, and still has what it was to send.
      if (!waited.withdraw(waiter) && waiter.record !== 0) (waited as SharedChannel).drop(waiter);
    }
    // Not before all have left: one of the records is the one that others ask who won.
    for (const waiter of losers) waiter.waited.isolate.unparked(waiter);
  }

  /** One of its cases was taken back, for all of them. */
  fail(error: unknown, isQuiet: boolean): void {
    this.#leave(undefined);
    if (isQuiet) silence(this.#promise!);
    reject(this, error);
  }
}

function isReady(one: Entry | Other): boolean {
  return one.kind === "other" && (one.at === 0 || one.signal?.aborted === true);
}

function chosenOther({ index, signal }: Other): Selected {
  return signal === undefined ? { index } : { index, value: signal.reason };
}

/** Go's order: by address, each once. So no two selects wait for each other. */
function lockAll(entries: readonly Entry[]): SharedChannel[] {
  const lives = new Set(entries.map(({ life }) => life).filter((life) => life instanceof SharedChannel));
  const sorted = [...lives].sort((a, b) => a.object - b.object);
  for (const life of sorted) life.lock();
  return sorted;
}

function shuffle(items: unknown[]): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [items[i], items[j]] = [items[j], items[i]];
  }
}
