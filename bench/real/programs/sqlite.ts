import { everyone, type Program, throughput } from "../program.ts";
import { randomOf } from "../random.ts";
import type { Question } from "../work/sqlite.ts";

const DATABASES = 8;
const CUSTOMERS = 1_000;
const SALES = { full: 50_000, quick: 5_000 };
const QUESTIONS = 64;

export const sqlite: Program = {
  name: "sqlite",
  sides: everyone,
  measures: throughput("sqlite", "sqlite: 64 queries with node:sqlite"),
  async prepare({ directory, quick }) {
    const { DatabaseSync } = await import("node:sqlite");
    for (let i = 0; i < DATABASES; i++) {
      const random = randomOf(i);
      using database = new DatabaseSync(`${directory}/${i}.sqlite`);
      database.exec(`
        create table customer (id integer primary key, city text);
        create table sale (customer integer, price integer, pieces integer);
        begin;
      `);
      const customer = database.prepare("insert into customer (id, city) values (?, ?)");
      for (let id = 0; id < CUSTOMERS; id++) customer.run(id, "x".repeat(1 + random(20)));
      const sale = database.prepare("insert into sale (customer, price, pieces) values (?, ?, ?)");
      for (let n = 0; n < (quick ? SALES.quick : SALES.full); n++) {
        sale.run(random(CUSTOMERS), random(10_000), 1 + random(9));
      }
      database.exec("commit");
    }
  },
  async run(crew, { directory }) {
    const answers = await Promise.all(Array.from({ length: QUESTIONS }, (_, i) => {
      const question: Question = { path: `${directory}/${i % DATABASES}.sqlite`, below: 5_000 + 50 * i };
      return crew.run<number>("ask", question);
    }));
    return { readings: {}, answer: answers.join() };
  },
};
