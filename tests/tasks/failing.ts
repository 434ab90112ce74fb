/** Tasks that throw, in every way that there is. */
import { task } from "@heddle/heddle";

export class Refused extends Error {
  override readonly name = "Refused";
  code: number;
  constructor(message: string, code: number, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

class Hidden extends TypeError {
  override readonly name = "Hidden";
}

export const throws = task(import.meta, "throws", (_ctx, message: string) => {
  throw new TypeError(message, { cause: new RangeError("the cause") });
});

export const rejects = task(import.meta, "rejects", async (ctx, message: string) => {
  await ctx.sleep(1);
  throw new URIError(message);
});

export const throwsRefused = task(import.meta, "throwsRefused", () => {
  throw new Refused("not today", 7, { cause: { why: ["closed"] } });
});

export const throwsHidden = task(import.meta, "throwsHidden", () => {
  throw new Hidden("nobody knows my class");
});

export const throwsValue = task(import.meta, "throwsValue", (_ctx, value: unknown) => {
  throw value;
});

export const throwsFunction = task(import.meta, "throwsFunction", () => {
  throw function thrown() {};
});

export const returnsFunction = task(import.meta, "returnsFunction", (): unknown => ({ deep: [() => 1] }));

export const returnsWeakMap = task(import.meta, "returnsWeakMap", async (ctx): Promise<unknown> => {
  await ctx.sleep(1);
  return new WeakMap();
});

/** To copy the result throws what cannot be copied either. */
export const returnsTrap = task(import.meta, "returnsTrap", (): unknown => ({
  get trap() {
    throw () => {};
  },
}));

export const returnsThrowingThen = task(import.meta, "returnsThrowingThen", (): unknown => ({
  get then() {
    throw new RangeError("then");
  },
}));

export const returnsThenable = task(import.meta, "returnsThenable", (): unknown => ({
  then(resolve: (value: number) => void) {
    resolve(42);
  },
}));

/** Leaves a rejected promise behind that nobody handles. */
export const leavesRejection = task(import.meta, "leavesRejection", async (ctx): Promise<number> => {
  Promise.reject(new Error("nobody handles this one: the tests expect it here"));
  await ctx.sleep(5);
  return ctx.tid;
});

/** Its result has a getter that throws an error with so long a message. */
export const returnsWhatThrows = task(import.meta, "returnsWhatThrows", (_ctx, length: number): object => ({
  get it(): never {
    throw new Error("x".repeat(length));
  },
}));

/** Says in the word that `ctx.wait` has rejected, and sleeps on. */
export const waitsForThenable = task(
  import.meta,
  "waitsForThenable",
  async (ctx, word: SharedArrayBuffer): Promise<void> => {
    const thenable = {
      then() {
        throw new TypeError("it has no then");
      },
    };
    await ctx.wait(thenable as unknown as Promise<void>).catch((error: Error) => {
      if (error.message !== "it has no then") throw error;
    });
    Atomics.store(new Int32Array(word), 0, 1);
    await ctx.sleep(60_000);
  },
);
