import { assertEquals, assertGreater, assertLess, assertStringIncludes } from "@std/assert";
import { endOf, runProgram } from "../support/programs.ts";
import { sideBySide } from "../support/side_by_side.ts";

// Each is a process of its own.
sideBySide({
  async "a program that uses the default scheduler exits by itself"() {
    const { code, stdout } = await runProgram("exits_by_itself_after_go");
    assertEquals([code, stdout], [0, "3 7\n"]);
  },

  async "a program waits for a task that nobody awaits"() {
    const { code, stdout, ms } = await runProgram("waits_for_a_task_that_nobody_awaits");
    assertEquals([code, stdout], [0, "end of the module\nthe task is done\nand so is the program\n"]);
    assertGreater(ms, 700);
  },

  async "a program waits for a dedicated task that nobody awaits"() {
    const { code, stdout, ms } = await runProgram("waits_for_a_dedicated_task_that_nobody_awaits");
    assertEquals([code, stdout], [0, "end of the module\nthe task is done\n"]);
    assertGreater(ms, 700);
  },

  async "an idle scheduler that nobody closes does not keep its process"() {
    const { code, stdout } = await runProgram("exits_although_a_scheduler_is_open");
    assertEquals([code, stdout], [0, "3\n"]);
  },

  async "a cancelled task that sleeps on does not keep its process"() {
    const { code, stdout } = await runProgram("exits_although_a_cancelled_task_goes_on");
    assertEquals([code, stdout], [0, "TaskTimeoutError\n"]);
  },

  async "cancelled code that computes on does not keep its process"() {
    const { code, stdout } = await runProgram("exits_although_cancelled_code_computes");
    assertEquals([code, stdout], [0, "TaskTimeoutError\n"]);
  },

  async "a task's error that nobody handles fails the program, and shows the task's own line"() {
    const { code, stderr } = await runProgram("fails_with_an_error_that_nobody_handles");
    assertEquals(code, 1);
    assertStringIncludes(stderr, "TypeError: nobody handles this");
    assertStringIncludes(stderr, "tests/tasks/failing.ts");
  },

  async "a task module that starts a scheduler when a thread imports it is told of the guard that it lacks"() {
    const { code, stderr } = await runProgram("fails_as_its_own_task_module_starts_a_scheduler");
    assertEquals(code, 1);
    assertStringIncludes(stderr, "did not load in a thread");
    assertStringIncludes(stderr, "Scheduler.start() was called in a Heddle thread");
    assertStringIncludes(stderr, "import.meta.main");
  },

  async "a task module that calls go when a thread imports it is told of the guard that it lacks"() {
    const { code, stderr } = await runProgram("fails_as_its_own_task_module_calls_go");
    assertEquals(code, 1);
    assertStringIncludes(stderr, "did not load in a thread");
    assertStringIncludes(stderr, "go() was called in a Heddle thread");
    assertStringIncludes(stderr, "import.meta.main");
  },

  async "a main module's own tasks run if its start is behind import.meta.main"() {
    const { code, stdout } = await runProgram("runs_tasks_of_its_own_main_module");
    assertEquals([code, stdout], [0, "[ 1, 4, 9 ]\n"]);
  },

  async "a program can exit while tasks run, with its own code"() {
    // They run for two minutes.
    const { code, stdout } = await runProgram("exits_while_tasks_run");
    assertEquals([code, stdout], [7, "leaving\n"]);
  },

  async "a program that closes its scheduler while a task computes for minutes exits at once"() {
    const { code, stdout } = await runProgram("closes_while_code_computes");
    assertEquals([code, stdout], [0, "SchedulerClosedError\n"]);
  },
});

// They mostly wait.
const idle = [{}, { args: ["asleep"] }, { env: { HEDDLE_TIER: "none" } }]
  .map((options) => runProgram("uses_no_cpu_when_idle", { ...options, ms: 60_000 }));

Deno.test("an idle scheduler uses no CPU, with the shim and without, and one whose tasks all sleep hardly any", async () => {
  const percents = (await Promise.all(idle)).map(({ code, stdout, stderr }) => {
    assertEquals(code, 0, stderr);
    return Number(stdout);
  });
  assertLess(percents[0], 0.5, "percent of a CPU over some seconds");
  assertLess(percents[2], 0.5, "percent without the shim");
  // Five threads look at their heaps, and the host for deadlocks: each of them every few seconds in the end.
  assertLess(percents[1], 1, "percent of a CPU");
});

Deno.test("the first result waits for one thread, and for no other to start", async () => {
  const { code, stdout, stderr } = await runProgram("has_its_first_result");
  assertEquals([code, stdout, stderr], [0, "42 1\n", ""]);
});

Deno.test("tasks that compute need no watchdog, and what cannot go on without one has it", async () => {
  for (const what of ["computes", "blocks", "hogs", "polls", "native"]) {
    const { code, stdout, stderr } = await runProgram("calls_for_its_watchdog", { args: [what] });
    assertEquals([code, stderr], [0, ""], what);
    const [threads, ms] = stdout.split(" ").map(Number);
    if (what !== "computes") assertGreater(threads, 2, what);
    else if (ms < 2000) assertEquals(threads, 2);
    // The scheduler has one by then in any case.
    else console.log(`not checked whether there is a watchdog: the tasks took ${ms} ms`);
  }
});

Deno.test("on a terminal nobody is asked for a permission: what was not granted is done without", async (t) => {
  const program = new URL("../programs/exits_by_itself_after_go.ts", import.meta.url);
  const command = `${Deno.execPath()} run --no-check --allow-read ${program}`;
  try {
    // From util-linux: with a pseudo-terminal.
    const child = new Deno.Command("script", {
      args: ["-qec", command, "/dev/null"],
      env: { NO_COLOR: "1" },
      stdin: "null",
      stdout: "piped",
    }).spawn();
    const { code, stdout } = await endOf(child, 20_000);
    const lines = new TextDecoder().decode(stdout).trim().split("\r\n");
    assertEquals([code, lines.length, lines.at(-1)], [0, 2, "3 7"], lines.join("\n"));
    assertStringIncludes(lines[0], "Heddle runs without its native shim");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.log(`skipped: ${t.name}: there is no "script" here`);
  }
});
