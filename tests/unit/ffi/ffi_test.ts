import { assert, assertEquals, assertGreater, assertStringIncludes, assertThrows } from "@std/assert";
import { errnoName, loadShim, requireSupported } from "../../../ffi/shim.ts";
import { placeInMemory } from "../../../ffi/load.ts";
import { nativeSymbols, pollSymbols, shimAbi, shimSymbols, threadSymbols } from "../../../ffi/symbols.ts";
import { checkLibrary, exportedSymbols, libraries } from "../../../native/build.ts";
import { base64, soname } from "../../../ffi/embedded.ts";
import { base64 as base64OfAarch64 } from "../../../native/shim_aarch64.ts";

const shim = loadShim();
const shimUrl = new URL("../../../ffi/shim.ts", import.meta.url).href;

/** Runs a program in a Deno process of its own, with the given flags and no other permission. */
function start(program: string, ...flags: string[]): Deno.ChildProcess {
  const source = `import { loadShim } from ${JSON.stringify(shimUrl)};\n${program}`;
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--no-lock",
      ...flags,
      `data:application/typescript,${encodeURIComponent(source)}`,
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
}

async function outcome(child: Deno.ChildProcess) {
  const { code, stdout, stderr } = await child.output();
  return { code, stdout: new TextDecoder().decode(stdout).trim(), stderr: new TextDecoder().decode(stderr) };
}

function words(count: number): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(4 * count));
}

/** How often this process has the code of that file: other test files have loaded the shim by other paths. */
async function timesMapped(path: string): Promise<number> {
  const { ino } = await Deno.stat(path);
  // address perms offset dev inode pathname: proc(5)
  const lines = (await Deno.readTextFile("/proc/self/maps")).split("\n").map((line) => line.split(/\s+/));
  return lines.filter(([, permissions, , , inode]) => permissions === "r-xp" && Number(inode) === ino).length;
}

for (const library of libraries) {
  Deno.test(`${library.out} is what its sources give`, async () => {
    console.log(await checkLibrary(library));
  });
}

Deno.test("the library exports the functions of the symbol table, and nothing else", () => {
  const exported = exportedSymbols(Uint8Array.fromBase64(base64));
  const all = { ...shimSymbols, ...threadSymbols, ...nativeSymbols, ...pollSymbols };
  const table = Object.entries(all).map(([key, symbol]) => "name" in symbol ? symbol.name : key);
  assertEquals([...exported].sort(), [...new Set(table)].sort());
});

Deno.test("the aarch64 library exports the same, and can be mapped in pages of 64 KiB", () => {
  const bytes = Uint8Array.fromBase64(base64OfAarch64);
  assertEquals(exportedSymbols(bytes), exportedSymbols(Uint8Array.fromBase64(base64)));
  // ELF64 (System V gABI, "Program Header"): no page is of two segments, as their permissions differ.
  const view = new DataView(bytes.buffer);
  const PT_LOAD = 1, PAGE = 0x10000;
  const [first, count] = [Number(view.getBigUint64(0x20, true)), view.getUint16(0x38, true)];
  const pages: number[] = [];
  for (let at = first; at < first + count * 56; at += 56) {
    if (view.getUint32(at, true) !== PT_LOAD) continue;
    const [offset, address, , , inMemory, alignment] = Array.from(
      { length: 6 },
      (_, i) => Number(view.getBigUint64(at + 8 + 8 * i, true)),
    );
    assertEquals([alignment % PAGE, (address - offset) % PAGE], [0, 0]);
    pages.push(Math.floor(address / PAGE), Math.floor((address + inMemory - 1) / PAGE));
  }
  assertEquals(pages, [0, 0, 1, 1]);
});

