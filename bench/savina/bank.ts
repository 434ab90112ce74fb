/** Savina's bank: each account is a task, and tellers move money between them. */
import { Channel, task } from "@heddle/heddle";

const ACCOUNTS = 1_000;
const TELLERS = 20;
const OPENING = 1_000;

interface Booking {
  readonly amount: number;
  /** The new balance. */
  readonly reply: Channel<number>;
}

const account = task(import.meta, "account", async (_ctx, bookings: Channel<Booking>) => {
  let balance = OPENING;
  for await (const { amount, reply } of bookings) {
    balance += amount;
    await reply.send(balance);
  }
  return balance;
});

const teller = task(
  import.meta,
  "teller",
  async (ctx, seed: number, transfers: number, accounts: Channel<Booking>[]) => {
    const reply = new Channel<number>(ctx);
    for (let i = 0; i < transfers; i++) {
      const from = (seed * 7919 + i * 31) % ACCOUNTS, to = (from + 1 + (i * 17) % (ACCOUNTS - 1)) % ACCOUNTS;
      for (const [at, amount] of [[from, -(i % 9)], [to, i % 9]]) {
        await accounts[at].send({ amount, reply });
        await reply.recv();
      }
    }
  },
);

/** Returns all that is in the accounts, each balance times its account's number modulo 7. */
export const run = task(import.meta, "run", async (ctx, transfers: number): Promise<number> => {
  const channels = Array.from({ length: ACCOUNTS }, () => new Channel<Booking>(ctx));
  const accounts = channels.map((channel) => ctx.go(account(channel)));
  const tellers = Array.from(
    { length: TELLERS },
    (_, seed) => ctx.go(teller(seed, transfers / TELLERS, channels)),
  );
  await Promise.all(tellers);
  for (const channel of channels) channel.close();
  const balances = await Promise.all(accounts);
  const total = balances.reduce((sum, balance) => sum + balance, 0);
  if (total !== ACCOUNTS * OPENING) throw new Error(`the accounts hold ${total}`);
  return balances.reduce((sum, balance, i) => sum + balance * (i % 7), 0);
});
