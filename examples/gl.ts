/**
 * Three tasks draw one picture, with OpenGL ES and without a screen: `deno run -A examples/gl.ts discs.png`.
 *
 * A GL context is current on one thread, and every call acts on the context of its thread. So the tasks share a thread, by
 * a ThreadLocker: they take turns at their awaits, and see the same variables of this module. Mesa renders in software
 * where there is no graphics card. Takes Debian's packages libegl1, libgles2 and libgl1-mesa-dri.
 */
import { Scheduler, task } from "@heddle/heddle";

const eglSymbols = {
  eglGetPlatformDisplay: { parameters: ["u32", "pointer", "pointer"], result: "pointer" },
  eglInitialize: { parameters: ["pointer", "pointer", "pointer"], result: "u32" },
  eglBindAPI: { parameters: ["u32"], result: "u32" },
  eglChooseConfig: { parameters: ["pointer", "buffer", "buffer", "i32", "buffer"], result: "u32" },
  eglCreateContext: { parameters: ["pointer", "pointer", "pointer", "buffer"], result: "pointer" },
  eglCreatePbufferSurface: { parameters: ["pointer", "pointer", "buffer"], result: "pointer" },
  eglMakeCurrent: { parameters: ["pointer", "pointer", "pointer", "pointer"], result: "u32" },
  eglGetError: { parameters: [], result: "u32" },
} as const;

const glSymbols = {
  glCreateShader: { parameters: ["u32"], result: "u32" },
  glShaderSource: { parameters: ["u32", "i32", "buffer", "buffer"], result: "void" },
  glCompileShader: { parameters: ["u32"], result: "void" },
  glCreateProgram: { parameters: [], result: "u32" },
  glAttachShader: { parameters: ["u32", "u32"], result: "void" },
  glLinkProgram: { parameters: ["u32"], result: "void" },
  glUseProgram: { parameters: ["u32"], result: "void" },
  glGetUniformLocation: { parameters: ["u32", "buffer"], result: "i32" },
  glGetAttribLocation: { parameters: ["u32", "buffer"], result: "i32" },
  glUniform3f: { parameters: ["i32", "f32", "f32", "f32"], result: "void" },
  glEnableVertexAttribArray: { parameters: ["u32"], result: "void" },
  glVertexAttribPointer: { parameters: ["u32", "i32", "u32", "u8", "i32", "buffer"], result: "void" },
  glClearColor: { parameters: ["f32", "f32", "f32", "f32"], result: "void" },
  glClear: { parameters: ["u32"], result: "void" },
  glEnable: { parameters: ["u32"], result: "void" },
  glBlendFunc: { parameters: ["u32", "u32"], result: "void" },
  glDrawArrays: { parameters: ["u32", "i32", "i32"], result: "void" },
  glReadPixels: { parameters: ["i32", "i32", "i32", "i32", "u32", "u32", "buffer"], result: "void" },
  glGetError: { parameters: [], result: "u32" },
} as const;

// <EGL/egl.h>, <EGL/eglext.h>, <GLES2/gl2.h>
const EGL_PLATFORM_SURFACELESS_MESA = 0x31dd, EGL_OPENGL_ES_API = 0x30a0;
const configuration = [0x3033, 1, 0x3040, 4, 0x3024, 8, 0x3023, 8, 0x3022, 8, 0x3021, 8, 0x3038]; // pbuffer, ES 2, RGBA
const GL_TRIANGLE_STRIP = 5, GL_ONE = 1, GL_BLEND = 0x0be2, GL_COLOR_BUFFER_BIT = 0x4000;
const GL_FLOAT = 0x1406, GL_RGBA = 0x1908, GL_UNSIGNED_BYTE = 0x1401;
const GL_FRAGMENT_SHADER = 0x8b30, GL_VERTEX_SHADER = 0x8b31;

const vertexShader = "attribute vec2 at; void main() { gl_Position = vec4(at, 0.0, 1.0); }";
const fragmentShader = `
  precision mediump float;
  uniform vec3 color, disc; // the disc: centre and radius in pixels
  void main() {
    if (distance(gl_FragCoord.xy, disc.xy) > disc.z) discard;
    gl_FragColor = vec4(color, 1.0);
  }`;

type Gl = ReturnType<typeof Deno.dlopen<typeof glSymbols>>["symbols"];

/** Of this thread, once it is open. */
let gl: Gl;
let [color, disc] = [0, 0];
// GL keeps its address. Memory of a buffer that was asked for stays in place; V8 may move that of a small array.
const square = new Float32Array(new ArrayBuffer(32));
square.set([-1, -1, 1, -1, -1, 1, 1, 1]);

const cString = (text: string) => new TextEncoder().encode(`${text}\0`);

/**
 * Called once, before threads open the libraries: they stay for the life of the process. An isolate that ends closes what
 * it opened, and the last one to do so unloads it, before or while what it left to be called at a thread's end is called.
 */
export function keepLibraries(): void {
  const libc = Deno.dlopen("libc.so.6", { dlopen: { parameters: ["buffer", "i32"], result: "pointer" } });
  for (const library of ["libEGL.so.1", "libGLESv2.so.2"]) {
    const RTLD_NOW = 2;
    if (libc.symbols.dlopen(cString(library), RTLD_NOW) === null) {
      throw new Error(`${library} is not installed`);
    }
  }
  libc.close();
}

