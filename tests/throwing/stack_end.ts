/** Calls near the end of the stack: at every offset of it, whatever frames of the engine stand below. */

/** Levels from the end upwards. With frames of 46 bytes, the least that V8 was seen to make, that is more than 64 KB. */
const LEVELS = 1500;
/** Each of so many is tried at the end, and again where the act works for the first time; of those between every 8th. */
const DENSE = 60;
const SPARSE = 8;
/** A frame's size is a multiple of 8 bytes: so many starts, 8 bytes apart, meet every offset. */
const SHIFTS = 12;

/** What was tried how often, and how often it threw. */
export interface Tried {
  calls: number;
  threw: number;
}

/**
 * Calls `act` on the last levels before the end of the stack, from the deepest upwards, and once more for each shift of
 * all frames. What it throws has to be a refusal. `begins` precedes each round, and `ended` follows it, at the bottom.
 */
export async function atTheEnd(
  act: () => void,
  isRefusal: (error: unknown) => boolean,
  begins: () => void,
  ended: () => unknown,
  shifts: number = SHIFTS,
): Promise<Tried> {
  const tried: Tried = { calls: 0, threw: 0 };
  const wrong: unknown[] = [];
  const { stackTraceLimit } = Error;
  for (let shift = 0; shift < shifts; shift++) {
    // Traces take most of the time otherwise.
    Error.stackTraceLimit = 0;
    let level = 0;
    let denseUntil = DENSE;
    let threw = false;
    const dig = () => {
      try {
        dig();
      } catch {
        // The end. From here on upwards.
      }
      level++;
      if (level > LEVELS || (level > denseUntil && (level + shift) % SPARSE !== 0)) return;
      tried.calls++;
      try {
        act();
        if (threw) denseUntil = level + DENSE;
        threw = false;
      } catch (error) {
        threw = true;
        tried.threw++;
        if (!isRefusal(error)) wrong[wrong.length] = error;
      }
    };
    begins();
    Reflect.apply(dig, undefined, Array(shift).fill(0));
    Error.stackTraceLimit = stackTraceLimit;
    if (wrong.length > 0) throw wrong[0];
    await ended();
  }
  return tried;
}
