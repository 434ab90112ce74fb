/** A line of the host's tasks: those of one priority that wait for a slot, or those that a view holds back. */
import { Fifo } from "../queues/fifo.ts";

export class Line<T> {
  readonly #limit: number;
  readonly #waiting = new Fifo<T>();
  /** Its tasks that have gone on and have not ended. One that was cancelled ends when its function does. */
  #underWay = 0;

  constructor(limit = Infinity) {
    this.#limit = limit;
  }

  get length(): number {
    return this.#waiting.length;
  }

  get underWay(): number {
    return this.#underWay;
  }

  /** Whether a task that comes now need not wait for those of this line. */
  get isOpen(): boolean {
    return this.#waiting.length === 0 && this.hasRoom;
  }

  get hasRoom(): boolean {
    return this.#underWay < this.#limit;
  }

  begin(): void {
    this.#underWay++;
  }

  end(): void {
    this.#underWay--;
  }

  push(waiting: T): void {
    this.#waiting.push(waiting);
  }

  /** Whose turn it is. */
  get oldest(): T | undefined {
    return this.#waiting.oldest;
  }

  popOldest(): void {
    this.#waiting.popOldest();
  }

  takeAll(): T[] {
    return this.#waiting.takeAll();
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#waiting[Symbol.iterator]();
  }
}
