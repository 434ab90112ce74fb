/**
 * The Gs that an M has started and that nobody else has heard of: plain objects of its heap. Newest first, as a child
 * is usually awaited next, and a tree of children stays as deep as it is, not as wide.
 */
import type { G } from "./g.ts";

export class PrivateQueue {
  #gs: (G | undefined)[] = [];
  #oldest = 0;

  get length(): number {
    return this.#gs.length - this.#oldest;
  }

  push(g: G): void {
    this.#gs.push(g);
  }

  popNewest(): G | undefined {
    if (this.#gs.length === this.#oldest) return undefined;
    const g = this.#gs.pop();
    if (this.#oldest !== 0 && this.#gs.length === this.#oldest) this.#reset();
    return g;
  }

  popOldest(): G | undefined {
    if (this.#gs.length === this.#oldest) return undefined;
    const g = this.#gs[this.#oldest];
    this.#gs[this.#oldest++] = undefined;
    if (this.#gs.length === this.#oldest) this.#reset();
    // Half of a long array is behind us: move the rest down.
    else if (this.#oldest > 1024 && this.#oldest * 2 > this.#gs.length) {
      this.#gs = this.#gs.slice(this.#oldest);
      this.#oldest = 0;
    }
    return g;
  }

  /** One that was taken out: it is the oldest. */
  putBack(g: G): void {
    if (this.#oldest > 0) this.#gs[--this.#oldest] = g;
    else this.#gs.unshift(g);
  }

  #reset(): void {
    this.#gs.length = 0;
    this.#oldest = 0;
  }
}
