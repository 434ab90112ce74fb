import { ThreadWorker } from "poolifier";
import * as workload from "../workload.ts";

const { noop, spin, hold, mandelbrot, parsed, digest } = workload as unknown as Record<
  string,
  (n?: number) => number
>;

export default new ThreadWorker<number, number>({
  noop,
  spin,
  hold,
  mandelbrot,
  parsed,
  digest,
});
