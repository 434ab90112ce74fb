import { curve } from "../curve.ts";

const KB = 1 << 10, MB = 1 << 20;

/** Deno's `postMessage` copies arrays so slowly, 1 MB in 26 ms, that the larger ones would take minutes. */
const MOST_COPIED_BY_MESSAGE = MB;

/** Bytes to a thread and back: copied, given up, or in memory that both sides see. */
export const payloads = curve(
  { curve: "payload", title: "bytes to another thread and back", axis: "bytes" },
  [16, 256, 4 * KB, 64 * KB, MB, 16 * MB, 64 * MB],
  (length) => ({
    unit: "us",
    better: "lower",
    sides: [
      "heddle_payload: copied",
      "heddle_payload: moved",
      "heddle_payload: shared",
      ...(length > MOST_COPIED_BY_MESSAGE ? [] : ["worker_payload: copied"]),
      "worker_payload: transferred",
      "worker_payload: shared",
    ],
    inside: async (pool, length) => await pool.run("payload", length),
  }),
);
