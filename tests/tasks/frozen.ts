/** A module that freezes what every object inherits from, as hardened programs do. */
import { Channel, task } from "@heddle/heddle";

export function freezePrototypes(): void {
  // Not Set's: Deno (2.9) overwrites methods in the sets of node:process, which a thread needs.
  // deno-fmt-ignore
  const classes = [
    Object, Array, Map, Error, TypeError, AggregateError, Promise, Function, Date, RegExp, String, Number,
    ArrayBuffer, Uint8Array, Object.getPrototypeOf(Uint8Array), DOMException, AbortSignal, EventTarget,
  ];
  for (const { prototype } of classes) Object.freeze(prototype);
}

freezePrototypes();

export const echo = task(import.meta, "echo", (_ctx, value: unknown): unknown => value);

export const throwsIt = task(import.meta, "throwsIt", (_ctx, error: unknown) => {
  throw error;
});

/** Through a child, and a channel of this thread. */
export const passesOn = task(import.meta, "passesOn", async (ctx, value: unknown): Promise<unknown> => {
  const channel = new Channel<unknown>(ctx, 1);
  await channel.send(await ctx.go(echo(value)));
  return await channel.recv();
});
