import { assertEquals, assertThrows } from "@std/assert";
import { Scheduler } from "@heddle/heddle";
import { native } from "../../support/capabilities.ts";
import { testCalled } from "../../support/called.ts";
import { soon } from "../../support/deadline.ts";

// deno-lint-ignore no-explicit-any -- what no TypeScript would pass
type Any = any;

const encoder = new TextEncoder();

testCalled("integers of every width arrive whole, extended by their sign", async (path) => {
  await using sched = await Scheduler.start({ procs: 1 });
  const values: [Deno.NativeType, number | bigint, bigint][] = [
    ["i8", -1, -1n],
    ["i8", -128, -128n],
    ["u8", 200, 200n],
    ["i16", -2, -2n],
    ["u16", 65_535, 65_535n],
    ["i32", -3, -3n],
    ["i32", 2 ** 31 - 1, 2n ** 31n - 1n],
    ["u32", 2 ** 32 - 1, 2n ** 32n - 1n],
    ["i64", -4, -4n],
    ["i64", -(2 ** 53), -(2n ** 53n)],
    ["i64", 2n ** 63n - 1n, 2n ** 63n - 1n],
    ["u64", 2n ** 64n - 1n, -1n],
    ["u64", 2 ** 53, 2n ** 53n],
    ["usize", 2 ** 40 + 5, 2n ** 40n + 5n],
    ["isize", -(2 ** 40), -(2n ** 40n)],
    // As Deno does: what is too wide for the type is cut.
    ["i8", 300, 44n],
    ["u16", 65_536 + 7, 7n],
    ["i64", 2n ** 64n + 1n, 1n],
  ];
  for (const [type, value, expected] of values) {
    const { symbols } = sched.dlopen(path, { whole: { parameters: [type], result: "i64" } });
    assertEquals(await (symbols.whole as Any)(value), expected, `${type} ${value}`);
  }
});

testCalled("of a result only the bits of its type count", async (path) => {
  await using sched = await Scheduler.start({ procs: 1 });
  const results: [Deno.NativeResultType, bigint, unknown][] = [
    ["u8", 0xffn, 255],
    ["i8", 0xffn, -1],
    ["u16", 0xfffen, 65_534],
    ["i16", 0xfffen, -2],
    ["u32", 1n, 0xdead0001],
    ["i32", 1n, 0xdead0001 | 0],
    ["u64", 1n, 0xbeefcafedead0001n],
    ["usize", 1n, 0xbeefcafedead0001n],
    ["i64", 1n, BigInt.asIntN(64, 0xbeefcafedead0001n)],
    ["isize", 1n, BigInt.asIntN(64, 0xbeefcafedead0001n)],
    ["bool", 1n, true],
    ["bool", 0x200n, false],
    ["void", 1n, undefined],
  ];
  for (const [result, low, expected] of results) {
    const { symbols } = sched.dlopen(path, { dirty: { parameters: ["u64"], result } });
    assertEquals(await symbols.dirty(low), expected, `${result} ${low}`);
  }
});

testCalled("floats, booleans, pointers and buffers go there and back", async (path) => {
  await using sched = await Scheduler.start({ procs: 1 });
  const { symbols } = sched.dlopen(path, {
    half: { parameters: ["f32"], result: "f32" },
    twice: { parameters: ["f64"], result: "f64" },
    is_true: { parameters: ["bool"], result: "bool" },
    next_byte: { parameters: ["pointer"], result: "pointer" },
    ofBuffer: { name: "next_byte", parameters: ["buffer"], result: "pointer" },
    first: { name: "sum", parameters: ["buffer", "usize"], result: "u64" },
  });
  assertEquals([await symbols.half(5), await symbols.half(Math.fround(0.1))], [2.5, Math.fround(0.1) / 2]);
  assertEquals([await symbols.twice(0.1), await symbols.twice(-Infinity), await symbols.twice(NaN)], [
    0.2,
    -Infinity,
    NaN,
  ]);
  assertEquals([await symbols.is_true(true), await symbols.is_true(false)], [true, false]);
  const bytes = Uint8Array.of(1, 2, 4);
  const pointer = Deno.UnsafePointer.of(bytes)!;
  const next = await symbols.next_byte(pointer);
  assertEquals(Deno.UnsafePointer.offset(pointer, 1), next);
  assertEquals(await symbols.next_byte(Deno.UnsafePointer.create(2n ** 64n - 1n)), null);
  assertEquals(Deno.UnsafePointer.value(await symbols.next_byte(null)), 1n);
  assertEquals(await symbols.ofBuffer(bytes), next);
  const buffers: [ArrayBufferView | ArrayBufferLike, bigint][] = [
    [bytes, 7n],
    [bytes.subarray(1), 6n],
    [bytes.buffer, 7n],
    [new DataView(bytes.buffer, 2), 4n],
    [Uint16Array.of(258), 3n],
    [new SharedArrayBuffer(3), 0n],
    [new Uint8Array(new SharedArrayBuffer(9)).fill(1), 9n],
    [new Uint8Array(0), 0n],
  ];
  for (const [buffer, total] of buffers) {
    assertEquals(await symbols.first(buffer as Any, BigInt(buffer.byteLength)), total);
  }
  assertEquals(await symbols.first(null, 0n), 0n);
});

