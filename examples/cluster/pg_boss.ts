/** The queue on pg-boss and PostgreSQL: an engine that is a table, for who has a database and no Redis. */
import { createHash } from "node:crypto";
import { type JobWithMetadata, PgBoss } from "pg-boss";
import { GET_POSTGRES } from "./postgres.ts";
import type { Lease, Order, Outcome, Queue, Sight, Standing } from "./queue.ts";
import { errorToText } from "./values.ts";

/** Seconds for which ended jobs, and with them their keys, are known. */
const KEPT = 3600;
/** So often a job is given to another worker, because one has ended or could not end it in time. */
const MAX_RETRIES = 20;
/** The shortest heartbeat that pg-boss takes. */
const LEAST_LOCK = 10_000;
/** All news of all queues. */
const CHANNEL = "heddle_news";

/** What pg-boss has no place for: `progress`, `line`, `cancel` and `death` of a job. */
const NOTES = `
  DO $$ BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('heddle_note'));
    CREATE TABLE IF NOT EXISTS heddle_note (
      seq bigserial PRIMARY KEY, at timestamptz DEFAULT now(), queue text, job uuid, kind text, value text
    );
    CREATE INDEX IF NOT EXISTS heddle_note_job ON heddle_note (job, kind);
    DELETE FROM heddle_note WHERE at < now() - interval '1 day';
  END $$`;

interface Data {
  readonly order: Order;
  readonly reason?: string;
}

interface Held extends Lease {
  readonly id: string;
  /** Which of its runs this is. */
  readonly retry: number;
}

export interface PgBossOptions {
  readonly url: string;
  /** Default: "heddle". */
  readonly name?: string;
  /** Default: 30,000, and 10,000 at the least. */
  readonly lockMs?: number;
}

export async function openPgBoss({ url, name = "heddle", lockMs = 30_000 }: PgBossOptions): Promise<Queue> {
  if (lockMs < LEAST_LOCK) {
    throw new RangeError(`lockMs is ${lockMs}: pg-boss takes ${LEAST_LOCK} and more.`);
  }
  const boss = new PgBoss({
    connectionString: url,
    superviseIntervalSeconds: 5,
    monitorIntervalSeconds: 5,
    schedule: false,
  });
  boss.on("error", () => {}); // what asks the database hears of it
  try {
    await boss.start();
  } catch (cause) {
    throw new Error(`No PostgreSQL answers at ${url}.\n${GET_POSTGRES}`, { cause });
  }
  const queue = new PgBossQueue(boss, name, lockMs);
  await queue.open();
  return queue;
}

class PgBossQueue implements Queue {
  readonly lockMs: number;
  readonly #boss: PgBoss;
  readonly #name: string;
  #news?: { close(): Promise<void> };
  #listener: (id: string) => void = () => {};
  /** Our ids by the database's. */
  readonly #ids = new Map<string, string>();
  #onArrival = Promise.withResolvers<void>();

  constructor(boss: PgBoss, name: string, lockMs: number) {
    this.#boss = boss;
    this.#name = name;
    this.lockMs = lockMs;
  }

