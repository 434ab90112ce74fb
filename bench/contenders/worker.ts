import type { Contender } from "../contender.ts";

/** No library: what a program writes that has Deno alone. Tasks go to the workers in turn, each with a number. */
export const contender: Contender = {
  version: Deno.version.deno,
  modes: {
    postMessage(threads) {
      const waiting = new Map<number, (answer: number) => void>();
      const workers = Array.from({ length: threads }, () => {
        const worker = new Worker(import.meta.resolve("./worker_worker.ts"), { type: "module" });
        worker.onmessage = ({ data: [id, answer] }) => {
          waiting.get(id)!(answer);
          waiting.delete(id);
        };
        return worker;
      });
      let next = 0;
      return {
        threads,
        run(work, argument) {
          const id = next++;
          const { promise, resolve } = Promise.withResolvers<number>();
          waiting.set(id, resolve);
          workers[id % threads].postMessage([id, work, argument]);
          return promise;
        },
      };
    },
  },
};