/** Makes a context current on this thread, with a program that draws discs. */
export const open = task(import.meta, "open", (_ctx, width: number, height: number): void => {
  const egl = Deno.dlopen("libEGL.so.1", eglSymbols).symbols;
  const must = <T>(result: T, what: string): T => {
    if (!result) throw new Error(`${what} failed: 0x${egl.eglGetError().toString(16)}`);
    return result;
  };
  const display = must(egl.eglGetPlatformDisplay(EGL_PLATFORM_SURFACELESS_MESA, null, null), "A display");
  must(egl.eglInitialize(display, null, null), "eglInitialize");
  must(egl.eglBindAPI(EGL_OPENGL_ES_API), "eglBindAPI");
  const [config, count] = [new BigUint64Array(1), new Int32Array(1)];
  must(egl.eglChooseConfig(display, Int32Array.from(configuration), config, 1, count), "eglChooseConfig");
  const chosen = Deno.UnsafePointer.create(config[0]);
  const version2 = new Int32Array([0x3098, 2, 0x3038]); // EGL_CONTEXT_CLIENT_VERSION
  const context = must(egl.eglCreateContext(display, chosen, null, version2), "eglCreateContext");
  const size = new Int32Array([0x3057, width, 0x3056, height, 0x3038]); // EGL_WIDTH, EGL_HEIGHT
  const surface = must(egl.eglCreatePbufferSurface(display, chosen, size), "eglCreatePbufferSurface");
  must(egl.eglMakeCurrent(display, surface, surface, context), "eglMakeCurrent");

  gl = Deno.dlopen("libGLESv2.so.2", glSymbols).symbols;
  const program = gl.glCreateProgram();
  gl.glAttachShader(program, compile(GL_VERTEX_SHADER, vertexShader));
  gl.glAttachShader(program, compile(GL_FRAGMENT_SHADER, fragmentShader));
  gl.glLinkProgram(program);
  gl.glUseProgram(program);
  [color, disc] = ["color", "disc"].map((name) => gl.glGetUniformLocation(program, cString(name)));
  const at = gl.glGetAttribLocation(program, cString("at"));
  gl.glEnableVertexAttribArray(at);
  gl.glVertexAttribPointer(at, 2, GL_FLOAT, 0, 0, square);
  gl.glClearColor(0, 0, 0, 1);
  gl.glClear(GL_COLOR_BUFFER_BIT);
  gl.glEnable(GL_BLEND); // colours add up, as light does
  gl.glBlendFunc(GL_ONE, GL_ONE);
});

function compile(kind: number, source: string): number {
  const shader = gl.glCreateShader(kind);
  const bytes = cString(source);
  const sources = new BigUint64Array([Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes))]);
  gl.glShaderSource(shader, 1, sources, null);
  gl.glCompileShader(shader);
  return shader;
}

/** Draws discs of one colour, one at a turn; other tasks draw between. */
export const draw = task(
  import.meta,
  "draw",
  async (ctx, [red, green, blue]: number[], discs: number[][]): Promise<number> => {
    for (const [x, y, radius] of discs) {
      gl.glUniform3f(color, red, green, blue);
      gl.glUniform3f(disc, x, y, radius);
      gl.glDrawArrays(GL_TRIANGLE_STRIP, 0, 4);
      await ctx.yield();
    }
    return gl.glGetError();
  },
);

/** The picture, 4 bytes a pixel, from the top. */
export const read = task(import.meta, "read", (_ctx, width: number, height: number) => {
  const [data, row] = [new Uint8Array(width * height * 4), width * 4];
  for (let y = 0; y < height; y++) {
    const line = data.subarray((height - 1 - y) * row, (height - y) * row);
    gl.glReadPixels(0, y, width, 1, GL_RGBA, GL_UNSIGNED_BYTE, line);
  }
  return data;
});

/** Red, green and blue light: a large disc and a small one of each. */
export async function drawDiscs(sched: Scheduler, size: number): Promise<Uint8Array> {
  keepLibraries();
  await using locker = await sched.locker({ name: "gl" });
  await locker.go(open(size, size));
  const [low, middle, high, radius] = [0.36 * size, 0.5 * size, 0.64 * size, 0.28 * size];
  const [near, far, small] = [0.08 * size, 0.92 * size, 0.05 * size];
  const errors = await Promise.all([
    locker.go(draw([1, 0, 0], [[low, low, radius], [near, near, small]])),
    locker.go(draw([0, 1, 0], [[high, low, radius], [far, near, small]])),
    locker.go(draw([0, 0, 1], [[middle, high, radius], [near, far, small]])),
  ]);
  if (errors.some((error) => error !== 0)) throw new Error(`glGetError: ${errors}`);
  return await locker.go(read(size, size));
}

if (import.meta.main) {
  const [path = "discs.png"] = Deno.args;
  const { encode } = await import("fast-png");
  await using sched = await Scheduler.start({ procs: 1 });
  const data = await drawDiscs(sched, 256);
  await Deno.writeFile(path, encode({ width: 256, height: 256, data, channels: 4 }));
  console.log(`${path}: 256 x 256`);
}
