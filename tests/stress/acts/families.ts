/** Children, scopes, cancellations and timeouts: who ends when, and with what. */
import { TaskTimeoutError } from "@heddle/heddle";
import type { Act } from "../act.ts";
import { adds, idOf, PLANNED, scopes, tidOf, waitsForEnd } from "../tasks/families.ts";

export async function trees(act: Act): Promise<void> {
  const depth = 1 + act.random.below(5);
  const sum = await act.outcome(act.go(adds(depth, act.random.below(2 ** 20))), `a tree of depth ${depth}`);
  if (sum !== undefined) act.check(sum === 3 ** depth, `a tree of ${3 ** depth} leaves added up to ${sum}`);
}

export async function scope(act: Act): Promise<void> {
  const { random } = act;
  const buffer = new SharedArrayBuffer(64);
  const children = random.below(8);
  const failing = random.of([0, 0, 20]);
  const ended = await act.outcome(
    act.go(scopes(buffer, children, failing, random.below(2 ** 24))),
    "a scope",
  );
  if (ended === undefined || act.stage.plan.isDeadly) return;
  act.check(
    ended.left === 0,
    `${ended.left} children outlived their scope, which ended with ${ended.outcome}`,
  );
  const isPlanned = ended.outcome === String(children) || ended.outcome === "-1" ||
    ended.outcome === `RangeError: ${PLANNED}` ||
    (ended.hadTimeout && /^(TaskTimeoutError|TimeoutError): /.test(ended.outcome));
  if (act.isWhole && !act.stage.isClosing) act.check(isPlanned, `a scope ended with ${ended.outcome}`);
}

export async function timeouts(act: Act): Promise<void> {
  const { random } = act;
  const timeout = random.below(15);
  const isOver = (error: Error) => error instanceof TaskTimeoutError;
  if (random.chance(50)) {
    await act.outcome(act.go(tidOf(random.below(2 ** 31)), { timeout }), "a task with a timeout", isOver);
    return;
  }
  let wasOver = false;
  await act.outcome(
    act.go(waitsForEnd(), { timeout }),
    "a task that ends by timeout",
    (e) => wasOver = isOver(e),
  );
  if (act.isWhole) act.check(wasOver, "a timeout did not end its task");
}

export async function cancellations(act: Act): Promise<void> {
  const { random } = act;
  const reason = random.of<unknown>([new RangeError("enough"), { not: "an error" }, "a string", undefined]);
  const controller = new AbortController();
  const bySignal = random.chance(40);
  const task = act.go(waitsForEnd(), bySignal ? { signal: controller.signal } : undefined);
  if (task === undefined) return;
  const end = () => bySignal ? controller.abort(reason) : task.cancel(reason);
  const expected = (error: unknown) =>
    reason === undefined ? (error as Error).name === "AbortError" : error === reason;
  let wasRight = false;
  const outcome = act.outcome(task, "a cancelled task", (error) => wasRight = expected(error));
  if (random.chance(60)) await new Promise((resolve) => setTimeout(resolve, random.below(6)));
  end();
  await outcome;
  if (act.isWhole) act.check(wasRight, `a task did not end with its reason, ${Deno.inspect(reason)}`);
}

/** What a task says of itself. */
export async function identity(act: Act): Promise<void> {
  const task = act.go(idOf(), { name: "its own name" });
  if (task === undefined) return;
  const before = task.state;
  const id = await act.outcome(task, "a task that says its id");
  act.check(id === undefined || id === task.id, `task ${task.id} calls itself ${id}`);
  if (!act.isWhole) return;
  act.check(/^(queued|running)$/.test(before), `a task that had just begun was ${before}`);
  act.check(task.state === "done", `a task that has ended is ${task.state}`);
}
