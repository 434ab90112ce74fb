/**
 * What Docker's default profile refuses on x86-64 to who has none of the capabilities that it does not give by default:
 * github.com/moby/profiles, seccomp/default.json of 2025. The profile lists what it allows; here is all else that Linux 6.5 has.
 * Left out: kinds of sockets but two, and values of personality(), which no runtime asks for.
 */
import type { Refusal } from "../../examples/sandbox/filter.ts";

const EPERM = 1, ENOSYS = 38;

const refused = {
  syslog: 103,
  uselib: 134,
  ustat: 136,
  sysfs: 139,
  vhangup: 153,
  pivot_root: 155,
  _sysctl: 156,
  acct: 163,
  settimeofday: 164,
  mount: 165,
  umount2: 166,
  swapon: 167,
  swapoff: 168,
  reboot: 169,
  sethostname: 170,
  setdomainname: 171,
  iopl: 172,
  ioperm: 173,
  create_module: 174,
  init_module: 175,
  delete_module: 176,
  get_kernel_syms: 177,
  query_module: 178,
  quotactl: 179,
  nfsservctl: 180,
  getpmsg: 181,
  putpmsg: 182,
  afs_syscall: 183,
  tuxcall: 184,
  security: 185,
  lookup_dcookie: 212,
  clock_settime: 227,
  vserver: 236,
  mbind: 237,
  set_mempolicy: 238,
  get_mempolicy: 239,
  kexec_load: 246,
  add_key: 248,
  request_key: 249,
  keyctl: 250,
  migrate_pages: 256,
  unshare: 272,
  move_pages: 279,
  perf_event_open: 298,
  fanotify_init: 300,
  open_by_handle_at: 304,
  setns: 308,
  kcmp: 312,
  finit_module: 313,
  kexec_file_load: 320,
  bpf: 321,
  userfaultfd: 323,
  io_uring_setup: 425,
  io_uring_enter: 426,
  io_uring_register: 427,
  open_tree: 428,
  move_mount: 429,
  fsopen: 430,
  fsconfig: 431,
  fsmount: 432,
  fspick: 433,
  pidfd_getfd: 438,
  process_madvise: 440,
  mount_setattr: 442,
  quotactl_fd: 443,
  set_mempolicy_home_node: 450,
} as const;

const SOCKET = 41, CLONE = 56, CLONE3 = 435;
const AF_ALG = 38, AF_VSOCK = 40;
/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
const namespaces = [0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000];

export const docker: readonly Refusal[] = [
  ...Object.values(refused).map((call) => ({ call, errno: EPERM })),
  ...namespaces.map((flag) => ({
    call: CLONE,
    errno: EPERM,
    when: [{ argument: 0, mask: flag, equals: flag }],
  })),
  ...[AF_ALG, AF_VSOCK].map((equals) => ({ call: SOCKET, errno: EPERM, when: [{ argument: 0, equals }] })),
  { call: CLONE3, errno: ENOSYS },
];
