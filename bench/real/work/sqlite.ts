import { DatabaseSync } from "node:sqlite";

export interface Question {
  readonly path: string;
  readonly below: number;
}

/** Opens a database and asks it for the customers who bought most, below a price; returns what they paid, added up. */
export function ask({ path, below }: Question): number {
  using database = new DatabaseSync(path, { readOnly: true });
  const rows = database.prepare(`
    select customer.city, count(*) as sales, sum(sale.price * sale.pieces) as paid
    from sale join customer on customer.id = sale.customer
    where sale.price < ?
    group by customer.id
    order by paid desc, customer.id
    limit 100
  `).all(below) as { city: string; sales: number; paid: number }[];
  return rows.reduce((sum, { city, sales, paid }) => sum + paid + sales * city.length, 0);
}
