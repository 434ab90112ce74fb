/** The lock of a job is renewed by a thread that nothing keeps busy. soak.ts has the same with 120 s of computing and 30 s of lock. */
import { assertEquals, assertGreater } from "@std/assert";
import { runsByBullMQ, runsByCluster } from "./hogs.ts";
import { servers, testWith } from "./servers.ts";

testWith("redis", "a job that computes for four times its lock's time is run once", async () => {
  await using server = await servers.redis.start();
  assertEquals(await runsByCluster(server.url, 6000, 1500), 1);
});

testWith("redis", "BullMQ's own worker loses the lock, and the job is run again", async () => {
  await using server = await servers.redis.start();
  assertGreater(await runsByBullMQ(server.url, 6000, 1500), 1);
});
