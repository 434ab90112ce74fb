/**
 * What has to be executable and readable for a program to start: its interpreter, its loader, and the libraries that it
 * is linked with. Read from the files (System V gABI, ld.so(8)) and not asked of the loader: that would map a stranger's
 * program into a process outside of the sandbox.
 */

export interface Linked {
  readonly execute: Set<string>;
  readonly read: Set<string>;
}

/** Where the loader looks when its cache does not know a library. */
export const libraryDirectories = ["/lib64", "/usr/lib64", "/lib", "/usr/lib"];
export const loaderCache = "/etc/ld.so.cache";

/** The most interpreters that name each other, as in the kernel (fs/exec.c). */
const MOST_INTERPRETERS = 5;

/** Of a program that does not exist, or cannot be read, as far as it is known. */
export function linked(program: string, into: Linked = { execute: new Set(), read: new Set() }): Linked {
  let file = program;
  for (let i = 0; i < MOST_INTERPRETERS; i++) {
    into.execute.add(file);
    into.read.add(file);
    const head = firstBytes(file);
    if (head === undefined) return into;
    const script = /^#![ \t]*([^ \t\n]+)/.exec(new TextDecoder().decode(head.subarray(0, 256)));
    if (!script) break;
    file = script[1];
  }
  const loaderNeeds = addLibraries(file, into.read);
  if (loaderNeeds !== undefined) {
    into.execute.add(loaderNeeds);
    into.read.add(loaderNeeds);
    into.read.add(loaderCache);
  }
  return into;
}

function firstBytes(file: string): Uint8Array | undefined {
  try {
    using opened = Deno.openSync(file);
    const bytes = new Uint8Array(256);
    return bytes.subarray(0, opened.readSync(bytes) ?? 0);
  } catch {
    return undefined;
  }
}

/** Adds all libraries that are needed directly or by others, and returns the program's loader. */
function addLibraries(program: string, libraries: Set<string>): string | undefined {
  let loader: string | undefined;
  const seen = new Set<string>();
  const pending = [program];
  for (let file = pending.pop(); file !== undefined; file = pending.pop()) {
    const object = readObject(file);
    if (!object) continue;
    loader ??= object.loader;
    for (const name of object.needed) {
      const found = name.includes("/") ? name : findLibrary(name, object.directories);
      if (found === undefined || seen.has(found)) continue;
      seen.add(found);
      libraries.add(found);
      pending.push(found);
    }
  }
  return loader;
}

function findLibrary(name: string, directories: readonly string[]): string | undefined {
  for (const directory of directories) {
    if (exists(`${directory}/${name}`)) return `${directory}/${name}`;
  }
  const cached = cache().get(name);
  if (cached !== undefined) return cached;
  return libraryDirectories.map((directory) => `${directory}/${name}`).find(exists);
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

interface ElfObject {
  readonly loader?: string;
  readonly needed: readonly string[];
  readonly directories: readonly string[];
}

const PT_LOAD = 1, PT_DYNAMIC = 2, PT_INTERP = 3;
const DT_NEEDED = 1, DT_STRTAB = 5, DT_RPATH = 15, DT_RUNPATH = 29;
/** A table of these sizes is none: the file is a stranger's. */
const MOST_ENTRIES = 4096, MOST_SEGMENTS = 256;

/** Of a 64-bit ELF file; undefined for every other one. */
function readObject(path: string): ElfObject | undefined {
  try {
    using file = Deno.openSync(path);
    return parseObject(path, (offset, length) => {
      file.seekSync(offset, Deno.SeekMode.Start);
      const bytes = new Uint8Array(length);
      return bytes.subarray(0, file.readSync(bytes) ?? 0);
    });
  } catch {
    return undefined; // not there, not readable, or cut off: then it cannot be executed either
  }
}

function parseObject(
  path: string,
  read: (offset: number, length: number) => Uint8Array,
): ElfObject | undefined {
  const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const number = (view: DataView, at: number) => Number(view.getBigUint64(at, true));
  const header = viewOf(read(0, 64));
  const ELF_64_LITTLE = 0x0201;
  if (header.getUint32(0) !== 0x7f454c46 || header.getUint16(4) !== ELF_64_LITTLE) return undefined;
  const count = header.getUint16(56, true), size = header.getUint16(54, true);
  const SEGMENT = 56;
  if (size !== SEGMENT || count > MOST_SEGMENTS) return undefined;
  const segments = viewOf(read(number(header, 32), count * size));
  const loads: { offset: number; address: number; length: number }[] = [];
  let interpreter: Uint8Array | undefined, dynamic: DataView | undefined;
  for (let i = 0; i < count; i++) {
    const at = i * size, type = segments.getUint32(at, true);
    const offset = number(segments, at + 8), length = number(segments, at + 32);
    if (type === PT_LOAD) loads.push({ offset, address: number(segments, at + 16), length });
    if (type === PT_INTERP) interpreter = read(offset, Math.min(length, 4096));
    if (type === PT_DYNAMIC) dynamic = viewOf(read(offset, Math.min(length, MOST_ENTRIES * 16)));
  }
  const text = (bytes: Uint8Array) => {
    const end = bytes.indexOf(0);
    return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
  };
  const entries: [tag: number, value: number][] = [];
  for (let at = 0; dynamic && at + 16 <= dynamic.byteLength; at += 16) {
    entries.push([number(dynamic, at), number(dynamic, at + 8)]);
  }
  const strings = entries.find(([tag]) => tag === DT_STRTAB)?.[1] ?? 0;
  const home = loads.find(({ address, length }) => strings >= address && strings < address + length);
  const string = (value: number) =>
    home ? text(read(strings - home.address + home.offset + value, 4096)) : "";
  const valuesOf = (...tags: number[]) =>
    entries.filter(([tag]) => tags.includes(tag)).map(([, value]) => string(value)).filter((value) => value);
  const origin = path.slice(0, path.lastIndexOf("/")) || "/";
  return {
    loader: interpreter && text(interpreter),
    needed: valuesOf(DT_NEEDED),
    directories: valuesOf(DT_RUNPATH, DT_RPATH)
      .flatMap((value) => value.split(":"))
      .map((directory) => directory.replace(/\$ORIGIN|\$\{ORIGIN\}/g, origin))
      .filter((directory) => directory.startsWith("/")),
  };
}

let cached: Map<string, string> | undefined;

/** The loader's cache: the first entry of each name is the one that it takes. Format: glibc, sysdeps/generic/dl-cache.h. */
function cache(): Map<string, string> {
  if (cached) return cached;
  cached = new Map();
  let bytes: Uint8Array;
  try {
    bytes = Deno.readFileSync(loaderCache);
  } catch {
    return cached; // as on a system without one
  }
  const magic = "glibc-ld.so.cache1.1";
  const text = new TextDecoder("latin1");
  if (text.decode(bytes.subarray(0, magic.length)) !== magic) return cached;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const string = (at: number) => text.decode(bytes.subarray(at, bytes.indexOf(0, at)));
  const X86_64 = 0x0303; // FLAG_ELF_LIBC6 and FLAG_X8664_LIB64
  for (let i = 0, at = 48; i < view.getUint32(20, true); i++, at += 24) {
    if (view.getInt32(at, true) !== X86_64) continue;
    const name = string(view.getUint32(at + 4, true));
    if (!cached.has(name)) cached.set(name, string(view.getUint32(at + 8, true)));
  }
  return cached;
}