Deno.test("a library with another ABI is refused with both numbers", async () => {
  const bytes = Uint8Array.fromBase64(base64);
  // The body of heddle_abi. x86-64: mov eax, ABI; ret. aarch64: mov w0, #ABI; ret
  const isArm = Deno.build.arch === "aarch64";
  const returnsAbi = isArm ? [shimAbi << 5, 0, 0x80, 0x52] : [0xb8, shimAbi, 0, 0, 0, 0xc3];
  const at = bytes.findIndex((_, i) => returnsAbi.every((byte, j) => bytes[i + j] === byte));
  assertGreater(at, 0);
  bytes.set(isArm ? [77 << 5 & 255, 77 >> 3, 0x80] : [0xb8, 77], at);
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeFile(file, bytes);
    const error = assertThrows(() => loadShim(file), Error);
    assertStringIncludes(error.message, "has ABI 77");
    assertStringIncludes(error.message, `needs ${shimAbi}`);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("isolates of a process share one library, also if each loads it by itself", async () => {
  const program = `
    import { loadShim } from ${JSON.stringify(shimUrl)};
    postMessage(loadShim().path);`;
  const workers = [1, 2].map(() =>
    new Worker(`data:application/typescript,${encodeURIComponent(program)}`, { type: "module" })
  );
  const paths = await Promise.all(
    workers.map((worker) =>
      new Promise((resolve, reject) => {
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = reject;
      })
    ),
  );
  assertEquals(paths, [shim.path, shim.path]);
  for (const worker of workers) worker.terminate();
  const maps = (await Deno.readTextFile("/proc/self/maps")).split("\n");
  assertEquals(maps.filter((line) => / r-xp .* \/memfd:heddle /.test(line)).length, 1);
});

Deno.test("the library stays when nobody has it open any more: threads of it may run", async () => {
  const path = placeInMemory("heddle", Uint8Array.fromBase64(base64));
  assertEquals(await timesMapped(path), 0);
  Deno.dlopen(path, { heddle_abi: shimSymbols.heddle_abi }).close();
  assertEquals(await timesMapped(path), 1);
});

Deno.test("a futex wait on a word with another value returns at once", () => {
  const address = shim.addressOf(words(1));
  assertEquals(errnoName(shim.futexWait(address, 1, -1)), "EAGAIN");
});

Deno.test("a futex wait ends at its timeout, not before", () => {
  const address = shim.addressOf(words(1));
  const before = shim.nowNs();
  assertEquals(errnoName(shim.futexWait(address, 0, 20_000)), "ETIMEDOUT");
  assertGreater(shim.nowNs() - before, 20e6 - 1);
});

Deno.test("a futex wait on an odd address is refused", () => {
  const address = shim.addressOf(words(2));
  assertEquals(errnoName(shim.futexWait(address + 1, 0, 0)), "EINVAL");
});

Deno.test("a signal ends a futex wait like a wake", async () => {
  const child = start(
    `
    const shim = loadShim();
    Deno.addSignalListener("SIGUSR1", () => {});
    const address = shim.addressOf(new SharedArrayBuffer(4));
    console.log("waiting");
    console.log(shim.futexWait(address, 0, 60e6));
    Deno.exit();`,
    "--allow-ffi",
  );
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("waiting\n")) text += (await reader.read()).value;
  // One signal could come before the wait has begun, so they go on until there is an answer.
  const signals = setInterval(() => child.kill("SIGUSR1"), 5);
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
    clearInterval(signals);
    text += chunk.value;
  }
  await child.stderr.cancel();
  await child.status;
  assertEquals(text, "waiting\n0\n");
});

Deno.test("two threads wake each other over futexes, and a wake returns how many slept", async () => {
  const cells = words(32);
  const there = shim.addressOf(cells), here = shim.addressOf(cells.subarray(16));
  const program = `import { loadShim } from ${JSON.stringify(shimUrl)};
    const shim = loadShim();
    onmessage = ({ data: cells }) => {
      const there = shim.addressOf(cells), here = shim.addressOf(cells.subarray(16));
      postMessage("plays");
      for (let ball = 0; ball !== 3;) {
        while ((ball = Atomics.exchange(cells, 0, 0)) === 0) shim.futexWait(there, 0, -1);
        Atomics.store(cells, 16, ball);
        shim.futexWake(here, 1);
      }
    };
    postMessage("is up");`;
  const worker = new Worker(`data:application/typescript,${encodeURIComponent(program)}`, { type: "module" });
  const says = () => new Promise<string>((resolve) => worker.onmessage = ({ data }) => resolve(data));
  assertEquals(await says(), "is up");
  worker.postMessage(cells);
  assertEquals(await says(), "plays");
  while (shim.futexWake(there, 1) === 0); // until it has gone to sleep
  for (const ball of [1, 2, 3]) {
    Atomics.store(cells, 0, ball);
    shim.futexWake(there, 1);
    while (Atomics.load(cells, 16) === 0) shim.futexWait(here, 0, -1);
    assertEquals(Atomics.exchange(cells, 16, 0), ball);
  }
  assertEquals(shim.futexWake(there, 1), 0);
  worker.terminate();
});

Deno.test("a thread's name has at most 15 bytes", () => {
  const before = Deno.readTextFileSync("/proc/thread-self/comm").trimEnd();
  assertEquals(shim.setThreadName("heddle-15-bytes"), 0);
  assertEquals(Deno.readTextFileSync("/proc/thread-self/comm"), "heddle-15-bytes\n");
  assertEquals(errnoName(shim.setThreadName("heddle-16-bytes!")), "ERANGE");
  assertEquals(errnoName(shim.setThreadName("é".repeat(8))), "ERANGE");
  assertEquals(Deno.readTextFileSync("/proc/thread-self/comm"), "heddle-15-bytes\n");
  assertEquals(shim.setThreadName(before), 0);
});

