/**
 * A Landlock ruleset: what the kernel lets a program do, whatever it does to itself. Numbers and layouts are those of
 * linux/landlock.h; which version of the interface (ABI) brought what is in landlock(7).
 */

import { errnoName } from "../../ffi/errno.ts";
import { cString, open } from "../../ffi/load.ts";

/** Rights to files. Each bit is denied everywhere where no rule gives it. */
export const EXECUTE = 1 << 0,
  WRITE_FILE = 1 << 1,
  READ_FILE = 1 << 2,
  READ_DIR = 1 << 3,
  TRUNCATE = 1 << 14,
  IOCTL_DEV = 1 << 15;
const REMOVE_DIR = 1 << 4,
  REMOVE_FILE = 1 << 5,
  MAKE_DIR = 1 << 7,
  MAKE_REG = 1 << 8,
  MAKE_SOCK = 1 << 9,
  MAKE_FIFO = 1 << 10,
  MAKE_SYM = 1 << 12,
  REFER = 1 << 13;

export const READ = READ_FILE | READ_DIR;
/** All but making devices. */
export const WRITE = WRITE_FILE | TRUNCATE | IOCTL_DEV | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG |
  MAKE_SOCK |
  MAKE_FIFO | MAKE_SYM | REFER;
/** What a file that is no directory can have. */
const OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV;

/** By their bits, as in linux/landlock.h. */
const rightNames =
  "execute write_file read_file read_dir remove_dir remove_file make_char make_dir make_reg make_sock make_fifo make_block make_sym refer truncate ioctl_dev"
    .split(" ");

/** `"execute read_file"` */
export function rightsText(rights: number): string {
  return rightNames.filter((_, bit) => (rights >> bit & 1) === 1).join(" ");
}

const BIND_TCP = 1, CONNECT_TCP = 2;
const SCOPE_ABSTRACT_UNIX_SOCKET = 1, SCOPE_SIGNAL = 2;

/** The first version with all that is used here. */
export const wantedAbi = 6;

const CREATE_RULESET = 444, ADD_RULE = 445;
const VERSION = 1;
const RULE_PATH_BENEATH = 1, RULE_NET_PORT = 2;
const O_PATH_CLOEXEC = 0o12000000;

const symbols = {
  /** `long syscall(long number, ...)`; on x86-64 a call with plain arguments is passed the same way */
  syscall: { parameters: ["i64", "buffer", "u64", "u64"], result: "i64" },
  /** `long syscall(SYS_landlock_add_rule, int ruleset, enum landlock_rule_type, const void *rule, unsigned flags)` */
  addRule: { name: "syscall", parameters: ["i64", "i64", "u32", "buffer", "u32"], result: "i64" },
  /** `int open(const char *path, int flags)` */
  open: { parameters: ["buffer", "i32"], result: "i32" },
  /** `int close(int fd)` */
  close: { parameters: ["i32"], result: "i32" },
  /** `int *__errno_location(void)` */
  __errno_location: { parameters: [], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

let libc: Deno.DynamicLibrary<typeof symbols>["symbols"] | undefined;

function calls() {
  return libc ??= open("libc.so.6", symbols).symbols;
}

function lastError(): string {
  return errnoName(-new Deno.UnsafePointerView(calls().__errno_location()!).getInt32());
}

/** The version of the interface that this kernel has; 0 when it has none, or was started without it. */
export function landlockAbi(): number {
  return Math.max(0, Number(calls().syscall(BigInt(CREATE_RULESET), null, 0n, BigInt(VERSION))));
}

/** The rights that a kernel of this version knows. */
function handledRights(abi: number): number {
  const count = abi >= 5 ? 16 : abi >= 3 ? 15 : abi >= 2 ? 14 : abi >= 1 ? 13 : 0;
  return 2 ** count - 1;
}

/** Its descriptor is for the launcher. It is the owner's to close. */
export class Ruleset implements Disposable {
  readonly fd: number;
  readonly #handled: number;

  /** With `ports`, connections by TCP and TCP servers are denied too, except for the ports that get a rule. */
  constructor(abi: number, { ports }: { readonly ports: boolean }) {
    this.#handled = handledRights(abi);
    const attributes = new BigUint64Array([
      BigInt(this.#handled),
      ports && abi >= 4 ? BigInt(BIND_TCP | CONNECT_TCP) : 0n,
      BigInt(SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL),
    ]);
    const size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
    this.fd = Number(
      calls().syscall(BigInt(CREATE_RULESET), new Uint8Array(attributes.buffer), BigInt(size), 0n),
    );
    if (this.fd < 0) throw new Error(`Making a Landlock ruleset failed with ${lastError()}.`);
  }

  /** The part of these rights that this kernel knows and the file, or what is below the directory, can have. */
  applicable(rights: number, isDirectory: boolean): number {
    return rights & this.#handled & (isDirectory ? ~0 : OF_FILES);
  }

  /** Gives rights to the file, or to all that is below the directory. Throws when it is not there. */
  allowPath(path: string, rights: number): void {
    const applicable = this.applicable(rights, Deno.statSync(path).isDirectory);
    const fd = calls().open(cString(path), O_PATH_CLOEXEC);
    if (fd < 0) throw new Error(`Opening ${path} failed with ${lastError()}.`);
    const rule = new DataView(new ArrayBuffer(12)); // struct landlock_path_beneath_attr, packed
    rule.setBigUint64(0, BigInt(applicable), true);
    rule.setInt32(8, fd, true);
    const isAllowed = this.#add(RULE_PATH_BENEATH, rule);
    calls().close(fd);
    if (!isAllowed) throw new Error(`Allowing ${path} failed with ${lastError()}.`);
  }

  /** Lets the program connect to this TCP port, and serve it. */
  allowPort(port: number): void {
    const rule = new DataView(new ArrayBuffer(16)); // struct landlock_net_port_attr
    rule.setBigUint64(0, BigInt(BIND_TCP | CONNECT_TCP), true);
    rule.setBigUint64(8, BigInt(port), true);
    if (!this.#add(RULE_NET_PORT, rule)) throw new Error(`Allowing port ${port} failed with ${lastError()}.`);
  }

  #add(type: number, rule: DataView<ArrayBuffer>): boolean {
    return calls().addRule(BigInt(ADD_RULE), BigInt(this.fd), type, new Uint8Array(rule.buffer), 0) === 0n;
  }

  [Symbol.dispose](): void {
    calls().close(this.fd);
  }
}
