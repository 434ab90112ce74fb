/** `dumpOn`: a dump to standard error for each such signal. Deno's listener does not hold the process. */
import type { Dump } from "./dump.ts";
import { shown } from "../tasks/options.ts";

/** Of preemption: native/preempt.c. */
const OURS = "SIGURG";

export class DumpSignal {
  readonly #signal: Deno.Signal;
  readonly #print: () => void;

  /** Throws a TypeError if one cannot listen to that signal. */
  constructor(signal: Deno.Signal, dump: () => Dump) {
    const what = `Scheduler.start: dumpOn is ${shown(signal)}`;
    if ((signal as string) === OURS) throw new TypeError(`${what}, which stops tasks: give "SIGQUIT".`);
    this.#signal = signal;
    this.#print = () => console.error(String(dump()));
    try {
      Deno.addSignalListener(signal, this.#print);
    } catch (cause) {
      throw new TypeError(`${what}, which nobody can listen to: give "SIGQUIT".`, { cause });
    }
  }

  stop(): void {
    Deno.removeSignalListener(this.#signal, this.#print);
  }
}
