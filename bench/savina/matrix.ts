/**
 * Savina's recursive matrix product: each quarter of the result is a task with two products one after the other, down to
 * blocks of 64 x 64. The matrices are shared; every element of the result has one writer at a time.
 */
import { task } from "@heddle/heddle";

const BLOCK = 64;

/** The three matrices, row by row in one piece of shared memory. */
type Matrices = SharedArrayBuffer;

/** Where a block begins in A (row, common), B (common, column) and C (row, column), and its side. */
type Block = [row: number, column: number, common: number, side: number];

function multiply(matrices: Matrices, size: number, [row, column, common, side]: Block): void {
  const square = size * size;
  const [a, b, c] = [0, 1, 2].map((i) => new Float64Array(matrices, i * square * 8, square));
  for (let i = row; i < row + side; i++) {
    for (let k = common; k < common + side; k++) {
      const factor = a[i * size + k];
      for (let j = column; j < column + side; j++) c[i * size + j] += factor * b[k * size + j];
    }
  }
}

const product = task(
  import.meta,
  "product",
  async (ctx, matrices: Matrices, size: number, block: Block): Promise<void> => {
    const [row, column, common, side] = block;
    if (side <= BLOCK) return multiply(matrices, size, block);
    const half = side / 2;
    // The two halves of the common side add to the same elements, so one follows the other.
    for (const k of [common, common + half]) {
      await Promise.all([0, 1, 2, 3].map((quarter) => {
        const quarters: Block = [row + half * (quarter >> 1), column + half * (quarter & 1), k, half];
        return ctx.go(product(matrices, size, quarters));
      }));
    }
  },
);

/** Returns the sum of the product's elements, each times its row's number modulo 5 and its column's modulo 3. */
export const run = task(import.meta, "run", async (ctx, size: number): Promise<number> => {
  const matrices = new SharedArrayBuffer(3 * size * size * 8);
  const all = new Float64Array(matrices);
  for (let i = 0; i < 2 * size * size; i++) all[i] = (i * 7) % 11 - 5;
  await ctx.go(product(matrices, size, [0, 0, 0, size]));
  let sum = 0;
  for (let i = 0; i < size * size; i++) {
    sum += all[2 * size * size + i] * ((i / size | 0) % 5) * (i % size % 3);
  }
  return sum;
});
