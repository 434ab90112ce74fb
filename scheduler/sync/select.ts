/** Waiting for one of several things at once, as users see it: selecting.ts has how. */
import { type Names, requireOptions } from "../tasks/options.ts";
import { reserveStack } from "../codec/stack_reserve.ts";
import { never } from "./never.ts";
import { isNever, requireCases, type SelectCase } from "./select_case.ts";
import { Select, type Selected } from "./selecting.ts";

export type { Selected };

/** Options of {@linkcode select}. */
export interface SelectOptions {
  /** Do not wait: if no case is ready the index is -1. Default: false. */
  default?: boolean;
}

const SELECT_OPTIONS = { default: true } satisfies Names<SelectOptions>;

/**
 * Does one of several things, the first that is possible; of several that are possible at once, a random one. The
 * others have not happened: nothing was sent or received.
 *
 * A case that is `false`, `null` or `undefined` is never ready, and `index` counts it: so a loop leaves out what it has no use
 * for at the time, as in Go by a channel that is nil. If no case can ever be ready the select waits for ever, as Go's
 * `select {}`; in a task that may be a deadlock, and rejects with a {@linkcode DeadlockError}, as other operations do. On the
 * host nothing ends it.
 *
 * Rejects with a {@linkcode ChannelClosedError} if the case chosen is a `send` to a closed channel.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { after, Channel, recv, Scheduler, select } from "@heddle/heddle";
 *
 * await using sched = await Scheduler.start({ procs: 1 });
 * const [news, mail] = [new Channel<string>(sched, 1), new Channel<string>(sched, 1)];
 * await mail.send("hello");
 * assertEquals(await select([recv(news), recv(mail), after(1000)]), { index: 1, value: "hello", done: false });
 * assertEquals(await select([recv(news), after(1)]), { index: 1 });
 * assertEquals(await select([recv(news)], { default: true }), { index: -1 });
 *
 * // What comes out of two channels, until both are closed.
 * await mail.send("bye");
 * for (const each of [news, mail]) each.close();
 * const [open, seen] = [[true, true], [] as unknown[]];
 * while (open[0] || open[1]) {
 *   const { index, value, done } = await select([open[0] && recv(news), open[1] && recv(mail)]);
 *   if (done) open[index] = false;
 *   else seen.push(value);
 * }
 * assertEquals(seen, ["bye"]);
 * ```
 */
export function select(
  cases: readonly (SelectCase | false | null | undefined)[],
  options: SelectOptions = {},
): Promise<Selected> {
  try {
    requireOptions("select", options, SELECT_OPTIONS);
    requireCases(cases);
    const isDefault = options.default === true;
    reserveStack();
    if (!isDefault && cases.every(isNever)) return never();
    return new Select(cases).start(isDefault);
  } catch (error) {
    return Promise.reject(error);
  }
}
