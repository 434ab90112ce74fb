import { assertEquals } from "@std/assert";
import { HeapWatch } from "../../../scheduler/machine/heap_watch.ts";

/** The timers that there are, and what V8 says. */
class Thread implements Disposable {
  readonly told: number[] = [];
  readonly heap = { used_heap_size: 8e6, heap_size_limit: 64e6 };
  isFull = false;
  readonly #timers = new Map<number, { fire: () => void; ms: number }>();
  readonly #were = [globalThis.setTimeout, globalThis.clearTimeout] as const;
  #made = 1e9;

  constructor() {
    globalThis.setTimeout = ((fire: () => void, ms: number) => {
      this.#timers.set(++this.#made, { fire, ms });
      return this.#made;
    }) as never;
    globalThis.clearTimeout = ((timer: number) => void this.#timers.delete(timer)) as never;
  }

  watch(): HeapWatch {
    return new HeapWatch(
      () => ({ ...this.heap }),
      (bytes) => this.told.push(bytes),
      () => this.isFull = true,
    );
  }

  /** How long the only timer was to take; it fires. */
  fire(): number {
    const [[timer, { fire, ms }], ...others] = this.#timers;
    assertEquals(others, []);
    this.#timers.delete(timer);
    fire();
    return ms;
  }

  get timers(): number {
    return this.#timers.size;
  }

  [Symbol.dispose](): void {
    [globalThis.setTimeout, globalThis.clearTimeout] = this.#were;
  }
}

Deno.test("a thread whose heap stays as it is looks at it more and more rarely, and as before once it grows", () => {
  using thread = new Thread();
  thread.watch();
  // At the first look nobody knows what was there before.
  assertEquals(Array.from({ length: 9 }, () => thread.fire()), [
    100,
    100,
    200,
    400,
    800,
    1600,
    3200,
    3200,
    3200,
  ]);
  thread.heap.used_heap_size += 1000;
  assertEquals([thread.fire(), thread.fire()], [3200, 3200]);
  thread.heap.used_heap_size += 1e6;
  assertEquals([thread.fire(), thread.fire(), thread.fire()], [3200, 100, 200]);
  assertEquals(thread.told.slice(8), [8e6, 8.001e6, 8.001e6, 9.001e6, 9.001e6, 9.001e6]);
});

Deno.test("one that goes on after a rest looks soon", () => {
  using thread = new Thread();
  const watch = thread.watch();
  watch.goesOn();
  for (let looks = 0; looks < 6; looks++) thread.fire();
  watch.goesOn();
  watch.goesOn();
  assertEquals([thread.fire(), thread.fire()], [100, 200]);
});

Deno.test("a limit that V8 has raised is a heap that was full, and nobody looks again", () => {
  using thread = new Thread();
  thread.watch();
  thread.fire();
  assertEquals(thread.isFull, false);
  thread.heap.heap_size_limit *= 2;
  thread.fire();
  assertEquals([thread.isFull, thread.timers], [true, 0]);
});
