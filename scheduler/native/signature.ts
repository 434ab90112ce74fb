/**
 * What a foreign function takes and returns, compiled once: a closure for each parameter that puts its argument where
 * the calling convention wants it, and one that reads the result. A call then looks at no type again.
 *
 * x86-64 (System V psABI 3.2.3): integers and pointers go to 6 registers, floats to 8, each in order; what finds no
 * register there goes to the stack, in order, 8 bytes each. AArch64 (AAPCS64 6.8.2, of which Linux leaves nothing out): the same
 * with 8 registers for integers, also for what a variadic function takes.
 */
import { pointerTo } from "../../ffi/address.ts";
import type { Shim } from "../../ffi/shim.ts";
import {
  CALL_FLOATS,
  CALL_INTS,
  CALL_KIND,
  CALL_RESULT,
  CALL_STACK,
  CALL_STACK_SLOTS,
} from "../arena/layout/native.ts";

const INT_REGISTERS = Deno.build.arch === "aarch64" ? 8 : 6;
const FLOAT_REGISTERS = 8;

/** In CALL_KIND, as in native/shim.h. */
const RETURNS_FLOAT = 1;
const USES_STACK = 2;

/** One memory under several views. */
export class CallWords {
  readonly i32: Int32Array;
  readonly f32: Float32Array;
  readonly f64: Float64Array;
  readonly i64: BigInt64Array;
  readonly u64: BigUint64Array;

  constructor(buffer: SharedArrayBuffer) {
    this.i32 = new Int32Array(buffer);
    this.f32 = new Float32Array(buffer);
    this.f64 = new Float64Array(buffer);
    this.i64 = new BigInt64Array(buffer);
    this.u64 = new BigUint64Array(buffer);
  }
}

/** `at` is the index of the call's first 32-bit word. */
type Write = (at: number, value: unknown) => void;
type Read = (at: number) => unknown;

export interface Signature {
  /** Throws a TypeError that names the parameter, and then part of the call is written. */
  write(at: number, args: readonly unknown[]): void;
  readonly read: Read;
}

/** `slot` is the index of its low word within the call. */
type Writer = (words: CallWords, shim: Shim, slot: number) => Write;

/** Thrown by a Write: what would do. The signature knows which parameter it was. */
class Unfit {
  constructor(readonly remedy: string) {}
}

function signed(bits: number): Writer {
  const unused = 32 - bits;
  return ({ i32 }, _shim, slot) => (at, value) => {
    if (typeof value !== "number" || (value | 0) !== value) {
      throw new Unfit("give an integer from -2^31 to 2^31 - 1");
    }
    const low = value << unused >> unused;
    i32[at + slot] = low;
    i32[at + slot + 1] = low >> 31;
  };
}

function unsigned(bits: number): Writer {
  const unused = 32 - bits;
  return ({ i32 }, _shim, slot) => (at, value) => {
    if (typeof value !== "number" || value >>> 0 !== value) {
      throw new Unfit("give an integer from 0 to 2^32 - 1");
    }
    i32[at + slot] = value << unused >>> unused;
    i32[at + slot + 1] = 0;
  };
}

/** Of any integer, its lower 64 bits. */
const wide: Writer = ({ i32, i64 }, _shim, slot) => (at, value) => {
  if (typeof value === "bigint") {
    i64[(at + slot) >> 1] = value;
    return;
  }
  if (!Number.isInteger(value)) throw new Unfit("give a bigint, or a number that is an integer");
  putNumber(i32, at + slot, value as number);
};

const bool: Writer = ({ i32 }, _shim, slot) => (at, value) => {
  if (typeof value !== "boolean") throw new Unfit("give true or false");
  i32[at + slot] = value ? 1 : 0;
  i32[at + slot + 1] = 0;
};

const pointer: Writer = (words, shim, slot) => {
  const putBigInt = wide(words, shim, slot);
  return (at, value) => {
    let address: number | bigint = 0;
    if (value !== null) {
      try {
        address = shim.pointerAddress(value);
      } catch {
        throw new Unfit("give a Deno.PointerObject or null");
      }
    }
    if (typeof address === "number") putNumber(words.i32, at + slot, address);
    else putBigInt(at, address);
  };
};

const buffer: Writer = ({ i32 }, shim, slot) => (at, value) => {
  let address = 0;
  if (value !== null) {
    try {
      address = shim.bufferAddress(value);
    } catch {
      throw new Unfit("give an ArrayBuffer, a view of one, or null");
    }
  }
  putNumber(i32, at + slot, address);
};

const float: Writer = ({ i32, f32 }, _shim, slot) => (at, value) => {
  if (typeof value !== "number") throw new Unfit("give a number");
  f32[at + slot] = value;
  i32[at + slot + 1] = 0;
};

const double: Writer = ({ f64 }, _shim, slot) => (at, value) => {
  if (typeof value !== "number") throw new Unfit("give a number");
  f64[(at + slot) >> 1] = value;
};

interface Kind {
  readonly write: Writer;
  /** What is above the type's own bits means nothing. */
  readonly read: (words: CallWords) => Read;
  readonly isFloat?: true;
}

const toSigned = (bits: number) => ({ i32 }: CallWords): Read => (at) =>
  i32[at + CALL_RESULT] << (32 - bits) >> (32 - bits);
