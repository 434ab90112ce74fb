export function add(n: number): number {
  return n + 1;
}
