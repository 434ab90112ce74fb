import vm from "node:vm";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  type Bytes,
  decode,
  encode,
  encodeArguments,
  encodeInto,
  isPrimitive,
  knowErrorClass,
  unknownErrorClass,
} from "../../../scheduler/codec/codec.ts";
import { MAX_DEPTH } from "../../../scheduler/codec/depth.ts";
import { assertSameGraph } from "../../support/same_graph.ts";

// deno-lint-ignore no-explicit-any -- what a decoder gives is looked into freely here
type Any = any;

const GUARD = 0x5a;

function over(buffer: ArrayBuffer | SharedArrayBuffer): Bytes {
  return { i32: new Int32Array(buffer), u8: new Uint8Array(buffer) };
}

function arena(byteLength: number): Bytes {
  const bytes = over(new SharedArrayBuffer(byteLength));
  bytes.u8.fill(GUARD);
  return bytes;
}

/** Through shared memory, which is overwritten before the copy is looked at. */
function throughArena(value: unknown, byteLength = 1 << 16): Any {
  const bytes = arena(byteLength);
  const end = encodeInto(bytes, 64, byteLength - 64, value);
  assert(end > 64 && end % 4 === 0, `encodeInto returned ${end}`);
  assert(bytes.u8.subarray(0, 64).every((byte) => byte === GUARD), "wrote before the start");
  assert(bytes.u8.subarray(-64).every((byte) => byte === GUARD), "wrote past its end");
  const copy = decode(bytes, 64);
  bytes.u8.fill(0xff);
  return copy;
}

/** Through private memory, with the side values by a message as the scheduler sends them. */
function throughEncode(value: unknown): Any {
  const { bytes, side, transfer } = encode(value);
  const moved = structuredClone(side, { transfer });
  const copy = bytes.slice();
  encode("x".repeat(1000)); // `bytes` is valid until now
  return decode(over(copy.buffer), 0, moved);
}

function bothWays(value: unknown): Any[] {
  return [throughArena(value), throughEncode(value)];
}

function assertClonesAsStructuredClone(value: unknown) {
  for (const copy of bothWays(value)) assertSameGraph(copy, structuredClone(value));
}

function assertRefuses(value: unknown, message: string, root?: string, room = 4096) {
  const thrown = [
    assertThrows(() => encodeInto(arena(room), 0, room, value, root)),
    assertThrows(() => encode(value, root)),
  ] as Any[];
  for (const error of thrown) {
    assert(error instanceof DOMException);
    assertEquals([error.name, error.message], ["DataCloneError", message]);
  }
}

Deno.test("primitives arrive as the same value", () => {
  // deno-fmt-ignore
  const values = [
    undefined, null, true, false, 0, -0, 1, -1, NaN, Infinity, -Infinity, 0.5, -0.5, 5e-324,
    1.7976931348623157e308, 2 ** 23 - 1, 2 ** 23, -(2 ** 23), -(2 ** 23) - 1, 2 ** 31 - 1, 2 ** 31,
    -(2 ** 31), 2 ** 32, 2 ** 53 - 1, 0n, 1n, -1n, 2n ** 63n - 1n, 2n ** 63n, -(2n ** 63n),
    -(2n ** 63n) - 1n, 2n ** 64n, 10n ** 1000n, -(10n ** 1000n), "", "a", "ab", "abc", "abcd", "abcde",
    "\0", "ÿ", "Ā", "日本語", "a日", "🧵", "\ud800", "a\udc00b", "\ud800".repeat(7),
  ];
  for (const value of values) {
    for (const copy of [...bothWays(value), ...bothWays([value]).map(([copy]) => copy)]) {
      assert(Object.is(copy, value), `${String(copy)} is not ${String(value)}`);
    }
  }
});

Deno.test("strings of every length and alphabet arrive code unit by code unit", () => {
  for (const alphabet of ["abcdefghijklm", "naïve ÿ", "ab\u0100c", "\ud83e\uddf5 x", "\udc00\ud800", "\0"]) {
    for (let length = 0; length < 300; length++) {
      const text = alphabet.repeat(Math.ceil(length / alphabet.length)).slice(0, length);
      for (const copy of bothWays(text)) assertStrictEquals(copy, text);
      if (length < 50) assertClonesAsStructuredClone({ [text]: text });
    }
  }
});

Deno.test("a string keeps the one character that does not fit its alphabet, wherever it stands", () => {
  for (const length of [7, 150]) {
    for (let at = 0; at < length; at++) {
      for (const odd of ["é", "中", "\udfff"]) {
        const text = "x".repeat(at) + odd + "y".repeat(length - at - 1);
        for (const copy of bothWays(text)) assertStrictEquals(copy, text);
      }
    }
  }
});

Deno.test("strings and buffers of 10 MB and more arrive", () => {
  const ascii = "abcdefghij".repeat(1_000_000);
  for (const text of [ascii, ascii + "é", ascii + "中", "\ud800" + ascii, ascii + ascii]) {
    assert(throughEncode(text) === text);
    assert(throughArena(text, 1 << 26) === text);
  }
  const buffer = new Uint8Array(20_000_003).map((_, i) => i * 7);
  for (const copy of [throughEncode(buffer), throughArena(buffer, 1 << 25)]) {
    assertEquals(copy.length, buffer.length);
    assert(buffer.every((byte, i) => copy[i] === byte));
  }
});

Deno.test("arguments arrive as an array", () => {
  for (const args of [[], [0, 10], ["a", 1.5, true, undefined, null, 3n], [{ id: 1 }, [2]], [[1, , 3]]]) {
    const bytes = arena(1024);
    assert(encodeArguments(bytes, 8, 1024, args) > 0);
    assertSameGraph(decode(bytes, 8), args);
  }
});

