/** Starts a program under the filter. See launcher.c for what its half does, and in which order. */

import { errnoName } from "../../ffi/errno.ts";
import { open, placeInMemory } from "../../ffi/load.ts";
import { base64 } from "./launcher_x86_64.ts";
import { filterProgram } from "./seccomp.ts";

const launcherSymbols = {
  /**
   * `int32_t sandbox_launch(char *strings, uint32_t count, struct sock_filter *filter, uint32_t instructions,
   * struct launched *out)`
   */
  sandbox_launch: { parameters: ["buffer", "u32", "buffer", "u32", "buffer"], result: "i32" },
  /** `int32_t sandbox_signal(int32_t pidfd, int32_t signal)` */
  sandbox_signal: { parameters: ["i32", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const libcSymbols = {
  /** `ssize_t recv(int socket, void *bytes, size_t length, int flags)`; its result fits an int here */
  recv: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  /** `int eventfd(unsigned int initial, int flags)` */
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  /** `int eventfd_write(int fd, uint64_t value)` */
  eventfd_write: { parameters: ["i32", "u64"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const EFD_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40;
const ESRCH = 3;
const stages = ["", "preparing the child", "installing the filter"];

export interface Program {
  readonly pid: number;
  readonly pidfd: number;
  readonly listener: number;
  /** An eventfd for `Assignment.stop`. */
  readonly stop: number;
  /** False when it has ended. */
  signal(number: number): boolean;
  /** Makes `stop` readable. */
  stopSupervision(): void;
  /** Asked after its end: the errno of its execve, if that failed. */
  execError(): number | undefined;
}

/** The child waits in its execve until a supervisor answers it. */
export function launch(file: string, argv: readonly string[]): Program {
  const launcher =
    open(placeInMemory("heddle-sandbox", Uint8Array.fromBase64(base64)), launcherSymbols).symbols;
  const libc = open("libc.so.6", libcSymbols).symbols;
  const strings = [file, ...argv];
  const filter = filterProgram();
  const out = new Int32Array(4); // struct launched
  const result = launcher.sandbox_launch(
    new TextEncoder().encode(strings.map((string) => `${string}\0`).join("")),
    strings.length,
    filter,
    filter.length / 8,
    out,
  );
  if (result < 0) {
    throw new Error(
      `${stages[out[0]]} failed with ${errnoName(result)}: this takes seccomp user notification.`,
    );
  }
  const [pid, pidfd, listener, socket] = out;
  const stop = libc.eventfd(0, EFD_CLOEXEC);
  return {
    pid,
    pidfd,
    listener,
    stop,
    signal: (number) => launcher.sandbox_signal(pidfd, number) !== -ESRCH,
    stopSupervision: () => libc.eventfd_write(stop, 1n),
    execError() {
      const report = new Int32Array(2); // struct report
      return libc.recv(socket, report, 8, MSG_DONTWAIT) === 8 ? report[1] : undefined;
    },
  };
}
