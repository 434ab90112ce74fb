import { loadShim, relayBall } from "../../ffi/shim.ts";
import type { Contender } from "../contender.ts";

/** Two threads of C that pass a ball by futexes, and sleep as soon as they have none. */
export const contender: Contender = {
  version: "of the shim",
  modes: {
    default() {
      const shim = loadShim();
      return {
        threads: 2,
        run(_work, times) {
          // Each word on a cache line of its own.
          const words = new Int32Array(new SharedArrayBuffer(128));
          const [here, there] = [shim.addressOf(words), shim.addressOf(words) + 64];
          words[0] = relayBall.ball;
          const start = shim.nowNs();
          const threads = [shim.startRelay(here, there, times), shim.startRelay(there, here, -1)];
          for (const id of threads) shim.joinThread(id);
          return Promise.resolve((shim.nowNs() - start) / 1000 / times);
        },
      };
    },
  },
};
