/**
 * Becomes a command that the system refuses something: `deno run -A tests/hostile/launch.ts HARDSHIP COMMAND...`, where HARDSHIP is
 * a `Hardship` as JSON. What it sets holds for the thread that calls execve(), of which all threads of the command come.
 */
import { type Refusal, refusing } from "../../examples/sandbox/filter.ts";

export interface Hardship {
  /** System calls of x86-64 that fail. */
  readonly refusals?: readonly Refusal[];
  /** User and group. */
  readonly user?: number;
  /** By the number of RLIMIT_…, soft and hard. */
  readonly limits?: Readonly<Record<number, number>>;
}

const libc = Deno.dlopen("libc.so.6", {
  prctl: { parameters: ["i32", "u64", "u64", "u64", "u64"], result: "i32" },
  setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  // Not by glibc, which would change all threads of this process.
  syscall: { parameters: ["i64", "u64", "u64", "u64"], result: "i64" },
  execvp: { parameters: ["buffer", "buffer"], result: "i32" },
}).symbols;

const SYS_setresuid = 117, SYS_setresgid = 119;
const PR_SET_NO_NEW_PRIVS = 38, PR_SET_SECCOMP = 22, SECCOMP_MODE_FILTER = 2;

function requireDone(what: string, result: number | bigint): void {
  if (Number(result) !== 0) throw new Error(`${what} failed`);
}

const address = (bytes: BufferSource) => Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes));

function refuse(refusals: readonly Refusal[]): void {
  const filter = refusing(refusals);
  // struct sock_fprog: the count of instructions of 8 bytes, and where they are.
  const program = new DataView(new ArrayBuffer(16));
  program.setUint16(0, filter.length / 8, true);
  program.setBigUint64(8, BigInt(address(filter)), true);
  requireDone("PR_SET_NO_NEW_PRIVS", libc.prctl(PR_SET_NO_NEW_PRIVS, 1n, 0n, 0n, 0n));
  const where = BigInt(address(program));
  requireDone("PR_SET_SECCOMP", libc.prctl(PR_SET_SECCOMP, BigInt(SECCOMP_MODE_FILTER), where, 0n, 0n));
}

function become(command: readonly string[]): never {
  const strings = command.map((word) => new TextEncoder().encode(`${word}\0`));
  const list = BigUint64Array.from([...strings.map((bytes) => BigInt(address(bytes))), 0n]);
  libc.execvp(strings[0], list);
  throw new Error(`${command[0]} could not be executed`);
}

const [json, ...command] = Deno.args;
const { refusals, user, limits = {} }: Hardship = JSON.parse(json);
for (const [limit, most] of Object.entries(limits)) {
  requireDone("setrlimit", libc.setrlimit(Number(limit), BigUint64Array.of(BigInt(most), BigInt(most))));
}
if (user !== undefined) {
  const id = BigInt(user);
  requireDone("setresgid", libc.syscall(BigInt(SYS_setresgid), id, id, id));
  requireDone("setresuid", libc.syscall(BigInt(SYS_setresuid), id, id, id));
}
if (refusals !== undefined) refuse(refusals);
become(command);
