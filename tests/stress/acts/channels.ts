/** Senders and receivers on threads and on the host: what went arrives once, in order. */
import { Channel } from "@heddle/heddle";
import type { Act } from "../act.ts";
import { receiveAll, receives, sendAll, sends, type Sent } from "../tasks/channels.ts";

export async function channels(act: Act): Promise<void> {
  const { random, sched, signal } = act;
  const all = Array.from(
    { length: 1 + random.below(3) },
    () => new Channel<Sent>(sched, random.of([0, 0, 1, 2, 7])),
  );
  const count = 1 + random.below(40);
  const host = { signal, yield: () => new Promise<void>((resolve) => setTimeout(resolve, 0)) };
  const sending = Array.from({ length: 1 + random.below(4) }, (_, sender) => {
    const seed = random.below(2 ** 31);
    const own = random.chance(50) ? all : [random.of(all)];
    const went = random.chance(20)
      ? sendAll(host, own, sender, count, seed)
      : act.go(sends(own, sender, count, seed));
    return act.outcome(went, `sender ${sender}`);
  });
  const receiving = Array.from({ length: 1 + random.below(4) }, (_, i) => {
    const seed = random.below(2 ** 31);
    const got = i > 0 && random.chance(20) ? receiveAll(host, all, seed) : act.go(receives(all, seed));
    return act.outcome(got, `receiver ${i}`);
  });
  const went = await Promise.all(sending);
  for (const channel of all) {
    act.check(
      channel.length <= channel.capacity,
      `${channel.length} values in a channel of ${channel.capacity}`,
    );
    channel.close();
    act.check(channel.closed, "a channel that was closed is not");
  }
  const got = await Promise.all(receiving);
  const seen = new Set<string>();
  for (const list of got) {
    const last = new Map<number, number>();
    for (const [sender, i] of list ?? []) {
      act.check(!seen.has(`${sender} ${i}`), `value ${i} of sender ${sender} arrived twice`);
      seen.add(`${sender} ${i}`);
      // With several channels each of them is in order, not all together.
      if (all.length === 1) {
        act.check(
          i > (last.get(sender) ?? -1),
          `value ${i} of sender ${sender} overtook ${last.get(sender)}`,
        );
        last.set(sender, i);
      }
    }
  }
  if (!act.isWhole) return;
  went.forEach((list, sender) => {
    for (const i of list!) {
      act.check(seen.delete(`${sender} ${i}`), `value ${i} of sender ${sender} was lost`);
    }
  });
  act.check(seen.size === 0, `values arrived that were not sent: ${[...seen]}`);
}