Deno.test("arrays keep their holes, their length and their further keys", () => {
  const sparse: number[] = [];
  sparse[100_000] = 1;
  // deno-fmt-ignore
  const arrays = [
    [], [[]], [1, "two", [3, [4, []]]], [undefined], [,], [1, , 3], [, , 1], [1, ,], new Array(5), sparse,
    Object.assign([1, 2], { unit: "mm" }), Object.assign([1, , 3], { extra: true }),
    Object.assign([,], { "-1": 0 }), "a1b".match(/(\d)/)!,
  ];
  for (const array of arrays) assertClonesAsStructuredClone(array);
});

Deno.test("plain objects keep their keys in order, whatever the keys", () => {
  // deno-fmt-ignore
  const objects: unknown[] = [
    {}, { id: 1, name: "x" }, { b: 1, a: 2, 10: 3, 2: 4 }, { "": 0, " ": 1, "日": 2, "a-b": 3 },
    { a: { b: { c: {} } } },
    { length: 3, constructor: 1, toString: 2, hasOwnProperty: 3, __defineGetter__: 4 }, { a: undefined },
  ];
  for (const object of objects) assertClonesAsStructuredClone(object);
});

Deno.test("an own property named __proto__ stays one", () => {
  const object = JSON.parse('{"__proto__":{"polluted":true},"a":1}');
  for (const copy of bothWays(object)) {
    assertStrictEquals(Object.getPrototypeOf(copy), Object.prototype);
    assertEquals(Object.keys(copy), ["__proto__", "a"]);
    assertEquals(copy.polluted, undefined);
  }
});

Deno.test("a key is defined where Object.prototype has a setter or what cannot be written, and nobody is called", () => {
  const calls: unknown[] = [];
  const names = ["tapped", "a key that is too long to be kept for the next time", "日本"];
  const fixed = "fixed";
  for (const name of names) {
    Object.defineProperty(Object.prototype, name, {
      set: (value) => calls.push(value),
      get: () => calls.push("get"),
      configurable: true,
    });
  }
  for (const prototype of [Object.prototype, Array.prototype]) {
    Object.defineProperty(prototype, fixed, { value: 0, configurable: true });
  }
  try {
    for (const name of [...names, fixed, "__proto__", "constructor"]) {
      for (const onto of [{}, [1, , 3]]) {
        Object.defineProperty(onto, name, { value: [name], enumerable: true });
        for (const copy of bothWays(onto)) {
          assertEquals(Object.getOwnPropertyDescriptor(copy, name), {
            value: [name],
            writable: true,
            enumerable: true,
            configurable: true,
          });
        }
      }
    }
    assertEquals(calls, []);
  } finally {
    for (const name of [...names, fixed]) delete (Object.prototype as Any)[name];
    delete (Array.prototype as Any)[fixed];
  }
});

Deno.test("values of another realm arrive as this one's", () => {
  const there = vm.createContext({});
  const make = (source: string): Any => vm.runInContext(`(${source})`, there);
  // deno-fmt-ignore
  const sources = [
    "[1, , { a: 'b' }]", "new Map([[1, new Set([2])]])", "new Date(5)", "/a+/giu", "new Uint8Array([1, 2, 3])",
    "new Float64Array(new ArrayBuffer(24), 8, 1)", "new DataView(new ArrayBuffer(9), 2, 3)",
    "new ArrayBuffer(3, { maxByteLength: 8 })", "Object(1n)", "new Uint8Array(new ArrayBuffer(3, { maxByteLength: 8 }))",
    "new DataView(new ArrayBuffer(3, { maxByteLength: 8 }), 1)", "Object.create(null)", "new (class Point { x = 1 })",
  ];
  for (const source of sources) assertClonesAsStructuredClone(make(source));

  for (
    const name of [
      "Error",
      "TypeError",
      "RangeError",
      "SyntaxError",
      "URIError",
      "EvalError",
      "ReferenceError",
    ]
  ) {
    const error = make(`new ${name}("of there", { cause: new RangeError("inner") })`);
    for (const copy of bothWays(error)) {
      assertStrictEquals(Object.getPrototypeOf(copy), (globalThis as Any)[name].prototype);
      assertEquals([copy.name, copy.message, copy.stack], [name, "of there", error.stack]);
      assertEquals(Object.getOwnPropertyNames(copy).sort(), ["cause", "message", "stack"]);
      assert(copy.cause instanceof RangeError);
      assertEquals(copy.cause.message, "inner");
    }
  }
  for (const copy of bothWays(make("new AggregateError([new TypeError('t'), 2], 'm')"))) {
    assert(copy instanceof AggregateError);
    assert(copy.errors[0] instanceof TypeError);
  }
  const own = make("new (class NotFound extends RangeError { name = 'NotFound'; code = 7 })('m')");
  for (const copy of bothWays(own)) {
    assertStrictEquals(Object.getPrototypeOf(copy), RangeError.prototype);
    assertEquals([copy.name, copy.message, copy.code], ["NotFound", "m", 7]);
  }
});

