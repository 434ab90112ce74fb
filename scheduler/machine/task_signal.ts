/**
 * The signals of tasks. That one is cancelled is mail, and a task that computes lets its thread read none. So who reads of
 * its signal whether it is aborted looks at the mail first, as `ctx.shouldYield` does. And finds it aborted when all is closing:
 * without preemption nothing else ends a task that computes till then.
 *
 * Such a signal is the platform's own, whose listeners and dependents are the platform's affair; only what it inherits
 * has these two members in front of `AbortSignal.prototype`.
 */
import { reserveStack } from "../codec/stack_reserve.ts";
import type { Locks } from "../parking/locks.ts";
import type { Controllers } from "../sync/signal_relay.ts";
import { SchedulerClosedError } from "../tasks/errors.ts";

const aborted = Object.getOwnPropertyDescriptor(AbortSignal.prototype, "aborted")!.get!;
const { throwIfAborted } = AbortSignal.prototype;

const CONTROLLER = Symbol("controller");

interface TaskSignal extends AbortSignal {
  /** Until all is closing. */
  [CONTROLLER]?: AbortController;
}

export class TaskSignals implements Controllers {
  readonly #locks: Locks;
  readonly #prototype: AbortSignal;

  /** `readMail` may run abort listeners. */
  constructor(locks: Locks, readMail: () => void, isClosing: () => boolean) {
    this.#locks = locks;
    const look = (signal: TaskSignal) => {
      readMail();
      if (isClosing() && signal[CONTROLLER] !== undefined) end(signal);
    };
    const member = { configurable: true, enumerable: true };
    this.#prototype = Object.create(AbortSignal.prototype, {
      aborted: {
        ...member,
        get(this: TaskSignal): boolean {
          look(this);
          return aborted.call(this);
        },
      },
      throwIfAborted: {
        ...member,
        writable: true,
        value(this: TaskSignal): void {
          look(this);
          throwIfAborted.call(this);
        },
      },
    });
  }

  controller(): AbortController {
    const controller = new AbortController();
    Object.setPrototypeOf(controller.signal, this.#prototype);
    (controller.signal as TaskSignal)[CONTROLLER] = controller;
    return controller;
  }

  /** Called inside of the scheduler, which its listeners run outside of. */
  abort(controller: AbortController, reason: unknown): void {
    this.#locks.outside(() => abort(controller, reason));
  }
}

function end(signal: TaskSignal): void {
  reserveStack();
  const controller = signal[CONTROLLER]!;
  // First: who aborts it looks whether it is aborted.
  signal[CONTROLLER] = undefined;
  abort(controller, new SchedulerClosedError("The scheduler was closed."));
}

/**
 * Aborts what tasks listen to. The platform reports what a listener throws as an uncaught error, which would end the thread
 * with all its tasks: here it is told, and nothing else comes of it.
 */
export function abort(controller: AbortController, reason: unknown): void {
  addEventListener("error", tellOfListener);
  try {
    controller.abort(reason);
  } finally {
    removeEventListener("error", tellOfListener);
  }
}

function tellOfListener(event: ErrorEvent): void {
  event.preventDefault();
  tellUncaught("in a listener of a task's signal", event.error);
}

/** What a task threw where nobody could catch it. How it shows itself is the task's code, too, and may throw. */
export function tellUncaught(where: string, error: unknown): void {
  const what = `Uncaught (in a Heddle thread, ${where})`;
  try {
    console.error(what, error);
  } catch {
    console.error(what, "an error that cannot be shown");
  }
}
