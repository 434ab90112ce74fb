/**
 * What the cluster asks of a queue, and all of it: workers and clients know this interface, bullmq.ts and pg_boss.ts know an engine.
 * Who has another engine writes a third file. Every job is run **at least once**: who takes one has it for `lockMs`, which `renew`
 * extends; a job whose worker is gone, or does not renew, is given to another one.
 */

/** A job as its client wrote it: JSON. Values are texts by values.ts. */
export interface Order {
  /** Orders of one id are one job, for as long as the queue keeps it. */
  readonly id: string;
  /** `MODULE#TASK`: modules are named by the worker's command line. */
  readonly task: string;
  readonly args: string;
  /** Milliseconds since 1970 after which nobody wants the result. Clocks of the machines have to agree. */
  readonly deadline?: number;
  /** The task gets a thread of its own. */
  readonly dedicated?: { readonly name?: string; readonly affinity?: number[]; readonly nice?: number };
  /** W3C Trace Context. */
  readonly traceparent?: string;
}

/** How a job has ended: what the task returned or threw, as text. `isDead`: it lies in the dead-letter queue. */
export type Outcome = { readonly result: string } | { readonly error: string; readonly isDead?: boolean };

/** What a client sees of a job. */
export interface Sight {
  readonly state: "waiting" | "running" | "done";
  readonly outcome?: Outcome;
  readonly progress?: string;
}

/** A job that is a worker's, while its lock lasts. */
export interface Lease {
  readonly order: Order;
  /** How many threads have died with it before. */
  readonly deaths: number;
}

/** What `renew` says of one: go on, nobody wants it any more, or another worker may have it by now. */
export type Standing = { readonly held: true } | { readonly held: false; readonly cancelled?: string };

export interface Queue extends AsyncDisposable {
  /** Milliseconds that a job is its worker's without a renewal. */
  readonly lockMs: number;

  submit(orders: readonly Order[]): Promise<void>;
  look(ids: readonly string[]): Promise<(Sight | undefined)[]>;
  logs(id: string, from: number): Promise<string[]>;
  /** Lasting: whoever has the job, or takes it later, reads it at its next renewal. */
  cancel(id: string, reason: string): Promise<void>;
  /** Calls with the id of a job that has something new. Some may be missed: look now and then. */
  onNews(listener: (id: string) => void): Promise<void>;
  /** What is in the dead-letter queue. */
  dead(): Promise<{ readonly order: Order; readonly reason: string }[]>;

  /** Takes up to so many jobs. If there is none, it waits for up to a second. */
  take(count: number): Promise<Lease[]>;
  renew(leases: readonly Lease[]): Promise<Standing[]>;
  report(lease: Lease, progress: string | undefined, lines: readonly string[]): Promise<void>;
  /** With `next` an engine may hand out another job in the same trip. */
  finish(lease: Lease, outcome: Outcome, next: boolean): Promise<Lease | undefined>;
  /** Gives it back as it was. */
  release(lease: Lease): Promise<void>;
  /** Gives it back after a thread has died with it. */
  retry(lease: Lease, reason: string): Promise<void>;
  /** Ends it with an error, and puts it into the dead-letter queue. */
  bury(lease: Lease, error: string, reason: string): Promise<void>;
}
