/** Waits that end: what a test waits for has to be observable, and a hang is a failure with a name. */
import { AssertionError } from "@std/assert";

/** More than anything here takes on a machine that is ten times as slow: who waits so long has met a fault. */
const PATIENCE = 60_000;

/** Resolves once `condition` holds, which is looked at every millisecond. Fails after a while. */
export async function until(condition: () => boolean, what: string, ms = PATIENCE): Promise<void> {
  const deadline = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > deadline) throw new AssertionError(`Not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** As `until`, without letting the event loop turn. */
export function untilSync(condition: () => boolean, what: string, ms = PATIENCE): void {
  const deadline = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > deadline) throw new AssertionError(`Not within ${ms} ms: ${what}`);
  }
}

/** The promise itself, or a failure if it takes too long. */
export async function soon<T>(promise: PromiseLike<T>, what: string, ms = PATIENCE): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new AssertionError(`Not within ${ms} ms: ${what}`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
