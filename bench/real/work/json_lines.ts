export interface Chunk {
  readonly path: string;
  readonly from: number;
  readonly to: number;
}

/** Requests to a path, their bytes, and how many failed. */
export interface Total {
  readonly path: string;
  requests: number;
  bytes: number;
  failures: number;
}

interface Line {
  readonly path: string;
  readonly status: number;
  readonly bytes: number;
}

/** Longer than any line. */
const TAIL = 4_096;

/** Sums up the lines that begin in the chunk, of which the last may end behind it. */
export function sumUp({ path, from, to }: Chunk): Total[] {
  using file = Deno.openSync(path);
  // One byte before: if it is the end of a line, the first line begins with the chunk.
  const at = Math.max(0, from - 1);
  file.seekSync(at, Deno.SeekMode.Start);
  const bytes = new Uint8Array(to - at + TAIL);
  let length = 0;
  for (let read; length < bytes.length && (read = file.readSync(bytes.subarray(length))) !== null;) {
    length += read;
  }
  const newline = 10;
  const begin = from === 0 ? 0 : bytes.indexOf(newline) + 1;
  const end = bytes.indexOf(newline, to - at - 1) + 1;
  const totals = new Map<string, Total>();
  for (const text of new TextDecoder().decode(bytes.subarray(begin, end)).split("\n")) {
    if (text === "") continue;
    const line: Line = JSON.parse(text);
    const total = totals.get(line.path) ?? { path: line.path, requests: 0, bytes: 0, failures: 0 };
    total.requests++;
    total.bytes += line.bytes;
    if (line.status >= 500) total.failures++;
    totals.set(line.path, total);
  }
  return [...totals.values()];
}
