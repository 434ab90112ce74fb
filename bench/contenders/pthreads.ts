import { compile } from "../../native/build.ts";
import type { Contender } from "../contender.ts";
import { requireGcc } from "./gcc.ts";

await requireGcc();

const symbols = { round_trip_us: { parameters: ["i32"], result: "f64" } } as const;

/** Two threads of C, pthreads.c. */
export const contender: Contender = {
  version: "of the system",
  modes: {
    async default() {
      const file = await Deno.makeTempFile({ suffix: ".so" });
      await Deno.writeFile(
        file,
        await compile({ sources: ["bench/contenders/pthreads.c"], out: file, arch: Deno.build.arch }),
      );
      const library = Deno.dlopen(file, symbols);
      await Deno.remove(file);
      return {
        threads: 2,
        run: (_work, times) => Promise.resolve(library.symbols.round_trip_us(times)),
      };
    },
  },
};
