/**
 * Trace context: https://www.w3.org/TR/trace-context/. In a job it is the text `traceparent`. Nothing is imported: a program that
 * has OpenTelemetry's API, or runs under Deno with `OTEL_DENO=true`, has it under a symbol that all copies of that API share.
 */

interface Api {
  readonly context: { active(): unknown; with<R>(context: unknown, fn: () => R): R };
  readonly propagation: {
    inject(context: unknown, carrier: object, setter: unknown): void;
    extract(context: unknown, carrier: object, getter: unknown): unknown;
  };
}

type Carrier = Record<string, string>;

const setter = { set: (carrier: Carrier, name: string, value: string) => carrier[name] = value };
const getter = {
  keys: (carrier: Carrier) => Object.keys(carrier),
  get: (carrier: Carrier, name: string) => carrier[name],
};

const FORMAT = /^[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

function api(): Api | undefined {
  const found = (globalThis as unknown as Record<symbol, Partial<Api>>)[Symbol.for("opentelemetry.js.api.1")];
  return found?.context && found.propagation ? found as Api : undefined;
}

/** That of what runs at this moment, if the program traces. */
export function activeTraceparent(): string | undefined {
  const otel = api();
  const carrier: Carrier = {};
  otel?.propagation.inject(otel.context.active(), carrier, setter);
  return carrier.traceparent;
}

/** Throws a TypeError for what is none. */
export function requireTraceparent(text: string): string {
  if (FORMAT.test(text)) return text;
  throw new TypeError(
    `traceparent is ${JSON.stringify(text)}: give VERSION-TRACE-PARENT-FLAGS, as 00-…32 hex…-…16 hex…-01.`,
  );
}

/** Runs it as a part of that trace, if this program traces. */
export function within<R>(traceparent: string | undefined, fn: () => R): R {
  const otel = api();
  if (otel === undefined || traceparent === undefined) return fn();
  return otel.context.with(otel.propagation.extract(otel.context.active(), { traceparent }, getter), fn);
}
