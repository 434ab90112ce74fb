import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Scheduler } from "@heddle/heddle";
import { threadOptions } from "../support/capabilities.ts";
import { dispatch, packetSocket, send } from "../../examples/dispatch.ts";
import { soon, until } from "../support/deadline.ts";
import { tids } from "../support/os_threads.ts";
import { runProgram } from "../support/programs.ts";
import { nothing } from "../tasks/arithmetic.ts";

for (const procs of [1, 2]) {
  Deno.test(`dispatch: every packet is handled once, and one thread receives them all (procs ${procs})`, async () => {
    await using sched = await Scheduler.start({ procs });
    const [receiver, sender] = packetSocket();
    const count = 20_000;
    const loop = sched.dedicate(dispatch(receiver, count), { name: "dispatch" });
    await soon(sched.go(send(sender, count)), "the packets", 60_000);
    const { times, receivers, handlers } = await soon(loop, "the loop", 60_000);
    assertEquals(times.findIndex((n) => n !== 1), -1, "a packet was not handled once");
    assertEquals(receivers.length, 1);
    assert(!handlers.includes(receivers[0]), "the loop's own thread handled packets");
  });
}

threadOptions.test("dispatch: while the loop waits in the kernel, the pool's only P is free", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  const [receiver, sender] = packetSocket();
  const loop = sched.dedicate(dispatch(receiver, 10), { name: "waits" });
  const inRecvmmsg = () => {
    const RECVMMSG = "299";
    return tids().some((tid) => {
      try {
        const task = `/proc/self/task/${tid}`;
        return Deno.readTextFileSync(`${task}/comm`) === "waits\n" &&
          Deno.readTextFileSync(`${task}/syscall`).startsWith(`${RECVMMSG} `);
      } catch {
        return false; // it has just ended
      }
    });
  };
  await until(inRecvmmsg, "the loop waits for packets");
  for (let i = 0; i < 100; i++) await soon(sched.go(nothing()), "a task beside it");
  await soon(sched.go(send(sender, 10)), "the packets");
  assertEquals([...(await soon(loop, "the loop")).times], Array(10).fill(1));
});

Deno.test("dispatch: the example handles what it sends and says how fast", async () => {
  const { code, stdout, stderr } = await runProgram("../../examples/dispatch", { args: ["5000"] });
  assertEquals([code, stderr], [0, ""]);
  assertStringIncludes(stdout, "5000 of 5000 packets handled once");
  assertStringIncludes(stdout, "packets a second");
});
