/** A started pool: it runs a function of workload.ts, by name, on one of its threads. */
export interface Pool {
  readonly threads: number;
  run(work: string, argument: number): PromiseLike<number>;
}

/** Something that can start pools, in one or more ways. */
export interface Contender {
  readonly version: string;
  /** By name; the first is the fastest one, as `--modes` measured it, and the one that rows compare with. */
  readonly modes: Record<string, (threads: number) => Pool | Promise<Pool>>;
}
