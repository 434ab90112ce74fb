/** The task that hashes a file. */
import { task } from "@heddle/heddle";
import { createHash } from "node:crypto";

export interface Hashed {
  readonly bytes: number;
  /** In hexadecimal digits. */
  readonly hash: string;
}

/** Of all tasks of a thread: none awaits anything, so they come one after the other. */
const chunk = new Uint8Array(1 << 18);

/**
 * The SHA-256 of a file, read by blocking calls: while the disk keeps one task waiting, its P goes on to another thread.
 * Opening may block as well, on a network's file system for instance.
 */
export const sha256 = task(import.meta, "sha256", (ctx, path: string): Hashed => {
  using file = ctx.blocking(() => Deno.openSync(path));
  const hash = createHash("sha256");
  const read = () => file.readSync(chunk);
  let bytes = 0;
  for (let length = ctx.blocking(read); length !== null; length = ctx.blocking(read)) {
    hash.update(chunk.subarray(0, length));
    bytes += length;
  }
  return { bytes, hash: hash.digest("hex") };
});
