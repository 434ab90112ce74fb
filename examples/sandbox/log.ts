/** Lines to a file or to standard error. What can no longer be written is lost, and the program goes on. */
export class Log {
  readonly #file: { writeSync(bytes: Uint8Array): number };
  #isBroken = false;

  /** `""` is standard error. */
  constructor(path: string) {
    this.#file = path === "" ? Deno.stderr : Deno.openSync(path, { append: true });
  }

  write(line: string): void {
    if (this.#isBroken) return;
    try {
      writeAll(this.#file, `${line}\n`);
    } catch (error) {
      this.#isBroken = true;
      try {
        writeAll(Deno.stderr, `sandbox: the log ends here: ${(error as Error).message}\n`);
      } catch { /* nobody is left to be told */ }
    }
  }
}

function writeAll(to: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let written = 0; written < bytes.length;) written += to.writeSync(bytes.subarray(written));
}
