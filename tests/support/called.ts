/** The library of tests/native/called.c, for tests of native calls. */
import type { Scheduler } from "@heddle/heddle";
import { compilerVersion } from "../../native/build.ts";
import { native } from "./capabilities.ts";

const compiler = await compilerVersion();

/** Where it lies, or undefined where there is no compiler. It goes when the process does. */
export const path = compiler === undefined ? undefined : await build();

async function build(): Promise<string> {
  const directory = await Deno.makeTempDir({ prefix: "heddle-test-" });
  addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));
  const library = `${directory}/called.so`;
  const source = new URL("../native/called.c", import.meta.url).pathname;
  const { success, stderr } = await new Deno.Command("gcc", {
    args: ["-std=gnu11", "-O2", "-fPIC", "-shared", "-Wall", "-Wextra", "-Werror", "-o", library, source],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return library;
}

/** A test of native calls that needs the library; without a compiler it says why it is skipped. */
export function testCalled(name: string, test: (path: string) => Promise<void>): void {
  if (path !== undefined) return native.test(name, () => test(path));
  console.log(`skipped: "${name}", since there is no gcc to build what it calls`);
  Deno.test({ name, ignore: true, fn() {} });
}

export const definitions = {
  wait_for: { parameters: ["buffer", "i32"], result: "i32" },
  fill_after: { parameters: ["buffer", "buffer", "usize", "u8"], result: "i32" },
  fail_with: { parameters: ["i32"], result: "i32" },
  errno_before: { parameters: [], result: "i32" },
  sum: { parameters: ["buffer", "usize"], result: "u64" },
  count_here: { parameters: [], result: "i32" },
  append: { parameters: ["buffer", "i32"], result: "void" },
} as const;

export function openCalled(from: Pick<Scheduler, "dlopen">, path: string) {
  return from.dlopen(path, definitions).symbols;
}

/** Holds calls of `wait_for` and `fill_after` until it is opened. */
export class Gate {
  readonly words = new Int32Array(new SharedArrayBuffer(8));

  /** Calls that have got here. */
  get arrived(): number {
    return Atomics.load(this.words, 0);
  }

  open(): void {
    Atomics.store(this.words, 1, 1);
  }
}
