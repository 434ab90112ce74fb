/** The last half minute, as the page knows it: samples, and what was on each lane. */
import type { Sample } from "../sample.ts";

/** Milliseconds. */
export const WINDOW = 30_000;

/** Something that lasted on a lane: times are milliseconds since 1970, of the program's clock. */
export interface Segment {
  readonly from: number;
  to: number;
  readonly state: string;
  /** What ran. */
  readonly label: string;
  readonly isHog: boolean;
}

export class History {
  /** Oldest first. */
  readonly samples: Sample[] = [];
  /** By tid or `P0`. */
  readonly lanes = new Map<string, Segment[]>();
  /** What is shown: the newest sample, or the one of this time. */
  #cursor: number | undefined = undefined;
  #received = 0;
  /** There was a pause: what comes next does not go on from what was before. */
  #isBroken = false;

  get isPaused(): boolean {
    return this.#cursor !== undefined;
  }

  get newest(): Sample | undefined {
    return this.samples.at(-1);
  }

  /** The one to show. */
  get shown(): Sample | undefined {
    const cursor = this.#cursor;
    if (cursor === undefined) return this.newest;
    return this.samples.findLast(({ at }) => at <= cursor) ?? this.samples[0];
  }

  /** The end of what lanes show. It moves on between samples. */
  end(): number {
    const { newest } = this;
    if (newest === undefined) return 0;
    return this.isPaused ? newest.at : newest.at + Math.min(2000, performance.now() - this.#received);
  }

  /** What comes while it is paused is passed by, and what it has is not added again. */
  add(sample: Sample): void {
    if (sample.at === this.newest?.at) return;
    if (this.isPaused) {
      this.#isBroken = true;
      return;
    }
    this.#received = performance.now();
    this.samples.push(sample);
    const oldest = sample.at - WINDOW;
    while (this.samples[0].at < oldest) this.samples.shift();
    for (const { tid, state, runs, hogMs } of sample.threads) {
      this.#extend(String(tid), sample.at, state, runs ?? "", hogMs !== undefined);
    }
    for (const { number, state, thread } of sample.processors) {
      this.#extend(`P${number}`, sample.at, state, thread === undefined ? "" : String(thread), false);
    }
    for (const [lane, segments] of this.lanes) {
      while (segments.length > 0 && segments[0].to < oldest) segments.shift();
      if (segments.length === 0) this.lanes.delete(lane);
    }
    this.#isBroken = false;
  }

  #extend(lane: string, at: number, state: string, label: string, isHog: boolean): void {
    let segments = this.lanes.get(lane);
    if (segments === undefined) this.lanes.set(lane, segments = []);
    const last = segments.at(-1);
    if (last !== undefined && !this.#isBroken) {
      last.to = at;
      if (last.state === state && last.label === label && last.isHog === isHog) return;
    }
    segments.push({ from: at, to: at, state, label, isHog });
  }

  /** Nobody has looked: what was in between is not known. */
  interrupt(): void {
    this.#isBroken = true;
  }

  pause(): void {
    this.#cursor ??= this.newest?.at;
  }

  resume(): void {
    this.#cursor = undefined;
  }

  /** To a time of the window. It pauses. */
  moveTo(at: number): void {
    const [first, last] = [this.samples[0], this.newest];
    if (first === undefined || last === undefined) return;
    this.#cursor = Math.max(first.at, Math.min(last.at, at));
  }

  /** By so many samples. */
  step(by: number): void {
    const { shown } = this;
    if (shown === undefined) return;
    const index = this.samples.indexOf(shown) + by;
    this.moveTo(this.samples[Math.max(0, Math.min(this.samples.length - 1, index))].at);
  }
}
