/**
 * Brings an embedded library into this process without a file on disk: its bytes go into a memfd, and
 * `/proc/self/fd/N` is what gets loaded. The descriptor stays open, so that every other isolate of this process can
 * load the same path. The same inode gives the same library, so all of them share its static variables.
 *
 * The one permission that this takes is `--allow-ffi`, unrestricted: a list of paths would not cover pointers, and the
 * memfd is made and written through libc, so that no `--allow-write` is needed.
 */

/** What `Deno.build` says of a machine, as far as it decides whether the embedded libraries run there. */
export interface Platform {
  readonly os: string;
  readonly arch: string;
}

/** Throws where the embedded libraries cannot run. */
export function requireSupported({ os, arch }: Platform): void {
  if (os === "linux" && arch === "x86_64") return;
  throw new Error(`Heddle runs on linux x86_64, and this is ${os} ${arch}: there is no native shim for it.`);
}

const libcSymbols = {
  /** `int memfd_create(const char *name, unsigned int flags)` */
  memfd_create: { parameters: ["buffer", "u32"], result: "i32" },
  /** `ssize_t write(int fd, const void *buf, size_t count)` */
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
} as const satisfies Deno.ForeignLibraryInterface;

const MFD_CLOEXEC = 1;

/** Puts the bytes into a memfd and returns the path under which the isolates of this process can load it. */
export function placeInMemory(name: string, bytes: Uint8Array<ArrayBuffer>): string {
  requireSupported(Deno.build);
  const libc = open("libc.so.6", libcSymbols).symbols;
  const fd = libc.memfd_create(new TextEncoder().encode(`${name}\0`), MFD_CLOEXEC);
  if (fd < 0) throw new Error(`memfd_create("${name}") failed: no descriptor or memory left for it.`);
  for (let written = 0; written < bytes.length;) {
    const rest = bytes.subarray(written);
    const count = Number(libc.write(fd, rest, BigInt(rest.length)));
    if (count <= 0) {
      throw new Error(`Writing ${rest.length} bytes of ${name} into a memfd failed: no memory left.`);
    }
    written += count;
  }
  return `/proc/self/fd/${fd}`;
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
