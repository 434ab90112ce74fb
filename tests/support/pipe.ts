/** A pipe of the kernel, with file descriptors that tasks on any thread can use. */
const libc = Deno.dlopen("libc.so.6", {
  pipe: { parameters: ["buffer"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
}).symbols;

export class Pipe {
  readonly reader: number;
  readonly writer: number;
  #isOpen = { reader: true, writer: true };

  constructor() {
    const ends = new Int32Array(2);
    if (libc.pipe(ends) !== 0) throw new Error("pipe() failed");
    [this.reader, this.writer] = ends;
  }

  write(...bytes: number[]): void {
    libc.write(this.writer, new Uint8Array(bytes), BigInt(bytes.length));
  }

  close(end: "reader" | "writer"): void {
    if (!this.#isOpen[end]) return;
    this.#isOpen[end] = false;
    libc.close(this[end]);
  }

  [Symbol.dispose](): void {
    this.close("writer");
    this.close("reader");
  }
}
