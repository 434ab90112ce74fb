import { assertEquals, assertGreater, assertLess } from "@std/assert";

const program = new URL("../../examples/starvation.ts", import.meta.url).pathname;

async function starvation(...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", program, ...args],
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

Deno.test("starvation: with slow requests on the scheduler the fast ones' p99 is several times better", async () => {
  const { code, stdout, stderr } = await starvation("--seconds=1", "--every=15");
  assertEquals([code, stderr], [0, ""]);
  const rows = stdout.split("\n").filter((line) => line.startsWith("│")).map((line) => {
    return line.split("│").slice(1, -1).map((cell) => cell.trim());
  });
  const p99 = (what: string, server: string) => {
    const row = rows.find(([first, second]) => first === what && second === server);
    return Number(row?.[3]);
  };
  for (const what of ["computes", "blocks"]) {
    assertGreater(p99(what, "one queue") / p99(what, "scheduler"), 3, stdout);
  }
  assertLess(p99("two others never end", "scheduler for all"), 50, stdout);
});

Deno.test("starvation shows its usage for a time that is none", async () => {
  for (const wrong of ["--seconds=0", "--every=often", "--minutes=1", "file"]) {
    const { code, stderr } = await starvation(wrong);
    assertEquals([code, stderr.slice(0, 17)], [2, "Usage: starvation"], wrong);
  }
});
