/**
 * Arguments, results and errors as text. Heddle's own codec is for one process: it writes into shared memory. Between machines it
 * is `v8.serialize`, in base64: what `structuredClone` takes goes through (Map, Set, Date, typed arrays, cycles). Its limits:
 *
 * - What is shared cannot leave the machine: a `SharedArrayBuffer`, a `Channel`, a lock, a pointer are refused.
 * - A newer V8 reads what an older one wrote, not always the reverse: upgrade workers before clients, and both before results
 *   that only new ones write.
 * - A queue is no file server: {@linkcode LIMIT} bytes. Put more into a store, and its name into the job.
 *
 * Errors are JSON: name, message, stack and cause.
 */
import { deserialize, serialize } from "node:v8";
import { TaskAbandonedError, TaskTimeoutError, ThreadDiedError } from "@heddle/heddle";

/** Bytes of one value. Redis takes 512 MB, and stands still while it does. */
export const LIMIT = 1 << 20;

export function toText(value: unknown): string {
  let bytes: Uint8Array;
  try {
    bytes = serialize(value);
  } catch (error) {
    throw new DOMException(`A job's value cannot leave this machine: ${messageOf(error)}.`, "DataCloneError");
  }
  if (bytes.length > LIMIT) {
    throw new RangeError(
      `A job's value has ${bytes.length} bytes, and ${LIMIT} is the most: put it into a store, and its name into the job.`,
    );
  }
  return (bytes as Uint8Array & { toBase64(): string }).toBase64();
}

export function fromText(text: string): unknown {
  const { fromBase64 } = Uint8Array as unknown as { fromBase64(text: string): Uint8Array };
  return deserialize(fromBase64(text));
}

interface Written {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  readonly cause?: Written;
}

/** Deep enough for any cause that a person wrote; a cycle ends there. */
const MAX_CAUSES = 8;

export function errorToText(error: unknown): string {
  return JSON.stringify(written(error, MAX_CAUSES));
}

export function errorFromText(text: string): Error {
  return read(JSON.parse(text));
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function written(error: unknown, causes: number): Written {
  if (!(error instanceof Error || error instanceof DOMException)) {
    return { name: "Error", message: String(error) };
  }
  const { name, message, stack, cause } = error as Error;
  return {
    name,
    message,
    stack,
    ...(cause !== undefined && causes > 0 && { cause: written(cause, causes - 1) }),
  };
}

const classes: Record<string, new (message: string, options?: ErrorOptions) => Error> = {
  ThreadDiedError,
  TaskTimeoutError,
  TaskAbandonedError,
  TypeError,
  RangeError,
  SyntaxError,
  ReferenceError,
};

function read({ name, message, stack, cause }: Written): Error {
  const options = cause && { cause: read(cause) };
  const own = ["DataCloneError", "AbortError", "TimeoutError"].includes(name)
    ? new DOMException(message, name)
    : Object.hasOwn(classes, name)
    ? new classes[name](message, options)
    : Object.assign(new Error(message, options), { name });
  return Object.defineProperty(own, "stack", { value: stack, configurable: true, writable: true });
}
