/**
 * The seccomp filter: what the kernel refuses by the number of a call and its plain arguments, without asking anybody.
 * It closes what Landlock does not look at. Numbers are those of linux/seccomp.h, linux/audit.h, linux/bpf_common.h and
 * the x86-64 system call table. What is in no list is allowed: what it does to files and networks is Landlock's matter.
 */

const EPERM = 1, EACCES = 13, EBUSY = 16, ENOSYS = 38, EOPNOTSUPP = 95;

/** A plain argument, with its lower 32 bits, is one of these after the mask. */
interface Condition {
  readonly argument: number;
  readonly mask?: number;
  readonly equals: number;
}

/** The call is refused if all conditions hold. */
export interface Refusal {
  readonly call: number;
  readonly errno: number;
  readonly when?: readonly Condition[];
}

/** Who hears of reported calls: the listener of the filter, or the tracer (without one they fail with ENOSYS). */
export type Asked = "listener" | "tracer";

/** A call that is asked about. */
export interface Reported {
  readonly call: number;
  /** It is refused instead, `when` all of that holds. */
  readonly errno?: number;
  readonly when?: readonly Condition[];
  /** It does not if this argument is 0. */
  readonly unlessNull?: number;
}

/** Ways to another view of the file system, to more privileges, or to parts of the kernel that few have looked at. */
const forbidden = {
  mount: 165,
  umount2: 166,
  pivot_root: 155,
  chroot: 161,
  open_tree: 428,
  move_mount: 429,
  fsopen: 430,
  fsconfig: 431,
  fsmount: 432,
  fspick: 433,
  mount_setattr: 442,
  open_tree_attr: 467,
  setns: 308,
  open_by_handle_at: 304,
  userfaultfd: 323,
  bpf: 321,
  perf_event_open: 298,
  add_key: 248,
  request_key: 249,
  keyctl: 250,
  kexec_load: 246,
  kexec_file_load: 320,
  init_module: 175,
  finit_module: 313,
  delete_module: 176,
  reboot: 169,
  swapon: 167,
  swapoff: 168,
  acct: 163,
  quotactl: 179,
  quotactl_fd: 443,
  syslog: 103,
  vhangup: 153,
  iopl: 172,
  ioperm: 173,
  settimeofday: 164,
  clock_settime: 227,
  lookup_dcookie: 212,
  fanotify_init: 300,
} as const;

/** Programs have another way where these are missing. The arguments of clone3 are in memory, where no filter looks. */
const missing = { clone3: 435, io_uring_setup: 425, io_uring_enter: 426, io_uring_register: 427 } as const;

const CLONE = 56, UNSHARE = 272, IOCTL = 16, SECCOMP = 317;
const NEW_LISTENER = 8;
const SOCKET = 41, SOCKETPAIR = 53, SENDTO = 44, SENDMSG = 46, SENDMMSG = 307;
/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
const namespaces = [0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000];
const CLONE_NEWTIME = 0x80;
/** They put words into the mouth of who sits at the terminal. */
const TIOCSTI = 0x5412, TIOCLINUX = 0x541c;

const AF_UNIX = 1, AF_INET = 2, AF_INET6 = 10, AF_NETLINK = 16;
const SOCK_STREAM = 1, SOCK_DGRAM = 2, SOCK_TYPE_MASK = 0xf;
const IPPROTO_TCP = 6;
const MSG_FASTOPEN = 0x20000000;

export interface Sockets {
  /** Those of the Internet, or only TCP, whose ports Landlock knows. */
  readonly families: "all" | "internet" | "tcp";
  /** Named Unix sockets: Landlock does not yet tell one from the other. */
  readonly unix: boolean;
}

function refusals({ families, unix }: Sockets): Refusal[] {
  const list: Refusal[] = [];
  for (const flag of namespaces) {
    for (const call of [CLONE, UNSHARE]) {
      list.push({ call, errno: EPERM, when: [{ argument: 0, mask: flag, equals: flag }] });
    }
  }
  list.push({
    call: UNSHARE,
    errno: EPERM,
    when: [{ argument: 0, mask: CLONE_NEWTIME, equals: CLONE_NEWTIME }],
  });
  for (const equals of [TIOCSTI, TIOCLINUX]) {
    list.push({ call: IOCTL, errno: EPERM, when: [{ argument: 1, equals }] });
  }
  if (!unix) {
    // One that has no peer for good can be turned to another one.
    list.push({
      call: SOCKETPAIR,
      errno: EACCES,
      when: [{ argument: 1, mask: SOCK_TYPE_MASK, equals: SOCK_DGRAM }],
    });
  }
  for (const call of Object.values(forbidden)) list.push({ call, errno: EPERM });
  for (const call of Object.values(missing)) list.push({ call, errno: ENOSYS });
  if (families !== "tcp") return list;
  // A connection that is made by its first data is none to Landlock.
  for (const [call, argument] of [[SENDTO, 3], [SENDMSG, 2], [SENDMMSG, 3]]) {
    list.push({ call, errno: EOPNOTSUPP, when: [{ argument, mask: MSG_FASTOPEN, equals: MSG_FASTOPEN }] });
  }
  return list;
}

const AUDIT_ARCH_X86_64 = 0xc000003e;
const X32_SYSCALL_BIT = 0x40000000;

const KILL_PROCESS = 0x80000000;
const ERRNO = 0x00050000;
const USER_NOTIF = 0x7fc00000;
const TRACE = 0x7ff00000;
const ALLOW = 0x7fff0000;

