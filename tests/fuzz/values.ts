/** Values of every kind, as an input's bytes choose them: what structuredClone takes, and what it refuses. */
import vm from "node:vm";
import type { Choices } from "./target.ts";

// deno-lint-ignore no-explicit-any -- constructors of all kinds
type Any = any;

const KEYS = [
  "",
  "a",
  "__proto__",
  "constructor",
  "0",
  "-1",
  "length",
  "cause",
  "then",
  "toJSON",
  "toString",
];
const VIEWS: Any[] = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float16Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  DataView,
];
const ERRORS = [Error, TypeError, RangeError, SyntaxError, URIError, EvalError, ReferenceError];
const REGEXPS: [source: string, flags: string[]][] = [
  ["a", ["", "g", "imsuy", "v", "d"]],
  ["(b|c)+", ["", "gi"]],
  ["\\/\\n", ["", "u"]],
  ["[^]", ["", "y"]],
];

const there = vm.createContext({});
/** Of another realm. */
const FOREIGN = [
  "[1, , 'three']",
  "({ a: { b: 1 } })",
  "new Map([[{}, new Set([2])]])",
  "new Date(5)",
  "/a+/giu",
  "new Float32Array([1, 2, 3]).subarray(1)",
  "new DataView(new ArrayBuffer(9), 2, 3)",
  "new Uint8Array(new ArrayBuffer(3, { maxByteLength: 8 }))",
  "Object('boxed')",
  "Object.assign(new RangeError('of there'), { stack: 'stack' })",
  "new (class Point { x = 1 })",
  "(() => {})",
  "Promise.resolve()",
];

class Point {
  #secret = 1;
  x = 1;
  get sum() {
    return this.x + this.#secret;
  }
}
class Tagged {
  a = [1];
  get [Symbol.toStringTag]() {
    return "Map";
  }
}
class List extends Array<unknown> {}
class Table extends Map<unknown, unknown> {
  extra = 1;
}
class Pixels extends Uint8ClampedArray {}

/** Each of them makes what cannot be cloned. */
const REFUSED: (() => unknown)[] = [
  () => () => 1,
  () => class {},
  () => Symbol("s"),
  () => Object(Symbol("boxed")),
  () => new WeakMap(),
  () => new WeakSet(),
  () => new WeakRef({}),
  () => new Proxy({}, {}),
  () => new Proxy([], {}),
  () => Promise.resolve(),
  () => (function* () {})(),
  () => (async function* () {})(),
  () => [].values(),
  () => new Map().entries(),
  () =>
    (function () {
      return arguments;
    })(),
  () => new FinalizationRegistry(() => {}),
  () => new Intl.NumberFormat("en"),
  () => new WebAssembly.Memory({ initial: 0 }),
  () => Deno.UnsafePointer.create(16n),
  () => new Deno.UnsafePointerView(Deno.UnsafePointer.create(16n)!),
  () => {
    const buffer = new ArrayBuffer(8);
    buffer.transfer();
    return buffer;
  },
  () => {
    const view = new Uint16Array(8);
    view.buffer.transfer();
    return view;
  },
  () => {
    const buffer = new ArrayBuffer(8, { maxByteLength: 16 });
    const view = new Uint8Array(buffer, 4, 4);
    buffer.resize(2);
    return view;
  },
];

export class FromGetter extends Error {}

