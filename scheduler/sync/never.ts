/** What waits for ever: a select without a case that can be ready, as Go's `select {}`. */
import { registry } from "../tasks/define.ts";
import { RECEIVE } from "./channel_life.ts";
import type { Isolate } from "./isolate.ts";
import { LocalChannel } from "./local_channel.ts";

/** In a thread a deadlock ends it, and close(). The host has no one isolate, and of its operations no deadlock is told. */
export function never(): Promise<never> {
  const isolate = registry.home as Isolate | undefined;
  if (isolate === undefined) return new Promise(() => {});
  return new Never(isolate, 0).receive(RECEIVE) as Promise<never>;
}

/** A channel that nobody knows. */
class Never extends LocalChannel {
  override describe(): string {
    return "select among cases that are never ready";
  }
}
