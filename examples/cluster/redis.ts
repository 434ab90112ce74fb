/** Redis on the loopback interface, with its files in a temporary folder that goes when it ends. */
import { Redis } from "ioredis";
import { GET_REDIS } from "./bullmq.ts";

export interface RedisServer extends AsyncDisposable {
  readonly url: string;
  readonly status: Promise<Deno.CommandStatus>;
  /** Ends it without a word, as a machine that fails, and starts it again over the same files. */
  restart(): Promise<void>;
}

/**
 * Starts one. Every write is in the kernel before it is answered (`appendonly`), so that what was acknowledged survives the
 * process; and on the disk a second later (`appendfsync everysec`), so that a machine may lose a second.
 */
export async function startRedis(port = freePort()): Promise<RedisServer> {
  const directory = await Deno.makeTempDir({ prefix: "heddle-redis-" });
  const url = `redis://127.0.0.1:${port}`;
  let process = await start(port, directory, url);
  return {
    url,
    get status() {
      return process.status;
    },
    async restart() {
      process.kill("SIGKILL");
      await process.status;
      process = await start(port, directory, url);
    },
    async [Symbol.asyncDispose]() {
      process.kill("SIGTERM");
      await process.status;
      await Deno.remove(directory, { recursive: true });
    },
  };
}

export function isRedisThere(): Promise<boolean> {
  return new Deno.Command("redis-server", { args: ["--version"], stdout: "null" }).output()
    .then(({ success }) => success, () => false);
}

export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function start(port: number, directory: string, url: string): Promise<Deno.ChildProcess> {
  const args = `--bind 127.0.0.1 --port ${port} --appendonly yes --appendfsync everysec --loglevel warning`;
  let process: Deno.ChildProcess;
  try {
    process = new Deno.Command("redis-server", {
      args: [...args.split(" "), "--save", "", "--dir", directory],
      stdin: "null",
      stdout: "null",
    }).spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(`There is no redis-server on the PATH.\n${GET_REDIS}`);
  }
  let hasEnded = false;
  process.status.then(() => hasEnded = true);
  const redis = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => hasEnded ? null : 10 });
  redis.on("error", () => {});
  try {
    // While it reads its files it answers that it is loading.
    await redis.ping();
  } catch {
    throw new Error(`redis-server ended at once with ${(await process.status).code}: is port ${port} taken?`);
  } finally {
    redis.disconnect();
  }
  return process;
}
