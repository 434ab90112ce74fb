/** Values of all kinds there and back: they come back as structuredClone would have copied them. */
import { assertEquals } from "@std/assert";
import { move } from "@heddle/heddle";
import type { Act } from "../act.ts";
import type { Random } from "../random.ts";
import { echoes } from "../tasks/values.ts";

function randomValue(random: Random, depth: number): unknown {
  const several = <T>(make: () => T) => Array.from({ length: random.below(5) }, make);
  const value = () => randomValue(random, depth - 1);
  const dice = random.below(depth > 0 ? 16 : 9);
  switch (dice) {
    case 0:
      return random.of([undefined, null, true, false, 0, -0, NaN, Infinity]);
    case 1:
      return random.below(2 ** 31) - 2 ** 30;
    case 2:
      return random.below(2 ** 31) / 1000;
    case 3:
      return BigInt(random.below(2 ** 31)) ** BigInt(random.below(5));
    case 4:
      return "é".repeat(random.below(2)) + "x".repeat(random.of([0, 3, 100, 3000]));
    case 5:
      return "\u{1f9f5}".repeat(random.below(4));
    case 6:
      return new Date(random.below(2 ** 31));
    case 7:
      return new Uint8Array(random.of([0, 5, 1000, 40_000, 300_000, 2_000_000 * random.below(2)])).fill(
        random.below(256),
      );
    case 8:
      return new Float64Array(several(() => random.below(100) / 7));
    case 9:
    case 10:
      return several(value);
    case 11:
      return new Map(several(() => [value(), value()] as const));
    case 12:
      return new Set(several(value));
    case 13:
      return new RangeError("not thrown", { cause: value() });
    default:
      return Object.fromEntries(several(() => [`k${random.below(100)}`, value()] as const));
  }
}

/** What is given up is gone here once the task has started, and comes back whole. */
export async function transferred(act: Act): Promise<void> {
  for (let i = act.random.below(6); i >= 0; i--) {
    const length = act.random.of([0, 100, 20_000, 300_000, 3_000_000]);
    const bytes = new Uint8Array(length).fill(i);
    const task = act.go(echoes([[bytes]]), { transfer: [bytes.buffer] });
    if (task === undefined) return;
    act.check(bytes.buffer.detached, `${length} bytes that were given up are still here`);
    const copy = await act.outcome(task, "an echo of what was given up");
    if (copy === undefined) return;
    const [[back]] = copy as [[Uint8Array]];
    const isWhole = back.length === length && back.every((byte) => byte === i);
    act.check(isWhole, `${length} bytes that were given up came back as ${back.length}, or others`);
  }
}

export async function values(act: Act): Promise<void> {
  for (let i = act.random.below(6); i >= 0; i--) {
    const value = randomValue(act.random, 3);
    const expected = structuredClone(value);
    const copy = await act.outcome(
      act.go(echoes(act.random.chance(30) ? move([value]) : [value])),
      "an echo",
    );
    if (copy === undefined) return;
    try {
      assertEquals(copy, [expected]);
    } catch (error) {
      act.check(false, `a value came back as another one: ${(error as Error).message}`);
    }
  }
}
