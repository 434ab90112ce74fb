/** Descriptors by which the kernel talks with a program: a netlink socket, a tun device, a filter's listener. */
import { write } from "./descriptors.ts";

const libc = Deno.dlopen("libc.so.6", {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  open: { parameters: ["buffer", "i32"], result: "i32" },
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
  sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "isize" },
  prctl: { parameters: ["i32", "u64", "u64", "u64", "u64"], result: "i32" },
  syscall: { parameters: ["i64", "i64", "i64", "buffer"], result: "i64" },
  getppid: { parameters: [], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
}).symbols;

const NONBLOCK = 0o4000;

function text(words: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${words}\0`);
}

/** Nothing can be read before it was asked. */
export function netlink(): number {
  // AF_NETLINK, SOCK_RAW, NETLINK_ROUTE
  return libc.socket(16, 3 | NONBLOCK, 0);
}

/** Asks for all links: the answer can be read. */
export function askForLinks(netlink: number): void {
  // struct nlmsghdr: RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP; then a struct rtgenmsg
  const message = new DataView(new ArrayBuffer(20));
  message.setUint32(0, 20, true);
  message.setUint16(4, 18, true);
  message.setUint16(6, 0x301, true);
  write(netlink, new Uint8Array(message.buffer));
}

/** struct ifreq, with what follows the name. */
function request(name: string, at16: number, value: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(40);
  bytes.set(text(name));
  new DataView(bytes.buffer).setUint16(at16, value, true);
  return bytes;
}

/** 192.0.2.1, of which nobody is in any real network (RFC 5737), and what is sent to its neighbours can be read here. Below 0: refused. */
export function tun(): number {
  const fd = libc.open(text("/dev/net/tun"), 2 | NONBLOCK); // O_RDWR
  if (fd < 0) return -1;
  const name = `heddle${Deno.pid}`.slice(0, 15);
  const inet = libc.socket(2, 2, 0);
  const address = request(name, 16, 2);
  address.set([192, 0, 2, 1], 20);
  const isUp = libc.ioctl(fd, 0x400454can, request(name, 16, 0x1001)) === 0 && // TUNSETIFF, IFF_TUN | IFF_NO_PI
    libc.ioctl(inet, 0x8916n, address) === 0 && // SIOCSIFADDR
    libc.ioctl(inet, 0x8914n, request(name, 16, 0x41)) === 0; // SIOCSIFFLAGS, IFF_UP | IFF_RUNNING
  libc.close(inet);
  if (isUp) return fd;
  libc.close(fd);
  return -1;
}

/** A datagram to a neighbour. */
export function sendThroughTun(): void {
  const inet = libc.socket(2, 2, 0);
  // struct sockaddr_in: AF_INET, port 9
  const to = new Uint8Array([2, 0, 0, 9, 192, 0, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0]);
  libc.sendto(inet, new Uint8Array(8), 8n, 0, to, to.length);
  libc.close(inet);
}

const { getppid: GETPPID, seccomp: SECCOMP } = Deno.build.arch === "x86_64"
  ? { getppid: 110, seccomp: 317n }
  : { getppid: 173, seccomp: 277n };

/** From here on the thread's getppid() waits for who listens. Below 0: refused. */
export function listenToParentCalls(): number {
  libc.prctl(38, 1n, 0n, 0n, 0n); // PR_SET_NO_NEW_PRIVS
  // struct sock_filter: load the number; is it that one? SECCOMP_RET_USER_NOTIF; else SECCOMP_RET_ALLOW
  const filter = new BigUint64Array(
    ([[0x20, 0, 0, 0], [0x15, 0, 1, GETPPID], [0x06, 0, 0, 0x7fc00000], [0x06, 0, 0, 0x7fff0000]] as const)
      .map(([code, ifTrue, ifFalse, k]) => BigInt(code | ifTrue << 16 | ifFalse << 24) | BigInt(k) << 32n),
  );
  const address = BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(filter)));
  // struct sock_fprog
  const program = new BigUint64Array([BigInt(filter.length), address]);
  // SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER
  const fd = Number(libc.syscall(SECCOMP, 1n, 8n, new Uint8Array(program.buffer)));
  // Used until here, whatever a collector thinks.
  return filter.length === 4 ? fd : -1;
}

export function parent(): number {
  return libc.getppid();
}

/** Takes the call that waits, and says what it returns. */
export function answer(listener: number, value: number): void {
  const call = new Uint8Array(80);
  if (libc.ioctl(listener, 0xc0502100n, call) !== 0) throw new Error("No call waits."); // NOTIF_RECV
  const response = new DataView(new ArrayBuffer(24));
  response.setBigUint64(0, new DataView(call.buffer).getBigUint64(0, true), true);
  response.setBigInt64(8, BigInt(value), true);
  libc.ioctl(listener, 0xc0182101n, new Uint8Array(response.buffer)); // NOTIF_SEND
}
