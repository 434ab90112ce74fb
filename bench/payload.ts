import { median } from "./rounds.ts";

/** What the other thread does with the bytes: so it has seen them. */
export function touch(bytes: Uint8Array): Uint8Array {
  bytes[0]++;
  return bytes;
}

/** More of what is soon done; and of the largest few, since each is a new one. */
function tripsOf(length: number): number {
  return Math.max(5, Math.min(200, Math.round((1 << 24) / length)));
}

export type Make = (length: number) => Uint8Array;

/** Microseconds until bytes of a new array are back, the median. */
export async function payload(
  length: number,
  make: Make,
  trip: (bytes: Uint8Array) => PromiseLike<Uint8Array>,
): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < tripsOf(length); i++) {
    const bytes = make(length).fill(i);
    const start = performance.now();
    const back = await trip(bytes);
    times.push((performance.now() - start) * 1000);
    const seen = [back.length, back[0], back[length - 1]];
    const right = [length, (i + 1) & 255, i & 255];
    if (seen.join() !== right.join()) throw new Error(`${right} came back as ${seen}`);
  }
  return median(times);
}

export const ofItsOwn: Make = (length) => new Uint8Array(length);
export const shared: Make = (length) => new Uint8Array(new SharedArrayBuffer(length));
