/**
 * Streams that have been passed on: bridges.ts. What is read there is read here, and what is written there is written here: chunks are
 * copied through a channel, which holds one, so the far end is ahead by that and no more.
 *
 * **Until the stream has ended, or an end is gone.** Both channels of a bridge are closed when the thread at either end dies, when
 * the task has ended that has the stream as an argument, and when the collector takes the far end that nobody has read to its end. A
 * thread stays as long as the near end has something to do there: what is read may come from its event loop.
 *
 * The platform's own transfer of streams is not used: when a thread dies, neither end hears of it (Deno 2.9).
 */
import { CLOSED_BY_DEATH, O_ENDED } from "../arena/layout/object.ts";
import { HANDLE } from "../codec/handle.ts";
import { Refusal } from "../codec/refusal.ts";
import { HOME, type Home } from "../tasks/home.ts";
import { Channel } from "./channel.ts";
import type { Received } from "./channel_ends.ts";
import type { Shareable } from "./handles.ts";
import type { Isolate } from "./isolate.ts";

/** How a message begins: a chunk, why there are no more of them, or that there are no more of them. */
const CHUNK = 0;
const FAILED = 1;
const CLOSED = 2;
type Message = readonly [kind: typeof CHUNK | typeof FAILED, value: unknown] | readonly [typeof CLOSED];
/** Why the side that gets the chunks wants no more. */
type Refused = readonly [reason: unknown];

/** What a stream is ended with whose other end is gone. */
function left(): DOMException {
  return new DOMException(
    "The other end of the stream is gone: its task has ended, its thread has died, or nobody had it any more.",
    "AbortError",
  );
}

/** A channel that is closed when the thread at either end dies. */
export function tied<T>(isolate: Isolate, capacity: number): Channel<T> {
  const channel = new Channel<T>({ [HOME]: isolate } as unknown as Home, capacity);
  const object = (channel[HANDLE] as Shareable).share();
  // Plain access: nobody else knows it yet.
  isolate.words[object + O_ENDED] = CLOSED_BY_DEATH;
  return channel;
}

/** A message that always finds its way, whatever it has to say. */
async function tell(channel: Channel<Message>, error: unknown): Promise<void> {
  try {
    await channel.send([FAILED, error]);
  } catch {
    await channel.send([FAILED, new Error(String(error))]);
  }
}

/** Says why, if that can be copied and nobody has said anything before. */
function giveUp(back: Channel<Refused>, why: unknown): void {
  try {
    back.trySend([why]);
  } catch {
    // Then the end alone is told.
  }
}

/** The other end may do it at the same time. */
function close(channel: Channel<never>): void {
  try {
    channel.close();
  } catch (error) {
    if (!channel.closed) throw error;
  }
}

export function leave(parts: readonly Channel<never>[]): void {
  for (const channel of parts) close(channel);
}

/** This side of a bridge: what has been passed on. */
abstract class NearEnd {
  readonly parts: readonly Channel<never>[];
  protected readonly chunks: Channel<Message>;
  protected readonly back: Channel<Refused>;
  readonly #isolate: Isolate;

  constructor(isolate: Isolate, ahead: number) {
    this.#isolate = isolate;
    this.chunks = tied(isolate, ahead);
    this.back = tied(isolate, 1);
    this.parts = [this.chunks, this.back] as unknown as Channel<never>[];
  }

  abstract begin(): void;

  protected goOn(work: Promise<void>): void {
    this.#isolate.loop.attend?.(work);
  }

  end(): void {
    leave(this.parts);
  }
}

/** A stream that is read there. */
export class Source extends NearEnd {
  readonly #stream: ReadableStream;

  constructor(isolate: Isolate, stream: ReadableStream) {
    if (stream.locked) throw new Refusal("a ReadableStream that has a reader cannot be given up");
    super(isolate, 1);
    this.#stream = stream;
  }

