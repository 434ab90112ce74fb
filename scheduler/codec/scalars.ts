// Primitives, as codec/format.ts has them.

import {
  BIGINT,
  bigint,
  BIGINT_HEX,
  type Bytes,
  DOUBLE,
  double,
  FALSE,
  halves,
  INT,
  NO_ROOM,
  NULL,
  TRUE,
  UNDEFINED,
} from "./format.ts";
import { writeString } from "./strings.ts";

/** What writeScalar returns for everything that is not a primitive. */
export const NOT_SCALAR = -2;

/** Writes a primitive at word `at`; returns the word after it, NO_ROOM or NOT_SCALAR. */
export function writeScalar(bytes: Bytes, at: number, limit: number, value: unknown): number {
  const { i32 } = bytes;
  switch (typeof value) {
    case "number": {
      if (at + 1 > limit) return NO_ROOM;
      if ((value << 8 >> 8) === value && (value !== 0 || 1 / value > 0)) {
        i32[at] = INT | value << 8;
        return at + 1;
      }
      if (at + 3 > limit) return NO_ROOM;
      i32[at] = DOUBLE;
      double[0] = value;
      return writeHalves(i32, at + 1);
    }
    case "string":
      return writeString(bytes, at, limit, value);
    case "undefined":
      if (at + 1 > limit) return NO_ROOM;
      i32[at] = UNDEFINED;
      return at + 1;
    case "boolean":
      if (at + 1 > limit) return NO_ROOM;
      i32[at] = value ? TRUE : FALSE;
      return at + 1;
    case "bigint":
      if (BigInt.asIntN(64, value) !== value) {
        if (at + 1 > limit) return NO_ROOM;
        i32[at] = BIGINT_HEX;
        return writeString(bytes, at + 1, limit, value.toString(16));
      }
      if (at + 3 > limit) return NO_ROOM;
      i32[at] = BIGINT;
      bigint[0] = value;
      return writeHalves(i32, at + 1);
    default:
      if (value !== null) return NOT_SCALAR;
      if (at + 1 > limit) return NO_ROOM;
      i32[at] = NULL;
      return at + 1;
  }
}

/** What `double` or `bigint` holds; returns the word after it. */
export function writeHalves(i32: Int32Array, at: number): number {
  i32[at] = halves[0];
  i32[at + 1] = halves[1];
  return at + 2;
}

/** The most words that writeScalar may need. */
export function roomForScalar(value: unknown): number {
  if (typeof value === "string") return 2 + ((value.length + 1) >> 1);
  if (typeof value === "bigint") return 3 + (value.toString(16).length + 3 >> 2);
  return 3;
}
