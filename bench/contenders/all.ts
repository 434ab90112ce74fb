import type { Contender } from "../contender.ts";

/** Each loads its library only when asked, so that a process holds one library and not five. */
export const contenders: Record<string, () => Promise<Contender>> = {
  boxes: async () => (await import("./boxes.ts")).contender,
  comlink: async () => (await import("./comlink.ts")).contender,
  copies: async () => (await import("./copies.ts")).contender,
  heddle: async () => (await import("./heddle.ts")).contender,
  heddle_crowded: async () => (await import("./heddle_crowded.ts")).contender,
  heddle_dlopen: async () => (await import("./heddle_dlopen.ts")).contender,
  heddle_hogs: async () => (await import("./heddle_hogs.ts")).contender,
  heddle_payload: async () => (await import("./heddle_payload.ts")).contender,
  heddle_server: async () => (await import("./heddle_server.ts")).contender,
  heddle_thread: async () => (await import("./heddle_thread.ts")).contender,
  loop: async () => (await import("./loop.ts")).contender,
  net: async () => (await import("./net.ts")).contender,
  nonblocking: async () => (await import("./nonblocking.ts")).contender,
  opens: async () => (await import("./opens.ts")).contender,
  strace: async () => (await import("./strace.ts")).contender,
  pthreads: async () => (await import("./pthreads.ts")).contender,
  programs: async () => (await import("./programs.ts")).contender,
  savina: async () => (await import("./savina.ts")).contender,
  piscina: async () => (await import("./piscina.ts")).contender,
  tinypool: async () => (await import("./tinypool.ts")).contender,
  worker: async () => (await import("./worker.ts")).contender,
  worker_payload: async () => (await import("./worker_payload.ts")).contender,
  workerpool: async () => (await import("./workerpool.ts")).contender,
  poolifier: async () => (await import("./poolifier.ts")).contender,
};
