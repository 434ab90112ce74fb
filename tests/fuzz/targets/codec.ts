/** Values as bytes: of whatever is in memory, and of whatever a program passes. */
import { assert } from "@std/assert";
import { type Bytes, decode, encode, encodeArguments, encodeInto } from "../../../scheduler/codec/codec.ts";
import { MAX_DEPTH } from "../../../scheduler/codec/depth.ts";
import * as tags from "../../../scheduler/codec/format.ts";
import { routes } from "../../support/routes.ts";
import { assertSameGraph } from "../../support/same_graph.ts";
import { assertSameOutcome } from "../../support/same_outcome.ts";
import { Choices, type Target } from "../target.ts";
import { valueOf } from "../values.ts";

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
  modules: ["scheduler/codec/"],
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
    try {
      encode(value);
    } catch (error) {
      // Memory can be nested more deeply than a value, and be read where the stack is long enough.
      assert(
        error instanceof DOMException && input.length > 4 * MAX_DEPTH,
        `it threw ${Deno.inspect(error)}`,
      );
    }
  },
};

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

/** As structuredClone, whatever way the value takes; within its limits. */
export const encoding: Target = {
  name: "codec_encode",
  modules: ["scheduler/codec/"],
  seeds: Array.from(
    { length: 24 },
    (_, kind) => Uint8Array.from([kind, 3, 1, 4, 1, 5, 9, 2, 6, kind, 8, 7, 9, 3, 2, 3]),
  ),
  run(input) {
    const value = valueOf(new Choices(input));
    for (const route of Object.values(routes)) assertSameOutcome(route, value);
    const START = 64;
    const whole = guarded(SIZE);
    let least: number;
    try {
      least = encodeInto(whole, START, SIZE - 64, value);
    } catch {
      // It would be another outcome, if it should not.
      return;
    }
    if (least < 0) return;
    assert(isUntouched(whole, 0, START), "it wrote before its start");
    assert(isUntouched(whole, least, SIZE), "it wrote after its end");
    // Too little room is found out before anything is written there.
    const room = START + (least - START) * ((input.at(-1) ?? 0) % 16) / 16 & ~3;
    const bytes = guarded(SIZE);
    const end = room === least ? least : encodeInto(bytes, START, room, value);
    assert(room >= least || end === -1, `it needs ${least} bytes, and said ${end} with ${room}`);
    assert(isUntouched(bytes, Math.max(room, START), SIZE), "it wrote past its limit");
    const list = [value];
    const asArguments = guarded(SIZE);
    if (encodeArguments(asArguments, START, SIZE, list) > 0) {
      assertSameGraph(decode(asArguments, START), structuredClone(list));
    }
  },
};
