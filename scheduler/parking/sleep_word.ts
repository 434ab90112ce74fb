/**
 * What the sleep word of an isolate says: who may wake it, how, and with which P. Each state is a set of properties, one bit
 * each, so what a caller asks for is a bit or two. parker.ts has the transitions.
 *
 *   AWAKE             runs, or looks for work. Nobody but itself leaves this state.
 *   PARKED_*          an M without a P (or the host) that sleeps, or is about to. Anyone may take it out, by CAS.
 *   LOCKED_*          an M that is locked (thread_lock.ts), without a P. As PARKED_*, but nobody gives it a P for what is in
 *                     queues.
 *   SPARE_FUTEX       a thread that was started ahead of need. Who has claimed it (roles.ts) takes it out of this
 *                     state, with a P or without; so does mail.
 *   KEEPS_P_*         an M that sleeps and keeps its P: a dedicated one its own, another one while a task's module or
 *                     arguments are on their way. Anyone may make it AWAKE.
 *   BLOCKED           it runs code without a P: it is in a blocking call that it passed its P on for, or its event loop runs
 *                     a continuation. As good as AWAKE for wakers. Left by itself.
 *   MARKED            the same, so marked by sysmon, which takes the P of its call. Left by itself, and by sysmon if the call
 *                     was over before.
 *   AWAITS_P          it came back from a blocking call and sleeps, in a futex, until its note (see README.md) is served. It
 *                     goes on with its G then, so it is none of those that take work from queues.
 *   given(p)          it was given a P, and the giver is waking it. Left by itself. If it does not come, since its event
 *                     loop runs a long continuation, sysmon takes the P back and leaves it BLOCKED.
 *   ASKED_*           sysmon has a question, added to what the M was: the handler of its signal takes it back, or freezes
 *                     the thread. preemption.ts has these and the next ones.
 *   LETS_GO           it could not be frozen, and leaves its P to who comes first: sysmon, or itself.
 *   SEIZED            sysmon has taken that P. It runs on, as one that is BLOCKED.
 *   FROZEN, SHELVED   it sleeps in the handler; SHELVED: without a P, and others may give it one.
 *   LOST, ABANDONED   given up, for good: it runs on, or sleeps in the handler.
 *
 * _FUTEX and _EVENT_LOOP say how it sleeps, so how to wake it. The order that prevents lost wakeups: a sleeper stores
 * its state, then looks at everything that should keep it awake, then sleeps on the value stored. A waker publishes its
 * reason, then reads the state. See README.md, "No wakeup is lost".
 */

/** Sleeps until it is woken, by a futex, or with IN_EVENT_LOOP there. */
const ASLEEP = 1 << 0;
const IN_EVENT_LOOP = 1 << 1;
/** Sleeps without a P: who gives it one takes it out of this state. */
const TAKES_P = 1 << 2;
/** It has no use for what is in queues: it is locked, or a spare. */
const APART = 1 << 3;
/** In a blocking call, or back from one, without a P. */
const IN_CALL = 1 << 4;
const BY_SYSMON = 1 << 5;
const GIVEN = 1 << 11;
const SPINNING = 1 << 12;
const P_SHIFT = 16;

export const AWAKE = 0;
export const PARKED_FUTEX = ASLEEP | TAKES_P;
export const PARKED_EVENT_LOOP = PARKED_FUTEX | IN_EVENT_LOOP;
export const LOCKED_FUTEX = ASLEEP | TAKES_P | APART;
export const LOCKED_EVENT_LOOP = LOCKED_FUTEX | IN_EVENT_LOOP;
export const AWAITS_P = ASLEEP | TAKES_P | IN_CALL;
export const KEEPS_P_FUTEX = ASLEEP;
export const KEEPS_P_EVENT_LOOP = KEEPS_P_FUTEX | IN_EVENT_LOOP;
export const SPARE_FUTEX = ASLEEP | APART;
export const BLOCKED = IN_CALL;
export const MARKED = IN_CALL | BY_SYSMON;

// native/shim.h has these, for the handler of SIGURG.
export const ASKED = 1 << 6;
export const LETS_GO = 1 << 7;
export const SEIZED = 1 << 8;
export const LOST = 1 << 9;
export const FROZEN = 1 << 10;
export const ASKED_TO_LET_GO = ASKED | LETS_GO;
export const ASKED_SEIZED = ASKED | SEIZED;
export const ASKED_LOST = ASKED | LOST;
export const SHELVED = FROZEN | TAKES_P;
export const ABANDONED = FROZEN | LOST;

/** A state that the M itself announces. */
export type SleepState =
  | typeof PARKED_FUTEX
  | typeof PARKED_EVENT_LOOP
  | typeof KEEPS_P_FUTEX
  | typeof KEEPS_P_EVENT_LOOP
  | typeof SPARE_FUTEX
  | typeof AWAITS_P
  | typeof LOCKED_FUTEX
  | typeof LOCKED_EVENT_LOOP;

/** The M has P `p` from now on. `spinning`: the giver has counted it as a spinning M. */
export function given(p: number, spinning: boolean): number {
  return GIVEN | (spinning ? SPINNING : 0) | p << P_SHIFT;
}

export function isGiven(state: number): boolean {
  return (state & GIVEN) !== 0;
}

export function givenP(state: number): number {
  return state >> P_SHIFT;
}

export function givenSpinning(state: number): boolean {
  return (state & SPINNING) !== 0;
}

/**
 * It sleeps until somebody wakes it. Any other one looks at everything before it sleeps; one that is frozen goes on in the
 * middle of a task's code, and has a note for that.
 */
export function isAsleep(state: number): boolean {
  return (state & ASLEEP) !== 0;
}

export function sleepsInEventLoop(state: number): boolean {
  return (state & IN_EVENT_LOOP) !== 0;
}

/** It has no P, and goes on with one that it is given. */
export function takesP(state: number): boolean {
  return (state & TAKES_P) !== 0;
}

/** The same, and it takes what is in queues. */
export function isParked(state: number): boolean {
  return (state & ~IN_EVENT_LOOP) === PARKED_FUTEX;
}

/** In a blocking call, or back from one, and without a P. */
export function isBlocked(state: number): boolean {
  return (state & IN_CALL) !== 0;
}

/** It was asked for its P, and has not answered. */
export function isAsked(state: number): boolean {
  return (state & ASKED) !== 0;
}

/** It runs on without the P that sysmon has taken from it. */
export function isSeized(state: number): boolean {
  return (state & SEIZED) !== 0;
}

/** It sleeps in the handler, perhaps for good. */
export function isFrozen(state: number): boolean {
  return (state & FROZEN) !== 0;
}

/** It was given up. */
export function isLost(state: number): boolean {
  return (state & LOST) !== 0;
}

/** It is in the middle of a task, without a P. */
export function lacksP(state: number): boolean {
  return (state & (IN_CALL | SEIZED | FROZEN | LOST)) !== 0;
}
