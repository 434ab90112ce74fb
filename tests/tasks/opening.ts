/** What threads set up for themselves. What is opened and closed is told to the file that HEDDLE_TEST_JOURNAL names. */
import process from "node:process";
import { type Channel, perThread, task } from "@heddle/heddle";

const journal = Deno.env.get("HEDDLE_TEST_JOURNAL");

function tell(line: string): void {
  if (journal !== undefined) Deno.writeTextFileSync(journal, `${line}\n`, { append: true });
}

/** Where a thread waits as it opens `model`, if anybody has said so. */
let gate: Promise<unknown> | undefined;

export const model = perThread(import.meta, "model", async (thread) => {
  tell(`model opened by ${thread.tid}`);
  await gate;
  return { thread };
}, ({ thread }) => tell(`model closed by ${thread.tid}`));

/** The second try succeeds. */
let tries = 0;
export const flaky = perThread(import.meta, "flaky", async () => {
  if (++tries === 1) await failing();
  return tries;
});

async function failing(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 1));
  throw new RangeError("not the first time");
}

/** It fails at once, also in a thread that is to have it warm. */
export const broken = perThread(import.meta, "broken", (): number => {
  throw new RangeError("broken");
});

export const throwing = perThread(import.meta, "throwing", () => "throwing", (name) => {
  tell(`${name} closed`);
  console.error = (what: string, error: Error) => tell(`${what}: ${error.message}`);
  throw new RangeError("as it was closed");
});

export const slow = perThread(import.meta, "slow", () => "slow", async (name) => {
  // Longer than what threads have that close nothing.
  await new Promise((resolve) => setTimeout(resolve, 200));
  tell(`${name} closed`);
});

/** A promise that it never settles with is not waited for for long. */
export const endless = perThread(import.meta, "endless", () => "endless", (name) => {
  tell(`${name} closed`);
  return new Promise<void>(() => {});
});

export interface Used {
  readonly tid: number;
  readonly threadTid: number;
  readonly number: number;
  readonly isSame: boolean;
}

export const usesModel = task(import.meta, "usesModel", async (ctx): Promise<Used> => {
  const { thread } = await ctx.use(model).catch((reason) => {
    tell(`not used: ${reason}`);
    throw reason;
  });
  const isSame = (await ctx.use(model)) === ctx.used(model) && ctx.used(model).thread === thread;
  return { tid: ctx.tid, threadTid: thread.tid, number: thread.number, isSame };
});

/** From now on it opens only once the channel has something, or is closed. */
export const holdsModel = task(import.meta, "holdsModel", (_ctx, until: Channel<void>): void => {
  gate = until.recv().catch(() => {});
});

/** What those heard who asked at once, and who asked later. */
export const usesFlaky = task(import.meta, "usesFlaky", async (ctx): Promise<string[]> => {
  const first = await Promise.allSettled([ctx.use(flaky), ctx.use(flaky)]);
  const next = await Promise.all([ctx.use(flaky), ctx.use(flaky)]);
  return [
    ...first.map((each) => each.status === "rejected" ? String(each.reason) : "open"),
    ...next.map(String),
  ];
});

export const usesBroken = task(import.meta, "usesBroken", (ctx) => ctx.use(broken));

/** It is there already, without an await. */
export const hasModel = task(import.meta, "hasModel", (ctx): boolean => {
  try {
    return ctx.used(model).thread.tid === ctx.tid;
  } catch {
    return false;
  }
});

/** What `used` says of what is not open, and both of what is nothing of the kind. */
export const misuses = task(import.meta, "misuses", (ctx): string[] => {
  return [() => ctx.used(broken), () => ctx.use({} as never), () => ctx.used("model" as never)].map(
    (misuse) => {
      try {
        return String(misuse());
      } catch (error) {
        return String(error);
      }
    },
  );
});

export const usesAll = task(import.meta, "usesAll", async (ctx): Promise<number> => {
  await ctx.use(endless);
  await ctx.use(model);
  await ctx.use(slow);
  await ctx.use(throwing);
  return ctx.tid;
});

/** Its thread dies while others wait for the model. */
export const exits = task(import.meta, "exits", () => process.exit(3));

/** Computes until so many are here, each on a thread of its own. */
export const usedTogether = task(
  import.meta,
  "usedTogether",
  (ctx, here: SharedArrayBuffer, all: number): boolean => {
    const words = new Int32Array(here);
    Atomics.add(words, 0, 1);
    while (Atomics.load(words, 0) < all);
    return ctx.used(model).thread.tid === ctx.tid;
  },
);

/** Until its thread is terminated. */
export const computesOn = task(import.meta, "computesOn", async (ctx, running: SharedArrayBuffer) => {
  await ctx.use(model);
  Atomics.store(new Int32Array(running), 0, 1);
  for (;;);
});