Deno.test("what a class or an object has put over the methods of its kind does not count", () => {
  const loud = () => {
    throw new Error("asked");
  };
  const covered = (object: object, keys: PropertyKey[]) => {
    for (const key of keys) Object.defineProperty(object, key, { get: loud, configurable: true });
    return object;
  };
  const bytes = ["byteLength", "byteOffset", "buffer", "length", "constructor"];
  // deno-fmt-ignore
  const values = [
    covered(new Uint8Array([1, 2]), bytes), covered(new DataView(new ArrayBuffer(4), 1, 2), bytes),
    covered(new ArrayBuffer(5), ["byteLength", "resizable", "maxByteLength", "detached", "slice"]),
    covered(/a/gi, ["source", "flags", "global", "constructor"]),
    covered(new Date(7), ["getTime", "valueOf", "constructor"]),
    covered(new Map([[1, 2]]), ["entries", "size", "forEach", Symbol.iterator]),
    covered(new Set([1]), ["values", "size", Symbol.iterator]),
    covered(Object(3), ["valueOf", "toString"]),
    Object.defineProperty(new Map([[1, 2]]), Symbol.toStringTag, { value: "Object" }),
    Object.defineProperty(new Date(9), Symbol.toStringTag, { value: "Object" }),
    Object.defineProperty({ a: 1 }, Symbol.toStringTag, { value: "AbortSignal" }),
  ];
  for (const value of values) assertClonesAsStructuredClone(value);
});

Deno.test("an enumerable property of Object.prototype is not taken along", () => {
  Object.defineProperty(Object.prototype, "foreign", { value: 1, enumerable: true, configurable: true });
  try {
    for (const copy of bothWays({ a: 1 })) assertEquals(Object.keys(copy), ["a"]);
  } finally {
    delete (Object.prototype as Any).foreign;
  }
});

Deno.test("an instance of a class arrives as a plain object of its own enumerable properties", () => {
  class Point {
    #secret = 1;
    x = 1;
    y = [2];
    get sum() {
      return this.x + this.#secret;
    }
  }
  class Tagged {
    a = 1;
    get [Symbol.toStringTag]() {
      return "Map";
    }
  }
  class Sub extends Array {}
  // deno-fmt-ignore
  const values = [
    new Point(), new Tagged(), Sub.from([1, 2]), Object.create(null), Object.create({ inherited: 1 }),
  ];
  for (const value of values) {
    assertClonesAsStructuredClone(value);
  }
  assertClonesAsStructuredClone(Object.assign(Object.create(null), { a: 1 }));
  assertClonesAsStructuredClone({ [Symbol("key")]: 1, a: 2 });
});

Deno.test("getters run once, and what they throw comes through", () => {
  let runs = 0;
  assertEquals(
    throughArena({
      get a() {
        return ++runs;
      },
    }),
    { a: 1 },
  );
  assertEquals(
    throughEncode([{
      get a() {
        return ++runs;
      },
    }]),
    [{ a: 2 }],
  );
  const error = new TypeError("from the getter");
  const value = {
    get a() {
      throw error;
    },
  };
  assertStrictEquals(assertThrows(() => encodeInto(arena(64), 0, 64, value)), error);
  assertStrictEquals(assertThrows(() => encode([value])), error);
  assertEquals(throughEncode([1]), [1]);
});

Deno.test("a getter may encode values of its own", () => {
  const other = arena(1024);
  const value = {
    before: [1, { a: 2 }],
    get nested() {
      assert(encodeInto(other, 0, 1024, { mine: [this.before] }) > 0);
      return [decode(other, 0), throughEncode({ deeper: this.before })];
    },
    after: "z",
  };
  for (const copy of bothWays(value)) {
    assertEquals(copy, {
      before: [1, { a: 2 }],
      nested: [{ mine: [[1, { a: 2 }]] }, { deeper: [1, { a: 2 }] }],
      after: "z",
    });
  }
});

Deno.test("a getter that shrinks its array or deletes a key hurts nothing", () => {
  const array: Any[] = [
    {
      get a() {
        array.length = 1;
        return 0;
      },
    },
    1,
    2,
  ];
  assertEquals(throughEncode(array), [{ a: 0 }, undefined, undefined]);
  const object: Any = {
    get a() {
      delete object.b;
      return 0;
    },
    b: 1,
    c: 2,
  };
  assertEquals(throughEncode(object), { a: 0, c: 2 });
});

Deno.test("Date, RegExp and boxed primitives arrive as such", () => {
  const sticky = /a+/gy;
  sticky.lastIndex = 1;
  // deno-fmt-ignore
  const values = [
    new Date(0), new Date(8.64e15), new Date(NaN), /./, /[/\]]\n"ü中/giu, sticky, new RegExp("", "v"),
    Object(1), Object(-0), Object(NaN), Object("text"), Object("\ud800"), Object(""), Object(true),
    Object(false), Object(7n),
  ];
  for (const value of values) assertClonesAsStructuredClone(value);
});

Deno.test("Map and Set keep order and any key, and extra methods of a subclass do not count", () => {
  const key = { k: 1 };
  class Doubling extends Map<unknown, unknown> {
    override *[Symbol.iterator](): MapIterator<[unknown, unknown]> {
      for (const entry of super.entries()) yield* [entry, entry];
    }
  }
  // deno-fmt-ignore
  const values = [
    new Map(), new Set(),
    new Map<unknown, unknown>([[1, "a"], ["1", "b"], [NaN, 0], [-0, 1], [key, key], [[], new Map()]]),
    new Set([1, "1", NaN, undefined, null, key, [key], new Set([key])]),
  ];
  for (const value of values) assertClonesAsStructuredClone(value);
  const copy = throughArena(new Doubling([[1, 2]]));
  assertStrictEquals(Object.getPrototypeOf(copy), Map.prototype);
  assertEquals([...copy], [[1, 2]]);
});

