/** Pipes whose ends block, as no stream of Deno's does. */

/** A size_t as "u32": one of 64 bits would make a foreign call slower by 100 ns. */
export const libc = Deno.dlopen("libc.so.6", {
  getppid: { parameters: [], result: "i32" },
  pipe: { parameters: ["buffer"], result: "i32" },
  read: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
}).symbols;

export class Pipe {
  readonly reader: number;
  readonly writer: number;

  constructor() {
    const ends = new Int32Array(32);
    if (libc.pipe(ends) !== 0) throw new Error("pipe() failed");
    [this.reader, this.writer] = ends;
  }

  [Symbol.dispose](): void {
    libc.close(this.reader);
    libc.close(this.writer);
  }
}

export function requireOne(length: number): void {
  if (length !== 1) throw new Error(`read() or write() of a byte returned ${length}`);
}
