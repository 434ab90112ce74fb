import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { testCalled } from "../support/called.ts";
import { runProgram } from "../support/programs.ts";

Deno.test("an open library and an idle native thread do not keep their process", async () => {
  const { code, stdout, stderr } = await runProgram("exits_although_a_library_is_open");
  assertEquals([code, stdout], [0, "true\ntrue\n"], stderr);
});

Deno.test("a program waits for a native call that nobody awaits", async () => {
  const { code, stdout, ms } = await runProgram("waits_for_a_native_call_that_nobody_awaits");
  assertEquals([code, stdout], [0, "end of the module\nthe call has returned\n"]);
  assertGreater(ms, 700);
});

Deno.test("a program that closes its scheduler exits although native calls never return", async () => {
  const { code, stdout } = await runProgram("exits_while_native_calls_block");
  assertEquals([code, stdout], [0, `${Array(3).fill("SchedulerClosedError").join(" ")}\n`]);
});

testCalled("buffers of a native call are alive and in place until it returns, and let go then", async () => {
  const flags = ["-A", "--v8-flags=--expose-gc"];
  const { code, stdout, stderr } = await runProgram("keeps_buffers_of_native_calls", { flags });
  assertEquals([code, stdout], [0, "alive: true moved: false\nwritten: true\nlet go: true\n"], stderr);
});

// They mostly wait.
const [native, descriptors] = ["native", "descriptors"]
  .map((what) => runProgram("uses_no_cpu_when_idle", { args: [what], ms: 60_000 }));

Deno.test("a scheduler whose native threads are all idle or blocked uses hardly any CPU", async () => {
  const { code, stdout, stderr } = await native;
  assertEquals(code, 0, stderr);
  assertLess(Number(stdout), 1, "percent of a CPU");
});

Deno.test("tasks that wait for a hundred descriptors use hardly any CPU", async () => {
  const { code, stdout, stderr } = await descriptors;
  assertEquals(code, 0, stderr);
  assertLess(Number(stdout), 1, "percent of a CPU");
});

Deno.test("calls for which the system has no thread are rejected, and later ones are not", async () => {
  const { code, stdout, stderr } = await runProgram("is_refused_native_threads");
  const refused =
    "The system refused a native thread: EAGAIN; it has too many threads or too little memory.\n";
  assertEquals([code, stdout], [0, refused.repeat(3) + "true 0\ntrue true\n"], stderr);
});