Deno.test("every typed array and DataView arrives with its offset and its whole buffer", () => {
  // deno-fmt-ignore
  const Views = [
    Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array,
    Float16Array, Float32Array, Float64Array, BigInt64Array, BigUint64Array, DataView,
  ] as Any[];
  for (const View of Views) {
    const buffer = new Uint8Array(80).map((_, i) => i + 1).buffer;
    // deno-fmt-ignore
    const views = [
      new View(buffer), new View(buffer, 8, 3), new View(buffer, 80), new View(new ArrayBuffer(0)),
    ];
    for (const view of views) {
      assertClonesAsStructuredClone(view);
    }
  }
  for (let length = 0; length < 20; length++) {
    assertClonesAsStructuredClone(new Uint8Array(length).fill(length));
  }
});

Deno.test("a subclass of a typed array arrives as the typed array", () => {
  class Pixels extends Uint8ClampedArray {}
  assertClonesAsStructuredClone(new Pixels([1, 2, 3]));
});

Deno.test("views that share a buffer share one afterwards", () => {
  const buffer = new ArrayBuffer(16);
  const value = {
    low: new Uint8Array(buffer, 0, 8),
    buffer,
    high: new Float64Array(buffer, 8, 1),
    all: new DataView(buffer),
  };
  assertClonesAsStructuredClone(value);
  for (const copy of bothWays(value)) {
    copy.high[0] = 1;
    assertEquals(copy.all.getFloat64(8, true), 1);
    assertStrictEquals(copy.low.buffer, copy.buffer);
    assertEquals(value.high[0], 0);
  }
});

Deno.test("a resizable buffer stays resizable, and a view that tracks its length goes on tracking", () => {
  for (const [byteLength, maxByteLength] of [[8, 32], [8, 8], [0, 16], [0, 0], [16, 17]]) {
    const buffer = new ArrayBuffer(byteLength, { maxByteLength });
    new Uint8Array(buffer).fill(9);
    const offset = byteLength / 2;
    const views = {
      buffer,
      tracking: new Uint8Array(buffer),
      fixed: new Uint8Array(buffer, 0, byteLength),
      trackingFrom: new Uint16Array(buffer, offset),
      fixedFrom: new Uint16Array(buffer, offset, offset / 2),
      trackingView: new DataView(buffer, offset),
      fixedView: new DataView(buffer, offset, offset),
    };
    assertClonesAsStructuredClone(views);
    assertEquals(
      [buffer.byteLength, views.tracking.length],
      [byteLength, byteLength],
      "the original is as it was",
    );
    const expected: Any = structuredClone(views);
    expected.buffer.resize(maxByteLength);
    for (const copy of bothWays(views)) {
      copy.buffer.resize(maxByteLength);
      assertSameGraph(copy, expected);
    }
  }
});

Deno.test("cycles and shared references keep their identity", () => {
  const shared = { s: 1 };
  const ring: Any = { shared, list: [shared, shared] };
  ring.self = ring;
  ring.list.push(ring.list);
  assertClonesAsStructuredClone(ring);

  const args: Any[] = [1];
  args.push(args, { args });
  assertClonesAsStructuredClone(args);
  const bytes = arena(256);
  assert(encodeArguments(bytes, 0, 256, args) > 0);
  assertSameGraph(decode(bytes, 0), args);

  const map = new Map<unknown, unknown>();
  map.set(map, map).set("set", new Set([map]));
  assertClonesAsStructuredClone(map);

  const atoms = {
    date: new Date(0),
    re: /x/,
    boxed: Object(1),
    buffer: new ArrayBuffer(1),
    view: new Uint8Array(1),
  };
  assertClonesAsStructuredClone({ ...atoms, again: { ...atoms }, buffers: [atoms.view.buffer] });

  const many = Array.from({ length: 100 }, (_, i): Any => ({ i }));
  many.forEach((object, i) => object.next = many[(i * 37 + 1) % 100]);
  assertClonesAsStructuredClone(many);
  const sparse: Any[] = [, shared];
  sparse.push(sparse, shared);
  assertClonesAsStructuredClone(sparse);
});

Deno.test("errors keep class, name, message, stack and cause", () => {
  const causes = new Error("outer", { cause: { at: [1, new RangeError("inner")] } });
  const cyclic: Any = new TypeError("cyclic");
  cyclic.cause = cyclic;
  const renamed = new Error("renamed");
  renamed.name = "Renamed";
  const bare = new SyntaxError();
  const stackless = new Error("stackless");
  delete stackless.stack;
  // deno-fmt-ignore
  const errors = [
    new Error("plain"), new EvalError("e"), new RangeError("r"), new ReferenceError("r"),
    new SyntaxError("s"), new TypeError("t"), new URIError("u"), new Error("", { cause: undefined }),
    causes, cyclic, renamed, bare, stackless, new WebAssembly.RuntimeError("trap"),
    new Deno.errors.NotFound("no such file"), new Deno.errors.Http("h"),
  ];
  for (const error of errors) {
    for (const copy of bothWays(error)) {
      assertSameGraph(copy, error);
      assert(Error.isError(copy));
      for (const key of ["message", "stack", "name"]) {
        const [mine, its] = [copy, error].map((e) => Object.getOwnPropertyDescriptor(e, key));
        assertEquals(mine?.enumerable, its?.enumerable, `${error.name}: ${key}`);
      }
    }
  }
});

Deno.test("errors keep their own enumerable properties, as structuredClone does not", () => {
  const error = Object.assign(new Deno.errors.AddrInUse("taken"), {
    code: "EADDRINUSE",
    port: 80,
    peers: [{ a: 1 }],
  });
  for (const copy of bothWays(error)) {
    assert(copy instanceof Deno.errors.AddrInUse);
    assertEquals([copy.code, copy.port, copy.peers], ["EADDRINUSE", 80, [{ a: 1 }]]);
    assertEquals(Object.keys(copy), Object.keys(error));
  }
});

