/**
 * Brings an embedded library into this process without a file on disk: its bytes go into a memfd, and
 * `/proc/self/fd/N` is what gets loaded.
 *
 * The one permission that this takes is `--allow-ffi`, unrestricted: a list of paths would not cover pointers, and the
 * memfd is made and written through libc, so that no `--allow-write` is needed.
 */

import { errnoName } from "./errno.ts";

/** What `Deno.build` says of a machine, as far as it decides whether the embedded libraries run there. */
export interface Platform {
  readonly os: string;
  readonly arch: string;
}

/** Throws where the embedded libraries cannot run. */
export function requireSupported({ os, arch }: Platform): void {
  if (os === "linux" && (arch === "x86_64" || arch === "aarch64")) return;
  throw new Error(`Heddle's native code is for linux x86_64 and linux aarch64, and this is ${os} ${arch}.`);
}

const libcSymbols = {
  /** `int memfd_create(const char *name, unsigned int flags)` */
  memfd_create: { parameters: ["buffer", "u32"], result: "i32" },
  /** `int *__errno_location(void)` */
  __errno_location: { parameters: [], result: "pointer" },
  /** `int close(int fd)` */
  close: { parameters: ["i32"], result: "i32" },
  /** `ssize_t write(int fd, const void *buf, size_t count)` */
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
} as const satisfies Deno.ForeignLibraryInterface;

const MFD_CLOEXEC = 1;

type Libc = Deno.DynamicLibrary<typeof libcSymbols>["symbols"];

/** Puts the bytes into a memfd and returns the path under which the isolates of this process can load it. */
export function placeInMemory(name: string, bytes: Uint8Array<ArrayBuffer>): string {
  const library = open("libc.so.6", libcSymbols);
  const libc = library.symbols;
  try {
    return `/proc/self/fd/${writeToMemory(libc, name, bytes)}`;
  } finally {
    library.close();
  }
}

/** Loads the library, which stays for the rest of the process: it is linked with `-z nodelete`. Others open it by its soname. */
export function loadFromMemory(name: string, bytes: Uint8Array<ArrayBuffer>): void {
  // The descriptor stays open: of another file with that path the linker would say that it is loaded.
  open(placeInMemory(name, bytes), {}).close();
}

function writeToMemory(libc: Libc, name: string, bytes: Uint8Array<ArrayBuffer>): number {
  const fd = libc.memfd_create(cString(name), MFD_CLOEXEC);
  if (fd < 0) throw new Error(`memfd_create("${name}") failed: ${lastError(libc)}.`);
  try {
    writeAll(libc, fd, name, bytes);
  } catch (error) {
    libc.close(fd);
    throw error;
  }
  return fd;
}

function writeAll(libc: Libc, fd: number, name: string, bytes: Uint8Array<ArrayBuffer>): void {
  for (let written = 0; written < bytes.length;) {
    const rest = bytes.subarray(written);
    const count = Number(libc.write(fd, rest, BigInt(rest.length)));
    if (count <= 0) throw new Error(`Writing ${rest.length} bytes of ${name} failed: ${lastError(libc)}.`);
    written += count;
  }
}

/** Of the call before, unless the runtime has made one of its own since. */
function lastError(libc: Libc): string {
  return errnoName(-new Deno.UnsafePointerView(libc.__errno_location()!).getInt32());
}

/** As C reads a string. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}

/** `Deno.dlopen` that says which flag is missing. */
export function open<S extends Deno.ForeignLibraryInterface>(
  path: string | URL,
  symbols: S,
): Deno.DynamicLibrary<S> {
  requireSupported(Deno.build);
  try {
    return Deno.dlopen(path, symbols);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotCapable || cause instanceof Deno.errors.PermissionDenied) {
      throw new Deno.errors.NotCapable(
        `Loading ${path} needs foreign functions: run with --allow-ffi, without a list of paths ` +
          `(a list does not cover pointers). Heddle's native shim needs no other permission.`,
        { cause },
      );
    }
    throw cause;
  }
}
