import * as workload from "../workload.ts";

const works = workload as unknown as Record<string, (n: number) => number>;

self.addEventListener("message", ({ data: [id, work, argument] }: MessageEvent) => {
  (self as unknown as { postMessage(message: unknown): void }).postMessage([id, works[work](argument)]);
});