  begin(): void {
    const reader = this.#stream.getReader();
    this.goOn(this.#pump(reader));
    this.goOn(this.#hear(reader));
  }

  async #pump(reader: ReadableStreamDefaultReader): Promise<void> {
    try {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        await this.chunks.send([CHUNK, value]);
      }
      await this.chunks.send([CLOSED]);
    } catch (error) {
      // What it fails with is told, unless nobody hears any more.
      if (!this.chunks.closed) await tell(this.chunks, error).catch(() => {});
      await reader.cancel(error).catch(() => {});
    }
    close(this.back as Channel<never>);
  }

  /** That nobody wants more, also while a chunk is waited for. Nothing happens if the stream has ended. */
  async #hear(reader: ReadableStreamDefaultReader): Promise<void> {
    let why: Refused | undefined;
    try {
      why = reason(await this.back.recvOrDone());
    } catch (error) {
      why = [error];
    }
    await reader.cancel(why === undefined ? left() : why[0]).catch(() => {});
  }
}

/** A stream that is written there. */
export class Drain extends NearEnd {
  readonly #stream: WritableStream;

  constructor(isolate: Isolate, stream: WritableStream) {
    if (stream.locked) throw new Refusal("a WritableStream that has a writer cannot be given up");
    super(isolate, 0);
    this.#stream = stream;
  }

  begin(): void {
    const writer = this.#stream.getWriter();
    // It is told by what is written and closed.
    writer.closed.catch(() => {});
    this.goOn(this.#pump(writer));
  }

  async #pump(writer: WritableStreamDefaultWriter): Promise<void> {
    try {
      await this.#write(writer);
    } catch (error) {
      giveUp(this.back, error);
      // Nothing happens if that is where it came from.
      await writer.abort(error).catch(() => {});
    }
    leave(this.parts);
  }

  async #write(writer: WritableStreamDefaultWriter): Promise<void> {
    for (;;) {
      const received = await this.chunks.recvOrDone();
      if (received.done) return await writer.abort(left());
      const [kind, value] = received.value;
      if (kind === FAILED) return await writer.abort(value);
      if (kind === CLOSED) return await writer.close();
      // Of a stream that fails meanwhile the next look tells.
      await writer.ready;
      writer.write(value).catch(() => {});
    }
  }
}

/** Far ends that nobody has ended, and the other end is to hear of that. */
const unended = new FinalizationRegistry<readonly Channel<never>[]>(leave);

/** The host's process stays while a far end waits. */
async function held<T>({ loop }: Isolate, waits: Promise<T>): Promise<T> {
  loop.holdProcess?.();
  try {
    return await waits;
  } finally {
    loop.letProcessGo?.();
  }
}

export function readableFrom(isolate: Isolate, parts: readonly Channel<never>[]): ReadableStream {
  const [chunks, back] = parts as unknown as [Channel<Message>, Channel<Refused>];
  const stream = new ReadableStream({
    async pull(controller) {
      const { value, done } = await held(isolate, chunks.recvOrDone());
      if (done) controller.error(left());
      else if (value[0] === CHUNK) controller.enqueue(value[1]);
      else if (value[0] === CLOSED) controller.close();
      else controller.error(value[1]);
    },
    cancel(why) {
      giveUp(back, why);
      leave(parts);
    },
  }, { highWaterMark: 0 });
  unended.register(stream, parts);
  return stream;
}

export function writableTo(isolate: Isolate, parts: readonly Channel<never>[]): WritableStream {
  const [chunks, back] = parts as unknown as [Channel<Message>, Channel<Refused>];
  const send = async (message: Message) => {
    try {
      await held(isolate, chunks.send(message));
    } catch (error) {
      throw chunks.closed ? (reason(back.tryRecv()) ?? [left()])[0] : error;
    }
  };
  const stream = new WritableStream({
    write: (chunk) => send([CHUNK, chunk]),
    async close() {
      await send([CLOSED]);
      const why = reason(await held(isolate, back.recvOrDone()));
      if (why !== undefined) throw why[0];
    },
    abort: (why) => tell(chunks, why),
  });
  unended.register(stream, parts);
  return stream;
}

function reason(told: Received<Refused> | undefined): Refused | undefined {
  return told === undefined || told.done ? undefined : told.value;
}
