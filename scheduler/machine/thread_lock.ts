/**
 * An M that is for some of its Gs alone.
 *
 * **Locked**, as by Go's LockOSThread: it takes no Gs from queues any more, and what its Gs start goes to the global
 * queue. It needs a P of the pool to run them, and when it has nothing to do it passes that on.
 *
 * **Dedicated**, as by the DedicateOSThread that was proposed for Go (gVisor, 2020): locked, and its P is exempt. It keeps
 * that while it sleeps and while it blocks, so it is woken directly; and nobody takes it away.
 *
 * Other Gs that had begun on the M go on there: they cannot move. When a G ends that has not given the thread back, the
 * thread ends after it, and after those others. So does one with an affinity or a nice value of its own.
 *
 * The M counts the locks and dedications of all its Gs; while there is one it takes no work, but for what its Gs start when all
 * its slots are in use. The last `undedicate()` is like the end of a blocking call that lost its P.
 */
import type { Agenda } from "./agenda.ts";
import type { Children } from "./children.ts";
import type { G } from "./g.ts";
import type { Hold } from "./hold.ts";
import { EXEMPT_P, NO_P } from "../parking/idle.ts";
import { DEDICATED, LOCKED, POOL } from "../parking/roles.ts";
import type { Shared } from "../parking/shared.ts";

export class ThreadLock {
  /** Of all Gs of this M together. */
  #locks = 0;
  #dedications = 0;
  /** It has been made so unlike the threads of the pool that it cannot go back there. */
  isSpecial = false;
  readonly #shared: Shared;
  readonly #isolate: number;
  readonly #hold: Hold;
  readonly #agenda: Agenda;
  readonly #children: Children;

  constructor(agenda: Agenda, children: Children) {
    const { hold, shared } = agenda;
    this.#shared = shared;
    this.#isolate = hold.isolate;
    this.#hold = hold;
    this.#agenda = agenda;
    this.#children = children;
  }

  lock(g: G): void {
    if (this.#locks + this.#dedications === 0) this.#lockFirst();
    g.holds.locks++;
    this.#locks++;
  }

  #lockFirst(): void {
    // Not if a G has ended that had made it dedicated.
    if (this.#hold.p !== EXEMPT_P) this.#leavePool(LOCKED);
    this.#hold.stayAwake();
    this.#hold.takesWork = false;
    // They were to be the next here.
    this.#children.publishAll();
    if (this.#hold.p === NO_P) this.#shared.wakeups.wakeIfWork();
  }

  /** Nothing happens if the G has no lock, as in Go. Throws if another one of this thread has. */
  unlock(g: G): void {
    if (g.holds.locks === 0) {
      if (this.#locks === 0) return;
      throw new Error(
        `Task #${g.id} called unlockOSThread(), and the thread is locked by another task: that one has to unlock it.`,
      );
    }
    g.holds.locks--;
    this.#locks--;
    this.#giveBack();
  }

  dedicate(g: G): void {
    if (this.#hold.isInCall) {
      throw new Error("dedicate() was called inside of ctx.blocking(): call it before.");
    }
    if (this.#dedications === 0) this.#exempt();
    g.holds.dedications++;
    this.#dedications++;
  }

  #exempt(): void {
    this.#leavePool(DEDICATED);
    this.#hold.stayAwake();
    const p = this.#hold.beExempt();
    this.#children.publishAll();
    if (p === NO_P) this.#shared.wakeups.wakeIfWork();
    else if (p !== EXEMPT_P) this.#shared.wakeups.passOn(p);
    // Partner: Preemption.#ask. It would be frozen, and sysmon sees no exempt P.
    this.#hold.awaitSignal();
  }

  /** It leaves, then it looks whether it may: of several that leave at once, the last one sees all others. */
  #leavePool(role: typeof LOCKED | typeof DEDICATED): void {
    const { procs } = this.#shared.idle;
    const roles = this.#shared.roles;
    const before = roles.of(this.#isolate);
    roles.set(this.#isolate, role);
    if (before !== POOL || roles.poolCanHave(this.#shared.arena.shape.maxThreads) >= procs) return;
    roles.set(this.#isolate, POOL);
    throw new RangeError(
      `There are ${this.#shared.arena.shape.maxThreads} threads already (maxThreads), and the pool needs this one.`,
    );
  }

  /** The last one gets a P of the pool before it returns. */
  undedicate(g: G): void {
    if (g.holds.dedications === 0) {
      throw new Error(
        `Task #${g.id} called undedicate() without dedicate(): its thread is not dedicated to it.`,
      );
    }
    if (this.#hold.isInCall) {
      throw new Error("undedicate() was called inside of ctx.blocking(): call it after.");
    }
    g.holds.dedications--;
    if (--this.#dedications > 0) return;
    this.#hold.stayAwake();
    this.#shared.roles.set(this.#isolate, LOCKED);
    this.#hold.endExemption();
    this.#giveBack();
  }

  /** The thread is in the hands of a G from its begin. */
  startDedicated(g: G): void {
    g.holds.dedications++;
    this.#dedications++;
    this.#hold.beExempt();
  }

  /** The G has ended. */
  end(g: G): void {
    const { locks, dedications } = g.holds;
    if (locks + dedications === 0) return;
    this.#locks -= locks;
    this.#dedications -= dedications;
    this.#agenda.endWhenDone();
  }

  #giveBack(): void {
    if (this.#locks + this.#dedications > 0 || this.#agenda.isEnding) return;
    if (this.isSpecial) return this.#agenda.endWhenDone();
    this.#hold.stayAwake();
    this.#shared.roles.set(this.#isolate, POOL);
    this.#hold.takesWork = true;
  }
}
