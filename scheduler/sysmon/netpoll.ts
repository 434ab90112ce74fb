/** sysmon's part in the netpoller: it tells isolates that something is ready in their poll sets. README.md, "The netpoller". */
import { cas, exchange, load } from "../arena/atomics.ts";
import { ISOLATES } from "../arena/layout/header.ts";
import { HOST, M_POLL, POLL_FIRED, POLL_MAILED } from "../arena/layout/m.ts";
import { POLLER_FIRED } from "../arena/layout/native.ts";
import type { Shared } from "../parking/shared.ts";

export class Netpoll {
  readonly #shared: Shared;
  readonly #words: Int32Array;
  readonly #fired: number;

  constructor(shared: Shared) {
    this.#shared = shared;
    this.#words = shared.words;
    this.#fired = shared.arena.poller + POLLER_FIRED;
  }

  /** By sysmon, at each look, and once more when it has announced that it sleeps. Whether anybody was told. */
  tick(): boolean {
    // Partner: native/poller.c stores FIRED in a word, then this, and then kicks sysmon.
    if (load(this.#words, this.#fired) === 0) return false;
    exchange(this.#words, this.#fired, 0);
    const isolates = load(this.#words, ISOLATES);
    let hasTold = false;
    for (let isolate = HOST; isolate < isolates; isolate++) hasTold = this.#tell(isolate) || hasTold;
    return hasTold;
  }

  /** The mark makes sure that its line is in one mailbox once: also if an old event comes to the next thread of that number. */
  #tell(isolate: number): boolean {
    const words = this.#words;
    const line = this.#shared.arena.isolate(isolate) + M_POLL;
    if (!cas(words, line, POLL_FIRED, POLL_MAILED)) return false;
    if (this.#shared.mailbox.pushRecord(isolate, line)) {
      this.#shared.wakeups.ready(isolate);
      return true;
    }
    // It has died. If there is another one of that number meanwhile, it may have had an event that was not told because of this
    // mark. It has set `fired` as it began, after its mailbox was opened and so after our push: there is another look.
    cas(words, line, POLL_MAILED, POLL_FIRED);
    return false;
  }
}