testCalled("parameters of all kinds mixed, also by the stack", async (path) => {
  await using sched = await Scheduler.start({ procs: 1 });
  const { symbols } = sched.dlopen(path, {
    mixed: {
      // deno-fmt-ignore
      parameters: [
        "i8", "f64", "u8", "f32", "i16", "f64", "u16", "f32", "i32", "f64", "u32", "f32", "i64", "f64", "u64", "f32",
        "bool", "f64", "buffer", "f32", "f64", "buffer",
      ],
      result: "f64",
    },
  });
  // deno-fmt-ignore
  const args = [
    -7, 1.5, 250, -2.5, -300, 3.25, 65_000, 4.5, -70_000, -5.75, 4e9, 6.125, -5_000_000_000n, 7.5, 6_000_000_000n, 8.5,
    true, -9.5, Uint8Array.of(9), 10.25, 11.5, Uint8Array.of(0, 12),
  ] as const;
  const weights = [1, 2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73];
  const numbers = args.map((arg) => arg instanceof Uint8Array ? arg.at(-1)! : Number(arg));
  const expected = numbers.reduce((sum, number, i) => sum + weights[i] * number, 0);
  assertEquals(await symbols.mixed(...args), expected);
});

const most = [
  ...Array(6).fill("i64"),
  ...Array(8).fill("f64"),
  ...Array(8).fill("i64"),
  ...Array(8).fill("f64"),
] as Deno.NativeType[];

/** Of integers: on aarch64 two of those on the stack are in registers. */
const registers = Deno.build.arch === "aarch64" ? 8 : 6;

testCalled("thirty parameters arrive, more than there is room for are an error at dlopen", async (path) => {
  await using sched = await Scheduler.start({ procs: 1 });
  const { symbols } = sched.dlopen(path, { most: { parameters: most, result: "f64" } });
  const args = most.map((_, i) => 100 + i);
  assertEquals(await (symbols.most as Any)(...args), args.reduce((sum, arg, i) => sum + (i + 1) * arg, 0));
  const tooMany = {
    most: {
      parameters: [...most, ...Array(registers - 5).fill("i8")] as Deno.NativeType[],
      result: "f64",
    },
  } as const;
  assertThrows(
    () => sched.dlopen(path, tooMany),
    TypeError,
    `most: ${
      25 + registers
    } parameters are too many. Beyond ${registers} integers and 8 floats there may be 16 more, and here are 17.`,
  );
});

native.test("a variadic function finds its floats", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  const { symbols } = sched.dlopen("libc.so.6", {
    snprintf: { parameters: ["buffer", "usize", "buffer", "i32", "f64", "buffer", "f64"], result: "i32" },
  });
  const text = new Uint8Array(64);
  const format = encoder.encode("%d %.2f %s %g\0");
  const length = await symbols.snprintf(text, 64n, format, -5, 2.5, encoder.encode("weft\0"), 1e-9);
  assertEquals(new TextDecoder().decode(text.subarray(0, length)), "-5 2.50 weft 1e-09");
});

