/**
 * Looks at a scheduler while somebody looks at the page, and tells all who do. When the last one is gone, it stops, and forgets what
 * it has seen: then it costs nothing.
 */
import type { Scheduler } from "@heddle/heddle";
import { type Answer, type Life, Lives, type Question } from "./lives.ts";
import { Sampling } from "./sample.ts";

/** Milliseconds from one look to the next. Guess: a moving picture needs no more, since the page draws in between. */
const EVERY = 125;
/** Of the program's event loop it takes at most one part in so many: 100,000 tasks take 60 ms a look, so they are seen each 0.6 s. */
const PART = 10;
/** Samples that may wait for a page that does not read. It misses those that follow. */
const BEHIND = 4;

/** What the inspector asks of a scheduler. */
export type Inspected = Pick<Scheduler, "dump" | "metrics" | "trace">;

type Viewer = ReadableStreamDefaultController<Uint8Array>;

export class Sampler {
  readonly #sched: Inspected;
  readonly #viewers = new Set<Viewer>();
  readonly #encoder = new TextEncoder();
  #sampling = new Sampling();
  #lives = new Lives();
  #timer: ReturnType<typeof setTimeout> | undefined = undefined;
  #at = 0;

  constructor(sched: Inspected) {
    this.#sched = sched;
  }

  /** Samples as events of a server (HTML, "Server-sent events"), until whoever reads them goes. */
  watch(): ReadableStream<Uint8Array> {
    let own: Viewer;
    return new ReadableStream<Uint8Array>({
      start: (viewer) => {
        own = viewer;
        this.#viewers.add(viewer);
        if (this.#viewers.size === 1) this.#look();
      },
      cancel: () => this.#leave(own),
    }, { highWaterMark: BEHIND });
  }

  #leave(viewer: Viewer): void {
    this.#viewers.delete(viewer);
    if (this.#viewers.size > 0) return;
    clearTimeout(this.#timer);
    this.#sampling = new Sampling();
    this.#lives = new Lives();
  }

  #look(): void {
    const begun = performance.now();
    // No two looks are of one moment, also when the system's clock was set back.
    this.#at = Math.max(this.#at + 1, Date.now());
    const dump = this.#sched.dump();
    this.#lives.add(this.#at, dump.tasks);
    const taken = performance.now() - begun;
    const sample = this.#sampling.sample(this.#at, taken, dump, this.#sched.metrics());
    const event = this.#encoder.encode(`data: ${JSON.stringify(sample)}\n\n`);
    for (const viewer of this.#viewers) if (viewer.desiredSize! > 0) viewer.enqueue(event);
    const took = performance.now() - begun;
    this.#timer = setTimeout(() => this.#look(), Math.max(EVERY - took, took * (PART - 1)));
    Deno.unrefTimer(this.#timer as unknown as number);
  }

  ask(question: Question): Answer {
    return this.#lives.ask(question);
  }

  life(id: number): Life | undefined {
    return this.#lives.of(id);
  }

  /** Ends all streams. */
  close(): void {
    for (const viewer of this.#viewers) {
      this.#leave(viewer);
      viewer.close();
    }
  }
}
