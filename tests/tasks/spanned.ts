/** Tasks that are spans. */
import { trace } from "@opentelemetry/api";
import { task } from "@heddle/heddle/otel";

export const inner = task(
  import.meta,
  "inner",
  (_ctx, n: number): number =>
    trace.getTracer("test").startActiveSpan("in inner", (span) => {
      span.end();
      return 2 * n;
    }),
);

/** Starts so many others after a pause, in which other tasks have their turn. */
export const outer = task(import.meta, "outer", async (ctx, count: number): Promise<number[]> => {
  await ctx.sleep(2);
  return await Promise.all(Array.from({ length: count }, (_, n) => ctx.go(inner(n))));
});

export const fails = task(import.meta, "fails", (): never => {
  throw new RangeError("on purpose");
});
