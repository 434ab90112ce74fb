/** Values as bytes: of whatever is in memory, and of whatever a program passes. */
import { assert } from "@std/assert";
import { type Bytes, decode, encode, encodeArguments, encodeInto } from "../../../scheduler/codec.ts";
import * as tags from "../../../scheduler/codec_format.ts";
import { assertSameGraph } from "../../same_graph.ts";
import { Choices, type Target } from "../target.ts";

function over(buffer: ArrayBuffer | SharedArrayBuffer): Bytes {
  return { i32: new Int32Array(buffer), u8: new Uint8Array(buffer) };
}

/** No view of the memory that it was read from may get out. */
function assertIsCopy(value: unknown, source: ArrayBufferLike, seen = new Set<unknown>()): void {
  if (typeof value !== "object" || value === null || seen.has(value)) return;
  seen.add(value);
  assert(value !== source && !(ArrayBuffer.isView(value) && value.buffer === source), "it is no copy");
  const inside = value instanceof Map
    ? [...value].flat()
    : value instanceof Set
    ? [...value]
    : Object.values(value);
  for (const each of inside) assertIsCopy(each, source, seen);
}

const tagTokens = Object.values<unknown>(tags)
  .filter((tag) => typeof tag === "number" && tag > 0 && tag < 128)
  .flatMap((tag) => [0, 1, 2, 5].map((n) => new Uint8Array(Int32Array.of((tag as number) + n * 256).buffer)));

/** Any memory: a value that can be encoded again, or an Error, and nothing is written. */
export const decoding: Target = {
  name: "codec_decode",
  modules: ["scheduler/codec"],
  tokens: tagTokens,
  seeds: [
    1,
    "text",
    [1, , 3],
    { a: [new Map([[1, new Set([2])]])] },
    new Float32Array(3),
    /a/g,
    new TypeError("no"),
    2n ** 70n,
  ]
    .map((value) => encode(value).bytes.slice()),
  run(input) {
    const buffer = new SharedArrayBuffer(input.length + 3 & ~3);
    const bytes = over(buffer);
    bytes.u8.set(input);
    const before = bytes.u8.slice();
    let value: unknown;
    try {
      value = decode(bytes, 0, [{ a: "side value" }]);
    } catch (error) {
      assert(error instanceof Error, `it threw ${Deno.inspect(error)}`);
      return;
    } finally {
      assert(before.every((byte, i) => byte === bytes.u8[i]), "it wrote into what it read");
    }
    assertIsCopy(value, buffer);
    encode(value);
  },
};

const texts = ["", "a", "__proto__", "constructor", "0", "-1", "length", "cause", "then", "toJSON"];

/** What an Error holds and cannot be copied arrives as text, where structuredClone refuses the whole. */
let inErrors = 0;

