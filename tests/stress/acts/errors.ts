/** Errors of all kinds: they arrive as they were thrown. */
import type { Act } from "../act.ts";
import { Refused, rejects, throws, throwsRefused, throwsValue } from "../../tasks/failing.ts";

export async function failing(act: Act): Promise<void> {
  const { random } = act;
  const text = `because ${random.below(1000)}`;
  const value = random.of<unknown>([
    7,
    undefined,
    text,
    null,
    [1, text],
    new DOMException(text, "TimeoutError"),
  ]);
  const [call, isRight] = random.of<readonly [Parameters<Act["go"]>[0], (error: unknown) => boolean]>([
    [throws(text), (e) => e instanceof TypeError && e.message === text && e.cause instanceof RangeError],
    [rejects(text), (e) => e instanceof URIError && e.message === text],
    [throwsRefused(), (e) => e instanceof Refused && e.code === 7],
    [throwsValue(value), (e) => Deno.inspect(e).split("\n")[0] === Deno.inspect(value).split("\n")[0]],
  ]);
  let wasRight = false;
  const name = random.of([undefined, text]);
  await act.outcome(act.go(call, { name }), call.definition.name, (error) => wasRight = isRight(error));
  act.check(wasRight || !act.isWhole, `${call.definition.name} ended otherwise`);
}
