/**
 * What is waited for in a poll set (sync/poller.ts), by `/proc/self/fdinfo/SET`: the kernel says which descriptors are registered there
 * and for what, so nobody's thread is asked. Deno (2.9) lets only programs with all permissions read there, and asks nobody.
 */
import { textOf } from "../../ffi/permitted.ts";
import type { DumpedDescriptor } from "./dump.ts";

// <sys/epoll.h>
const IN = 1;
const OUT = 4;
const EDGE = 2 ** 31;

/** Of a registration that has told of something nothing is left but that it was for once. */
export function seePollSet(set: number): Omit<DumpedDescriptor, "thread">[] {
  const lines = textOf(`/proc/self/fdinfo/${set}`)?.matchAll(/^tfd:\s*(\d+) events:\s*([0-9a-f]+) /gm) ?? [];
  const seen: Omit<DumpedDescriptor, "thread">[] = [];
  for (const [, fd, hex] of lines) {
    const events = parseInt(hex, 16);
    const isRead = (events & IN) !== 0;
    const isWrite = (events & OUT) !== 0;
    if (events >= EDGE) seen.push({ fd: Number(fd), awaits: "pollable" });
    else if (isRead) seen.push({ fd: Number(fd), awaits: isWrite ? "both" : "readable" });
    else if (isWrite) seen.push({ fd: Number(fd), awaits: "writable" });
  }
  return seen.sort((a, b) => a.fd - b.fd);
}
