import { assertEquals, assertStringIncludes } from "@std/assert";
import { Scheduler } from "@heddle/heddle";
import { trace } from "../../examples/trace.ts";
import { soon } from "../support/deadline.ts";
import { runProgram } from "../support/programs.ts";

const WRITE = 1, EXIT_GROUP = 231, SIGTERM = 15;
const ESRCH = 3;

/** Why processes cannot be traced here, if they cannot: some containers forbid it. */
async function obstacle(): Promise<string | undefined> {
  await using sched = await Scheduler.start({ procs: 1 });
  try {
    await trace(sched, "true");
  } catch (error) {
    return (error as Error).message;
  }
}

const reason = await obstacle();
if (reason !== undefined) console.log(`skipped: the tests of tracing, since ${reason}`);

function test(name: string, run: (sched: Scheduler) => Promise<void>): void {
  Deno.test({
    name: `trace: ${name}`,
    ignore: reason !== undefined,
    fn: async () => {
      await using sched = await Scheduler.start({ procs: 1 });
      await run(sched);
    },
  });
}

test("a program's system calls are counted, and it runs as it does without", async (sched) => {
  const { calls, output, status } = await soon(trace(sched, "echo", "one", "two"), "the program");
  assertEquals([output, status], ["one two\n", 0]);
  assertEquals([calls.get(WRITE), calls.get(EXIT_GROUP)], [1, 1]);
  const more = await soon(trace(sched, "sh", "-c", "echo 1; echo 2; echo 3; exit 7"), "the shell");
  assertEquals([more.output, more.status, more.calls.get(WRITE)], ["1\n2\n3\n", 7 << 8, 3]);
});

test("signals arrive at the program: it dies of the same one", async (sched) => {
  const { status } = await soon(trace(sched, "sh", "-c", "kill -TERM $$"), "the program");
  assertEquals(status & 0x7f, SIGTERM);
});

test("a program that does not exist is the shell's error, as ever", async (sched) => {
  const { status, calls } = await soon(trace(sched, "/no/such/program"), "the shell");
  assertEquals([status, calls.size], [127 << 8, 0]);
});

test("a request from another thread fails with ESRCH, from the pool as from another native thread", async (sched) => {
  const { errnoElsewhere } = await soon(trace(sched, "true"), "the program");
  assertEquals(errnoElsewhere, ESRCH);

  const child = new Deno.Command("sleep", { args: ["60"] }).spawn();
  try {
    await using tracer = await sched.thread();
    await using other = await sched.thread();
    const definitions = {
      ptrace: { parameters: ["i32", "i32", "usize", "usize"], result: "i32" },
      waitpid: { parameters: ["i32", "buffer", "i32"], result: "i32" },
    } as const;
    const [mine, others] = [tracer, other].map((thread) => thread.dlopen("libc.so.6", definitions).symbols);
    const [PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT, __WALL] = [17, 0x4206, 0x4207, 0x40000000];
    assertEquals(await mine.ptrace(PTRACE_SEIZE, child.pid, 0n, 0n), 0);
    const refused = others.ptrace(PTRACE_INTERRUPT, child.pid, 0n, 0n);
    assertEquals([await refused, refused.errno], [-1, ESRCH]);
    assertEquals(await mine.ptrace(PTRACE_INTERRUPT, child.pid, 0n, 0n), 0);
    const status = new Int32Array(1);
    assertEquals(await soon(mine.waitpid(child.pid, status, __WALL), "it stops"), child.pid);
    assertEquals(tracedBy(child.pid), tracer.tid);
    const again = others.ptrace(PTRACE_DETACH, child.pid, 0n, 0n);
    assertEquals([await again, again.errno], [-1, ESRCH]);
    assertEquals(await mine.ptrace(PTRACE_DETACH, child.pid, 0n, 0n), 0);
    assertEquals(tracedBy(child.pid), 0);
  } finally {
    child.kill();
    await child.status;
  }
});

function tracedBy(pid: number): number {
  return Number(/^TracerPid:\s*(\d+)$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))![1]);
}

test("the example names the calls of a command", async () => {
  const { code, stdout, stderr } = await runProgram("../../examples/trace", { args: ["echo", "hello"] });
  assertEquals([code, stderr], [0, ""]);
  assertStringIncludes(stdout, "hello\n");
  assertStringIncludes(stdout, "     1  exit_group\n");
  assertStringIncludes(stdout, "status 0; a request from another thread fails with errno 3");
});