const LOAD = 0x20, AND = 0x54, IF_EQUAL = 0x15, IF_AT_LEAST = 0x35, RETURN = 0x06;

/** Offsets in struct seccomp_data. */
const NUMBER = 0, ARCHITECTURE = 4, ARGUMENTS = 16;

/** Jumps count from the next instruction. */
type Instruction = readonly [code: number, k: number, ifTrue?: number, ifFalse?: number];

/** A block that ends in a refusal, or else goes on behind itself with the call's number loaded again. */
function refuse({ call, errno, when = [] }: Refusal): Instruction[] {
  const tests = when.map(({ argument, mask, equals }): Instruction[] => [
    [LOAD, ARGUMENTS + 8 * argument],
    ...(mask === undefined ? [] : [[AND, mask] as const]),
    [IF_EQUAL, equals],
  ]);
  const block: Instruction[] = [...tests.flat(), [RETURN, ERRNO | errno]];
  const targeted = block.map(([code, k], i): Instruction =>
    code === IF_EQUAL ? [code, k, 0, block.length - i - 1] : [code, k]
  );
  const reload: Instruction[] = when.length > 0 ? [[LOAD, NUMBER]] : [];
  return [[IF_EQUAL, call, 0, block.length + reload.length], ...targeted, ...reload];
}

function report({ call, errno, when, unlessNull }: Reported, ask: number): Instruction[] {
  if (errno !== undefined) return refuse({ call, errno, when });
  if (unlessNull === undefined) return [[IF_EQUAL, call, 0, 1], [RETURN, ask]];
  const low = ARGUMENTS + 8 * unlessNull;
  return [
    [IF_EQUAL, call, 0, 6],
    [LOAD, low],
    [IF_EQUAL, 0, 0, 2],
    [LOAD, low + 4],
    [IF_EQUAL, 0, 1, 0],
    [RETURN, ask],
    [RETURN, ALLOW],
  ];
}

/** A positive list, as families and protocols are many, and not all of them know namespaces. */
function allowedSockets({ families, unix }: Sockets): Instruction[] {
  const refusal: Instruction = [RETURN, ERRNO | EACCES];
  const block: Instruction[] = [
    [LOAD, ARGUMENTS],
    [IF_EQUAL, AF_UNIX, unix ? 10 : 9, 0],
    [IF_EQUAL, AF_NETLINK, 9, 0],
    [IF_EQUAL, AF_INET, families === "tcp" ? 1 : 8, 0],
    [IF_EQUAL, AF_INET6, families === "tcp" ? 0 : 7, 6],
    [LOAD, ARGUMENTS + 8],
    [AND, SOCK_TYPE_MASK],
    [IF_EQUAL, SOCK_STREAM, 0, 3],
    [LOAD, ARGUMENTS + 16],
    [IF_EQUAL, 0, 2, 0],
    [IF_EQUAL, IPPROTO_TCP, 1, 0],
    refusal,
  ];
  return [[IF_EQUAL, SOCKET, 0, block.length + 1], ...block, [LOAD, NUMBER]];
}

/**
 * The filter as struct sock_filter[], 8 bytes each. `reported` are calls that `asked` decides on. 32-bit
 * calls have other numbers, so a 32-bit program is killed (SIGSYS); x32 calls fail with ENOSYS, as on most kernels.
 * Without `sockets` nothing is refused but what the listener could not see: for learning.
 */
export function filterProgram(
  reported: readonly Reported[],
  sockets: Sockets | undefined,
  asked: Asked = "listener",
): Uint8Array<ArrayBuffer> {
  const program: Instruction[] = [];
  if (sockets) {
    if (sockets.families !== "all") program.push(...allowedSockets(sockets));
    for (const refusal of refusals(sockets)) program.push(...refuse(refusal));
  } else {
    for (const call of [missing.io_uring_setup, forbidden.open_by_handle_at]) {
      program.push(...refuse({ call, errno: ENOSYS }));
    }
  }
  // What a listener is told no tracer hears of: the program could let its own calls go on. There is only one listener anyway.
  const ownListener = { argument: 1, mask: NEW_LISTENER, equals: NEW_LISTENER };
  if (asked === "tracer") program.push(...refuse({ call: SECCOMP, errno: EBUSY, when: [ownListener] }));
  const ask = asked === "listener" ? USER_NOTIF : TRACE;
  for (const call of reported) program.push(...report(call, ask));
  return encoded(program);
}

/** A filter in the same form that refuses these, and allows all else. */
export function refusing(list: readonly Refusal[]): Uint8Array<ArrayBuffer> {
  return encoded(list.flatMap(refuse));
}

/** Blocks that refuse or report, each with the call's number loaded; behind them all is allowed. */
function encoded(blocks: readonly Instruction[]): Uint8Array<ArrayBuffer> {
  const program: Instruction[] = [
    [LOAD, ARCHITECTURE],
    [IF_EQUAL, AUDIT_ARCH_X86_64, 1, 0],
    [RETURN, KILL_PROCESS],
    [LOAD, NUMBER],
    [IF_AT_LEAST, X32_SYSCALL_BIT, 0, 1],
    [RETURN, ERRNO | ENOSYS],
    ...blocks,
    [RETURN, ALLOW],
  ];
  const bytes = new Uint8Array(program.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [i, [code, k, ifTrue = 0, ifFalse = 0]] of program.entries()) {
    view.setUint16(i * 8, code, true);
    view.setUint8(i * 8 + 2, ifTrue);
    view.setUint8(i * 8 + 3, ifFalse);
    view.setUint32(i * 8 + 4, k, true);
  }
  return bytes;
}
