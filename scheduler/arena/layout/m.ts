/** The record of an isolate: the host, or an M. */
import { LINE } from "./header.ts";

/** The host's isolate number. Isolate Ms have the numbers from 1. */
export const HOST = 0;

export const M_SLEEP = 0;
/** 1 while a note that this M needs a P is in the global queue. Set by who puts it there, cleared by who takes it out. */
export const M_WANTS_P = 1;
/** See roles.ts. */
export const M_ROLE = 2;
/**
 * How many things are open there that it is to close, or are being opened: per_threads.ts. By the thread, reset by the host. A hint:
 * as all closes, the host waits longer for such a thread.
 */
export const M_CLOSES = 3;
export const M_MAIL = LINE;
/** These are written by the M alone. The host reads them: for `stats()`, and for what a dead M leaves behind. */
export const M_SPINNING = 2 * LINE;
/** In the host's record: sysmon's. */
export const M_TID = 2 * LINE + 1;
export const M_LIVE = 2 * LINE + 2;
export const M_RAN = 2 * LINE + 3;
export const M_STOLEN = 2 * LINE + 4;
export const M_PARKS = 2 * LINE + 5;
export const M_DEATH = 2 * LINE + 6;
/** See deadlock.ts: only mail can wake it; what the host wants to know of it; where it says so. */
export const M_STUCK = 2 * LINE + 7;
export const M_ASKED = 2 * LINE + 8;
export const M_REPORT = 2 * LINE + 9;
/** See locks.ts. The second is the handler's of the thread: what it was given while it was frozen. */
export const M_LOCKS = 2 * LINE + 10;
export const M_GIVEN = 2 * LINE + 11;
/** By sysmon: milliseconds of a turn that was too long, and which turn it was. */
export const M_RAN_ON = 2 * LINE + 12;
export const M_STALLED = 2 * LINE + 13;
/** The stack of a task that has stalled, a block; 0 for none. By the thread, taken by the host: both by exchange. */
export const M_STACK = 2 * LINE + 14;
/** The slot, plus 1, of which the M is telling the owner that it has ended: its status says so, the mail may be on its way. */
export const M_TELLS = 2 * LINE + 15;
/** struct heddle_preemptible of native/shim.h: 4 doubles, 2 counts. */
export const M_PREEMPTIBLE = 3 * LINE;
export const M_REFUSALS = M_PREEMPTIBLE + 8;
/** The definition of the task that runs there on end, plus 1; 0: a continuation, or nothing. See locks.ts. */
export const M_RUNS = M_PREEMPTIBLE + 10;
/** Modules that it imports now. By the thread. */
export const M_IMPORTS = M_PREEMPTIBLE + 11;
/** Of which definitions it has the module, by the lowest 5 bits of their numbers: a hint. By the thread. */
export const M_AT_HAND = M_PREEMPTIBLE + 13;
/** Microseconds that its turn had taken when it lost its P in the middle. By sysmon, reset by the thread: stopwatch.ts. */
export const M_RAN_BEFORE = M_PREEMPTIBLE + 14;
/** Of which definitions it has run some, by the lowest 5 bits of their numbers: a hint. By the thread: stopwatch.ts. */
export const M_WARM = M_PREEMPTIBLE + 15;
/** The span that this isolate fills or empties, and that nothing else refers to; 0 for none. Taken by the host when it is dead. */
export const M_SPAN = 3 * LINE + 12;
/** What runs there: see black_box.ts. */
export const M_BOX = 4 * LINE;
export const BOX_BYTES = 16 * LINE;
/**
 * Its poll set, in a line that a mail names as it names a record, with its link at W_MAIL: sync/poller.ts. First the word of
 * native/poller.c: POLL_NONE, POLL_FIRED, POLL_MAILED. Then the descriptor plus 1, 0 for none: by the thread, taken by the host when
 * that is dead, both by exchange.
 */
export const M_POLL = M_BOX + BOX_BYTES / 4;
export const M_POLL_SET = M_POLL + 1;
export const M_WORDS = M_POLL + LINE;

/** Nothing has happened, or its reader is about to look. */
export const POLL_NONE = 0;
/** Something is ready in a set that was armed. By native/poller.c, from POLL_NONE alone. */
export const POLL_FIRED = 1;
/** Its isolate has mail that says so. By sysmon, from POLL_FIRED alone, and back if it is dead; left by who reads the mail. */
export const POLL_MAILED = 2;
