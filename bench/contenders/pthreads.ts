import { compile } from "../../native/build.ts";
import type { Contender, Pool } from "../contender.ts";
import { requireGcc } from "./gcc.ts";

await requireGcc();

const symbols = {
  round_trip_us: { parameters: ["i32"], result: "f64" },
  pipe_round_trip_us: { parameters: ["i32", "i32"], result: "f64" },
} as const;

type Symbols = Deno.DynamicLibrary<typeof symbols>["symbols"];

async function load(): Promise<Symbols> {
  const file = await Deno.makeTempFile({ suffix: ".so" });
  await Deno.writeFile(
    file,
    await compile({ sources: ["bench/contenders/pthreads.c"], out: file, arch: Deno.build.arch }),
  );
  const library = Deno.dlopen(file, symbols);
  await Deno.remove(file);
  return library.symbols;
}

const modeOf = (measure: (symbols: Symbols, times: number) => number) => async (): Promise<Pool> => {
  const symbols = await load();
  const run = (_work: string, times: number) => {
    const us = measure(symbols, times);
    if (us < 0) throw new Error("no two threads, pipes or CPUs are to be had");
    return Promise.resolve(us);
  };
  return { threads: 2, run };
};

/** Two threads of C, pthreads.c. */
export const contender: Contender = {
  version: "of the system",
  modes: {
    default: modeOf((symbols, times) => symbols.round_trip_us(times)),
    pipes: modeOf((symbols, times) => symbols.pipe_round_trip_us(times, 0)),
    "pipes on one CPU": modeOf((symbols, times) => symbols.pipe_round_trip_us(times, 1)),
    "pipes on two CPUs": modeOf((symbols, times) => symbols.pipe_round_trip_us(times, 2)),
  },
};
