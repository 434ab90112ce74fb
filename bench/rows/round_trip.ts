import { bare, onNode, peers, type Row } from "../row.ts";

// 5,000 trips take the fastest contender tens of milliseconds: far above the clock's step and one time slice.
const trips = 5_000;

export const roundTrip: Row = {
  name: "round-trip",
  measure: "round trip of a trivial task, one at a time",
  unit: "us",
  better: "lower",
  sides: ["heddle", ...peers, ...bare, ...onNode],
  comparisons: [
    { atMost: 4 },
    ...peers.map((peer) => ({ against: [peer], atLeast: peer === "piscina" ? 15 : 8 })),
    ...[...bare, ...onNode].map((each) => ({ against: [each] })),
  ],
  async inside(pool) {
    const start = performance.now();
    for (let i = 0; i < trips; i++) {
      const answer = await pool.run("noop", i);
      if (answer !== i) throw new Error(`noop(${i}) answered ${answer}`);
    }
    return (performance.now() - start) * 1000 / trips;
  },
};
