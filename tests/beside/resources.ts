/** What becomes of a scheduler when something runs out, at its start, as it grows, and at its end. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { runProgram } from "../support/programs.ts";

// It mostly waits.
const workers = runProgram("ends_workers_with_schedulers", { ms: 60_000 });

for (
  const [resource, refusal] of [
    ["threads", "The system refused a thread: EAGAIN; it has too many threads or too little memory."],
    ["descriptors", "The system refused the descriptors of a thread: EMFILE."],
  ]
) {
  Deno.test(`without ${resource} left tasks wait, what needs a thread at once is told why, and close() closes`, async () => {
    const { code, stdout, stderr } = await runProgram("runs_out", { args: [resource] });
    const lines = [
      `growing: ${refusal}`,
      "closed",
      `starting: ${refusal}`,
      "the default scheduler: 45",
    ];
    assertEquals([code, stdout], [0, `${lines.join("\n")}\n`], stderr);
    // Once by each that had to wait: the first scheduler and the default one.
    assertEquals(stderr.split("asks again now and then").length - 1, 2, stderr);
  });
}

Deno.test("with --allow-ffi revoked tasks run on the threads that there are, and the next start does without the shim, and says what is missing", async () => {
  const { code, stdout, stderr } = await runProgram("runs_out", { args: ["permission"] });
  assertEquals(code, 0, stderr);
  assertStringIncludes(stdout, "closed\nstarting: false 45\n");
  assertStringIncludes(stderr, "Heddle runs without its native shim");
  assertStringIncludes(stderr, "run with --allow-ffi");
});

Deno.test("without /proc the first line says so", async () => {
  const prefix = ["unshare", "-m", "sh", "-c", 'umount -l /proc && exec "$0" "$@"'];
  const { code, stderr } = await runProgram("exits_by_itself_after_go", { prefix });
  if (code !== 0 && !stderr.includes("There is no /proc") && /unshare|umount/.test(stderr)) {
    return console.log(`skipped: this user may not take /proc away: ${stderr}`);
  }
  assertEquals(code, 1);
  assertStringIncludes(
    stderr.split("\n")[0],
    "There is no /proc: Deno (2.9) starts no worker without it. Mount it.",
  );
});

Deno.test("tasks run where V8 makes no code (--jitless)", async () => {
  const flags = ["-A", "--v8-flags=--jitless"];
  const { code, stdout, stderr } = await runProgram("exits_by_itself_after_go", { flags });
  assertEquals([code, stdout], [0, "3 7\n"], stderr);
});

Deno.test("what ran on the default scheduler is in the report of deno test --coverage", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["test", "-A", "--no-check", `--coverage=${directory}`, "tests/programs/covers_a_task.ts"],
      cwd: new URL("../../", import.meta.url),
      env: { NO_COLOR: "1" },
    }).output();
    const text = new TextDecoder();
    assertEquals(code, 0, text.decode(stderr));
    // Branches, functions, lines: without the thread's own count not one branch or function was there.
    assertStringIncludes(text.decode(stdout), "covered.ts");
    const [, lines] = /covered\.ts.*\|\s+([\d.]+) \|\n/.exec(text.decode(stdout)) ?? [];
    assertEquals(Number(lines) > 50 && Number(lines) < 100, true, text.decode(stdout));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a scheduler ends with the Worker that embeds it, however that ends and whatever its threads do", async () => {
  const { code, stdout, stderr } = await workers;
  assertEquals([code, stdout], [0, "gone\n"], stderr);
});
