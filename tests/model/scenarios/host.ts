/** The host's loop, which polls, and then sleeps in its event loop, against the mail of Ms. */
import { HostLoop } from "../../../scheduler/host/host_loop.ts";
import { POOL } from "../../../scheduler/parking/roles.ts";
import { checkEqual, type Scenario } from "../scenario.ts";
import { note, Pool, shim } from "./machines.ts";

export const host: Scenario = {
  name: "host: it sleeps in its event loop against mail",
  bound: 3,
  short: 2,
  rules: { tick: 60_000 },
  setUp() {
    const pool = new Pool(1, [POOL]);
    const loop = pool.loop = new HostLoop(shim, pool.parker, pool.mailbox, () => void pool.readMail());
    return pool.against({
      async host() {
        await Promise.all([pool.submit(note(1)).promise, pool.submit(note(2)).promise]);
      },
    }, () => {
      checkEqual(pool.ran, [1, 2], "what ran");
      checkEqual(loop.inFlight, 0, "tasks in flight");
    });
  },
};
