/**
 * sysmon's own sleep word, SYSMON in the header:
 *
 *   TICKS   it looks around within a millisecond by itself.
 *   NAPS    it has seen no blocking call for a while, and sleeps up to 10 ms. The first call wakes it.
 *   SLEEPS  nothing runs. Who takes the first P wakes it.
 *   ABSENT  there is none yet, and nothing has called for it. Who does tells the host, which starts it.
 *
 * sysmon leaves TICKS, anyone leaves the others. It announces, then looks whether all Ps are idle, which they are not while one
 * is in a call; a waker takes its P or enters its call, then reads this word. So neither is missed. As it begins it stores TICKS,
 * then looks around for the first time: it sees what was published before it was there. C cannot tell the host, so before C may
 * wake it somebody has called for it (native calls, poll sets).
 */
import { exchange, type Futex, load, store } from "../arena/atomics.ts";
import { SYSMON } from "../arena/layout/header.ts";

const TICKS = 0;
export const NAPS = 1;
export const SLEEPS = 2;
const ABSENT = 3;

export class SysmonSleep {
  readonly #words: Int32Array;
  readonly #futex: Futex;
  readonly #tellHost: () => void;

  constructor(words: Int32Array, futex: Futex, tellHost: () => void) {
    this.#words = words;
    this.#futex = futex;
    this.#tellHost = tellHost;
  }

  /** By the host, before its first thread. */
  announceAbsence(): void {
    store(this.#words, SYSMON, ABSENT);
  }

  /** By the host: there is one, or there has to be. */
  get isCalledFor(): boolean {
    return load(this.#words, SYSMON) !== ABSENT;
  }

  /** Something begins that goes on only with a sysmon. */
  callFor(): void {
    if (load(this.#words, SYSMON) === ABSENT) this.wake();
  }

  /** By sysmon: a sleep that nobody has a reason to end. */
  tick(us: number): void {
    this.#futex.sleep(SYSMON, TICKS, us);
  }

  /** By sysmon, before it looks once more. */
  announce(state: typeof NAPS | typeof SLEEPS): void {
    store(this.#words, SYSMON, state);
  }

  /** By sysmon. Ends when somebody wakes it, or after `us` microseconds; below 0 there is no such time. */
  sleep(state: typeof NAPS | typeof SLEEPS, us: number): void {
    this.#futex.sleep(SYSMON, state, us);
  }

  /** By sysmon: it is awake. */
  retract(): void {
    store(this.#words, SYSMON, TICKS);
  }

  /** A blocking call has begun: it is to look within a millisecond. */
  wakeUnlessTicking(): void {
    if (load(this.#words, SYSMON) !== TICKS) this.wake();
  }

  /** Something runs again. */
  wakeIfAsleep(): void {
    if (load(this.#words, SYSMON) === SLEEPS) this.wake();
  }

  wake(): void {
    const before = exchange(this.#words, SYSMON, TICKS);
    if (before === ABSENT) this.#tellHost();
    else if (before !== TICKS) this.#futex.wake(SYSMON);
  }
}
