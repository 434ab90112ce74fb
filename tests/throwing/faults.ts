/** What the variant's questions are answered with: see variant.ts. */
export interface Faults {
  left: number;
  kinds: string;
  hasRoom: boolean;
  at: string;
}

export const faults: Faults =
  (globalThis as unknown as Record<symbol, Faults>)[Symbol.for("heddle.faults")] ??= {
    left: 0,
    kinds: "",
    hasRoom: false,
    at: "",
  };

/** The k-th question of these kinds is answered with yes. */
export function arm(k: number, kinds: string): void {
  faults.at = "";
  faults.hasRoom = false;
  faults.kinds = kinds;
  faults.left = k;
}

/** Where it was; nothing if there were less questions. */
export function disarm(): string {
  faults.left = 0;
  return faults.at;
}
