/**
 * Room on the stack for what must not stop half way (Java's reserved stack areas for critical sections, JEP 270).
 *
 * A task that recurses without end may call the scheduler anywhere near the end of its stack, and there any call throws a
 * RangeError: while it holds an object's lock, between taking a value and giving it, with a P in its hands. So each
 * public operation that changes anything asks for room first, and throws there or not at all.
 *
 * V8 compares the end of the stack with the whole frame of the function that is called, before it runs: so the question is
 * a call of a function that has a large frame and does nothing. In optimised code its frame counts as the interpreter
 * would make it; and it is too long to be inlined, by which it would be lost. 4 ns. Where V8 is about to compile that
 * very function it may say no although there is room.
 *
 * Not asked for: by an operation whose last call is the one that changes something, such as a lock that is free; by the
 * loops of threads and host, which are near the begin of the stack. See codec/README.md, "Near the end of the stack".
 */
import { isStackOverflow } from "./depth.ts";

/** Bytes that V8 (15.0) wants free where it compiles a function, which the first call of any does, and later ones may. */
const COMPILES = 40 << 10;
/** Bytes that the deepest operation takes, without what it has to copy. Guess: with 1 KB the tests hold as well. */
const OPERATION = 16 << 10;

/** Throws a RangeError unless the operation has the room that it needs. */
export const reserveStack: () => void = large(COMPILES + OPERATION);

/** A function that throws a RangeError where less than so many bytes are left. */
function large(bytes: number): () => void {
  // A local word for each argument of a call that is never made. It is made from text because it has thousands of them.
  const words = Array(bytes >> 3).fill("0").join();
  return new Function("is", `return () => { if (is.full) is.fill(${words}); }`)({
    full: false,
    fill: () => {},
  });
}

const settled = Promise.resolve();

/** A release that found no room happens in a microtask: nobody could repeat what `using` did. Throws any other error. */
export function releaseLater(error: unknown, release: () => void): void {
  if (!isStackOverflow(error)) throw error;
  settled.then(release);
}
