/** Waiting for one of several things at once, as users see it: selecting.ts has how. */
import { type Names, requireOptions } from "../tasks/options.ts";
import { reserveStack } from "../codec/stack_reserve.ts";
import { requireCases, type SelectCase } from "./select_case.ts";
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
 * ```
 */
export function select(cases: readonly SelectCase[], options: SelectOptions = {}): Promise<Selected> {
  try {
    requireOptions("select", options, SELECT_OPTIONS);
    requireCases(cases, options.default === true);
    reserveStack();
    return new Select(cases).start(options.default === true);
  } catch (error) {
    return Promise.reject(error);
  }
}
