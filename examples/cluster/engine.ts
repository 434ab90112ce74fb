/** Which engine a URL names. Only that one's library is imported. */
import type { Queue } from "./queue.ts";

export interface QueueOptions {
  /** `redis://…` or `postgres://…` */
  readonly url: string;
  /** Several queues may share a server. Default: "heddle". */
  readonly name?: string;
  /** Milliseconds that a job is its worker's without a renewal. Default: 30,000. */
  readonly lockMs?: number;
}

export async function openQueue(options: QueueOptions): Promise<Queue> {
  const { protocol } = new URL(options.url);
  switch (protocol) {
    case "redis:":
    case "rediss:":
      return await (await import("./bullmq.ts")).openBullMQ(options);
    case "postgres:":
    case "postgresql:":
      return await (await import("./pg_boss.ts")).openPgBoss(options);
    default:
      throw new TypeError(
        `${options.url} is no queue: give redis://HOST:PORT or postgres://USER@HOST:PORT/DATABASE.`,
      );
  }
}
