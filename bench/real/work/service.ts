import { spin } from "../../workload.ts";

/** 1 ms of computing. */
export function answer(n: number): number {
  return spin(n, 600_000);
}

/** 100 ms of it. */
export function hog(n: number): number {
  let x = n;
  for (let i = 0; i < 20; i++) x = spin(x);
  return x;
}

/** Blocks for 20 ms in the kernel, as a lock on a file or a driver may. */
export function block(n: number): number {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  return n;
}
