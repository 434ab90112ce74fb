import type { Contender } from "../contender.ts";
import { type Make, ofItsOwn, payload, shared } from "../payload.ts";

/** One worker, which sends back what it gets; both sides give the bytes up if `isTransferred`. */
const modeOf = (make: Make, isTransferred = false) => (threads: number) => {
  const worker = new Worker(import.meta.resolve("./worker_payload_worker.ts"), { type: "module" });
  const trip = (bytes: Uint8Array) => {
    const { promise, resolve } = Promise.withResolvers<Uint8Array>();
    worker.onmessage = ({ data }) => resolve(data);
    worker.postMessage([bytes, isTransferred], isTransferred ? [bytes.buffer as ArrayBuffer] : []);
    return promise;
  };
  return { threads, run: (_work: string, length: number) => payload(length, make, trip) };
};

export const contender: Contender = {
  version: Deno.version.deno,
  modes: { copied: modeOf(ofItsOwn), transferred: modeOf(ofItsOwn, true), shared: modeOf(shared) },
};
