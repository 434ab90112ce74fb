import { assert, assertEquals } from "@std/assert";
import { decode } from "fast-png";
import { Scheduler } from "@heddle/heddle";
import { draw, keepLibraries, open, read } from "../../examples/gl.ts";
import { soon } from "../support/deadline.ts";
import { runProgram } from "../support/programs.ts";

/** Why nothing can be drawn here, if so: what is missing. */
async function obstacle(): Promise<string | undefined> {
  try {
    keepLibraries();
  } catch (error) {
    return (error as Error).message;
  }
  await using sched = await Scheduler.start({ procs: 1 });
  await using locker = await sched.locker();
  const { message } = await locker.go(open(1, 1)).then(() => new Error(""), (error) => error);
  // The libraries without a driver.
  return /^(A display|eglInitialize) failed/.test(message) ? message : undefined;
}

const reason = await obstacle();
if (reason !== undefined) {
  const packages = "libegl1 libegl-mesa0 libgles2 libgl1-mesa-dri";
  console.log(`skipped: the tests of OpenGL, since ${reason} (Debian: apt-get install ${packages})`);
}

Deno.test({
  name: "gl: three tasks draw one picture on one thread, and the PNG has their colours where they overlap",
  ignore: reason !== undefined,
  fn: async () => {
    const path = await Deno.makeTempFile({ suffix: ".png" });
    const { code, stderr } = await runProgram("../../examples/gl", { args: [path], ms: 60_000 });
    assertEquals([code, stderr], [0, ""]);
    const { width, height, channels, data } = decode(await Deno.readFile(path));
    await Deno.remove(path);
    assertEquals([width, height, channels], [256, 256, 4]);
    const at = (x: number, y: number) => [...data.subarray((y * 256 + x) * 4, (y * 256 + x) * 4 + 4)];
    const [black, red, green, blue] = [[0, 0, 0, 255], [255, 0, 0, 255], [0, 255, 0, 255], [0, 0, 255, 255]];
    assertEquals([at(128, 5), at(45, 200), at(210, 200), at(128, 40)], [black, red, green, blue]);
    // Light adds up: yellow, cyan, magenta, and white where all three are.
    assertEquals([at(128, 200), at(165, 115), at(91, 115)], [
      [255, 255, 0, 255],
      [0, 255, 255, 255],
      [255, 0, 255, 255],
    ]);
    assertEquals(at(128, 140), [255, 255, 255, 255]);
    assertEquals([at(20, 235), at(235, 235), at(20, 20)], [red, green, blue]);
    let lit = 0;
    for (let i = 0; i < data.length; i += 4) if (data[i] === 255) lit++;
    // The red discs have radii of 0.28 and 0.05 of 256 pixels.
    const area = Math.PI * ((0.28 * 256) ** 2 + (0.05 * 256) ** 2);
    assert(Math.abs(lit / area - 1) < 0.01, `${lit} red pixels instead of ${area}`);
  },
});

Deno.test({
  name: "gl: the context is current on the locker's thread alone, and two lockers have two pictures",
  ignore: reason !== undefined,
  fn: async () => {
    await using sched = await Scheduler.start({ procs: 1 });
    await using one = await sched.locker();
    await using two = await sched.locker();
    await soon(Promise.all([one.go(open(8, 8)), two.go(open(8, 8))]), "two contexts", 60_000);
    await soon(one.go(draw([1, 0, 0], [[4, 4, 20]])), "red");
    await soon(two.go(draw([0, 0, 1], [[4, 4, 20]])), "blue");
    const pixels = await Promise.all([one.go(read(8, 8)), two.go(read(8, 8))]);
    assertEquals(pixels.map((data) => [...data.subarray(0, 4)]), [[255, 0, 0, 255], [0, 0, 255, 255]]);
    const egl = Deno.dlopen("libEGL.so.1", { eglGetCurrentContext: { parameters: [], result: "pointer" } });
    assertEquals(egl.symbols.eglGetCurrentContext(), null);
    egl.close();
  },
});