Deno.test("AggregateError and SuppressedError keep the errors that they hold", () => {
  const inner = [new TypeError("one"), "two", new Error("three")];
  for (const copy of bothWays(new AggregateError(inner, "many"))) {
    assert(copy instanceof AggregateError);
    assertSameGraph(copy.errors, inner);
    assertEquals(Object.keys(copy), []);
  }
  const suppressed = new SuppressedError(inner[0], inner[2], "both");
  for (const copy of bothWays(suppressed)) {
    assert(copy instanceof SuppressedError);
    assertSameGraph([copy.error, copy.suppressed], [inner[0], inner[2]]);
  }
});

Deno.test("DOMException keeps name, code and stack", () => {
  const aborted = new DOMException("stopped", "AbortError");
  for (const copy of bothWays([aborted, aborted])) {
    assert(copy[0] instanceof DOMException);
    assertStrictEquals(copy[0], copy[1]);
    assertEquals(
      [copy[0].name, copy[0].message, copy[0].code, copy[0].stack],
      [aborted.name, aborted.message, 20, aborted.stack],
    );
  }
  const signal = AbortSignal.abort();
  for (const copy of bothWays(signal.reason)) {
    assertEquals([copy.name, copy.message], [signal.reason.name, signal.reason.message]);
  }
});

Deno.test("an error gets across without what of it cannot be cloned", () => {
  const error: Any = new Error("kept", { cause: { handler() {} } });
  error.code = 7;
  error.socket = { on() {} };
  error.tail = "end";
  Object.defineProperty(error, "broken", {
    enumerable: true,
    get() {
      throw new Error("no");
    },
  });
  for (const copy of bothWays(error)) {
    assertEquals([copy.message, copy.stack], ["kept", error.stack]);
    assertEquals(copy.cause, "{ handler: [Function: handler] }");
    assertEquals(Object.keys(copy), ["code", "tail"]);
    assertEquals([copy.code, copy.tail], [7, "end"]);
  }
  for (const copy of bothWays(new AggregateError([1, Symbol("s"), new Error("in")], "m"))) {
    assertEquals([copy.errors.length, copy.errors[0], copy.errors[1], copy.errors[2].message], [
      3,
      1,
      "Symbol(s)",
      "in",
    ]);
  }
  const hostile = new Error("m");
  for (const key of ["name", "stack", "constructor", "cause"]) {
    Object.defineProperty(hostile, key, {
      get() {
        throw new Error("no");
      },
    });
  }
  for (const copy of bothWays(hostile)) assertEquals([copy.message, copy.name], ["m", "Error"]);
});

Deno.test("what an error cannot take along leaves no trace in what follows", () => {
  const shared = { s: 1 };
  const { port1, port2 } = new MessageChannel();
  const error: Any = new Error("e");
  error.dropped = [shared, new SharedArrayBuffer(1), port1, () => {}];
  const { bytes, side, transfer } = encode([error, shared, shared, new Map([[shared, 1]])]);
  assertEquals([side.length, transfer.length], [0, 0]);
  const copy: Any = decode(over(bytes.slice().buffer), 0);
  assertSameGraph(copy.slice(1), [shared, shared, new Map([[shared, 1]])]);
  port1.close();
  port2.close();
});

class Teapot extends TypeError {
  constructor(readonly size: number) {
    super(`too small: ${size}`);
    this.name = "Teapot";
  }
}

Deno.test("an error of a class that is not known here asks for it by name", () => {
  const bytes = arena(1 << 16);
  const error = new Teapot(3);
  assert(encodeInto(bytes, 8, 1 << 16, error) > 0);
  assertEquals(unknownErrorClass(bytes, 8), "Teapot");

  const asked: string[] = [];
  const found: Any = decode(bytes, 8, [], (name) => (asked.push(name), Teapot));
  assertEquals(asked, ["Teapot"]);
  assertSameGraph(found, error);
  assertEquals(found.size, 3);

  const fallback: Any = decode(bytes, 8, [], () => undefined);
  assertStrictEquals(Object.getPrototypeOf(fallback), TypeError.prototype);
  assertEquals([fallback.name, fallback.message, fallback.size], ["Teapot", "too small: 3", 3]);
});

Deno.test("a class named as a known one is not taken for it", () => {
  const NotFound = class NotFound extends Error {};
  const bytes = arena(1 << 16);
  assert(encodeInto(bytes, 0, 1 << 16, new NotFound("mine")) > 0);
  assertEquals(unknownErrorClass(bytes, 0), "NotFound");
  const copy = decode(bytes, 0);
  assert(!(copy instanceof Deno.errors.NotFound));
  assert(decode(bytes, 0, [], () => NotFound) instanceof NotFound);
});

Deno.test("a class that was made known needs no search, and its constructor is not called", () => {
  class KnownToBoth extends Error {
    constructor(...args: unknown[]) {
      super("made");
      if (args.length !== 3) throw new Error("the codec called this constructor");
    }
    override name = "KnownToBoth";
  }
  knowErrorClass(KnownToBoth);
  const bytes = arena(1 << 16);
  assert(encodeInto(bytes, 0, 1 << 16, new KnownToBoth(1, 2, 3)) > 0);
  assertEquals(unknownErrorClass(bytes, 0), undefined);
  assert(decode(bytes, 0) instanceof KnownToBoth);
});

