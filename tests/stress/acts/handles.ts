/** Channels and locks on their way: as arguments, within values, through other channels. */
import { Channel, Mutex, Semaphore, WaitGroup } from "@heddle/heddle";
import type { Act } from "../act.ts";
import { offers, takesOffers } from "../tasks/handles.ts";
import { echoes } from "../tasks/values.ts";

/** Channels that tasks make and send to each other: what goes through them arrives. */
export async function offering(act: Act): Promise<void> {
  const { random, sched } = act;
  const outer = new Channel<Channel<number>>(sched, random.below(3));
  const offered = Array.from({ length: 1 + random.below(3) }, () => {
    const count = random.below(20);
    const offer = act.go(offers(outer, random.below(4), count));
    return act.outcome(offer, "one that offers").then(() => count);
  });
  const taken = Array.from(
    { length: 1 + random.below(3) },
    () => act.outcome(act.go(takesOffers(outer)), "one that takes offers"),
  );
  const sent = (await Promise.all(offered)).reduce((sum, n) => sum + n, 0);
  outer.close();
  const received = (await Promise.all(taken)).reduce<number>((sum, n) => sum + (n ?? 0), 0);
  if (act.isWhole) act.check(sent === received, `${sent} were offered, and ${received} taken`);
}

/** A handle that comes back from a task is the one that went. */
export async function returning(act: Act): Promise<void> {
  const { random, sched } = act;
  const handle = random.of([
    () => new Channel<number>(sched, 1),
    () => new Mutex(sched),
    () => new Semaphore(sched, 2),
    () => new WaitGroup(sched),
  ])();
  const went = random.of<unknown>([handle, [handle, handle], { deep: new Map([["a", handle]]) }]);
  const came = await act.outcome(act.go(echoes(went)), "an echo of a handle");
  if (came === undefined) return;
  const found = came instanceof Array
    ? came[1]
    : (came as { deep?: Map<string, unknown> }).deep?.get("a") ?? came;
  act.check(found === handle, `${handle} came back as ${Deno.inspect(found)}`);
}
