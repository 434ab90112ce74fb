import type { Contender, Pool } from "../contender.ts";
import { identity } from "../foreign.ts";

/** Deno's own: `nonblocking: true`, on its pool of blocking threads. */
export const contender: Contender = {
  version: Deno.version.deno,
  modes: {
    default(threads): Pool {
      const nonblocking = { identity: { ...identity.symbols.identity, nonblocking: true } } as const;
      const { symbols } = Deno.dlopen(identity.library, nonblocking);
      return { threads, run: (_work, argument) => symbols.identity(argument) };
    },
  },
};
