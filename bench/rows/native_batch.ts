import type { Row } from "../row.ts";
import { batch } from "./batch.ts";

export const nativeBatch: Row = {
  ...batch,
  name: "native-batch",
  measure: "50,000 trivial native calls at once",
  unit: "calls/s",
  sides: ["heddle_dlopen", "nonblocking"],
  comparisons: [{ against: ["nonblocking"], atLeast: 3 }],
};
