/** What an operation on something shared came to: W_OUTCOME, the argument of `Waited.completed`, what an attempt says. */

/** Not of one that was parked: it has to be, or cannot be done now. */
export const WOULD_BLOCK = 0;
export const SUCCEEDED = 1;
export const CHANNEL_CLOSED = 2;
/** A thread died that held the lock. */
export const POISONED = 3;