  async open(): Promise<void> {
    await this.#sql(NOTES);
    const dead = `${this.#name}-dead`;
    await this.#boss.createQueue(dead);
    await this.#boss.createQueue(this.#name, {
      deadLetter: dead,
      retryLimit: MAX_RETRIES,
      heartbeatSeconds: Math.ceil(this.lockMs / 1000),
      expireInSeconds: 24 * 3600 - 1,
      deleteAfterSeconds: KEPT,
    });
    this.#news = await this.#boss.getDb().listen!(CHANNEL, (payload) => {
      const [name, id] = payload.split(" ");
      if (name !== this.#name) return;
      if (id === undefined) this.#onArrival.resolve();
      else if (this.#ids.has(id)) this.#listener(this.#ids.get(id)!);
    }, () => {});
  }

  async submit(orders: readonly Order[]): Promise<void> {
    const jobs = new Map(orders.map((order) => [order.id, { id: uuidOf(order.id), data: { order } }]));
    await this.#boss.insert(this.#name, [...jobs.values()]);
    await this.#tell();
  }

  async look(ids: readonly string[]): Promise<(Sight | undefined)[]> {
    const uuids = ids.map(uuidOf);
    for (const [i, id] of ids.entries()) this.#ids.set(uuids[i], id);
    const [jobs, notes] = await Promise.all([
      this.#sql(`SELECT id, state, output FROM pgboss.job WHERE name = $1 AND id = ANY($2)`, [
        this.#name,
        uuids,
      ]),
      this.#notes("progress", uuids),
    ]);
    const byId = new Map(jobs.map((job) => [job.id, job]));
    return uuids.map((uuid): Sight | undefined => {
      const job = byId.get(uuid);
      if (job === undefined) return undefined;
      const progress = notes.get(uuid)?.at(-1);
      if (job.state !== "completed" && job.state !== "failed") {
        return { state: job.state === "active" ? "running" : "waiting", progress };
      }
      this.#ids.delete(uuid);
      const outcome: Outcome = job.state === "completed"
        ? job.output
        : { error: errorToText(new Error(`The job is dead: ${MAX_RETRIES} workers lost it.`)), isDead: true };
      return { state: "done", progress, outcome };
    });
  }

  async logs(id: string, from: number): Promise<string[]> {
    const uuid = uuidOf(id);
    return (await this.#notes("line", [uuid])).get(uuid)?.slice(from) ?? [];
  }

  async cancel(id: string, reason: string): Promise<void> {
    await this.#note("cancel", uuidOf(id), [reason]);
  }

  onNews(listener: (id: string) => void): Promise<void> {
    this.#listener = listener;
    return Promise.resolve();
  }

  async dead(): Promise<{ order: Order; reason: string }[]> {
    const jobs = await this.#boss.findJobs<Data>(`${this.#name}-dead`);
    return jobs.map(({ data: { order, reason = `${MAX_RETRIES} workers lost it` } }) => ({ order, reason }));
  }

  async take(count: number): Promise<Lease[]> {
    // Before the look: what arrives while it is under way is what it may not see.
    this.#onArrival = Promise.withResolvers();
    let jobs = await this.#fetch(count);
    if (jobs.length === 0) {
      const timer = setTimeout(this.#onArrival.resolve, 1000);
      await this.#onArrival.promise;
      clearTimeout(timer);
      jobs = await this.#fetch(count);
    }
    const deaths = await this.#notes(
      "death",
      jobs.filter(({ retryCount }) => retryCount > 0).map(({ id }) => id),
    );
    return jobs.map(({ id, data, retryCount }): Held => {
      return { order: data.order, deaths: deaths.get(id)?.length ?? 0, id, retry: retryCount };
    });
  }

  async renew(leases: readonly Lease[]): Promise<Standing[]> {
    const ids = (leases as Held[]).map(({ id }) => id);
    await this.#boss.touch(this.#name, ids);
    const [rows, cancelled] = await Promise.all([
      this.#sql(
        `SELECT id, retry_count FROM pgboss.job WHERE name = $1 AND state = 'active' AND id = ANY($2)`,
        [this.#name, ids],
      ),
      this.#notes("cancel", ids),
    ]);
    const active = new Map(rows.map(({ id, retry_count }) => [id, retry_count]));
    return (leases as Held[]).map(({ id, retry }) => {
      const reason = cancelled.get(id)?.[0];
      if (reason !== undefined) return { held: false, cancelled: reason };
      return { held: active.get(id) === retry };
    });
  }

  async report(lease: Lease, progress: string | undefined, lines: readonly string[]): Promise<void> {
    const { id } = lease as Held;
    await this.#note("line", id, lines);
    if (progress !== undefined) await this.#note("progress", id, [progress]);
    await this.#tell(id);
  }

  /** Also with an error: what fails pg-boss starts again. */
  async finish(lease: Lease, outcome: Outcome): Promise<undefined> {
    const { id } = lease as Held;
    await this.#boss.complete(this.#name, id, outcome);
    await this.#tell(id);
  }

  /** It counts as one of the runs that pg-boss grants a job, which knows no other way. */
  async release(lease: Lease): Promise<void> {
    await this.#boss.fail(this.#name, (lease as Held).id, { reason: "given back" });
    await this.#tell();
  }

  async retry(lease: Lease, reason: string): Promise<void> {
    const { id } = lease as Held;
    await this.#note("death", id, [reason]);
    await this.#boss.fail(this.#name, id, { reason });
    await this.#tell();
  }

  async bury(lease: Lease, error: string, reason: string): Promise<void> {
    const { id, order } = lease as Held;
    await this.#boss.insert(`${this.#name}-dead`, [{ id, data: { order, reason } }]);
    await this.finish({ ...lease, id } as Held, { error, isDead: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#news?.close();
    await this.#boss.stop({ graceful: false });
  }

  #fetch(count: number): Promise<JobWithMetadata<Data>[]> {
    return this.#boss.fetch<Data>(this.#name, { batchSize: count, includeMetadata: true });
  }

  // deno-lint-ignore no-explicit-any
  async #sql(text: string, values?: unknown[]): Promise<any[]> {
    return (await this.#boss.getDb().executeSql(text, values)).rows;
  }

  async #note(kind: string, job: string, values: readonly string[]): Promise<void> {
    if (values.length === 0) return;
    const text = `INSERT INTO heddle_note (queue, job, kind, value) SELECT $1, $2, $3, unnest($4::text[])`;
    await this.#sql(text, [this.#name, job, kind, values]);
  }

  /** Their values by job, in order. */
  async #notes(kind: string, jobs: readonly string[]): Promise<Map<string, string[]>> {
    const found = new Map<string, string[]>();
    if (jobs.length === 0) return found;
    const text =
      `SELECT job, value FROM heddle_note WHERE queue = $1 AND kind = $2 AND job = ANY($3) ORDER BY seq`;
    for (const { job, value } of await this.#sql(text, [this.#name, kind, jobs])) {
      found.set(job, [...found.get(job) ?? [], value]);
    }
    return found;
  }

  /** That there are new jobs, or news of one. */
  async #tell(id?: string): Promise<void> {
    await this.#sql(`SELECT pg_notify($1, $2)`, [
      CHANNEL,
      id === undefined ? this.#name : `${this.#name} ${id}`,
    ]);
  }
}

/** The database wants UUIDs. */
function uuidOf(id: string): string {
  const hex = createHash("sha256").update(id).digest("hex");
  return hex.slice(0, 32).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
