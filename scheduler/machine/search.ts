/**
 * How an M without private work finds some: in its ring, the global queue, and other Ps' rings. For a short while it spins, on
 * which submitters rely (idle.ts).
 */
import type { Shim } from "../../ffi/shim.ts";
import { EXEMPT_P, NO_P } from "../parking/idle.ts";
import type { Agenda } from "./agenda.ts";
import type { Children } from "./children.ts";
import type { EventLoop } from "./event_loop.ts";
import type { Hold } from "./hold.ts";
import { Patience } from "./patience.ts";
import type { Shared } from "../parking/shared.ts";
import { STOLE } from "../tracing/tracer.ts";
import { Spinner } from "./spin.ts";

/** Go's limit of a batch from the global queue: half a local ring. */
const GLOBAL_BATCH = 128;

/** What a spin comes to if it finds no slot: */
/** there is something to do here, or the P is gone; */
export const HERE = -1;
/** the event loop is to have a turn before it goes on; */
export const TURN = -2;
/** nothing. */
export const NOTHING = -3;
/** What is in the ring is left to a thief: the M is to look again soon. */
export const LEFT = -4;

export class Search {
  readonly #shared: Shared;
  readonly #hold: Hold;
  readonly #agenda: Agenda;
  readonly #children: Children;
  readonly #eventLoop: EventLoop;
  readonly #spinner: Spinner;
  readonly #patience: Patience;
  #round = 0;
  #taken = NOTHING;

  constructor(agenda: Agenda, children: Children, eventLoop: EventLoop, shim: Shim) {
    this.#shared = agenda.shared;
    this.#hold = agenda.hold;
    this.#agenda = agenda;
    this.#children = children;
    this.#eventLoop = eventLoop;
    this.#spinner = new Spinner(shim);
    this.#patience = new Patience(agenda, shim);
  }

  /** Out of this M's own ring: a slot, LEFT, or below 0 when there is none. */
  takeLocal(): number {
    return this.#patience.leavesNext() ? LEFT : this.#shared.rings.pop(this.#hold.p);
  }

  /** A fair share of the global queue: one to run now, the rest into the local ring. Below 0 when there is none. */
  takeGlobal(most = GLOBAL_BATCH): number {
    const { global, idle, wakeups } = this.#shared;
    if (!this.#agenda.takesMore) return NOTHING;
    if (global.isEmptyInFront()) {
      wakeups.tellRoom();
      if (global.isEmpty()) return NOTHING;
    }
    const share = Math.floor(global.visible / idle.procs) + 1;
    this.#taken = NOTHING;
    global.pop(Math.min(most, share), this.#keep);
    return this.#taken;
  }

  /** What is user-blocking comes before what is in the ring. */
  takeBlocking(): number {
    if (!this.#agenda.takesMore) return NOTHING;
    this.#taken = NOTHING;
    this.#shared.global.popBlocking(this.#keep);
    return this.#taken;
  }

  /** In a turn that is for what would starve: of each two one begins with what is in the background. */
  takeStarving(turn: number): number {
    this.#taken = NOTHING;
    if ((turn & 1) === 0 && this.#agenda.takesMore) this.#shared.global.popBackground(this.#keep);
    return this.#taken < 0 ? this.takeGlobal(1) : this.#taken;
  }

  readonly #keep = (entry: number): void => {
    if (entry < 0) {
      // What is private would have to wait for this M's next P.
      this.#children.publishAll();
      this.#hold.handOff(-entry);
    } else if (this.#taken < 0) {
      this.#taken = entry;
    } else {
      this.#shared.rings.push(this.#hold.p, entry);
    }
  };

  /** Looks into other Ps' rings, then for a while at everything. A slot, or what it has come to. */
  spin(): number {
    // Nobody is to rely on one that takes nothing out of queues.
    if (!this.#agenda.takesMore) this.#hold.foundWork();
    this.#spinner.start();
    this.#round = 0;
    return this.spinOn();
  }

  /** After the event loop's turn. */
  spinOn(): number {
    const hold = this.#hold;
    for (;;) {
      const round = this.#round++;
      // First: only a thief without work of its own has room in its ring.
      if (this.#agenda.hasWorkHere()) return this.#found(HERE);
      if (this.#agenda.takesMore) {
        if (!hold.startSpinning()) return NOTHING;
        const slot = this.#look(round);
        if (slot !== NOTHING) return this.#found(slot);
      } else if (!this.#mayLinger()) {
        return NOTHING;
      }
      if (this.#spinner.isOver()) return NOTHING;
      if (!this.#eventLoop.waitsForOurs) {
        // In the event loop a G may go on, and for how long? Meanwhile submitters are not to rely on this M.
        return this.#found(TURN);
      }
      this.#spinner.pause(round);
    }
  }

  /**
   * It takes nothing from queues, and waits for its own. With a P that is its alone it may; a locked one also as long as nobody
   * has a use for its P, unless that is the only one, which whoever it waits for needs. One that expects something sleeps with that.
   */
  #mayLinger(): boolean {
    if (this.#hold.p === EXEMPT_P) return true;
    const { idle, wakeups } = this.#shared;
    return idle.procs > 1 && !this.#agenda.isExpecting && !wakeups.workVisible();
  }

  #found(what: number): number {
    this.#hold.foundWork();
    return what;
  }

  #look(round: number): number {
    const slot = this.#steal(round);
    if (slot >= 0) {
      this.#agenda.stolen++;
      this.#hold.meter.tracer?.instant(STOLE, slot, 0);
      return slot;
    }
    const taken = this.takeGlobal();
    return taken < 0 && this.#hold.p === NO_P ? HERE : taken;
  }

  /** Four passes over all counted Ps in Go's manner; runnext in the last one only. Later rounds repeat that one. */
  #steal(round: number): number {
    const procs = this.#shared.idle.procs;
    const { p } = this.#hold;
    for (let pass = Math.min(round, 3); pass < 4; pass++) {
      this.#spinner.shuffle(procs);
      for (let i = 0; i < procs; i++) {
        const victim = this.#spinner.nextVictim();
        if (victim === p || this.#shared.rings.isEmpty(victim)) continue;
        const slot = this.#shared.rings.steal(victim, p, pass === 3);
        if (slot >= 0) return slot;
      }
      if (round > 3) break;
    }
    return NOTHING;
  }
}
