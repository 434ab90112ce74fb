// How deep a value may be nested: both sides go from one level to the next by recursion.

import * as is from "node:util/types";

/**
 * Objects inside one another, the value itself among them. Measured on the 984 KB of stack that V8 gives every thread,
 * with code that it has not compiled yet: a decoder follows 2300 errors, or 2900 of anything else, and an encoder 1500 of
 * anything; structuredClone (Deno 2.9) follows 2600 objects. So whoever takes a value out may have used half of its
 * stack before, and whoever passes one a third.
 */
export const MAX_DEPTH = 1024;

/** Thrown inside the codec. A path to the place would be as long as the value is deep. */
export class TooDeep {
  toError(root: string, value: unknown): DOMException {
    return new DOMException(
      `${root} is nested at least ${levels(value)} levels deep, and ${MAX_DEPTH} are possible; ` +
        "pass it flat, for instance a linked list as an array",
      "DataCloneError",
    );
  }
}

/** Objects that are looked at for the message. */
const MOST_SEEN = 100_000;

/** As the encoder counts, without running any getter. */
function levels(root: unknown): number {
  const seen = new Set<unknown>([root]);
  const path = [contents(root as object)];
  let deepest = 1;
  while (path.length > 0 && seen.size < MOST_SEEN) {
    const { done, value } = path.at(-1)!.next();
    if (done) path.pop();
    else if (typeof value === "object" && value !== null && !seen.has(value)) {
      seen.add(value);
      deepest = Math.max(deepest, path.push(contents(value)));
    }
  }
  return deepest;
}

function* contents(object: object): Generator<unknown> {
  if (is.isProxy(object) || ArrayBuffer.isView(object)) return;
  if (is.isMap(object)) { for (const entry of Map.prototype.entries.call(object)) yield* entry; }
  else if (is.isSet(object)) yield* Set.prototype.values.call(object);
  else {
    const isError = Error.isError(object);
    for (const key of isError ? Object.getOwnPropertyNames(object) : Object.keys(object)) {
      yield Object.getOwnPropertyDescriptor(object, key)?.value;
    }
  }
}

/** Of a stack that was nearly used up before. */
export function isStackOverflow(error: unknown): boolean {
  return error instanceof RangeError && error.message === "Maximum call stack size exceeded";
}

export function stackEnded(what: string): RangeError {
  return new RangeError(
    `the stack of this thread ended while a value was ${what}: do that where fewer calls are inside one another`,
  );
}
