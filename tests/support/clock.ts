/** Nanoseconds by a clock that all threads of a process share, to 256 of them. */
export function nowNs(): number {
  return (performance.timeOrigin + performance.now()) * 1e6;
}
