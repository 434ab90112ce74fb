/** The host's loop, which polls, and then sleeps in its event loop, against the mail of Ms. */
import { HostLoop } from "../../../scheduler/host_loop.ts";
import { HOST } from "../../../scheduler/memory_layout.ts";
import { POOL } from "../../../scheduler/roles.ts";
import { checkEqual, type Scenario } from "../scenario.ts";
import { note, Pool, shim } from "./machines.ts";

export const host: Scenario = {
  name: "host: it sleeps in its event loop against mail",
  bound: 3,
  short: 2,
  rules: { tick: 60_000 },
  setUp() {
    const pool = new Pool(1, [POOL]);
    let read = 0;
    let all = () => {};
    const loop = new HostLoop(shim, pool.parker, pool.mailbox, () => {
      pool.mailbox.drain(HOST, () => void read++);
      if (read === 2) all();
    });
    return pool.against({
      async host() {
        const ended = new Promise<void>((resolve) => all = resolve);
        loop.begin();
        pool.submit(note(1));
        pool.submit(note(2));
        await ended;
      },
    }, () => checkEqual(pool.ran, [1, 2], "what ran"));
  },
};
