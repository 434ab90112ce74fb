/** Tasks that talk over channels, and wait for other things beside. */
import { Channel, task } from "@heddle/heddle";

/** Sends back what it receives, on a thread that it has locked. */
const returns = task(
  import.meta,
  "returns",
  async (ctx, balls: Channel<number>, back: Channel<number>): Promise<number> => {
    ctx.lockOSThread();
    let count = 0;
    for await (const ball of balls) {
      count++;
      await back.send(ball + 1);
    }
    ctx.unlockOSThread();
    return count;
  },
);

/** So many balls to a child, and back. Both have their threads locked. Returns what the child counted. */
export const playsLocked = task(import.meta, "playsLocked", async (ctx, rounds: number): Promise<number> => {
  ctx.lockOSThread();
  const [balls, back] = [new Channel<number>(ctx), new Channel<number>(ctx)];
  const child = ctx.go(returns(balls, back));
  for (let ball = 0; ball < rounds;) {
    await balls.send(ball);
    ball = await back.recv();
  }
  balls.close();
  const counted = await child;
  ctx.unlockOSThread();
  return counted;
});

type Question = [word: string, reply: Channel<number>];

const asks = task(
  import.meta,
  "asks",
  async (ctx, questions: Channel<Question>, words: number, times: number): Promise<number> => {
    const reply = new Channel<number>(ctx);
    let sum = 0;
    for (let i = 0; i < times; i++) {
      await questions.send([`word ${i % words}`, reply]);
      sum += await reply.recv();
    }
    return sum;
  },
);

/** Owns a map, and starts tasks that ask it: each question has the channel of the reply. Returns the sum of all answers. */
export const keepsDictionary = task(
  import.meta,
  "keepsDictionary",
  async (ctx, askers: number, times: number): Promise<number> => {
    const words = 10;
    const map = new Map(Array.from({ length: words }, (_, i) => [`word ${i}`, i]));
    const questions = new Channel<Question>(ctx);
    const children = Array.from({ length: askers }, () => ctx.go(asks(questions, words, times)));
    const all = Promise.all(children).finally(() => questions.close());
    for await (const [word, reply] of questions) await reply.send(map.get(word)!);
    return (await all).reduce((sum, one) => sum + one, 0);
  },
);

/** How many ms each message takes through two ports, to a task that waits for a channel meanwhile. */
export const portsBeside = task(
  import.meta,
  "portsBeside",
  async (ctx, times: number): Promise<number[]> => {
    const messages = new Channel<number>(ctx);
    const received = messages.recv();
    const { port1, port2 } = new MessageChannel();
    const took: number[] = [];
    for (let i = 0; i < times; i++) {
      // Its thread sleeps anew.
      await ctx.yield();
      const start = performance.now();
      await new Promise((resolve) => {
        port2.onmessage = resolve;
        port1.postMessage(i);
      });
      took.push(performance.now() - start);
    }
    port1.close();
    await messages.send(1);
    await received;
    return took;
  },
);

/** Waits for a word to change by what Deno does not count, while it waits for a message and for a child. */
export const listensBeside = task(
  import.meta,
  "listensBeside",
  async (ctx, buffer: SharedArrayBuffer, messages: Channel<number>): Promise<number[]> => {
    const child = ctx.go(hears(messages));
    const received = messages.recv();
    const { value } = Atomics.waitAsync(new Int32Array(buffer), 0, 0);
    await value;
    await messages.send(1);
    await messages.send(2);
    return [await received, await child].sort();
  },
);

const hears = task(import.meta, "hears", (_ctx, messages: Channel<number>) => messages.recv());
