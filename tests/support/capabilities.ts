/**
 * Tests of what takes the native shim: `native.test("…", …)`. Where that is missing, as in `deno task test:shimless`, they are skipped,
 * and a line of each says why.
 */
import type { Capabilities } from "@heddle/heddle";
import { openTier } from "../../ffi/tier.ts";

const { capabilities, lack } = openTier(true);

class Needing {
  readonly #capability: keyof Capabilities;

  constructor(capability: keyof Capabilities) {
    this.#capability = capability;
  }

  get isThere(): boolean {
    return capabilities[this.#capability];
  }

  test(name: string, fn: (t: Deno.TestContext) => Promise<void> | void): void {
    if (!this.isThere) console.log(`skipped: "${name}", which takes ${this.#capability}: ${lack}`);
    Deno.test({ name, ignore: !this.isThere, fn });
  }
}

export const native = new Needing("native");
export const poller = new Needing("poller");
export const preemption = new Needing("preemption");
/** Also for what a thread is to the kernel: its number, its name, its state. */
export const threadOptions = new Needing("threadOptions");
