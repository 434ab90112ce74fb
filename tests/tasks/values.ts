/** Tasks that pass values on. */
import { type Channel, task } from "@heddle/heddle";
import { Flag } from "../support/flag.ts";
import { computeUntil } from "./thieves.ts";

export const echo = task(import.meta, "echo", (_ctx, value: unknown): unknown => value);

export const echoLater = task(import.meta, "echoLater", async (ctx, value: unknown): Promise<unknown> => {
  await ctx.yield();
  return value;
});

const echoWithTid = task(import.meta, "echoWithTid", (ctx, value: unknown): unknown => [value, ctx.tid]);

interface Echoed {
  value: unknown;
  here: number;
  there: number;
}

/** Through a child, wherever it runs. */
export const throughChild = task(
  import.meta,
  "throughChild",
  async (ctx, value: unknown): Promise<Echoed> => {
    const [copy, there] = await ctx.go(echoWithTid(value)) as [unknown, number];
    return { value: copy, here: ctx.tid, there };
  },
);

/** Through a child that another thread runs: this one does not let go before it has ended. */
export const throughThief = task(
  import.meta,
  "throughThief",
  async (ctx, value: unknown): Promise<Echoed> => {
    const child = ctx.go(echoWithTid(value));
    computeUntil(() => child.state !== "queued", ctx);
    const [copy, there] = await child as [unknown, number];
    return { value: copy, here: ctx.tid, there };
  },
);

const changes = task(import.meta, "changes", (_ctx, value: { list: number[] }) => {
  value.list.push(2);
  return value;
});

/** Whether a child's arguments and result are copies: what the three arrays hold when the child has changed its own. */
export const aliasing = task(import.meta, "aliasing", async (ctx): Promise<unknown> => {
  const value = { list: [1] };
  const child = ctx.go(changes(value));
  value.list.push(9);
  const result = await child as { list: number[] };
  return [value.list, result.list];
});

const increment = task(import.meta, "increment", (ctx, buffer: SharedArrayBuffer): number => {
  new Flag(buffer).increment();
  return ctx.tid;
});

/** Memory of this thread that a child on another thread writes to while this one watches. */
export const sharesWithThief = task(
  import.meta,
  "sharesWithThief",
  async (ctx): Promise<[SharedArrayBuffer, number, number, number]> => {
    const flag = new Flag();
    const child = ctx.go(increment(flag.buffer));
    computeUntil(() => flag.value !== 0, ctx);
    const seen = flag.value;
    const there = await child;
    return [flag.buffer, seen, ctx.tid, there];
  },
);

export const answerOn = task(import.meta, "answerOn", (_ctx, port: MessagePort, answer: string) => {
  port.postMessage(answer);
  port.close();
});

export const returnsPort = task(import.meta, "returnsPort", (): MessagePort => {
  const { port1, port2 } = new MessageChannel();
  port1.postMessage("from a task's port");
  return port2;
});

/** Says what arrived, as this thread sees it. */
export const describe = task(import.meta, "describe", (_ctx, value: unknown): string => {
  return Object.prototype.toString.call(value);
});

export const tidOf = task(import.meta, "tidOf", (ctx): number => ctx.tid);

export const sendsIt = task(
  import.meta,
  "sendsIt",
  (_ctx, to: Channel<unknown>, value: unknown) => to.send(value),
);

export const returnsNested = task(
  import.meta,
  "returnsNested",
  (_ctx, depth: number, core: unknown): unknown => {
    let value = core;
    for (let i = 0; i < depth; i++) value = { value };
    return value;
  },
);