Deno.test("affinity: set, read back, and refused for a CPU that is not there", () => {
  const all = shim.getAffinity();
  const allowed = /^Cpus_allowed_list:\s*(.*)$/m.exec(Deno.readTextFileSync("/proc/thread-self/status"))![1];
  const ranges = allowed.split(",").map((range) => range.split("-").map(Number));
  assertEquals(
    all,
    ranges.flatMap(([from, to = from]) => Array.from({ length: to - from + 1 }, (_, i) => from + i)),
  );
  assertEquals(shim.setAffinity([all.at(-1)!]), 0);
  assertEquals(shim.getAffinity(), [all.at(-1)]);
  assertEquals(errnoName(shim.setAffinity([9_999])), "EINVAL");
  assertEquals(errnoName(shim.setAffinity([])), "EINVAL");
  assertEquals(shim.getAffinity(), [all.at(-1)]);
  assertEquals(shim.setAffinity(all), 0);
  assertEquals(shim.getAffinity(), all);
  for (const bad of [-1, 0.5, NaN, 65_536]) {
    const error = assertThrows(() => shim.setAffinity([0, bad]), RangeError);
    assertStringIncludes(error.message, `CPU ${bad}`);
  }
});

Deno.test("nice and timer slack are those of the calling thread alone", async () => {
  // In a process of its own, since without privileges a nice value does not go down again.
  const child = start(
    `
    const shim = loadShim();
    const nice = (who: string) => Deno.readTextFileSync("/proc/" + who + "/stat").split(") ")[1].split(" ")[16];
    const before = Number(nice("thread-self"));
    const results = [shim.setNice(before + 3), shim.setTimerSlack(1)];
    const others = [...Deno.readDirSync("/proc/self/task")].map((task) => task.name)
      .filter((tid) => tid !== String(shim.gettid()));
    console.log(JSON.stringify({
      results,
      raised: Number(nice("thread-self")) - before,
      othersRaised: others.map((tid) => Number(nice("self/task/" + tid)) - before),
      slack: Deno.readTextFileSync("/proc/" + shim.gettid() + "/timerslack_ns"),
    }));`,
    "--allow-all",
  );
  const { stdout, stderr } = await outcome(child);
  assertEquals(stderr, "");
  const { results, raised, othersRaised, slack } = JSON.parse(stdout);
  assertEquals(results, [0, 0]);
  assertEquals(raised, 3);
  assertGreater(othersRaised.length, 0);
  assert(othersRaised.every((raise: number) => raise === 0), `others were raised: ${othersRaised}`);
  assertEquals(slack, "1\n");
});

Deno.test("gettid is the calling thread's", () => {
  assertEquals(Deno.readTextFileSync("/proc/thread-self/stat").split(" ")[0], String(shim.gettid()));
});

Deno.test("the clock is the kernel's monotonic one and does not go back", () => {
  const uptime = () => Number(Deno.readTextFileSync("/proc/uptime").split(" ")[0]) * 1e9;
  const earlier = uptime();
  const times = Array.from({ length: 1000 }, shim.nowNs);
  const later = uptime();
  for (let i = 1; i < times.length; i++) assert(times[i] >= times[i - 1]);
  // /proc/uptime is CLOCK_BOOTTIME, ahead by the time spent suspended, and rounded down to 10 ms.
  assertGreater(later + 10e6, times[999]);
  assertGreater(times[0], 0);
  assertGreater(later - earlier + 20e6, times[999] - times[0]);
});

Deno.test("an empty buffer has no address", () => {
  assertThrows(() => shim.addressOf(new SharedArrayBuffer(0)), TypeError, "at least 1 byte");
});

Deno.test("an address of a view is that of its first byte", () => {
  const cells = words(4);
  assertEquals(shim.addressOf(cells.subarray(2)) - shim.addressOf(cells.buffer), 8);
});

Deno.test("an error number has its name, or itself", () => {
  assertEquals([-1, -110, -4242].map(errnoName), ["EPERM", "ETIMEDOUT", "errno 4242"]);
});

for (
  const [os, arch] of [["linux", "riscv64"], ["darwin", "aarch64"], ["darwin", "x86_64"], [
    "windows",
    "x86_64",
  ]]
) {
  Deno.test(`${os} ${arch} is refused by name`, () => {
    const error = assertThrows(() => requireSupported({ os, arch }), Error);
    assertStringIncludes(error.message, `this is ${os} ${arch}`);
    assertStringIncludes(error.message, "linux x86_64 and linux aarch64");
  });
}

Deno.test("--allow-ffi is the only permission that the shim needs", async () => {
  const { code, stdout, stderr } = await outcome(
    start("console.log(loadShim().gettid() > 0);", "--allow-ffi"),
  );
  assertEquals({ code, stdout, stderr }, { code: 0, stdout: "true", stderr: "" });
});

for (const flags of [[], ["--allow-ffi=/usr/lib"]]) {
  Deno.test(`with ${flags[0] ?? "no permission"} the error says to run with --allow-ffi`, async () => {
    const { code, stderr } = await outcome(start("loadShim();", ...flags));
    assertEquals(code, 1);
    assertStringIncludes(
      stderr,
      `NotCapable: Loading ${soname} needs foreign functions: run with --allow-ffi`,
    );
  });
}
