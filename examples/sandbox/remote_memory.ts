/** Reads the memory of another process: the strings and structures that its system calls point to. */

import { Buffer } from "node:buffer";
import { addressOf } from "../../ffi/address.ts";
import { open } from "../../ffi/load.ts";

const symbols = {
  /**
   * `ssize_t process_vm_readv(pid_t pid, const struct iovec *local, unsigned long local_count,
   * const struct iovec *remote, unsigned long remote_count, unsigned long flags)`; its result fits an int here
   */
  process_vm_readv: { parameters: ["i32", "buffer", "u32", "buffer", "u32", "u32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const EFAULT = 14, ENAMETOOLONG = 36;
const PAGE = 4096;
/** Bytes of the longest path that the kernel takes, with its NUL. */
const PATH_MAX = 4096;

export class RemoteMemory {
  readonly #libc = open("libc.so.6", symbols).symbols;
  readonly #bytes = Buffer.from(new SharedArrayBuffer(PATH_MAX));
  readonly #address = addressOf(this.#bytes);
  // struct iovec: u64 address, length, each by halves, as a BigInt for each would have to be made.
  readonly #local = new Uint32Array(4);
  readonly #remote = new Uint32Array(4);

  /** Up to 4096 bytes, or undefined when not all of them can be read. The next read overwrites them. */
  read(thread: number, address: number, length: number): Uint8Array | undefined {
    return this.#read(thread, address, length, 0) ? this.#bytes.subarray(0, length) : undefined;
  }

  /** A copy of so many bytes, or undefined when not all of them can be read. */
  copy(thread: number, address: number, length: number): Uint8Array<ArrayBuffer> | undefined {
    const copy = new Uint8Array(length);
    for (let at = 0; at < length; at += PATH_MAX) {
      const part = this.read(thread, address + at, Math.min(PATH_MAX, length - at));
      if (!part) return undefined;
      copy.set(part, at);
    }
    return copy;
  }

  /**
   * A C string as a string of bytes: its characters are 0 to 255, as a path need not be UTF-8. When it is not there,
   * the errno that the kernel would give.
   */
  readPath(thread: number, address: number): string | number {
    for (let length = 0; length < PATH_MAX;) {
      // Up to the end of a page, since the next one need not exist.
      const step = Math.min(PAGE - (address + length) % PAGE, PATH_MAX - length);
      if (!this.#read(thread, address + length, step, length)) return EFAULT;
      const end = this.#bytes.indexOf(0, length);
      if (end >= 0 && end < length + step) return this.#bytes.toString("latin1", 0, end);
      length += step;
    }
    return ENAMETOOLONG;
  }

  #read(thread: number, address: number, length: number, at: number): boolean {
    setNumber(this.#local, 0, this.#address + at);
    setNumber(this.#remote, 0, address);
    this.#local[2] = this.#remote[2] = length;
    return this.#libc.process_vm_readv(thread, this.#local, 1, this.#remote, 1, 0) === length;
  }
}

/** A u64 of up to 53 bits. */
function setNumber(words: Uint32Array, at: number, value: number): void {
  words[at] = value % 2 ** 32;
  words[at + 1] = value / 2 ** 32;
}
