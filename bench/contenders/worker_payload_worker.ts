import { touch } from "../payload.ts";

interface Thread {
  postMessage(message: unknown, transfer: Transferable[]): void;
}

self.addEventListener("message", ({ data: [bytes, isTransferred] }: MessageEvent) => {
  (self as unknown as Thread).postMessage(touch(bytes), isTransferred ? [bytes.buffer] : []);
});
