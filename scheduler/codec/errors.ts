// Errors of the encoding: which classes both sides know by name, and what of an error goes across.

/** A class of errors. Its constructor is never called for a decoded error: only its prototype counts. */
// deno-lint-ignore no-explicit-any -- any error's constructor will do
export type ErrorClass = abstract new (...args: any[]) => Error;

/**
 * By name. It hangs on the global object, because a Heddle thread has two instances of this module: the bundled one, which
 * decodes, must make the classes that tasks see.
 */
const known: Map<string, ErrorClass> =
  (globalThis as unknown as Record<symbol, Map<string, ErrorClass>>)[Symbol.for("heddle.errorClasses")] ??=
    new Map();

/** The class of that name which tasks and programs see. */
export function knownErrorClass(name: string): ErrorClass | undefined {
  return known.get(name);
}

/** Makes a class known by its name. Both sides have to know it for its errors to arrive as instances of it. */
export function knowErrorClass(errorClass: ErrorClass): void {
  known.set(errorClass.name, errorClass);
}

for (
  const errorClass of [
    Error,
    EvalError,
    RangeError,
    ReferenceError,
    SyntaxError,
    TypeError,
    URIError,
    AggregateError,
    SuppressedError,
    DOMException,
    // There is none with V8's --jitless.
    ...(globalThis.WebAssembly === undefined
      ? []
      : [WebAssembly.CompileError, WebAssembly.LinkError, WebAssembly.RuntimeError]),
    ...Object.values(Deno.errors),
  ]
) knowErrorClass(errorClass);

/** The properties besides message and stack that belong to errors and are not enumerable. */
const HIDDEN = new Set(["name", "cause", "errors", "error", "suppressed"]);

/** What of an error is encoded. */
export interface ErrorParts {
  /** The name of its constructor. */
  className: string;
  /** The nearest class above it that is known; the same name if its own class is. */
  baseName: string;
  name: string;
  message: string | undefined;
  stack: string | undefined;
  hidden: [key: string, value: unknown][];
  enumerable: [key: string, value: unknown][];
}

/** Takes an error apart. It throws nothing, whatever the error's getters do: what they refuse stays behind. */
export function takeApart(error: Error): ErrorParts {
  const constructorName = attempt(() => error.constructor.name);
  const parts: ErrorParts = {
    className: typeof constructorName === "string" ? constructorName : "",
    baseName: knownBase(error),
    name: text(attempt(() => error.name)) ?? "Error",
    message: text(attempt(() => error.message)),
    stack: text(attempt(() => error.stack)),
    hidden: [],
    enumerable: [],
  };
  // An error made without a message has none of its own, and is to stay so.
  if (parts.message === "" && !Object.hasOwn(error, "message")) parts.message = undefined;

  for (const key of Object.getOwnPropertyNames(error)) {
    if (key === "message" || key === "stack") continue;
    const { enumerable } = Object.getOwnPropertyDescriptor(error, key)!;
    if (!enumerable && !HIDDEN.has(key)) continue;
    const pair = attempt((): [string, unknown] => [key, (error as unknown as Record<string, unknown>)[key]]);
    if (pair) (enumerable ? parts.enumerable : parts.hidden).push(pair);
  }
  return parts;
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function knownBase(error: Error): string {
  return attempt(() => {
    for (let at = Object.getPrototypeOf(error); at !== null; at = Object.getPrototypeOf(at)) {
      const constructor = Object.getOwnPropertyDescriptor(at, "constructor")?.value;
      if (typeof constructor === "function" && isKnown(constructor)) return constructor.name;
    }
  }) ?? "Error";
}

const sourceOf = Function.prototype.toString;

/** Another realm's TypeError, of a context of node:vm, is as good as this one's. No program can write that source. */
function isKnown(constructor: { readonly name: string }): boolean {
  const { name } = constructor;
  const own = known.get(name);
  if (own === undefined || own === constructor) return own !== undefined;
  return sourceOf.call(constructor) === `function ${name}() { [native code] }`;
}

/** Is this class to be looked for elsewhere? */
export function isUnknown(className: string, baseName: string): boolean {
  return className !== "" && (className !== baseName || !known.has(baseName));
}

/** An error of the class, as yet without its own properties beyond message and stack. */
export function putTogether(
  className: string,
  baseName: string,
  name: string,
  message: string | undefined,
  stack: string | undefined,
  classOf: ((name: string) => ErrorClass | undefined) | undefined,
): Error {
  // What a program exports may refuse to be looked at.
  const own = isUnknown(className, baseName) ? attempt(() => classOf?.(className)) : known.get(className);
  const errorClass = own ?? known.get(baseName) ?? Error;
  // As the new.target of another constructor, a class gives its prototype and runs no code.
  const error: Error = baseName === "DOMException"
    ? Reflect.construct(DOMException, [message, name], errorClass)
    : Reflect.construct(Error, [message], errorClass);
  if (stack === undefined) delete error.stack;
  else if (Object.hasOwn(error, "stack")) error.stack = stack;
  else define(error, "stack", stack, false);
  return error;
}

/** Gives an error the name that it had, if neither its class nor an own property did. */
export function settleName(error: Error, name: string): void {
  if (attempt(() => error.name) !== name) define(error, "name", name, false);
}

export function define(error: object, key: string, value: unknown, enumerable: boolean): void {
  Object.defineProperty(error, key, { value, enumerable, writable: true, configurable: true });
}