/** Where it differs from structuredClone on purpose is not chosen: codec_differential_test.ts has these cases. */
export function valueOf(choices: Choices, depth = 4): unknown {
  const made: object[] = [];
  /** What an error holds and cannot be cloned arrives as text, where structuredClone refuses the whole. */
  let inErrors = 0;

  function keep<T extends object>(object: T): T {
    made.push(object);
    return object;
  }

  function key(): string {
    return choices.below(2) === 0 ? choices.of(KEYS) : choices.text(choices.below(4));
  }

  function several(most: number, make: () => void): void {
    for (let left = choices.below(most); left > 0; left--) make();
  }

  function primitive(kind: number): unknown {
    switch (kind) {
      case 0:
        // deno-fmt-ignore
        return choices.of([
          undefined, null, true, false, 0, -0, NaN, Infinity, -Infinity, 2 ** 23 - 1, 2 ** 23, -(2 ** 23), -(2 ** 23) - 1,
          2 ** 31, 2 ** 53, 5e-324, 1.7976931348623157e308, "\ud800", "a\udc00",
        ]);
      case 1:
        return choices.byte() << choices.below(24);
      case 2:
        return choices.byte() / 7;
      case 3:
        return (choices.below(2) === 0 ? 1n : -1n) * BigInt(choices.byte()) ** BigInt(choices.below(40));
      case 4:
        return choices.text(choices.byte() * (choices.below(8) === 0 ? 20 : 1));
      default:
        return choices.of(KEYS);
    }
  }

  function object(kind: number, value: () => unknown): unknown {
    switch (kind) {
      case 0:
      case 1: {
        const array: Any = keep(choices.below(8) === 0 ? new List() : []);
        several(6, () => array.push(value()));
        if (choices.below(4) === 0) delete array[choices.below(4)];
        if (choices.below(4) === 0) array.length += choices.byte() * choices.of([1, 1, 1000]);
        if (choices.below(8) === 0) Object.defineProperty(array, 0, { configurable: true, value: 1 });
        const name = key();
        if (choices.below(4) === 0 && name !== "length") define(array, name, value());
        return array;
      }
      case 2:
      case 3:
      case 4: {
        const object = keep(choices.below(8) === 0 ? Object.create(null) : {});
        several(6, () => define(object, key(), value()));
        if (choices.below(8) === 0) object[Symbol("key")] = value();
        if (choices.below(8) === 0) Object.freeze(object);
        return object;
      }
      case 5: {
        const map = keep(choices.below(8) === 0 ? new Table() : new Map());
        several(4, () => map.set(value(), value()));
        if (choices.below(8) === 0) define(map, key(), 1);
        return map;
      }
      case 6: {
        const set = keep(new Set());
        several(4, () => set.add(value()));
        return set;
      }
      case 7:
        return keep(new Date(choices.of([0, NaN, 8.64e15, -1, choices.byte() * 1e9])));
      case 8: {
        const [source, flags] = choices.of(REGEXPS);
        return keep(Object.assign(new RegExp(source, choices.of(flags)), { lastIndex: choices.below(3) }));
      }
      case 9:
        return keep(Object(choices.of<unknown>([1, -0, NaN, "boxed", "\udc00", "", true, false, 5n])));
      case 10: {
        const maxByteLength = choices.below(2) === 0 ? undefined : 256 + choices.byte();
        const bytes = choices.take(choices.byte());
        const buffer = keep(new ArrayBuffer(bytes.length, { maxByteLength }));
        new Uint8Array(buffer).set(bytes);
        return buffer;
      }
      case 11:
      case 12:
        return view();
      case 13: {
        const Class = choices.of(ERRORS);
        inErrors++;
        const error = keep(choices.below(2) === 0 ? new Class(key(), { cause: value() }) : new Class());
        inErrors--;
        // Where it was made is of no interest.
        error.stack = key();
        return error;
      }
      case 14:
        return keep(new DOMException(key(), choices.of(["AbortError", "", "Other"])));
      case 15:
        return inErrors > 0 ? null : choices.of(REFUSED)();
      case 16: {
        const object = keep({});
        const [name, result] = [key(), value()];
        Object.defineProperty(object, name, { enumerable: true, configurable: true, get: () => result });
        return object;
      }
      case 17: {
        if (inErrors > 0) return null;
        const error = new FromGetter(key());
        const object = keep({ before: value() });
        Object.defineProperty(object, key(), {
          enumerable: true,
          get: () => {
            throw error;
          },
        });
        return object;
      }
      case 18:
        return keep(choices.of([() => new Point(), () => new Tagged(), () => new Pixels(3)])());
      case 19: {
        const source = choices.of(FOREIGN);
        // A function and a promise are among them.
        return inErrors > 0 && !source.startsWith("new") ? null : vm.runInContext(source, there);
      }
      case 20:
        return keep(new SharedArrayBuffer(choices.byte()));
      default:
        return made.length > 0 && inErrors === 0 ? choices.of(made) : null;
    }
  }

  function define(on: object, name: string, value: unknown): void {
    const enumerable = choices.below(8) !== 0;
    Object.defineProperty(on, name, { value, enumerable, configurable: true, writable: true });
  }

  /** Of a buffer of its own, or of one that is there; some from an offset, some of a length, some of all the rest. */
  function view(): unknown {
    const View = choices.of(VIEWS);
    const size: number = View.BYTES_PER_ELEMENT ?? 1;
    const buffers = made.filter((object) =>
      (object instanceof ArrayBuffer || object instanceof SharedArrayBuffer) && object.byteLength % 8 === 0
    ) as ArrayBuffer[];
    const buffer = buffers.length > 0 && choices.below(2) === 0
      ? choices.of(buffers)
      : keep(new Uint8Array(64).map((_, i) => i).buffer);
    const room = Math.floor(buffer.byteLength / size);
    const from = choices.below(room + 1);
    const length = choices.below(2) === 0 ? undefined : choices.below(room - from + 1);
    return keep(new View(buffer, from * size, length));
  }

  function next(levels: number): unknown {
    if (choices.isOver || levels === 0 || choices.below(4) === 0) return primitive(choices.below(6));
    return object(choices.below(24), () => next(levels - 1));
  }

  return object(choices.below(24), () => next(depth - 1));
}
