/**
 * Streams among the arguments of a task that begins in another isolate: bridges.ts. What is read there is read here, and what is
 * written there is written here: chunks are copied through a channel, which holds one, so the far end is ahead by that and no more.
 *
 * The platform's own transfer of streams is not used: when a thread dies, neither end hears of it (Deno 2.9).
 */
import { Refusal } from "../codec/refusal.ts";
import type { Home } from "../tasks/home.ts";
import { Channel } from "./channel.ts";

/** How a message begins: a chunk, why there are no more of them, or that there are no more of them. */
const CHUNK = 0;
const FAILED = 1;
const CLOSED = 2;
type Message = readonly [kind: typeof CHUNK | typeof FAILED, value: unknown] | readonly [typeof CLOSED];

/** What a stream is ended with whose task has left it. */
function left(): DOMException {
  return new DOMException("The task has ended that the stream was given to.", "AbortError");
}

/** A message that always finds its way, whatever it has to say. */
async function tell(channel: Channel<Message>, error: unknown): Promise<void> {
  try {
    await channel.send([FAILED, error]);
  } catch {
    await channel.send([FAILED, new Error(String(error))]);
  }
}

function closeIfOpen(channel: { readonly closed: boolean; close(): void }): void {
  if (!channel.closed) channel.close();
}

/** A stream that the task reads. */
export class Source {
  readonly parts: readonly Channel<Message>[];
  readonly #chunks: Channel<Message>;
  readonly #stream: ReadableStream;
  #reader: ReadableStreamDefaultReader | undefined = undefined;

  constructor(home: Home, stream: ReadableStream) {
    if (stream.locked) throw new Refusal("a ReadableStream that has a reader cannot be given up");
    this.#stream = stream;
    this.#chunks = new Channel(home, 1);
    this.parts = [this.#chunks];
  }

  begin(): void {
    const reader = this.#reader = this.#stream.getReader();
    // Whatever it fails with was told, or nobody hears any more.
    this.#pump(reader).catch((why) => reader.cancel(why).catch(() => {}));
  }

  async #pump(reader: ReadableStreamDefaultReader): Promise<void> {
    for (;;) {
      let read: ReadableStreamReadResult<unknown>;
      try {
        read = await reader.read();
      } catch (error) {
        return await tell(this.#chunks, error);
      }
      if (read.done) return await this.#chunks.send([CLOSED]);
      try {
        await this.#chunks.send([CHUNK, read.value]);
      } catch (error) {
        if (!this.#chunks.closed) await tell(this.#chunks, error);
        throw error;
      }
    }
  }

  end(): void {
    closeIfOpen(this.#chunks);
    // Nothing happens if it has ended.
    this.#reader?.cancel(left()).catch(() => {});
  }
}

export function readableFrom(chunks: Channel<Message>): ReadableStream {
  return new ReadableStream({
    async pull(controller) {
      const { value, done } = await chunks.recvOrDone();
      if (done) controller.error(left());
      else if (value[0] === CHUNK) controller.enqueue(value[1]);
      else if (value[0] === CLOSED) controller.close();
      else controller.error(value[1]);
    },
    // Who sends hears of it with the next chunk.
    cancel: () => closeIfOpen(chunks),
  }, { highWaterMark: 0 });
}

/** A stream that the task writes. */
export class Drain {
  readonly parts: readonly Channel<never>[];
  readonly #chunks: Channel<Message>;
  /** Closed when the stream is, or what it failed with. */
  readonly #back: Channel<unknown>;
  readonly #stream: WritableStream;

  constructor(home: Home, stream: WritableStream) {
    if (stream.locked) throw new Refusal("a WritableStream that has a writer cannot be given up");
    this.#stream = stream;
    this.#chunks = new Channel(home, 0);
    this.#back = new Channel(home, 1);
    this.parts = [this.#chunks, this.#back] as unknown as Channel<never>[];
  }

  begin(): void {
    const writer = this.#stream.getWriter();
    // It is told by what is written and closed.
    writer.closed.catch(() => {});
    this.#pump(writer).catch((error) => {
      try {
        this.#back.trySend([error]);
      } catch {
        closeIfOpen(this.#back);
      }
      closeIfOpen(this.#chunks);
    });
  }

  async #pump(writer: WritableStreamDefaultWriter): Promise<void> {
    for (;;) {
      const received = await this.#chunks.recvOrDone();
      if (received.done) break;
      const [kind, value] = received.value;
      if (kind === CHUNK) {
        // Of a stream that fails meanwhile the next look tells.
        await writer.ready;
        writer.write(value).catch(() => {});
      } else if (kind === CLOSED) {
        await writer.close();
        return this.#back.close();
      } else {
        return await writer.abort(value);
      }
    }
    await writer.abort(left());
  }

  end(): void {
    closeIfOpen(this.#chunks);
    closeIfOpen(this.#back);
  }
}

export function writableTo(chunks: Channel<Message>, back: Channel<unknown>): WritableStream {
  const send = async (message: Message) => {
    try {
      await chunks.send(message);
    } catch (error) {
      throw failure(back.tryRecv()) ?? error;
    }
  };
  return new WritableStream({
    write: (chunk) => send([CHUNK, chunk]),
    async close() {
      await send([CLOSED]);
      const error = failure(await back.recvOrDone());
      if (error !== undefined) throw error;
    },
    abort: (reason) => tell(chunks, reason),
  });
}

function failure(told: { value?: unknown; done: boolean } | undefined): unknown {
  return told === undefined || told.done ? undefined : (told.value as [unknown])[0] ?? left();
}
