import type { Row } from "../row.ts";
import { roundTrip } from "./round_trip.ts";

export const nativeRoundTrip: Row = {
  ...roundTrip,
  name: "native-round-trip",
  measure: "round trip of a trivial native call, one at a time",
  sides: ["heddle_dlopen", "nonblocking"],
  comparisons: [{ against: ["nonblocking"], atLeast: 5 }],
};

export const nativeThread: Row = {
  ...roundTrip,
  name: "native-thread",
  measure: "the same on one native thread",
  sides: ["heddle_thread", "nonblocking"],
  comparisons: [{ against: ["nonblocking"], atLeast: 5 }],
};
