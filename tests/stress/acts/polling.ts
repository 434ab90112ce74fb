/** Waits for descriptors, while tasks are cancelled and threads end. */
import { readable } from "@heddle/heddle";
import type { Act } from "../act.ts";
import { close, shutdown, socketPair } from "../../support/descriptors.ts";
import { drains, fills } from "../tasks/polling.ts";

// <sys/socket.h>
const SHUT_WR = 1;
const SHUT_RDWR = 2;

export async function polling(act: Act): Promise<void> {
  // Who reads and who writes need each other: with few slots all might be taken by those whose other side waits for one.
  const hasFewSlots = act.stage.plan.options.maxTasks < 100;
  const transfers: Promise<void>[] = [];
  for (let left = 1 + act.random.below(5); left > 0; left--) {
    transfers.push(transfer(act, hasFewSlots ? 1 : 3));
    if (hasFewSlots) await transfers.at(-1);
  }
  await Promise.all(transfers);
}

/** One task writes, and others read, on whatever threads they are. */
async function transfer(act: Act, mostReaders: number): Promise<void> {
  const { random } = act;
  const [left, right] = socketPair();
  const length = random.of([0, 1, 5_000, 400_000]);
  const readers = Array.from({ length: 1 + random.below(mostReaders) }, () => {
    const task = act.go(drains(left, random.chance(30)));
    const cancelled = new Error("nobody reads this any more");
    if (random.chance(20)) setTimeout(() => task?.cancel(cancelled), random.below(6));
    return act.outcome(
      task,
      "one that reads a socket",
      (error) => error === cancelled || isOfSameThread(error),
    );
  });
  const writer = act.outcome(act.go(fills(right, length)), "one that writes a socket");
  const { signal } = act;
  const host = random.chance(30)
    ? act.outcome(readable(act.sched, left, { signal }), "the host's wait")
    : undefined;
  // Without a reader nothing would ever make room.
  const read = Promise.all(readers).then((read) => (shutdown(left, SHUT_RDWR), read));
  const written = await writer;
  shutdown(right, SHUT_WR);
  const counts = await read;
  await host;
  const areWhole = written !== undefined && counts.every((count) => count !== undefined);
  if (areWhole) {
    const sum = counts.reduce((sum, count) => sum + count!, 0);
    act.check(sum === length, `${length} bytes were to go through a socket, and ${sum} did`);
  }
  // A task that was cancelled may still be using it.
  act.stage.closers.push(() => [left, right].forEach(close));
}

/** Of two readers of one thread both wanted to have it for themselves, or one gave it back while the other one waited. */
function isOfSameThread(error: Error): boolean {
  return (error instanceof TypeError && error.message.includes("this thread has one of it")) ||
    (error.name === "BadResource" && error.message.endsWith("was closed while somebody waited for it."));
}
