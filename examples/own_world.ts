/**
 * To Linux a working directory, a host name and a user are things of a thread, not of a process. libc hides some of that;
 * unshare(2), setns(2) and setfsuid(2) show it. So one thread of a program can stand somewhere else than the others:
 * `deno run -A examples/own_world.ts`.
 *
 * Such a thread must not go back to a pool. A NativeThread is nobody else's, and ends when it is closed.
 */
import { type NativeThread, Scheduler } from "@heddle/heddle";

const CLONE_FS = 0x200, CLONE_NEWUTS = 0x04000000;

/** What one thread sees of the world. Relative paths and permissions are those of the thread. */
export class World {
  readonly #libc;

  constructor(thread: NativeThread) {
    this.#libc = thread.dlopen("libc.so.6", {
      unshare: { parameters: ["i32"], result: "i32" },
      chdir: { parameters: ["buffer"], result: "i32" },
      open: { parameters: ["buffer", "i32"], result: "i32" },
      read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
      close: { parameters: ["i32"], result: "i32" },
      sethostname: { parameters: ["buffer", "usize"], result: "i32" },
      gethostname: { parameters: ["buffer", "usize"], result: "i32" },
      setfsuid: { parameters: ["u32"], result: "i32" },
    }).symbols;
  }

  /** A directory of its own; the process keeps its. */
  async enter(directory: string): Promise<void> {
    await must(this.#libc.unshare(CLONE_FS), "unshare(CLONE_FS)");
    await must(this.#libc.chdir(cString(directory)), `chdir("${directory}")`);
  }

  async read(path: string): Promise<string> {
    const fd = await must(this.#libc.open(cString(path), 0), `open("${path}")`);
    const bytes = new Uint8Array(4096);
    const length = Number(await this.#libc.read(fd, bytes, BigInt(bytes.length)));
    await this.#libc.close(fd);
    return new TextDecoder().decode(bytes.subarray(0, Math.max(0, length)));
  }

  /** A host name of its own. Takes CAP_SYS_ADMIN. */
  async rename(name: string): Promise<void> {
    await must(this.#libc.unshare(CLONE_NEWUTS), "unshare(CLONE_NEWUTS)");
    await must(this.#libc.sethostname(cString(name), BigInt(name.length)), `sethostname("${name}")`);
  }

  async hostname(): Promise<string> {
    const bytes = new Uint8Array(65);
    await must(this.#libc.gethostname(bytes, 65n), "gethostname");
    return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
  }

  /** Opens files as another user from here on, as a file server does for its clients. Takes CAP_SETUID. */
  async actAs(uid: number): Promise<void> {
    await this.#libc.setfsuid(uid);
    // It returns what was before; only a second call tells whether the first one was obeyed.
    if (await this.#libc.setfsuid(uid) !== uid) throw new Error(`setfsuid(${uid}) takes CAP_SETUID`);
  }
}

async function must(call: Promise<number> & { readonly errno: number }, what: string): Promise<number> {
  const result = await call;
  if (result < 0) throw new Error(`${what} failed with errno ${call.errno}`);
  return result;
}

function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}

if (import.meta.main) {
  await using sched = await Scheduler.start({ procs: 1 });
  await using thread = await sched.thread();
  await using other = await sched.thread();
  const [world, otherWorld] = [new World(thread), new World(other)];
  await world.enter("/proc/sys/kernel");
  await otherWorld.enter("/proc/sys/fs");
  console.log("ostype:", await world.read("ostype"));
  console.log("file-max:", await otherWorld.read("file-max"));
  console.log("the process is still in", Deno.cwd());
  if (Deno.uid() === 0) {
    // Some containers do not permit it.
    await world.rename("loom").catch((error) => console.log(error.message));
    console.log(`host names: ${await world.hostname()}, ${await otherWorld.hostname()}, ${Deno.hostname()}`);
    await otherWorld.actAs(65534);
    const path = await Deno.makeTempFile();
    await Deno.writeTextFile(path, "for root only", { mode: 0o600 });
    console.log("as nobody:", await otherWorld.read(path).catch((error) => error.message));
    console.log("as root:", await world.read(path));
    await Deno.remove(path);
  }
}
