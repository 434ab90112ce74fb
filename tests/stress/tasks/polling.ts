/** Tasks that read and write sockets which are another one's. */
import { pollable, readable, task, writable } from "@heddle/heddle";
import { read, write } from "../../support/descriptors.ts";

/** Reads until the other side writes no more. With one registration for all waits, or one for each. */
export const drains = task(
  import.meta,
  "drains",
  async (ctx, fd: number, isEdge: boolean): Promise<number> => {
    const bytes = new Uint8Array(5000);
    const { signal } = ctx;
    const input = isEdge ? pollable(ctx, fd) : undefined;
    try {
      for (let sum = 0;;) {
        const count = read(fd, bytes);
        if (count === 0) return sum;
        if (count > 0) sum += count;
        else await (input === undefined ? readable(ctx, fd, { signal }) : input.readable({ signal }));
      }
    } finally {
      input?.release();
    }
  },
);

/** Writes so many bytes, or until nobody reads any more. Returns how many. */
export const fills = task(import.meta, "fills", async (ctx, fd: number, length: number): Promise<number> => {
  const bytes = new Uint8Array(7000);
  let sum = 0;
  while (sum < length) {
    const count = write(fd, bytes.subarray(0, Math.min(bytes.length, length - sum)));
    if (count > 0) sum += count;
    else if (isOver(fd)) return sum;
    else await writable(ctx, fd, { signal: ctx.signal });
  }
  return sum;
});

/** The socket was shut down: then there is an end to read, too. */
function isOver(fd: number): boolean {
  return read(fd, new Uint8Array(1)) === 0;
}
