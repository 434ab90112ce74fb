/** Streams among the arguments, in results, and through channels: read or written to their end, or left. */
import { Channel } from "@heddle/heddle";
import type { Act } from "../act.ts";
import { givesStream, readsFrom, readsStream, sendsStream, writesStream } from "../tasks/bridged.ts";

/** One of a task's thread, which goes on when the task has ended. */
export async function returned(act: Act): Promise<void> {
  const { random, stage } = act;
  const count = random.below(40);
  const most = random.chance(30) ? 1 + random.below(20) : Infinity;
  const seed = random.below(2 ** 31);
  const channel = new Channel<ReadableStream<number>>(act.sched, 1);
  const read = random.of([
    async () => {
      const stream = await act.go(givesStream(count, seed));
      return stream === undefined ? undefined : await firstOf(stream, most);
    },
    async () => {
      const reader = act.go(readsFrom(channel, most));
      await act.outcome(act.go(sendsStream(channel, count, seed)), "a task that sends a stream");
      if (!channel.closed) channel.close();
      return await reader;
    },
  ]);
  // Its thread may be gone when it is read.
  const mayBeGone = (error: Error) => error.name === "AbortError" && (stage.plan.isDeadly || stage.isClosing);
  const seen = await act.outcome(read(), "a stream that a task gave", mayBeGone);
  if (seen === undefined || !act.isWhole) return;
  const all = Math.min(count, most);
  act.check(seen.length === all && seen.every((n, i) => n === i), `of ${all} a stream gave ${seen}`);
}

async function firstOf(stream: ReadableStream<number>, most: number): Promise<number[]> {
  const seen: number[] = [];
  for await (const n of stream) if (seen.push(n) === most) break;
  return seen;
}

export async function bridged(act: Act): Promise<void> {
  const { random } = act;
  const count = random.below(40);
  const most = random.chance(30) ? random.below(20) : Infinity;
  const all = Math.min(count, most);
  const isRight = (seen: readonly number[]) => seen.every((n, i) => n === i);
  if (random.chance(50)) {
    let n = 0;
    let isOver = false;
    const source = new ReadableStream<number>({
      async pull(controller) {
        if (random.chance(20)) await new Promise((resolve) => setTimeout(resolve, random.below(3)));
        if (n < count) return controller.enqueue(n++);
        isOver = true;
        controller.close();
      },
      cancel: () => void (isOver = true),
    });
    const task = act.go(readsStream(source, most, random.below(2 ** 31)));
    const seen = await act.outcome(task, "a task that reads a stream");
    if (seen === undefined) return;
    act.check(seen.length === all && isRight(seen), `of ${count} a task has read ${seen}`);
    await act.outcome(until(() => isOver || act.signal.aborted), "the end of a source");
    return;
  }
  const seen: number[] = [];
  let end = "";
  const sink = new WritableStream<number>({
    write: (n) => void seen.push(n),
    close: () => void (end = "closed"),
    abort: () => void (end = "aborted"),
  });
  const wrote = await act.outcome(
    act.go(writesStream(sink, count, most, random.below(2 ** 31))),
    "a task that writes a stream",
  );
  if (wrote === undefined) return;
  await act.outcome(until(() => end !== "" || act.signal.aborted), "the end of a sink");
  act.check(isRight(seen) && seen.length === all, `of ${all} a sink has got ${seen}`);
  if (act.isWhole) act.check(end === (most < count ? "aborted" : "closed"), `a sink was ${end}`);
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}
