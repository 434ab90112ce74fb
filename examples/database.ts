/**
 * One SQLite connection that many use at once: `deno run -A examples/database.ts`.
 *
 * A connection opened with SQLITE_OPEN_NOMUTEX has no lock: two threads must never be in it. Here all its calls run on one
 * NativeThread, in the order in which they were made. They pipeline: a thousand inserts are two thousand calls and one
 * wait. Takes Debian's package libsqlite3-0.
 */
import { type NativeThread, Scheduler, task } from "@heddle/heddle";

const symbols = {
  sqlite3_open_v2: { parameters: ["buffer", "buffer", "i32", "pointer"], result: "i32" },
  sqlite3_close: { parameters: ["pointer"], result: "i32" },
  sqlite3_errmsg: { parameters: ["pointer"], result: "pointer" },
  sqlite3_exec: { parameters: ["pointer", "buffer", "pointer", "pointer", "pointer"], result: "i32" },
  sqlite3_prepare_v2: { parameters: ["pointer", "buffer", "i32", "buffer", "pointer"], result: "i32" },
  sqlite3_bind_double: { parameters: ["pointer", "i32", "f64"], result: "i32" },
  sqlite3_step: { parameters: ["pointer"], result: "i32" },
  sqlite3_reset: { parameters: ["pointer"], result: "i32" },
  sqlite3_finalize: { parameters: ["pointer"], result: "i32" },
  sqlite3_column_count: { parameters: ["pointer"], result: "i32" },
  sqlite3_column_double: { parameters: ["pointer", "i32"], result: "f64" },
} as const;

const SQLITE_OK = 0, SQLITE_ROW = 100, SQLITE_DONE = 101;
const READWRITE = 2, CREATE = 4, NOMUTEX = 0x8000;

type Sqlite = ReturnType<typeof NativeThread.prototype.dlopen<typeof symbols>>["symbols"];

/** A database of numbers, to keep it short. */
export class Database implements AsyncDisposable {
  readonly #thread: NativeThread;
  readonly #sqlite: Sqlite;
  #handle: Deno.PointerValue = null;
  #last: Promise<unknown> = Promise.resolve();

  static async open(sched: Scheduler, path: string): Promise<Database> {
    const database = new Database(await sched.thread({ name: "sqlite" }));
    const handle = new BigUint64Array(1);
    const opening = database.#sqlite.sqlite3_open_v2(
      cString(path),
      handle,
      READWRITE | CREATE | NOMUTEX,
      null,
    );
    const result = await opening;
    database.#handle = Deno.UnsafePointer.create(handle[0]);
    if (result === SQLITE_OK) return database;
    await database[Symbol.asyncDispose]();
    throw new Error(`${path} cannot be opened: SQLite says ${result}.`);
  }

  private constructor(thread: NativeThread) {
    this.#thread = thread;
    this.#sqlite = thread.dlopen("libsqlite3.so.0", symbols).symbols;
  }

  get tid(): number {
    return this.#thread.tid;
  }

  /** Executes the statement for each row; all of them, or none. */
  execute(sql: string, rows: number[][] = [[]]): Promise<void> {
    const { sqlite3_bind_double, sqlite3_step, sqlite3_reset, sqlite3_exec } = this.#sqlite;
    const exec = (sql: string) => sqlite3_exec(this.#handle, cString(sql), null, null, null);
    return this.#inTurn(sql, async (statement) => {
      exec("BEGIN");
      const steps = rows.map((row) => {
        row.forEach((value, i) => sqlite3_bind_double(statement, i + 1, value));
        const step = sqlite3_step(statement);
        sqlite3_reset(statement);
        return step;
      });
      const isDone = (await Promise.all(steps)).every((result) => result === SQLITE_DONE);
      await exec(isDone ? "COMMIT" : "ROLLBACK");
      if (!isDone) throw new Error(`A row was refused, and so none was taken: ${sql}`);
    });
  }

  query(sql: string): Promise<number[][]> {
    const { sqlite3_step, sqlite3_column_count, sqlite3_column_double } = this.#sqlite;
    return this.#inTurn(sql, async (statement) => {
      const columns = Array(await sqlite3_column_count(statement)).keys().toArray();
      const rows: number[][] = [];
      while (await sqlite3_step(statement) === SQLITE_ROW) {
        rows.push(await Promise.all(columns.map((i) => sqlite3_column_double(statement, i))));
      }
      return rows;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last;
    this.#sqlite.sqlite3_close(this.#handle);
    await this.#thread.close();
  }

  /** The thread keeps calls apart; this keeps transactions apart, which are many calls with waits between. */
  #inTurn<R>(sql: string, body: (statement: Deno.PointerValue) => Promise<R>): Promise<R> {
    const turn = this.#last.then(async () => {
      const { sqlite3_prepare_v2, sqlite3_errmsg, sqlite3_finalize } = this.#sqlite;
      const out = new BigUint64Array(1);
      if (await sqlite3_prepare_v2(this.#handle, cString(sql), -1, out, null) !== SQLITE_OK) {
        throw new Error(Deno.UnsafePointerView.getCString((await sqlite3_errmsg(this.#handle))!));
      }
      const statement = Deno.UnsafePointer.create(out[0]);
      try {
        return await body(statement);
      } finally {
        await sqlite3_finalize(statement);
      }
    });
    this.#last = turn.catch(() => {});
    return turn;
  }
}

function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}

/** The steps that the number takes to 1, by halving the even and 3n + 1 for the odd (Collatz). */
export const steps = task(import.meta, "steps", (_ctx, from: number, to: number): number[][] => {
  return Array.from({ length: to - from }, (_, i) => {
    let count = 0;
    for (let n = from + i; n > 1; count++) n = n % 2 === 0 ? n / 2 : 3 * n + 1;
    return [from + i, count];
  });
});

/** `tasks` tasks compute on all CPUs, and what each one found is inserted as soon as it is there. */
export async function fill(sched: Scheduler, database: Database, tasks: number, each: number): Promise<void> {
  await database.execute("CREATE TABLE steps (number REAL PRIMARY KEY, count REAL)");
  await Promise.all(Array.from({ length: tasks }, async (_, i) => {
    const rows = await sched.go(steps(1 + i * each, 1 + (i + 1) * each));
    await database.execute("INSERT INTO steps VALUES (?, ?)", rows);
  }));
}

if (import.meta.main) {
  const [path = ":memory:"] = Deno.args;
  await using sched = await Scheduler.start();
  await using database = await Database.open(sched, path);
  await fill(sched, database, 100, 1000);
  const [[rows, most]] = await database.query("SELECT count(*), max(count) FROM steps");
  const [[number]] = await database.query("SELECT number FROM steps ORDER BY count DESC, number LIMIT 1");
  console.log(`${rows} numbers; ${number} takes the most steps to 1, ${most}`);
}
