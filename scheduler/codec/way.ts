// Where a message goes, which decides what becomes of buffers and of what cannot be bytes.

/**
 * Bytes: a larger buffer is no part of the words but of the message's bulk, so that it is copied once. Guess: to be copied
 * twice costs a shorter one less than to be looked after.
 */
export const BULK = 1 << 14;
/**
 * Bytes: a larger buffer that is given up goes by port. That takes 100 us more than a message without it, and copying it out
 * and in 0.4 us a KB.
 */
const MOVE_BY_PORT = 1 << 18;

export interface Way {
  /** In memory of the writer's own, which grows; anything may be a side value. */
  readonly isPrivate: boolean;
  /** Large buffers lie apart. */
  readonly hasBulk: boolean;
  /** Bytes: a larger buffer that is given up is a side value. */
  readonly moves: number;
  /** The message stays in its isolate: a large buffer is a side value, copied. */
  readonly stays: boolean;
  /** Signals are side values, the very ones. What stays has streams so anyway. */
  readonly keepsSignals: boolean;
}

/** Into memory that the caller has. */
export const INTO: Way = {
  isPrivate: false,
  hasBulk: false,
  moves: Infinity,
  stays: false,
  keepsSignals: false,
};
/** To bytes. */
export const WHOLE: Way = {
  isPrivate: true,
  hasBulk: false,
  moves: Infinity,
  stays: false,
  keepsSignals: false,
};
/** Into the arena, and what cannot lie there by port. */
export const SLOT: Way = {
  isPrivate: true,
  hasBulk: true,
  moves: MOVE_BY_PORT,
  stays: false,
  keepsSignals: false,
};
/** Into the arena. */
export const CELL: Way = {
  isPrivate: true,
  hasBulk: true,
  moves: Infinity,
  stays: false,
  keepsSignals: false,
};
/** To another value of the same isolate. */
export const COPY: Way = { isPrivate: true, hasBulk: false, moves: BULK, stays: true, keepsSignals: false };
/** The same for the arguments of a task. */
export const COPY_ARGUMENTS: Way = { ...COPY, keepsSignals: true };
