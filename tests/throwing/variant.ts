/**
 * A copy of the project in which any call in `scheduler/` may throw: before each there is a question, which a test
 * answers at the k-th time. Three kinds, after what can happen in truth:
 *
 *   $stack   any call, as long as the operation has not asked for room: the end of the stack.
 *   $user    calls that run the user's code or copy values: whatever they throw, anywhere.
 *   $full    blocks of the arena: there is none.
 */
import MagicString from "magic-string";
import ts from "typescript";
import { copyOfProject, pathsIn } from "../support/variant.ts";

/** What the codec does is its own affair; the others are what the questions are about, or are no scheduler. */
const WHOLE =
  /^(codec\/.*|arena\/(atomics|arena|layout\/.*)|host\/worker_bundle|worker_main|sysmon\/sysmon|parking\/sysmon_sleep|locker_tasks)\.ts$/;

const USER = new Set([
  "encode",
  "encodeInto",
  "encodeArguments",
  "decode",
  "copy",
  "pack",
  "copyWithin",
  "structuredClone",
  "post",
  "postMessage",
  "addEventListener",
  "fn",
]);

/** Of a Heap. */
const FULL = new Set(["put", "place", "allocate"]);

const questions = `
export interface Faults {
  /** Questions until the one that is answered with yes. */
  left: number;
  kinds: string;
  hasRoom: boolean;
  /** Where it was. */
  at: string;
}
export const faults: Faults = (globalThis as unknown as Record<symbol, Faults>)[Symbol.for("heddle.faults")] ??=
  { left: 0, kinds: "", hasRoom: false, at: "" };
function isNow(kind: string, at: string): boolean {
  if (faults.left === 0 || !faults.kinds.includes(kind) || --faults.left > 0) return false;
  faults.at = at;
  return true;
}
function overflow(): RangeError {
  return new RangeError("Maximum call stack size exceeded");
}
export function $stack(at: string): void {
  if (!faults.hasRoom && isNow("stack", at)) throw overflow();
}
export function $user(at: string): void {
  if (isNow("user", at)) throw overflow();
}
export function $full(at: string): boolean {
  return isNow("full", at);
}
`;

const reserve = `
import { $stack, faults } from "../faults.ts";
export * from "./real_stack_reserve.ts";
export function reserveStack(): void {
  $stack("reserveStack");
  faults.hasRoom = true;
}
`;

/** Makes it in a new directory, which the caller removes. */
export function makeThrowingVariant(): Promise<URL> {
  return copyOfProject("throwing", async (scheduler) => {
    for (const path of pathsIn(scheduler)) {
      if (!path.endsWith(".ts") || WHOLE.test(path)) continue;
      const file = new URL(path, scheduler);
      await Deno.writeTextFile(file, withQuestions(path, await Deno.readTextFile(file)));
    }
    const codec = new URL("codec/", scheduler);
    await Deno.rename(new URL("stack_reserve.ts", codec), new URL("real_stack_reserve.ts", codec));
    await Deno.writeTextFile(new URL("stack_reserve.ts", codec), reserve);
    await Deno.writeTextFile(new URL("faults.ts", scheduler), questions);
  });
}

function withQuestions(name: string, text: string): string {
  const file = ts.createSourceFile(name, text, ts.ScriptTarget.ESNext, true);
  const changed = new MagicString(text);
  const visit = (node: ts.Node): void => {
    if ((ts.isCallExpression(node) || ts.isNewExpression(node)) && isAsked(node)) ask(node);
    ts.forEachChild(node, visit);
  };
  const ask = (node: ts.CallExpression | ts.NewExpression) => {
    const { line } = file.getLineAndCharacterOfPosition(node.getStart(file));
    const at = JSON.stringify(`${name}:${line + 1}`);
    const callee = nameOf(node.expression);
    const isHeap = FULL.has(callee) && /heap\.\w+$/.test(node.expression.getText(file));
    const question = isHeap
      ? `($full(${at}) ? 0 : `
      : USER.has(callee)
      ? `($user(${at}), `
      : `($stack(${at}), `;
    changed.appendLeft(node.getStart(file), question);
    changed.appendRight(node.getEnd(), ")");
  };
  visit(file);
  const up = name.includes("/") ? ".." : ".";
  changed.prepend(`import { $full, $stack, $user } from "${up}/faults.ts";\n`);
  return changed.toString();
}

function nameOf(callee: ts.Expression): string {
  if (ts.isIdentifier(callee)) return callee.text;
  return ts.isPropertyAccessExpression(callee) ? callee.name.text : "";
}

/** Within a function, and no part of a chain with a question mark, which would end elsewhere. */
function isAsked(node: ts.CallExpression | ts.NewExpression): boolean {
  if (node.expression.kind === ts.SyntaxKind.SuperKeyword) return false;
  if ((node.flags & ts.NodeFlags.OptionalChain) !== 0) return false;
  for (let up: ts.Node = node.parent; up !== undefined; up = up.parent) {
    if (ts.isFunctionLike(up)) return true;
  }
  return false;
}