Deno.test("a getter of an error's class that its constructor has not prepared does not stop the decoder", () => {
  class Coded extends Error {
    #code = 7;
    override get name() {
      return `Coded${this.#code}`;
    }
  }
  const bytes = arena(1 << 16);
  assert(encodeInto(bytes, 0, 1 << 16, new Coded("m")) > 0);
  const copy: Any = decode(bytes, 0, [], () => Coded);
  assert(copy instanceof Coded);
  assertEquals([copy.name, copy.message], ["Coded7", "m"]);
});

Deno.test("only an error has an unknown class", () => {
  const bytes = arena(1 << 16);
  // deno-fmt-ignore
  const values = [
    1, "Teapot", new TypeError("known"), { e: new Teapot(1) }, [new Teapot(1)], new DOMException("d"),
  ];
  for (const value of values) {
    assert(encodeInto(bytes, 0, 1 << 16, value) > 0);
    assertEquals(unknownErrorClass(bytes, 0), undefined);
  }
});

Deno.test("what cannot be bytes goes to the side, and encodeInto leaves it to encode", async () => {
  const key = await crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, true, ["sign"]);
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const module = new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]));
  // deno-fmt-ignore
  const values = [
    new SharedArrayBuffer(8), memory, memory.buffer, module, new Blob(["x"]), new File([], "f"), key,
  ];
  for (const value of values) {
    assertEquals(encodeInto(arena(4096), 0, 4096, { value }), -1);
    const { side, transfer } = encode([{ value }, value]);
    assertEquals([side.length, transfer.length], [1, 0]);
    assertStrictEquals(side[0], value);
    const [first, second] = throughEncode([{ value }, value]);
    assertStrictEquals(first.value, second);
    assertEquals(Object.prototype.toString.call(second), Object.prototype.toString.call(value));
  }
});

Deno.test("shared memory stays the same memory, under views too", () => {
  const buffer = new SharedArrayBuffer(16);
  const copy = throughEncode({ buffer, ints: new Int32Array(buffer, 4, 2), view: new DataView(buffer) });
  new Int32Array(buffer)[1] = 42;
  assertEquals([copy.ints[0], copy.ints.length, copy.view.getInt32(4, true)], [42, 2, 42]);
  assertStrictEquals(copy.ints.buffer, copy.buffer);
  assertStrictEquals(copy.view.buffer, copy.buffer);
});

Deno.test("of a view of shared memory only the buffer goes to the side, but for one that may grow", () => {
  const buffer = new SharedArrayBuffer(16);
  assertEquals(encode(new Int32Array(buffer, 4, 2)).side, [buffer]);
  assertEquals(encode(new DataView(buffer, 3)).side, [buffer]);
  const growing = new Uint8Array(new SharedArrayBuffer(4, { maxByteLength: 8 }));
  const { side } = encode(growing);
  assertStrictEquals(side[0], growing);
});

Deno.test("a MessagePort is on the transfer list, once, and works where it arrives", async () => {
  const { port1, port2 } = new MessageChannel();
  assertEquals(encodeInto(arena(64), 0, 64, port1), -1);
  assertEquals(encode([port1, port1]).transfer, [port1]);
  const [copy, again] = throughEncode([port1, port1]);
  assertStrictEquals(copy, again);
  const received = new Promise((resolve) => port2.onmessage = (event) => resolve(event.data));
  copy.postMessage("hello");
  assertEquals(await received, "hello");
  copy.close();
  port2.close();
});

Deno.test("each encode has a side list of its own", () => {
  const first = encode([new SharedArrayBuffer(1)]);
  const plain = encode([1]);
  const second = encode([new SharedArrayBuffer(2), new SharedArrayBuffer(3)]);
  assertEquals([first.side.length, plain.side.length, second.side.length], [1, 0, 2]);
});

