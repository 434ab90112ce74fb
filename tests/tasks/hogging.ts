/** Tasks that keep their thread for as long as they like. */
import { Flag } from "../support/flag.ts";
import { type Channel, task } from "@heddle/heddle";
import { computeUntil } from "./thieves.ts";

export type Kind = keyof typeof bursts;

/** Some milliseconds of each kind of work, with a result that can be checked. */
const bursts = {
  loop() {
    let x = 1;
    for (let i = 0; i < 3e6; i++) x = (Math.imul(x, 1103515245) + 12345) & 0x7fffffff;
    return x;
  },
  regex() {
    return /^(a+)+$/.test("a".repeat(18) + "b") ? 1 : 0;
  },
  json() {
    let length = 0;
    const text = JSON.stringify(Array.from({ length: 500 }, (_, i) => ({ i, name: `n${i}` })));
    for (let i = 0; i < 30; i++) length += JSON.stringify(JSON.parse(text)).length;
    return length;
  },
  allocation() {
    let sum = 0;
    for (let i = 0; i < 3e4; i++) sum += [i, { i }, new Float64Array(4), `${i}`].length;
    return sum;
  },
  wasm() {
    return wasm(3e6);
  },
  atomics() {
    const words = new Int32Array(new SharedArrayBuffer(8));
    for (let i = 0; i < 3e5; i++) Atomics.add(words, i & 1, i);
    return words[0];
  },
  sort() {
    const numbers = Array.from({ length: 2e4 }, (_, i) => (i * 7919) % 20011);
    numbers.sort((a, b) => a - b);
    return numbers[777];
  },
  maps() {
    const map = new Map<string, number>();
    for (let i = 0; i < 2e4; i++) map.set(`k${i % 999}`, (map.get(`k${i % 999}`) ?? 0) + i);
    return map.get("k5")!;
  },
  bigint() {
    let x = 3n;
    for (let i = 0; i < 12; i++) x = x * x + 1n;
    return Number(x % 1_000_003n);
  },
} satisfies Record<string, () => number>;

export const kinds = Object.keys(bursts) as Kind[];

// (func (export "f") (param i32) (result i32) (local i32)
//   (loop (local.set 1 (i32.add (i32.mul (local.get 1) (i32.const 31)) (local.get 0)))
//     (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (local.get 1))
const module = new WebAssembly.Module(Uint8Array.fromHex(
  "0061736d0100000001060160017f017f03020100070501016600000a1e011c01017f034020" +
    "01411f6c20006a2101200041016b22000d000b20010b",
));
const wasm = new WebAssembly.Instance(module).exports.f as (n: number) => number;

/** Works until the time is over, and says how often, or what went wrong. */
export const work = task(import.meta, "work", (_ctx, kind: Kind, ms: number): number => {
  const expected = bursts[kind]();
  const end = performance.now() + ms;
  let rounds = 0;
  for (; performance.now() < end; rounds++) {
    const result = bursts[kind]();
    if (result !== expected) throw new Error(`${kind}: ${result} instead of ${expected}`);
  }
  return rounds;
});

/** Short, of another kind than `work`: what takes long is frozen for it. */
export const burst = task(import.meta, "burst", (_ctx, kind: Kind) => bursts[kind]());

/** Works for ever, or for so long as a test can take. */
export const hog = task(import.meta, "hog", (_ctx, kind: Kind): void => {
  // For some seconds: the first time V8 interprets it, in C++, and nothing could end it.
  if (kind === "regex") return void /^(a+)+$/.test("a".repeat(26) + "b");
  if (kind === "wasm") { for (;;) wasm(0); }
  if (kind === "sort") {
    [3, 1, 2].sort(() => {
      for (;;);
    });
  }
  if (kind === "loop") { for (;;); }
  for (;;) bursts[kind]();
});

/** Waits for its turn `count` times, `ms` apart, and returns how late each was. */
export const answer = task(import.meta, "answer", async (ctx, count: number, ms: number) => {
  const late: number[] = [];
  for (let i = 0; i < count; i++) {
    const due = performance.now() + ms;
    await ctx.sleep(ms);
    late.push(performance.now() - due);
  }
  return late;
});

/** How often it gets to count, in the shared memory that it is given. */
export const count = task(import.meta, "count", (_ctx, words: Int32Array, index: number): void => {
  for (;;) Atomics.add(words, index, 1);
});

/** Says when it runs, then waits for something, and would say when that has come. */
export const waitBeside = task(
  import.meta,
  "waitBeside",
  async (_ctx, ready: Channel<number>, never: Channel<number>) => {
    await ready.send(1);
    return await never.recv();
  },
);

/** Starts a child that runs on, here or on another thread, and says how it ended. */
export const startHog = task(
  import.meta,
  "startHog",
  async (ctx, where: "here" | "elsewhere"): Promise<string> => {
    const child = ctx.go(hog("loop"));
    if (where === "elsewhere") computeUntil(() => child.state !== "queued", ctx);
    return await child.then(() => "done", (error) => `${error.name}: ${error.message}`);
  },
);

/** Sends and receives for so long, where that takes no waiting, and says what. */
export const operate = task(import.meta, "operate", (_ctx, channel: Channel<number>, ms: number) => {
  let [sent, received] = [0, 0];
  for (const end = performance.now() + ms; performance.now() < end;) {
    for (let i = 1; i < 100; i++) {
      if (channel.trySend(i)) sent += i;
      received += channel.tryRecv()?.value ?? 0;
    }
  }
  return { sent, received };
});

/** Calls a C function that allocates and frees for so long. */
export const churn = task(import.meta, "churn", (_ctx, path: string, ms: number): string => {
  const library = Deno.dlopen(path, { churn: { parameters: ["i32"], result: "i32" } });
  library.symbols.churn(ms);
  library.close();
  return "done";
});

/** Writes lines to stdout, and counts them, until told. */
export const print = task(
  import.meta,
  "print",
  (_ctx, letter: string, lines: SharedArrayBuffer, enough: SharedArrayBuffer): void => {
    const line = new TextEncoder().encode(letter.repeat(200) + "\n");
    const [written, told] = [new Flag(lines), new Flag(enough)];
    for (; told.value === 0; written.increment()) Deno.stdout.writeSync(line);
  },
);

/** Looks whether it should yield, and goes on, for so long. */
export const looksOn = task(import.meta, "looksOn", (ctx, ms: number): number => {
  let due = 0;
  for (const end = performance.now() + ms; performance.now() < end;) if (ctx.shouldYield) due++;
  return due;
});

/** Looks whether it should yield until it is told to end. */
export const looksUntilSet = task(import.meta, "looksUntilSet", (ctx, go: SharedArrayBuffer): void => {
  for (const flag = new Flag(go); flag.value === 0;) ctx.shouldYield;
});

/** Computes from when it says so to when it is told to end. */
export const spinsUntilSet = task(
  import.meta,
  "spinsUntilSet",
  (_ctx, begun: SharedArrayBuffer, go: SharedArrayBuffer): void => {
    new Flag(begun).value = 1;
    for (const flag = new Flag(go); flag.value === 0;);
  },
);

/** Counts in steps of a millisecond, after each of which it lets others have their turn. */
export const computesAndCounts = task(
  import.meta,
  "computesAndCounts",
  async (ctx, count: SharedArrayBuffer, stop: SharedArrayBuffer): Promise<void> => {
    const [steps, told] = [new Flag(count), new Flag(stop)];
    while (told.value === 0) {
      for (const end = performance.now() + 1; performance.now() < end;);
      steps.increment();
      await ctx.yield();
    }
  },
);
