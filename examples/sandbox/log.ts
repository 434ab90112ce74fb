/** Where calls are shown: to a file or to standard error, and to whoever reads the events of a box. */

import { type Channel, ChannelClosedError } from "../../mod.js";

/** A call that was seen. What a program writes into its memory meanwhile can make it another one, unless a policy judges. */
export interface CallEvent {
  /** The thread that made it, by its number outside of the box. */
  readonly thread: number;
  /** The system call. */
  readonly call: string;
  /** Paths or the address, for people to read. */
  readonly subject: string;
  /** Flags that it takes, beyond what is allowed. */
  readonly needs?: readonly string[];
  /** What it returned, or the name of its error: with `trace: "results"`, on the platform ptrace, and of what a policy was asked. */
  readonly result?: number | string;
  /** So many before this one were dropped, as nobody had read those that waited. */
  readonly dropped?: number;
}

/** Where to show. Several threads may show in the same places. */
export interface Showing {
  /** A file that gets a line for each call; `""` is standard error. */
  readonly log?: string;
  readonly json: boolean;
  readonly events?: Channel<CallEvent>;
}

/** What can no longer be written is lost, and the program goes on. */
export class Shown {
  /** Until it can no longer be written. */
  #file: { writeSync(bytes: Uint8Array): number } | undefined;
  readonly #json: boolean;
  readonly #events: Channel<CallEvent> | undefined;
  #dropped = 0;

  constructor({ log, json, events }: Showing) {
    this.#file = log === undefined
      ? undefined
      : log === ""
      ? Deno.stderr
      : Deno.openSync(log, { append: true });
    this.#json = json;
    this.#events = events;
  }

  /** Whether anybody is told. */
  get isOn(): boolean {
    return this.#file !== undefined || this.#events !== undefined;
  }

  show(event: CallEvent): void {
    if (this.#file) this.write(this.#json ? JSON.stringify(event) : lineOf(event));
    if (!this.#events) return;
    try {
      const wasSent = this.#events.trySend(this.#dropped > 0 ? { ...event, dropped: this.#dropped } : event);
      this.#dropped = wasSent ? 0 : this.#dropped + 1;
    } catch (error) {
      if (!(error instanceof ChannelClosedError)) throw error; // the box has ended
    }
  }

  /** A line for the file, if there is one. */
  write(line: string): void {
    if (!this.#file) return;
    try {
      writeAll(this.#file, `${line}\n`);
    } catch (error) {
      this.#file = undefined;
      say(`the log ends here: ${(error as Error).message}`);
    }
  }
}

function lineOf({ thread, call, subject, needs = [], result }: CallEvent): string {
  const needed = needs.map((flag) => ` (needs ${flag})`).join("");
  return `[${thread}] ${call} ${subject}${needed}${result === undefined ? "" : ` = ${result}`}`;
}

/** To standard error, if anybody is there to be told. */
export function say(message: string): void {
  try {
    writeAll(Deno.stderr, `sandbox: ${message}\n`);
  } catch { /* nobody is */ }
}

function writeAll(to: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let written = 0; written < bytes.length;) written += to.writeSync(bytes.subarray(written));
}
