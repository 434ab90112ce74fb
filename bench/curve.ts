import type { Point, Row } from "./row.ts";

/**
 * A row for each point: so a point is measured, judged and written as any row, and a side that is too slow for some of them is left out
 * there. `inside` gets the point as its size, and so do programs of other languages, by the curve's name.
 */
export function curve(
  { curve, title, axis }: Omit<Point, "at">,
  points: readonly number[],
  row: (at: number) => Omit<Row, "name" | "measure" | "point" | "size" | "comparisons">,
): Row[] {
  return points.map((at) => {
    const made = row(at);
    return {
      program: curve,
      ...made,
      name: `${curve}-${at}`,
      measure: `${title}; ${axis}: ${at.toLocaleString("en-US")}`,
      point: { curve, title, axis, at },
      size: { full: at, quick: at },
      comparisons: made.sides.slice(1).map((side) => ({ against: [side] })),
    };
  });
}
