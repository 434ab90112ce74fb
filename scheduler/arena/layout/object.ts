/** What tasks share, a channel or a lock, and the records of operations that are parked there: blocks of the heap. */

// The first word is its lock (object_lock.ts). All other words are whose isolate is inside.
export const O_KIND = 1;
/** The class of its block. */
export const O_CLASS = 2;
/** References that are on their way in payloads and channels. Atomic, outside of the lock. */
export const O_IN_FLIGHT = 3;
/** The list of all objects, under OBJECTS_LOCK. */
export const O_NEXT = 4;
export const O_PREVIOUS = 5;
/** Two lists of parked operations, head and tail. A channel's: receivers and senders. A lock has the first only. */
export const O_FIRST_QUEUE = 6;
export const O_SECOND_QUEUE = 8;
/** A channel: whether it is closed, or CLOSED_BY_DEATH. A lock: whether a thread died that held it. */
export const O_ENDED = 10;
/** It is open, and closed when a thread dies that has a handle of it. */
export const CLOSED_BY_DEATH = 2;
export const C_CAPACITY = 11;
export const C_COUNT = 12;
export const C_HEAD = 13;
/** A lock: who has it (an isolate's number plus 1), and what is counted. See the files of the locks. */
export const L_HOLDER = 11;
export const L_COUNT = 12;
export const L_LIMIT = 13;
/** In a mutex's L_HOLDER: somebody waits, or did. */
export const MUTEX_WAITED = 1 << 20;
/** In a mutex's L_HOLDER: the thread died that held it. */
export const MUTEX_DEAD = -1;
/** How often its lock was opened, and whether it is complete. By who is about to open it, plainly; read by glances: object_lock.ts. */
export const O_TURNS = 14;
/** Where the block with its name is, as a word's index; 0: it has none. See object_name.ts. */
export const O_NAME = 15;
/** A bit for each isolate that has a handle. Then a channel's cells, or a lock's count of what each isolate holds. */
export const O_ISOLATES = 16;
/** A value in a channel: inline, or where its block is. See cell.ts. */
export const CELL_WORDS = 4;

// The record of a parked operation on such an object (waiter.ts). A block of class 0

export const W_NEXT = 0;
export const W_PREVIOUS = 1;
/** The queue that it is in (O_FIRST_QUEUE, O_SECOND_QUEUE), or 0. */
export const W_QUEUE = 2;
/** Whose operation it is, and its number there. Written when the record is made. */
export const W_ISOLATE = 3;
export const W_NUMBER = 4;
/** The mailbox's link. */
export const W_MAIL = 5;
/** How it ended. Written by who took it out of its queue, before the mail. */
export const W_OUTCOME = 6;
/** Of a select: the record whose W_FIRED decides; 0 for an operation by itself. */
export const W_SELECTION = 7;
/** 1 once a case of the select has been chosen, by CAS. */
export const W_FIRED = 8;
/** What a lock's operation asks for. */
export const W_DEMAND = 9;
export const W_CELL = 12;
