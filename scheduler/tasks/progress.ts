/**
 * What a task says of itself while it runs: `ctx.report` there, `task.progress` here. Of all that was reported the latest is kept by
 * who started the task, whether or not anybody asks, and each reader sees it once. So a report waits for nobody, and who asks late
 * sees what there is. That a task has ended its promise says, which is followed once somebody reads.
 */

/** By what stands behind the task's promise, so that a task that reports nothing has nothing of it. */
const all = new WeakMap<object, Progress>();

const OVER: IteratorReturnResult<undefined> = { value: undefined, done: true };

class Progress {
  latest: unknown = undefined;
  /** Reports so far: a reader has seen the latest, or not. */
  count = 0;
  isOver = false;
  #isFollowed = false;
  #waiting: (() => void)[] = [];

  tell(value: unknown): void {
    if (this.isOver) return;
    this.latest = value;
    this.count++;
    this.wake();
  }

  /** Resolves when there may be something new. */
  change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  follow(task: Promise<unknown>): void {
    if (this.#isFollowed) return;
    this.#isFollowed = true;
    const end = () => {
      this.isOver = true;
      this.wake();
    };
    task.then(end, end);
  }

  wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

function progressOf(caller: object): Progress {
  let progress = all.get(caller);
  if (progress === undefined) all.set(caller, progress = new Progress());
  return progress;
}

/** The task behind that has reported this. */
export function tellProgress(caller: object, value: unknown): void {
  progressOf(caller).tell(value);
}

/** Of the task whose promise this is. */
export function readProgress(caller: object, task: Promise<unknown>): AsyncIterableIterator<unknown> {
  const progress = progressOf(caller);
  progress.follow(task);
  return new Reader(progress);
}

/** No generator: there a `return()` waits for the `next()` that is on its way. */
class Reader implements AsyncIterableIterator<unknown> {
  readonly #progress: Progress;
  #seen = 0;
  #isLeft = false;

  constructor(progress: Progress) {
    this.#progress = progress;
  }

  async next(): Promise<IteratorResult<unknown>> {
    const progress = this.#progress;
    while (!this.#isLeft) {
      if (progress.count !== this.#seen) {
        this.#seen = progress.count;
        return { value: progress.latest, done: false };
      }
      if (progress.isOver) break;
      await progress.change();
    }
    return OVER;
  }

  return(): Promise<IteratorResult<unknown>> {
    this.#isLeft = true;
    this.#progress.wake();
    return Promise.resolve(OVER);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