Deno.test("what cannot be cloned is refused with the place and what would do", () => {
  const address = "pass its address, a bigint: Deno.UnsafePointer.value() gives it, and create() the pointer";
  using file = Deno.openSync("/dev/null");
  const cases: [unknown, string][] = [
    [() => {}, "a function (anonymous) cannot be cloned; define it in a module that the task imports"],
    [function work() {}, "a function (work) cannot be cloned; define it in a module that the task imports"],
    [class Job {}, "a function (Job) cannot be cloned; define it in a module that the task imports"],
    [Symbol("s"), "a symbol (Symbol(s)) cannot be cloned; pass a string"],
    [Object(Symbol("s")), "a Symbol cannot be cloned; pass plain data that it can be made from"],
    [new WeakMap(), "a WeakMap cannot be cloned; pass a Map of what the task needs"],
    [new WeakSet(), "a WeakSet cannot be cloned; pass a Set of what the task needs"],
    [new WeakRef({}), "a WeakRef cannot be cloned; pass what it refers to"],
    [Promise.resolve(), "a Promise cannot be cloned; await it first"],
    [(function* () {})(), "a Generator cannot be cloned; pass an array of what it yields"],
    [[].values(), "an Array Iterator cannot be cloned; pass plain data that it can be made from"],
    [new Proxy({}, {}), "a Proxy cannot be cloned; pass a plain copy of it, such as { ...it } or [...it]"],
    [new Proxy([], {}), "a Proxy cannot be cloned; pass a plain copy of it, such as { ...it } or [...it]"],
    [
      (function () {
        return arguments;
      })(),
      "an Arguments cannot be cloned; pass [...arguments]",
    ],
    [new Headers(), "a Headers cannot be cloned; pass [...headers]"],
    [new URL("https://deno.com/"), "a URL cannot be cloned; pass its href"],
    [
      new ReadableStream(),
      "a ReadableStream cannot be cloned; arguments, results and channels can have it",
    ],
    [
      new Intl.NumberFormat(),
      "an Intl.NumberFormat cannot be cloned; pass plain data that it can be made from",
    ],
    [new WebAssembly.Memory({ initial: 1 }), "a Memory cannot be cloned; make it with { shared: true }"],
    [Deno.UnsafePointer.create(16n), `a pointer cannot be cloned; ${address}`],
    [
      new Deno.UnsafePointerView(Deno.UnsafePointer.create(16n)!),
      `an UnsafePointerView cannot be cloned; ${address}`,
    ],
    [
      new Deno.UnsafeFnPointer(Deno.UnsafePointer.create(16n)! as Any, { parameters: [], result: "void" }),
      `an UnsafeFnPointer cannot be cloned; ${address}`,
    ],
    [
      new AbortController().signal,
      "an AbortSignal cannot be cloned; a task can have it as an argument, and hears there",
    ],
    [
      new AbortController(),
      "an AbortController cannot be cloned; pass its signal, as an argument of the task",
    ],
    [new EventTarget(), "an EventTarget cannot be cloned; pass plain data that it can be made from"],
    [
      new (class extends EventTarget {})(),
      "an EventTarget cannot be cloned; pass plain data that it can be made from",
    ],
    [new FormData(), "a FormData cannot be cloned; pass [...formData]"],
    [file, "a FsFile cannot be cloned; pass its path, and open it where it is used"],
    [new Deno.Command("true"), "a Command cannot be cloned; pass plain data that it can be made from"],
  ];
  for (const [value, reason] of cases) {
    assertRefuses(value, `value: ${reason}`);
    assertRefuses([0, { handlers: { onClick: value } }], `args[1].handlers.onClick: ${reason}`, "args");
  }
});

Deno.test("a refusal names keys, Map entries and Set members on its way", () => {
  const f = () => {};
  const reason = "a function (f) cannot be cloned; define it in a module that the task imports";
  assertRefuses({ "a-b": [{ π: f }] }, `value["a-b"][0].π: ${reason}`);
  assertRefuses(new Map([["k", [f]]]), `value.get("k")[0]: ${reason}`);
  assertRefuses(new Map([[{}, f]]), `value.get(an object): ${reason}`);
  assertRefuses({ m: new Map([[f, 1]]) }, `value.m (a key of the Map): ${reason}`);
  assertRefuses([new Set([1, [f]])], `value[0] (a member of the Set)[0]: ${reason}`);
  assertRefuses([, f], `value[1]: ${reason}`);
  assertRefuses(Object.assign([, 1], { f }), `value.f: ${reason}`);
  const bytes = arena(64);
  const thrown: Any = assertThrows(() => encodeArguments(bytes, 0, 64, [1, f]));
  assertEquals(thrown.message, `args[1]: ${reason}`);
});

Deno.test("a detached buffer and a view beyond its buffer are refused", () => {
  const view = new Uint8Array(8);
  view.buffer.transfer();
  const reason = "a detached ArrayBuffer cannot be cloned; pass it before it is transferred";
  assertRefuses([view], `value[0]: ${reason}`);
  assertRefuses({ b: view.buffer }, `value.b: ${reason}`);
  const buffer = new ArrayBuffer(8, { maxByteLength: 8 });
  const beyond = [new Uint8Array(buffer, 4, 4), new Uint8Array(buffer, 4), new DataView(buffer, 4)];
  buffer.resize(2);
  for (const view of beyond) {
    assertRefuses(
      [view],
      "value[0]: a view that its resized buffer no longer covers cannot be cloned; make it anew",
    );
  }
});

Deno.test("after a refusal the next value is encoded as ever", () => {
  const shared = { s: 1 };
  for (let i = 0; i < 20; i++) {
    assertThrows(() => encode([shared, ...new Array(i).fill(0).map(() => ({})), () => {}]));
    assertThrows(() => encodeInto(arena(1024), 0, 1024, [shared, {}, Symbol()]));
    assertClonesAsStructuredClone([shared, shared]);
  }
});

class Link {
  constructor(readonly next: unknown) {}
}

/** Levels of one kind around `core`. */
const wraps: Record<string, (core: Any) => Any> = {
  array: (core) => [core],
  "sparse array": (core) => [, core],
  object: (core) => ({ a: core }),
  instance: (core) => new Link(core),
  "value of a Map": (core) => new Map([[1, core]]),
  "key of a Map": (core) => new Map([[core, 1]]),
  Set: (core) => new Set([core]),
};

function nested(wrap: (core: Any) => Any, levels: number): Any {
  let value = null;
  for (let i = 0; i < levels; i++) value = wrap(value);
  return value;
}

Deno.test("what is nested up to the limit arrives, and beyond it is refused with both numbers", () => {
  const instead = `${MAX_DEPTH} are possible; pass it flat, for instance a linked list as an array`;
  for (const wrap of Object.values(wraps)) {
    const deepest = nested(wrap, MAX_DEPTH);
    for (const copy of bothWays(deepest)) assertEquals(levelsOf(copy), MAX_DEPTH);
    for (const levels of [MAX_DEPTH + 1, 5000]) {
      const message = `value is nested at least ${levels} levels deep, and ${instead}`;
      assertRefuses(nested(wrap, levels), message, "value", 1 << 16);
    }
  }
  // Arguments count from their array on, also where they do not fit beside the task.
  const list = nested((core) => [core], MAX_DEPTH - 1);
  assert(encodeArguments(arena(1 << 16), 0, 1 << 16, [list]) > 0);
  const message = `args is nested at least ${MAX_DEPTH + 1} levels deep, and ${instead}`;
  for (const room of [1 << 16, 64]) {
    assertEquals(
      (assertThrows(() => {
        if (encodeArguments(arena(room), 0, room, [[list]]) < 0) encode([[list]], "args");
      }) as Any).message,
      message,
    );
  }
  assertClonesAsStructuredClone([{ a: 1 }]);
});

