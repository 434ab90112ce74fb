/** Savina's n-queens: a task for each placement of the first four queens; below, plain recursion. */
import { task } from "@heddle/heddle";

const FORKS = 4;

function isSafe(placed: number[], column: number): boolean {
  const row = placed.length;
  for (let i = 0; i < row; i++) {
    if (placed[i] === column || Math.abs(placed[i] - column) === row - i) return false;
  }
  return true;
}

function count(placed: number[], queens: number): number {
  if (placed.length === queens) return 1;
  let solutions = 0;
  for (let column = 0; column < queens; column++) {
    if (!isSafe(placed, column)) continue;
    placed.push(column);
    solutions += count(placed, queens);
    placed.pop();
  }
  return solutions;
}

const place = task(import.meta, "place", async (ctx, placed: number[], queens: number): Promise<number> => {
  if (placed.length === FORKS) return count(placed, queens);
  const children = [];
  for (let column = 0; column < queens; column++) {
    if (isSafe(placed, column)) children.push(ctx.go(place([...placed, column], queens)));
  }
  let solutions = 0;
  for (const child of children) solutions += await child;
  return solutions;
});

/** Returns the number of solutions. */
export const run = task(import.meta, "run", (ctx, queens: number): Promise<number> => {
  return Promise.resolve(ctx.go(place([], queens)));
});