testCalled("static variables, other names and optional symbols are as in Deno.dlopen", async (path) => {
  await using sched = await Scheduler.start({ procs: 1 });
  const definitions = {
    answer: { type: "i32" },
    again: { name: "answer", type: "u8" },
    motto: { type: "pointer" },
    missing: { type: "i32", optional: true },
    double: { name: "twice", parameters: ["f64"], result: "f64" },
    neither: { parameters: [], result: "void", optional: true },
  } as const;
  const { symbols } = sched.dlopen(path, definitions);
  const theirs = Deno.dlopen(path, definitions);
  assertEquals([symbols.answer, symbols.again, symbols.missing, symbols.neither], [42, 42, null, null]);
  assertEquals(symbols.motto, theirs.symbols.motto);
  assertEquals(await symbols.double(4), 8);
  theirs.close();
});

native.test("what is not there is an error at dlopen, in Deno's words", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  const definitions = { no_such_function: { parameters: [], result: "void" } } as const;
  assertThrows(() => sched.dlopen("libc.so.6", definitions), Error, "undefined symbol: no_such_function");
  assertThrows(() => sched.dlopen("no_such_library.so", {}), Error, "no_such_library.so");
});

native.test("a definition that no native M can call is an error at dlopen that says what would do", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  const bad: [Any, string][] = [
    [{ f: { parameters: [{ struct: ["u8"] }], result: "void" } }, `f: parameter 1 is a struct by value`],
    [{ f: { parameters: [], result: { struct: ["u8"] } } }, `f: its result is a struct by value`],
    [{ f: { parameters: ["i8", "function"], result: "void" } }, `f: parameter 2 is a "function"`],
    [{ f: { parameters: [], result: "function" } }, `Give "pointer" if what it points to is C`],
    [{ f: { parameters: ["int"], result: "void" } }, `f: parameter 1 is "int": give one of i8, i16`],
    [{ f: { parameters: ["void"], result: "void" } }, `f: parameter 1 is "void"`],
    [{ f: { parameters: ["toString"], result: "void" } }, `f: parameter 1 is "toString"`],
    [{ f: { parameters: [] } }, `f: its result is undefined`],
    [{ f: { parameters: "i8", result: "void" } }, `f: its parameters are "i8": give an array`],
    [{ f: {} }, `f is {}: give { parameters, result }`],
    [{ f: null }, `f is null`],
    [undefined, `undefined): give definitions`],
  ];
  for (const [definitions, words] of bad) {
    assertThrows(() => sched.dlopen("libc.so.6", definitions), TypeError, words);
  }
  assertThrows(() => sched.dlopen(5 as Any, {}), TypeError, "give the library's path");
  assertEquals(sched.stats().nativeThreads, 0);
});

native.test("arguments that do not fit are an error at the call, and the next call is none the worse", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  const one = (type: string) =>
    sched.dlopen("libc.so.6", { f: { name: "labs", parameters: [type as "i8"], result: "i64" } }).symbols
      .f as Any;
  const bad: [string, unknown[], string][] = [
    ["i8", [1.5], `f(): argument 1 is 1.5 ("i8"): give an integer from -2^31 to 2^31 - 1.`],
    ["i32", [2 ** 31], "argument 1 is 2147483648"],
    ["i32", ["1"], `argument 1 is "1"`],
    ["i16", [NaN], "argument 1 is NaN"],
    ["i16", [1n], "argument 1 is 1n"],
    ["u8", [-1], `argument 1 is -1 ("u8"): give an integer from 0 to 2^32 - 1`],
    ["i64", [1.5], "give a bigint, or a number that is an integer"],
    ["u64", [Infinity], "argument 1 is Infinity"],
    ["usize", [undefined], "argument 1 is undefined"],
    ["bool", [1], "give true or false"],
    ["f32", ["1"], "give a number"],
    ["f64", [1n], "give a number"],
    ["pointer", [5n], "give a Deno.PointerObject or null"],
    ["pointer", [{}], "give a Deno.PointerObject or null"],
    ["pointer", [new Uint8Array(1)], "give a Deno.PointerObject or null"],
    ["buffer", [5], "give an ArrayBuffer, a view of one, or null"],
    ["buffer", ["text"], `argument 1 is "text"`],
    ["buffer", [undefined], "argument 1 is undefined"],
    ["i8", [], "f() takes 1 argument and got 0."],
    ["i8", [1, 2], "f() takes 1 argument and got 2."],
  ];
  for (const [type, args, words] of bad) assertThrows(() => one(type)(...args), TypeError, words);
  assertEquals(sched.stats().nativeCalls, 0);
  assertEquals(await soon(one("i64")(-5), "a call after those"), 5n);
});
