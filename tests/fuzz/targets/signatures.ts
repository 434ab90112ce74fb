/** Definitions of foreign functions, and arguments for them: as users give them. */
import { assert, assertEquals } from "@std/assert";
import { loadShim } from "../../../ffi/shim.ts";
import { CALL_WORDS } from "../../../scheduler/arena/layout/native.ts";
import { CallWords, compile, type Signature } from "../../../scheduler/native/signature.ts";
import { Choices, type Target } from "../target.ts";

const types = "i8 i16 i32 i64 u8 u16 u32 u64 isize usize bool f32 f64 pointer buffer void function".split(
  " ",
);
const others: unknown[] = [
  undefined,
  null,
  5,
  {},
  { struct: ["u8"] },
  "__proto__",
  "toString",
  "",
  ["i8"],
  1n,
];
const shim = loadShim();
const words = new CallWords(new SharedArrayBuffer(3 * CALL_WORDS * 4));

function argument(choices: Choices): unknown {
  const n = choices.byte();
  return choices.of<() => unknown>([
    () => n,
    () => -n,
    () => n / 2,
    () => 2 ** n,
    () => BigInt(n) ** 9n,
    () => -(2n ** BigInt(n)),
    () => n % 2 === 0,
    () => null,
    () => new Uint8Array(n),
    () => new ArrayBuffer(n),
    () => Deno.UnsafePointer.create(BigInt(n)),
    () => new Uint8Array(new ArrayBuffer(n, { maxByteLength: 2 * n })),
    () => others[n % others.length],
    () => NaN,
  ])();
}

/** A TypeError, or a call that lies in its record and nowhere else. */
export const signatures: Target = {
  name: "signatures",
  modules: ["scheduler/native/signature"],
  seeds: types.map((_, i) => Uint8Array.from([2, i, i, i, 0, 5, i, 7, 1, 9, 2])),
  run(input) {
    const choices = new Choices(input);
    const type = () => choices.below(12) === 0 ? choices.of(others) : choices.of(types);
    const parameters = choices.below(30) === 0
      ? choices.of(others)
      : Array.from({ length: choices.below(40) }, () => type());
    words.i32.fill(0x5a5a5a5a);
    let signature: Signature;
    try {
      signature = compile("f", { parameters, result: type() }, words, shim);
      const count = Array.isArray(parameters) ? parameters.length : 0;
      signature.write(
        CALL_WORDS,
        Array.from({ length: choices.below(20) === 0 ? 3 : count }, () => argument(choices)),
      );
    } catch (error) {
      assert(error instanceof TypeError, `it threw ${Deno.inspect(error)}`);
      return;
    } finally {
      const outside = [...words.i32.subarray(0, CALL_WORDS), ...words.i32.subarray(2 * CALL_WORDS)];
      assert(outside.every((word) => word === 0x5a5a5a5a), "it wrote outside of the call");
    }
    words.i32.fill(-1, CALL_WORDS, 2 * CALL_WORDS);
    const kinds = "undefined number bigint boolean object".split(" ");
    const result = signature.read(CALL_WORDS);
    assert(kinds.includes(typeof result));
    assertEquals(typeof signature.read(CALL_WORDS), typeof result);
  },
};