const toUnsigned = (bits: number) => ({ i32 }: CallWords): Read => (at) =>
  i32[at + CALL_RESULT] << (32 - bits) >>> (32 - bits);
const toI64 = ({ i64 }: CallWords): Read => (at) => i64[(at + CALL_RESULT) >> 1];
const toU64 = ({ u64 }: CallWords): Read => (at) => u64[(at + CALL_RESULT) >> 1];
const toPointer = ({ u64 }: CallWords): Read => (at) => pointerTo(u64[(at + CALL_RESULT) >> 1]);

const kinds: Readonly<Record<string, Kind>> = {
  i8: { write: signed(8), read: toSigned(8) },
  i16: { write: signed(16), read: toSigned(16) },
  i32: { write: signed(32), read: toSigned(32) },
  u8: { write: unsigned(8), read: toUnsigned(8) },
  u16: { write: unsigned(16), read: toUnsigned(16) },
  u32: { write: unsigned(32), read: toUnsigned(32) },
  i64: { write: wide, read: toI64 },
  isize: { write: wide, read: toI64 },
  u64: { write: wide, read: toU64 },
  usize: { write: wide, read: toU64 },
  bool: { write: bool, read: ({ i32 }) => (at) => (i32[at + CALL_RESULT] & 255) !== 0 },
  f32: { write: float, read: ({ f32 }) => (at) => f32[at + CALL_RESULT], isFloat: true },
  f64: { write: double, read: ({ f64 }) => (at) => f64[(at + CALL_RESULT) >> 1], isFloat: true },
  pointer: { write: pointer, read: toPointer },
  buffer: { write: buffer, read: toPointer },
};

/** What the definition of a function asks for. `unknown`: the types say it, the caller may not have obeyed them. */
export interface SignatureDefinition {
  readonly parameters: unknown;
  readonly result: unknown;
}

/** Throws a TypeError for what no native M can call. `name` is for messages. */
export function compile(
  name: string,
  definition: SignatureDefinition,
  words: CallWords,
  shim: Shim,
): Signature {
  const { parameters, result } = definition;
  if (!Array.isArray(parameters)) {
    throw new TypeError(`${name}: its parameters are ${Deno.inspect(parameters)}: give an array of types.`);
  }
  const returned = result === "void" ? undefined : kindOf(name, "its result", result, "a pointer to one");
  const { writers, usesStack } = place(name, parameters, words, shim);
  const kind = (returned?.isFloat ? RETURNS_FLOAT : 0) | (usesStack ? USES_STACK : 0);
  return {
    read: returned === undefined ? () => undefined : returned.read(words),
    write(at, args) {
      words.i32[at + CALL_KIND] = kind;
      if (args.length !== writers.length) throw new TypeError(wrongCount(name, writers.length, args.length));
      for (let i = 0; i < writers.length; i++) {
        try {
          writers[i](at, args[i]);
        } catch (error) {
          if (!(error instanceof Unfit)) throw error;
          const given = Deno.inspect(args[i]);
          throw new TypeError(
            `${name}(): argument ${i + 1} is ${given} ("${parameters[i]}"): ${error.remedy}.`,
          );
        }
      }
    },
  };
}

function place(name: string, parameters: readonly unknown[], words: CallWords, shim: Shim) {
  let ints = 0, floats = 0, onStack = 0;
  const writers = parameters.map((type, i) => {
    const kind = kindOf(name, `parameter ${i + 1}`, type, `"buffer", or "pointer", for a pointer to one`);
    let slot;
    if (kind.isFloat && floats < FLOAT_REGISTERS) slot = CALL_FLOATS + 2 * floats++;
    else if (!kind.isFloat && ints < INT_REGISTERS) slot = CALL_INTS + 2 * ints++;
    else slot = CALL_STACK + 2 * onStack++;
    return kind.write(words, shim, slot);
  });
  if (onStack > CALL_STACK_SLOTS) {
    throw new TypeError(
      `${name}: ${parameters.length} parameters are too many. Beyond ${INT_REGISTERS} integers and ` +
        `${FLOAT_REGISTERS} floats there may be ${CALL_STACK_SLOTS} more, and here are ${onStack}.`,
    );
  }
  return { writers, usesStack: onStack > 0 };
}

function kindOf(name: string, what: string, type: unknown, insteadOfStruct: string): Kind {
  if (typeof type === "string" && Object.hasOwn(kinds, type)) return kinds[type];
  if (type === "function") {
    throw new TypeError(
      `${name}: ${what} is a "function": no JavaScript can be called from a native thread. ` +
        `Give "pointer" if what it points to is C.`,
    );
  }
  if (typeof type === "object" && type !== null && "struct" in type) {
    throw new TypeError(
      `${name}: ${what} is a struct by value, which Heddle does not pass: ${insteadOfStruct}.`,
    );
  }
  throw new TypeError(
    `${name}: ${what} is ${Deno.inspect(type)}: give one of ${
      Object.keys(kinds).join(", ")
    }, or void as a result.`,
  );
}

function wrongCount(name: string, wanted: number, given: number): string {
  return `${name}() takes ${wanted} argument${wanted === 1 ? "" : "s"} and got ${given}.`;
}

/** An integer as 64 bits in two words, without the price of a bigint. */
export function putNumber(i32: Int32Array, index: number, value: number): void {
  i32[index] = value; // its lower 32 bits: ToInt32
  i32[index + 1] = Math.floor(value / 2 ** 32);
}
