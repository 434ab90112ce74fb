/** Tasks about what becomes of their arguments. */
import { type Task, task } from "@heddle/heddle";
import { Flag } from "../support/flag.ts";

export const countArguments = task(
  import.meta,
  "countArguments",
  (_ctx, ...args: unknown[]): unknown[] => args,
);

type Deep = { list: Map<string, Int32Array>[] };

export const writesInto = task(
  import.meta,
  "writesInto",
  async (ctx, deep: Deep, key: string, value: number): Promise<Deep> => {
    await ctx.yield();
    deep.list[0].get(key)![0] = value;
    return deep;
  },
);

/** Copies what appears in `from` to `to`, until it is `last`. */
export const mirrors = task(
  import.meta,
  "mirrors",
  (_ctx, from: SharedArrayBuffer, to: SharedArrayBuffer, last: number): number => {
    const [source, target] = [new Flag(from), new Flag(to)];
    const deadline = performance.now() + 20_000;
    while (source.value !== last && performance.now() < deadline) target.value = source.value;
    return source.value;
  },
);

const answers = task(import.meta, "answers", (_ctx, port: MessagePort, answer: number) => {
  port.postMessage(answer);
  port.close();
});

/** Gives each of `count` children a port of its own, and returns what comes through them. */
export const answersThroughChildren = task(
  import.meta,
  "answersThroughChildren",
  async (ctx, count: number): Promise<number[]> => {
    const heard: Promise<number>[] = [];
    const children: Promise<void>[] = [];
    for (let i = 0; i < count; i++) {
      const { port1, port2 } = new MessageChannel();
      heard.push(
        new Promise((resolve) =>
          port1.onmessage = ({ data }) => {
            resolve(data);
            port1.close();
          }
        ),
      );
      children.push(ctx.go(answers(port2, i)));
    }
    await Promise.all(children);
    return await ctx.wait(Promise.all(heard));
  },
);

const marks = task(import.meta, "marks", (_ctx, buffer: SharedArrayBuffer, mark: number): number => {
  Atomics.add(new Int32Array(buffer), 0, mark);
  return mark;
});

/**
 * Each child marks memory of its own; a third of them is cancelled at once. Returns what is wrong: memory without its
 * mark, with another's, or with more than one.
 */
export const sharesWithMany = task(
  import.meta,
  "sharesWithMany",
  async (ctx, rounds: number, children: number): Promise<string[]> => {
    const wrong: string[] = [];
    for (let round = 0; round < rounds; round++) {
      const flags = Array.from({ length: children }, () => new Flag());
      const tasks: Task<number>[] = flags.map((flag, i) => ctx.go(marks(flag.buffer, round * 1000 + i + 1)));
      for (let i = 0; i < children; i += 3) tasks[i].cancel();
      const outcomes = await Promise.allSettled(tasks);
      for (let i = 0; i < children; i++) {
        const mark = round * 1000 + i + 1;
        const { value } = flags[i];
        const isFine = i % 3 === 0 ? value === 0 || value === mark : value === mark;
        if (!isFine || (i % 3 === 0) !== (outcomes[i].status === "rejected")) {
          wrong.push(`round ${round} child ${i}: ${value} (${outcomes[i].status})`);
        }
      }
    }
    return wrong;
  },
);