/** Without a recursion, of a value from `nested`. */
function levelsOf(value: Any): number {
  let levels = 0;
  for (; value !== null; levels++) {
    const inside = value instanceof Map || value instanceof Set
      ? [...value].flat().find((each) => each !== 1)
      : Object.values(value)[0];
    value = inside ?? null;
  }
  return levels;
}

Deno.test("an error gets across with as many causes as can be nested, and the text of the next", () => {
  for (const wrap of [causing, aggregating]) {
    const chain = nested(wrap, 3000);
    for (const copy of [throughEncode(chain), throughArena(chain, 1 << 22)]) {
      let levels = 0;
      let last: unknown = copy;
      for (; last instanceof Error; levels++) last = last.cause ?? (last as AggregateError).errors[0];
      assertEquals(levels, wrap === causing ? MAX_DEPTH : MAX_DEPTH / 2);
      assertEquals(last, wrap === causing ? "Error: step" : "AggregateError: step");
    }
  }
});

function causing(cause: Any): Error {
  return withoutStack(new Error("step", { cause }));
}

function aggregating(error: Any): Error {
  return withoutStack(new AggregateError([error], "step"));
}

/** To format one takes time, and stack of its own. */
function withoutStack(error: Error): Error {
  error.stack = "step";
  return error;
}

Deno.test("at the end of the stack a value is refused with what is the matter, and the next one is copied as ever", () => {
  const value = nested((core) => ({ "a key": [core] }), 100);
  const { bytes } = encode(value);
  const whole = over(bytes.slice().buffer);
  const seen = new Set<string>();
  for (const act of [() => encode(value), () => decode(whole, 0)]) {
    (function fall(): void {
      try {
        fall();
      } catch {
        // Each return leaves a little more room.
        try {
          act();
        } catch (error) {
          seen.add((error as Error).message.replace(/^the stack of this thread ended.*/, "ended"));
        }
      }
    })();
    assertEquals(JSON.stringify(decode(whole, 0)), JSON.stringify(value));
  }
  seen.delete("Maximum call stack size exceeded"); // nothing of ours can run there
  assertEquals([...seen], ["ended"]);
});

Deno.test("encodeInto writes nothing at or past its end, whatever the room", () => {
  const error = Object.assign(new TypeError("message"), { code: 1, stack: "at nowhere" });
  // deno-fmt-ignore
  const values = [
    1, -0, 0.5, true, null, undefined, 5n, 2n ** 70n, "", "text", "longer text 日本", "x".repeat(130),
    "x".repeat(129) + "é", "x".repeat(129) + "日", [], [1, 2], [1, "two", 3.5], [1, , 3], {},
    { id: 1, name: "x" }, { a: { b: [{}, {}] } }, new Map([[1, { a: 2 }]]), new Set(["a", [1]]),
    new Date(0), /a/g, Object("boxed"), new Uint8Array(13), new DataView(new ArrayBuffer(9), 1),
    new ArrayBuffer(6, { maxByteLength: 8 }), error, [error, error], new AggregateError([1, () => {}], "m"),
  ];
  for (const value of values) {
    const whole = arena(8192);
    const size = encodeInto(whole, 0, 8192, value);
    assert(size > 0);
    for (let room = 0; room <= size + 8; room++) {
      const bytes = arena(8 + size + 64);
      const after = encodeInto(bytes, 8, 8 + room, value);
      assertEquals(after, room >= size ? 8 + size : -1, `${Deno.inspect(value)} in ${room} of ${size} bytes`);
      assert(bytes.u8.subarray(0, 8).every((byte) => byte === GUARD), "wrote before its start");
      assert(bytes.u8.subarray(8 + room).every((byte) => byte === GUARD), "wrote past its end");
      if (!Array.isArray(value) || after < 0) continue;
      const args = arena(8 + size + 64);
      encodeArguments(args, 8, 8 + room, value);
      assert(
        args.u8.subarray(8 + room).every((byte) => byte === GUARD),
        "encodeArguments wrote past its end",
      );
    }
  }
});

Deno.test("encode grows its memory from any state", () => {
  for (const length of [1, 70_000, 10, 5_000_000, 20, 200_000]) {
    const value = {
      head: [1],
      text: "y".repeat(length),
      list: new Array(length % 100_000).fill(0.5),
      tail: "end",
    };
    assertClonesAsStructuredCloneByEncode(value);
  }
});

function assertClonesAsStructuredCloneByEncode(value: unknown) {
  assertSameGraph(throughEncode(value), structuredClone(value));
}

Deno.test("memory that holds no value is a broken invariant, not a value", () => {
  for (const word of [0, 29, 0x7f, GUARD]) {
    const bytes = arena(64);
    bytes.i32[2] = word;
    assertThrows(() => decode(bytes, 8), Error, "is no header of an encoded value");
  }
});

Deno.test("primitives are what may be passed along uncloned", () => {
  for (const value of [1, "s", true, 1n, null, undefined]) assert(isPrimitive(value));
  for (const value of [{}, [], () => {}, Symbol("s"), Object(1)]) assert(!isPrimitive(value));
});
