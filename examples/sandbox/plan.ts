/** What the launcher is to do, as the bytes that it reads: struct plan and what follows it, in launcher.c. */

import { Buffer } from "node:buffer";

export const CLONE_NEWNS = 0x20000,
  CLONE_NEWIPC = 0x8000000,
  CLONE_NEWUSER = 0x10000000,
  CLONE_NEWPID = 0x20000000,
  CLONE_NEWNET = 0x40000000;

export const RLIMIT_CPU = 0, RLIMIT_CORE = 4, RLIMIT_NPROC = 6, RLIMIT_NOFILE = 7, RLIMIT_AS = 9;

/** See launcher.c for what these mean. */
export type MountKind = "kept" | "protected" | "covered" | "pinned";

export interface Plan {
  readonly namespaces: number;
  /** A listener for the filter is wanted. */
  readonly listen: boolean;
  /** The program waits for its tracer: a byte on the socket of the reports. */
  readonly traced: boolean;
  /** The file system is read-only but for what is kept. */
  readonly readOnly: boolean;
  readonly ownProc: boolean;
  /** The program comes under the ruleset. */
  readonly restrict: boolean;
  /** struct sock_filter[] */
  readonly filter: Uint8Array;
  readonly limits: readonly { readonly resource: number; readonly value: number }[];
  /** Rules for what exists only in the box: below its own /proc. */
  readonly rules: readonly { readonly path: string; readonly rights: number }[];
  readonly mounts: readonly { readonly path: string; readonly kind: MountKind }[];
  readonly directory: string;
  readonly file: string;
  /** The Unix socket of the proxy, if there is one. */
  readonly proxy?: string;
  /** The cgroup of the box, if it has one. */
  readonly group?: string;
  readonly argv: readonly ByteString[];
  readonly environment: ReadonlyMap<ByteString, ByteString>;
}

/** Text of which each character is a byte, 0 to 255: arguments need not be UTF-8. */
export type ByteString = string;

export function toBytes(text: string): ByteString {
  return isAscii(text) ? text : fromBytes(new TextEncoder().encode(text));
}

export function toText(bytes: ByteString): string {
  return isAscii(bytes) ? bytes : new TextDecoder().decode(bytesOf(bytes));
}

/** Each byte is one character, and most names have no others: looking for those takes 0.1 us, the way by bytes 5 us. */
function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}

export function bytesOf(bytes: ByteString): Uint8Array<ArrayBuffer> {
  return Buffer.from(bytes, "latin1");
}

/** Takes 0.7 us: what reads strings all the time has a Buffer that stays, whose `toString("latin1", from, to)` takes 0.1. */
export function fromBytes({ buffer, byteOffset, length }: Uint8Array): ByteString {
  return Buffer.from(buffer, byteOffset, length).toString("latin1");
}

const LISTEN = 1, READ_ONLY = 2, OWN_PROC = 4, RESTRICT = 8, TRACED = 16;
const mountKinds: Record<MountKind, number> = { kept: 0, protected: 1, covered: 2, pinned: 3 };

export function encodePlan(plan: Plan): Uint8Array<ArrayBuffer> {
  const { filter, limits, rules, mounts, argv, environment } = plan;
  const strings = [
    ...rules.map(({ path }) => toBytes(path)),
    ...mounts.map(({ path }) => toBytes(path)),
    toBytes(plan.directory),
    toBytes(plan.file),
    toBytes(plan.proxy ?? ""),
    toBytes(plan.group ?? ""),
    ...argv,
    ...[...environment].map(([name, value]) => `${name}=${value}`),
  ].map((string) => `${string}\0`).join("");
  const numbers = 32 + filter.length + limits.length * 16 + rules.length * 8 + mounts.length * 4;
  const bytes = new Uint8Array(numbers + strings.length);
  const view = new DataView(bytes.buffer);
  const flags = (plan.listen ? LISTEN : 0) | (plan.readOnly ? READ_ONLY : 0) | (plan.ownProc ? OWN_PROC : 0) |
    (plan.restrict ? RESTRICT : 0) | (plan.traced ? TRACED : 0);
  const header = [
    flags,
    plan.namespaces,
    filter.length / 8,
    limits.length,
    rules.length,
    mounts.length,
    argv.length,
    environment.size,
  ];
  for (const [i, value] of header.entries()) view.setUint32(i * 4, value, true);
  bytes.set(filter, 32);
  let at = 32 + filter.length;
  const add64 = (value: number) => {
    view.setBigUint64(at, BigInt(value), true);
    at += 8;
  };
  for (const { resource, value } of limits) {
    add64(resource);
    add64(value);
  }
  for (const { rights } of rules) add64(rights);
  for (const { kind } of mounts) {
    view.setUint32(at, mountKinds[kind], true);
    at += 4;
  }
  for (let i = 0; i < strings.length; i++) bytes[at + i] = strings.charCodeAt(i);
  return bytes;
}
