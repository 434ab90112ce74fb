/**
 * In which system call a thread is, by `/proc/self/task/TID/syscall`. The kernel says so of threads that sleep in one, to who
 * may trace them: a process may itself. Deno (2.9) lets only programs with all permissions read there, and asks nobody.
 */
import { textOf } from "../../ffi/permitted.ts";

/** Of those that a thread may stay in, by their numbers on the machine. Others are told as numbers. */
const NAMES: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  x86_64: {
    0: "read",
    1: "write",
    7: "poll",
    17: "pread64",
    18: "pwrite64",
    19: "readv",
    20: "writev",
    23: "select",
    34: "pause",
    35: "nanosleep",
    42: "connect",
    43: "accept",
    44: "sendto",
    45: "recvfrom",
    46: "sendmsg",
    47: "recvmsg",
    61: "wait4",
    65: "semop",
    69: "msgsnd",
    70: "msgrcv",
    72: "fcntl",
    73: "flock",
    74: "fsync",
    75: "fdatasync",
    101: "ptrace",
    128: "rt_sigtimedwait",
    130: "rt_sigsuspend",
    202: "futex",
    219: "restart_syscall",
    230: "clock_nanosleep",
    232: "epoll_wait",
    247: "waitid",
    257: "openat",
    270: "pselect6",
    271: "ppoll",
    281: "epoll_pwait",
    288: "accept4",
    426: "io_uring_enter",
    441: "epoll_pwait2",
  },
  aarch64: {
    22: "epoll_pwait",
    25: "fcntl",
    32: "flock",
    56: "openat",
    63: "read",
    64: "write",
    65: "readv",
    66: "writev",
    67: "pread64",
    68: "pwrite64",
    72: "pselect6",
    73: "ppoll",
    82: "fsync",
    83: "fdatasync",
    95: "waitid",
    98: "futex",
    101: "nanosleep",
    115: "clock_nanosleep",
    117: "ptrace",
    128: "restart_syscall",
    133: "rt_sigsuspend",
    137: "rt_sigtimedwait",
    188: "msgrcv",
    189: "msgsnd",
    193: "semop",
    202: "accept",
    203: "connect",
    206: "sendto",
    207: "recvfrom",
    211: "sendmsg",
    212: "recvmsg",
    242: "accept4",
    260: "wait4",
    426: "io_uring_enter",
    441: "epoll_pwait2",
  },
};

/** By what `/proc/self/task/TID/syscall` says. Undefined: the thread is in none. */
export function systemCallOf(line: string, arch: string = Deno.build.arch): string | undefined {
  // "running", or -1 for a thread that sleeps outside of one.
  const [, digits] = /^(\d+) /.exec(line) ?? [];
  if (digits === undefined) return undefined;
  return NAMES[arch]?.[Number(digits)] ?? `system call ${digits}`;
}

/** Of a thread of this process, if that may be read. */
export function systemCall(tid: number): string | undefined {
  const line = textOf(`/proc/self/task/${tid}/syscall`);
  return line === undefined ? undefined : systemCallOf(line);
}

/** The same of its name. */
export function kernelName(tid: number): string | undefined {
  return textOf(`/proc/self/task/${tid}/comm`)?.trimEnd();
}
