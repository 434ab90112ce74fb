import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { Scheduler } from "@heddle/heddle";
import { Database, fill } from "../../examples/database.ts";
import { native } from "../support/capabilities.ts";
import { soon } from "../support/deadline.ts";
import { threadName } from "../support/os_threads.ts";
import { runProgram } from "../support/programs.ts";

function isInstalled(): boolean {
  try {
    Deno.dlopen("libsqlite3.so.0", {}).close();
    return true;
  } catch {
    return false;
  }
}

const ignore = !isInstalled() || !native.isThere;
if (!isInstalled()) console.log("skipped: the tests of SQLite (Debian: apt-get install libsqlite3-0)");
else if (ignore) {
  console.log("skipped: the tests of SQLite, which take native threads, and there are none here");
}

function test(name: string, run: (sched: Scheduler, database: Database) => Promise<void>): void {
  Deno.test({
    name: `database: ${name}`,
    ignore,
    fn: async () => {
      await using sched = await Scheduler.start({ procs: 2 });
      await using database = await Database.open(sched, ":memory:");
      await run(sched, database);
    },
  });
}

test("what fifty tasks found is all in the table, each row once", async (sched, database) => {
  assertEquals(threadName(database.tid), "sqlite");
  await soon(fill(sched, database, 50, 40), "the table");
  const [[rows, distinct, least, most]] = await database.query(
    "SELECT count(*), count(DISTINCT number), min(number), max(number) FROM steps",
  );
  assertEquals([rows, distinct, least, most], [2000, 2000, 1, 2000]);
  assertEquals(
    await database.query("SELECT number, count FROM steps WHERE number IN (1, 6, 27) ORDER BY number"),
    [
      [1, 0],
      [6, 8],
      [27, 111],
    ],
  );
});

test(
  "transactions of many callers do not mix: one that fails takes none of its rows, the others all",
  async (_sched, database) => {
    await database.execute("CREATE TABLE t (id REAL PRIMARY KEY, owner REAL)");
    const outcomes = await soon(
      Promise.allSettled(Array.from({ length: 40 }, (_, owner) => {
        const rows = Array.from({ length: 25 }, (_, i) => [owner * 100 + i, owner]);
        // Every fourth one has a row twice, in the middle.
        if (owner % 4 === 0) rows[12] = rows[11];
        return database.execute("INSERT INTO t VALUES (?, ?)", rows);
      })),
      "40 transactions",
    );
    assertEquals(outcomes.map(({ status }) => status === "rejected"), outcomes.map((_, i) => i % 4 === 0));
    const owners = await database.query("SELECT owner, count(*) FROM t GROUP BY owner ORDER BY owner");
    const expected = Array.from({ length: 40 }, (_, owner) => [owner, 25]).filter(([owner]) =>
      owner % 4 !== 0
    );
    assertEquals(owners, expected);
  },
);

test("queries of many callers get the rows that they asked for", async (_sched, database) => {
  await database.execute("CREATE TABLE t (n REAL)");
  await database.execute("INSERT INTO t VALUES (?)", Array.from({ length: 100 }, (_, i) => [i]));
  const answers = await soon(
    Promise.all(Array.from({ length: 50 }, (_, i) => database.query(`SELECT n FROM t WHERE n % 50 = ${i}`))),
    "50 queries",
  );
  assertEquals(answers, Array.from({ length: 50 }, (_, i) => [[i], [i + 50]]));
});

test("what SQLite says against a statement is the error, and others go on", async (_sched, database) => {
  await assertRejects(() => database.query("SELECT * FROM nowhere"), Error, "no such table: nowhere");
  assertEquals(await database.query("SELECT 1 + 1"), [[2]]);
});

Deno.test({
  name: "database: one that cannot be opened is an error that names it",
  ignore,
  fn: async () => {
    await using sched = await Scheduler.start({ procs: 1 });
    await assertRejects(
      () => Database.open(sched, "/no/such/folder/db"),
      Error,
      "/no/such/folder/db cannot be opened",
    );
    assertEquals(sched.stats().nativeCalls, 0);
  },
});

Deno.test({
  name: "database: the example finds the number below 100,000 that takes the most steps",
  ignore,
  fn: async () => {
    const { code, stdout, stderr } = await runProgram("../../examples/database");
    assertEquals([code, stderr], [0, ""]);
    // OEIS A006877.
    assertStringIncludes(stdout, "100000 numbers; 77031 takes the most steps to 1, 350");
  },
});
