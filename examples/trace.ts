/**
 * Counts a program's system calls, as `strace -c` does: `deno run -A examples/trace.ts ls /`.
 *
 * Linux lets exactly one thread trace a process: every ptrace(2) request from another one fails with ESRCH, though it is
 * of the same process. So all requests are calls of one NativeThread. What the program starts is not followed.
 */
import { type NativeThread, Scheduler } from "@heddle/heddle";

const libc = {
  // Declared as ptrace(request, ...): the last argument is a number or an address, as the request says.
  ptrace: { parameters: ["i32", "i32", "usize", "usize"], result: "i32" },
  ptraceInto: { name: "ptrace", parameters: ["i32", "i32", "usize", "buffer"], result: "i32" },
  waitpid: { parameters: ["i32", "buffer", "i32"], result: "i32" },
} as const;

// <sys/ptrace.h>, <sys/wait.h>
const PTRACE_DETACH = 17, PTRACE_SYSCALL = 24, PTRACE_GETEVENTMSG = 0x4201, PTRACE_SEIZE = 0x4206;
const PTRACE_INTERRUPT = 0x4207, PTRACE_GET_SYSCALL_INFO = 0x420e;
const TRACESYSGOOD = 1, TRACEEXEC = 1 << 4, TRACEEXIT = 1 << 6, EXITKILL = 1 << 20;
const EVENT_EXEC = 4, EVENT_EXIT = 6, EVENT_STOP = 128;
const SIGTRAP = 5, SYSCALL_STOP = SIGTRAP | 0x80, ENTRY = 1, __WALL = 0x40000000;

export interface Trace {
  /** How often the program made each call, by number. */
  readonly calls: Map<number, number>;
  /** As by `waitpid`: the exit status in the second byte, a signal in the first. */
  readonly status: number;
  /** The errno of one of these requests when another thread made it. */
  readonly errnoElsewhere: number;
  readonly output: string;
}

/** Runs the command under a tracer of its own. Throws what ptrace says if it is not permitted. */
export async function trace(sched: Scheduler, command: string, ...args: string[]): Promise<Trace> {
  await using tracer = await sched.thread({ name: "tracer" });
  // The shell waits for a line, so that nothing happens before it is traced; then it becomes the command.
  const child = new Deno.Command("sh", {
    args: ["-c", 'read -r line; exec "$0" "$@"', command, ...args],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  try {
    const start = async () => {
      const writer = child.stdin.getWriter();
      await writer.write(new Uint8Array([10]));
      await writer.close();
    };
    const traced = await follow(sched, tracer, child.pid, start);
    const { stdout } = await child.output();
    return { ...traced, output: new TextDecoder().decode(stdout) };
  } catch (error) {
    child.kill("SIGKILL");
    await child.output();
    throw error;
  }
}

async function follow(sched: Scheduler, tracer: NativeThread, pid: number, start: () => Promise<void>) {
  const { ptrace, ptraceInto, waitpid } = tracer.dlopen("libc.so.6", libc).symbols;
  using elsewhere = sched.dlopen("libc.so.6", libc);
  const request = async (number: number, data = 0): Promise<void> => {
    const call = ptrace(number, pid, 0n, BigInt(data));
    if (await call !== 0) throw new Error(`ptrace(${number}) failed with errno ${call.errno}`);
  };
  const status = new Int32Array(1);
  const calls = new Map<number, number>();
  const info = new Uint8Array(88); // struct ptrace_syscall_info
  const [view, length] = [new DataView(info.buffer), BigInt(info.length)];

  await request(PTRACE_SEIZE, TRACESYSGOOD | TRACEEXEC | TRACEEXIT | EXITKILL);
  await request(PTRACE_INTERRUPT);
  await waitpid(pid, status, __WALL);
  const refused = elsewhere.symbols.ptraceInto(PTRACE_GET_SYSCALL_INFO, pid, length, info);
  const errnoElsewhere = await refused === -1 ? refused.errno : 0;
  await start();
  for (let isCommand = false, signal = 0;;) {
    await request(PTRACE_SYSCALL, signal);
    if (await waitpid(pid, status, __WALL) !== pid) throw new Error("The program is gone.");
    const stop = status[0] >> 8 & 0xff, event = status[0] >> 16;
    signal = event === 0 && stop !== SYSCALL_STOP ? stop : 0;
    if (event === EVENT_EXEC) isCommand = true;
    if (event === EVENT_EXIT) break;
    if (event === EVENT_STOP || stop !== SYSCALL_STOP || !isCommand) continue;
    await ptraceInto(PTRACE_GET_SYSCALL_INFO, pid, length, info);
    if (info[0] !== ENTRY) continue;
    const number = view.getUint32(24, true);
    calls.set(number, (calls.get(number) ?? 0) + 1);
  }
  // Let go of it before it is dead: then Deno, which started it, hears of its end.
  await ptraceInto(PTRACE_GETEVENTMSG, pid, 0n, info);
  await request(PTRACE_DETACH);
  return { calls, status: view.getInt32(0, true), errnoElsewhere };
}

// Those of x86-64 that small programs make.
const names: Record<number, string> = {
  ...Object.fromEntries(
    ("read write open close stat fstat lstat poll lseek mmap mprotect munmap brk rt_sigaction rt_sigprocmask " +
      "rt_sigreturn ioctl pread64 pwrite64 readv writev access pipe select").split(" ").entries(),
  ),
  39: "getpid",
  59: "execve",
  79: "getcwd",
  97: "getrlimit",
  137: "statfs",
  158: "arch_prctl",
  202: "futex",
  217: "getdents64",
  218: "set_tid_address",
  221: "fadvise64",
  231: "exit_group",
  257: "openat",
  262: "newfstatat",
  273: "set_robust_list",
  302: "prlimit64",
  318: "getrandom",
  332: "statx",
  334: "rseq",
};

if (import.meta.main) {
  await using sched = await Scheduler.start({ procs: 1 });
  const [command, ...args] = Deno.args.length > 0 ? Deno.args : ["echo", "traced"];
  const { calls, status, errnoElsewhere, output } = await trace(sched, command, ...args);
  console.log(output);
  for (const [number, times] of [...calls].sort(([, a], [, b]) => b - a)) {
    console.log(`${String(times).padStart(6)}  ${names[number] ?? number}`);
  }
  console.log(
    `status ${status >> 8}; a request from another thread fails with errno ${errnoElsewhere} (ESRCH)`,
  );
}