/** Whatever structuredClone takes, and some that it does not, as a choice of the input's bytes. */
function valueOf(choices: Choices, made: object[], depth: number): unknown {
  const keep = <T extends object>(object: T): T => {
    made.push(object);
    return object;
  };
  const value = () => valueOf(choices, made, depth - 1);
  const several = <T>(make: () => T): T[] => {
    const list: T[] = [];
    for (let left = choices.below(6); left > 0; left--) list.push(make());
    return list;
  };
  const key = () => choices.below(2) === 0 ? choices.of(texts) : choices.text(choices.below(4));
  switch (choices.isOver || depth === 0 ? choices.below(6) : choices.below(24)) {
    case 0:
      return choices.of([
        undefined,
        null,
        true,
        false,
        -0,
        NaN,
        Infinity,
        2 ** 23,
        -(2 ** 23) - 1,
        2 ** 31,
        5e-324,
      ]);
    case 1:
      return choices.byte() << choices.below(24);
    case 2:
      return choices.byte() / 7;
    case 3:
      return (choices.below(2) === 0 ? 1n : -1n) * BigInt(choices.byte()) ** BigInt(choices.below(40));
    case 4:
      return choices.text(choices.byte() * (choices.below(8) === 0 ? 20 : 1));
    case 5:
      return choices.of(texts);
    case 6: {
      const array = keep([] as unknown[]);
      for (let left = choices.below(6); left > 0; left--) array.push(value());
      if (choices.below(4) === 0) delete array[choices.below(4)];
      if (choices.below(4) === 0) array.length += choices.byte();
      const name = key();
      if (choices.below(4) === 0 && name !== "length") Object.assign(array, { [name]: value() });
      return array;
    }
    case 7:
    case 8: {
      const object = keep({});
      for (const name of several(key)) {
        Object.defineProperty(object, name, {
          value: value(),
          enumerable: choices.below(8) !== 0,
          configurable: true,
        });
      }
      return object;
    }
    case 9: {
      const map = keep(new Map());
      for (let left = choices.below(4); left > 0; left--) map.set(value(), value());
      return map;
    }
    case 10: {
      const set = keep(new Set());
      for (let left = choices.below(4); left > 0; left--) set.add(value());
      return set;
    }
    case 11:
      return keep(new Date(choices.of([0, NaN, 8.64e15, -1, choices.byte() * 1e9])));
    case 12:
      return keep(
        new RegExp(choices.of(["a", "(b|c)+", "\\/", "[^]"]), choices.of(["", "g", "imsuy", "v", "d"])),
      );
    case 13:
      return keep(Object(choices.of<unknown>([1, "boxed", true, 5n, NaN])));
    case 14:
      return keep(choices.take(choices.byte()).buffer);
    case 15: {
      const length = choices.byte();
      return keep(new ArrayBuffer(length, { maxByteLength: length + choices.byte() }));
    }
    case 16: {
      const views = [
        Uint8Array,
        Int16Array,
        Uint32Array,
        Float64Array,
        BigInt64Array,
        Uint8ClampedArray,
        DataView,
      ];
      const View = choices.of(views) as Uint8ArrayConstructor;
      const buffers = made.filter((object) => object instanceof ArrayBuffer);
      const buffer = buffers.length > 0 && choices.below(2) === 0 ? choices.of(buffers) : new ArrayBuffer(64);
      const offset = 8 * choices.below(4);
      if (offset > buffer.byteLength || buffer.byteLength % 8 !== 0) return keep(new Uint8Array(buffer));
      return keep(choices.below(2) === 0 ? new View(buffer, offset) : new View(buffer, 0, 0));
    }
    case 17: {
      const Class = choices.of([
        Error,
        TypeError,
        RangeError,
        SyntaxError,
        URIError,
        EvalError,
        ReferenceError,
      ]);
      inErrors++;
      const error = keep(choices.below(2) === 0 ? new Class(key(), { cause: value() }) : new Class());
      inErrors--;
      // The value is made more than once, in different places.
      error.stack = key();
      return error;
    }
    case 18:
      if (inErrors > 0) return null;
      return ([
        () => 1,
        Symbol("s"),
        new WeakMap(),
        new Proxy({}, {}),
        Promise.resolve(),
      ][choices.below(5)] as object);
    case 19: {
      const object = keep({});
      Object.defineProperty(object, key(), { enumerable: true, get: () => choices.byte() });
      return object;
    }
    default:
      return made.length > 0 && inErrors === 0 ? choices.of(made) : null;
  }
}

const GUARD = 0x5a;
const SIZE = 1 << 14;

/** Where the value is written: words before and after must stay. */
function guarded(byteLength: number): Bytes {
  const bytes = over(new SharedArrayBuffer(byteLength));
  bytes.u8.fill(GUARD);
  return bytes;
}

function isUntouched(bytes: Bytes, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes.u8[at] !== GUARD) return false;
  return true;
}

/** As structuredClone: the same copy, or the same refusal; within its limits. */
export const encoding: Target = {
  name: "codec_encode",
  modules: ["scheduler/codec"],
  seeds: Array.from(
    { length: 24 },
    (_, kind) => Uint8Array.from([kind, 3, 1, 4, 1, 5, 9, 2, 6, kind, 8, 7, 9, 3, 2, 3]),
  ),
  run(input) {
    const make = () => valueOf(new Choices(input), [], 4);
    let expected: unknown;
    let refused = false;
    try {
      expected = structuredClone(make());
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      refused = true;
    }
    const value = make();
    const START = 64;
    let least = 0;
    try {
      const bytes = guarded(SIZE);
      const end = encodeInto(bytes, START, bytes.u8.length - 64, value);
      assert(end < 0 || !refused, "encodeInto took what structuredClone refuses");
      least = end < 0 ? Infinity : end;
      if (end >= 0) {
        assert(isUntouched(bytes, 0, START), "it wrote before its start");
        assert(isUntouched(bytes, end, SIZE), "it wrote after its end");
        const copy = decode(bytes, START);
        bytes.u8.fill(0xff);
        assertSameGraph(copy, expected);
      }
      const { bytes: encoded, side } = encode(make());
      assert(!refused, "encode took what structuredClone refuses");
      const whole = encoded.slice();
      assert(side.length === 0, "something went beside it");
      assertSameGraph(decode(over(whole.buffer), 0), expected);
    } catch (error) {
      if (refused && error instanceof DOMException && error.name === "DataCloneError") return;
      throw error;
    }
    if (least === Infinity) return;
    // Too little room is found out before anything is written there.
    const room = START + (least - START) * ((input.at(-1) ?? 0) % 16) / 16 & ~3;
    const bytes = guarded(SIZE);
    const end = room === least ? least : encodeInto(bytes, START, room, make());
    assert(room >= least || end === -1, `it needs ${least} bytes, and said ${end} with ${room}`);
    assert(
      isUntouched(bytes, Math.max(room, START), SIZE),
      "it wrote past its limit",
    );
    const list = [make()];
    const asArguments = guarded(SIZE);
    if (encodeArguments(asArguments, START, SIZE, list) > 0) {
      assertSameGraph(decode(asArguments, START), [expected]);
    }
  },
};
