/**
 * The file in which a trace is collected while it is made: what threads wrote, as it stands in their rings, and what one needs to
 * read it in another process. So collecting it takes a copy, and no thought. It is a row of chunks of words, in this machine's
 * order:
 *
 *   kind, which, words, bytes, then so many words; of a text its UTF-8, of so many bytes
 *
 *   BEGIN   which: the number of the trace. Its first word is the version, its second how many events had been dropped before,
 *           its next two are doubles, the two clocks (the events', nanoseconds); then the scheduler's name.
 *   TASK    which: a definition. Its task's name.
 *   LANE    which: a lane. Its name.
 *   EVENTS  which: a lane. What its ring had.
 *   TURN    all rings were read. The two clocks again, and in the next word how many events have been dropped so far.
 *
 * A process may end in the middle: who reads takes what comes before the last TURN.
 */

export const BEGIN = 1;
export const TASK = 2;
export const LANE = 3;
export const EVENTS = 4;
export const TURN = 5;

export const VERSION = 1;

const HEADER = 4;
/** Words, more than a ring has: then a ring is one chunk. */
const BUFFERED = 1 << 20;

/** What the clocks show at one moment. */
export interface Moment {
  /** The clock of the events. */
  readonly ticks: number;
  readonly ns: number;
}

export class ChunkWriter {
  readonly #file: Deno.FsFile;
  readonly #words = new Int32Array(BUFFERED);
  readonly #bytes = new Uint8Array(this.#words.buffer);
  #used = 0;

  /** Opened to append. */
  constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  begin(number: number, moment: Moment, dropped: number, name: string): void {
    this.#put(BEGIN, number, [VERSION, dropped, ...wordsOf(moment)], name);
  }

  text(kind: typeof TASK | typeof LANE, which: number, text: string): void {
    this.#put(kind, which, [], text);
  }

  /** `copy` writes at most so many words into the array, from there on, and says how many. */
  events(lane: number, most: number, copy: (into: Int32Array, at: number) => number): void {
    this.#makeRoom(HEADER + most);
    const at = this.#used;
    const count = copy(this.#words, at + HEADER);
    if (count === 0) return;
    this.#words.set([EVENTS, lane, count, 0], at);
    this.#used = at + HEADER + count;
  }

  turn(moment: Moment, dropped: number): void {
    this.#put(TURN, 0, [...wordsOf(moment), dropped, 0], "");
  }

  #put(kind: number, which: number, words: readonly number[], text: string): void {
    const bytes = new TextEncoder().encode(text);
    const count = words.length + Math.ceil(bytes.length / 4);
    this.#makeRoom(HEADER + count);
    this.#words.set([kind, which, count, bytes.length, ...words], this.#used);
    const end = this.#used + HEADER + count;
    this.#bytes.set(bytes, (this.#used + HEADER + words.length) * 4);
    this.#used = end;
  }

  #makeRoom(words: number): void {
    if (this.#used + words > BUFFERED) this.flush();
  }

  flush(): void {
    const bytes = this.#bytes.subarray(0, this.#used * 4);
    this.#used = 0;
    writeAll(this.#file, bytes);
  }
}

export function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
}

export interface Chunk {
  readonly kind: number;
  readonly which: number;
  /** Of a text: its bytes. */
  readonly bytes: number;
  readonly words: Int32Array<ArrayBuffer>;
}

/** All whole ones from the file's begin on. `wants`: of others it gives no words. */
export function* readChunks(file: Deno.FsFile, wants: (kind: number) => boolean): Generator<Chunk> {
  file.seekSync(0, Deno.SeekMode.Start);
  const { size } = file.statSync();
  let at = 0;
  for (;;) {
    const header = readWords(file, HEADER);
    if (header === undefined) return;
    const [kind, which, count, bytes] = header;
    at += (HEADER + count) * 4;
    if (at > size) return;
    if (!wants(kind)) file.seekSync(at, Deno.SeekMode.Start);
    const words = wants(kind) ? readWords(file, count) : new Int32Array();
    if (words === undefined) return;
    yield { kind, which, bytes, words };
  }
}

export function textOf({ words, bytes }: Chunk): string {
  const end = words.length * 4;
  const start = (words.length - Math.ceil(bytes / 4)) * 4;
  return new TextDecoder().decode(new Uint8Array(words.buffer).subarray(start, Math.min(start + bytes, end)));
}

/** `at`: of its first word. */
export function momentOf({ words }: Chunk, at: number): Moment {
  const [ticks, ns] = new Float64Array(words.buffer.slice(at * 4, at * 4 + 16));
  return { ticks, ns };
}

function wordsOf({ ticks, ns }: Moment): Int32Array {
  return new Int32Array(new Float64Array([ticks, ns]).buffer);
}

/** Undefined if the file ends before. */
function readWords(file: Deno.FsFile, count: number): Int32Array<ArrayBuffer> | undefined {
  const bytes = new Uint8Array(count * 4);
  for (let at = 0; at < bytes.length;) {
    const read = file.readSync(bytes.subarray(at));
    if (read === null) return undefined;
    at += read;
  }
  return new Int32Array(bytes.buffer);
}
