/**
 * Who hears of each wait as it begins and ends: the tracer, the journal of awaits, or both. `Meter.tap` is it, and undefined while
 * nobody does: so a place where something is parked has one plain load of an own field.
 */
export interface Tap {
  /** What is parked, and in words what it waits for. Its promise is the next to be made. */
  waits(what: object, text: string): void;
  /** Its wait is over, or was taken back. `kind`: of the event. `id`: the record of an operation; 0: it has none. */
  waited(what: object, kind: number, id: number): void;
  /** This isolate has completed an operation that it alone knows. */
  readied(what: object): void;
}

/** Who hears which task takes a lock and gives it back: the journal, with `stacks: true`. */
export interface HoldTap {
  /** By the task whose turn it is; or by the one that parked `waiter`, if it has waited. `times`: so many permits. */
  took(lock: object, name: string, times: number, waiter?: object): void;
  /** By the task whose turn it is, if it has the lock; else what was taken first. */
  gave(lock: object, times: number): void;
}

/** One after the other. */
export class Taps implements Tap {
  readonly #first: Tap;
  readonly #second: Tap;

  constructor(first: Tap, second: Tap) {
    this.#first = first;
    this.#second = second;
  }

  waits(what: object, text: string): void {
    this.#first.waits(what, text);
    this.#second.waits(what, text);
  }

  waited(what: object, kind: number, id: number): void {
    this.#first.waited(what, kind, id);
    this.#second.waited(what, kind, id);
  }

  readied(what: object): void {
    this.#first.readied(what);
    this.#second.readied(what);
  }
}
