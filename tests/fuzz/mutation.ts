/** Makes an input from others. */
import type { Random } from "../stress/random.ts";

const MOST = 600;
const TELLING = [0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 129, 254, 255];

export function mutate(
  random: Random,
  corpus: readonly Uint8Array[],
  tokens: readonly Uint8Array[],
): Uint8Array {
  let bytes = [...random.of(corpus)];
  for (let changes = 1 + random.below(random.chance(70) ? 3 : 12); changes > 0; changes--) {
    const at = random.below(bytes.length + 1);
    const dice = random.below(9);
    if (dice === 0) bytes[random.below(bytes.length)] = random.below(256);
    else if (dice === 1) bytes[random.below(bytes.length)] = random.of(TELLING);
    else if (dice === 2) bytes[random.below(bytes.length)] ^= 1 << random.below(8);
    else if (dice === 3) bytes.splice(at, 0, random.of(TELLING));
    else if (dice === 4) bytes.splice(at, 1 + random.below(4));
    else if (dice === 5 && tokens.length > 0) bytes.splice(at, random.below(2) * 4, ...random.of(tokens));
    else if (dice === 6) {
      bytes.splice(at, 0, ...bytes.slice(random.below(bytes.length), random.below(bytes.length)));
    } else {
      const other = random.of(corpus);
      const from = random.below(other.length + 1);
      bytes = dice === 7 ? [...bytes.slice(0, at), ...other.slice(from)] : bytes;
      if (dice === 8) bytes.splice(at, 0, ...other.slice(from, from + 1 + random.below(16)));
    }
  }
  return Uint8Array.from(bytes.slice(0, MOST).filter((byte) => byte !== undefined && !Number.isNaN(byte)));
}
