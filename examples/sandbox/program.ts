/** Finds the file of a command, as a shell does. */

/** A program that cannot be started, with the status that shells give for it. */
export class ProgramError extends Error {
  /** `"ProgramError"` */
  override readonly name = "ProgramError";
  /** 127 when there is none, 126 when it cannot be executed. */
  readonly status: 126 | 127;

  /** For who looks for a program. */
  constructor(message: string, status: 126 | 127) {
    super(message);
    this.status = status;
  }
}

/** `path` is a list of directories, separated by colons; `directory` is what relative names start at. */
export function findProgram(name: string, path: string, directory: string): string {
  const candidates = name.includes("/")
    ? [name]
    : path.split(":").map((folder) => `${folder || "."}/${name}`);
  let unsuitable: string | undefined;
  for (const candidate of candidates) {
    const file = candidate.startsWith("/") ? candidate : `${directory}/${candidate}`;
    try {
      const { isFile, isDirectory, mode } = Deno.statSync(file);
      if (!isDirectory && (!isFile || mode! & 0o111)) return file;
      unsuitable ??= `${candidate}: ${isDirectory ? "is a directory" : "permission denied"}`;
    } catch (error) {
      if (error instanceof Deno.errors.PermissionDenied) unsuitable ??= `${candidate}: permission denied`;
    }
  }
  if (unsuitable) throw new ProgramError(unsuitable, 126);
  throw new ProgramError(
    `${name}: ${name.includes("/") ? "no such file or directory" : "command not found"}`,
    127,
  );
}
