/**
 * The project's own modules, rewritten for the model: what reaches a shared operation is a generator, and before each
 * operation it offers the driver to run another thread. Lines stay where they are, so a step has its file and line.
 *
 *   load(words, i)       ($op(site, LOAD, words, i) && (yield), $do())
 *   this.#give(p, true)  (yield* this.#give(p, true))            if it is a generator by now
 *   words[i] = v         $set(words, i, v, site)                 plain access of shared memory
 *   words[i] = v         ($op(site, STORE, words, i, v) && …)    where a thread and its own signal handler meet
 *   await x              (yield $await(x))
 *
 * Constructors, field initializers and the codec run their operations without interruption ($sync).
 */
import MagicString from "magic-string";
import ts from "typescript";
import { DEFERS, type FunctionLike, isAsync, isFunctionLike, ITERATES, Yielding } from "./yielding.ts";

/** A place in the sources where a step begins. */
export interface Site {
  file: string;
  line: number;
  text: string;
}

/** The functions of atomics.ts that are one operation on one word, as world.ts numbers them. */
const OPERATIONS = ["load", "store", "add", "or", "exchange", "cas", "glance"];

/** Methods of views that read or write many elements at once, plainly. */
const COPIES = new Map([["set", "setAll"], ["slice", "slice"]]);

/** A changed text in a module: a smaller capacity, or a fault. `find` must be there once. */
export interface Patch {
  file: string;
  find: string;
  replace: string;
}

const root = new URL("../../", import.meta.url).pathname;
const options: ts.CompilerOptions = {
  target: ts.ScriptTarget.ESNext,
  module: ts.ModuleKind.CommonJS,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  allowImportingTsExtensions: true,
  lib: ["lib.esnext.d.ts", "lib.dom.d.ts"],
  strict: true,
  noEmit: true,
  types: [],
  skipLibCheck: true,
};

/** Nothing in there gives way to another thread; words that it writes are plain ones of its own. */
function isOpaque(file: string): boolean {
  // No scenario is traced, and the ring of events has one of its own.
  return file.includes("/scheduler/codec/") || file.endsWith("/tracing/tracer.ts") || file.includes("/ffi/");
}

const ATOMICS = root + "scheduler/arena/atomics.ts";

/** Plain accesses in there are for the thread and its signal handler, which comes between any two of them. */
const INTERRUPTED = root + "scheduler/parking/locks.ts";

export class Sources {
  readonly sites: Site[] = [{ file: "", line: 0, text: "" }];
  /** JavaScript by path. */
  readonly modules = new Map<string, string>();
  static #files = new Map<string, ts.SourceFile>();
  static #last: ts.Program | undefined;

  /** `entries` are paths from the project's root; what they import follows. */
  constructor(entries: readonly string[], patches: readonly Patch[]) {
    const patched = applyPatches(patches);
    const host: ts.CompilerHost = {
      ...ts.createCompilerHost(options),
      getSourceFile: (path) => source(path, patched),
      resolveModuleNameLiterals: (names, from) =>
        names.map(({ text }) => ({
          resolvedModule: text.startsWith(".")
            ? {
              resolvedFileName: new URL(text, "file://" + from).pathname,
              extension: ".ts",
              resolvedUsingTsExtension: true,
            }
            : undefined,
        })),
    };
    const program = Sources.#last = ts.createProgram(
      entries.map((entry) => root + entry),
      options,
      host,
      Sources.#last,
    );
    const files = program.getSourceFiles().filter((file) =>
      !program.isSourceFileDefaultLibrary(file) && isUnderTest(file.fileName)
    );
    const yielding = new Yielding(
      program,
      files,
      (file) => file.fileName === ATOMICS,
      (file) => isOpaque(file.fileName),
      (file) => file.fileName === INTERRUPTED,
    );
    for (const file of files) this.modules.set(file.fileName, new Rewrite(file, yielding, this.sites).run());

    function source(path: string, patched: ReadonlyMap<string, string>): ts.SourceFile | undefined {
      const text = patched.get(path) ?? read(path);
      if (text === undefined) return undefined;
      const known = Sources.#files.get(path);
      if (known !== undefined && known.text === text) return known;
      const made = ts.createSourceFile(path, text, options.target!, true);
      Sources.#files.set(path, made);
      return made;
    }
  }
}

const texts = new Map<string, string | undefined>();

function read(path: string): string | undefined {
  if (!texts.has(path)) {
    let text: string | undefined;
    try {
      text = Deno.readTextFileSync(path);
    } catch {
      // The compiler asks for what is not there.
    }
    texts.set(path, text);
  }
  return texts.get(path);
}

/** The project's modules but for atomics.ts, which world.ts stands for, and the scenarios; not what runs them. */
function isUnderTest(path: string): boolean {
  if (!path.startsWith(root) || path === ATOMICS) return false;
  const local = path.slice(root.length);
  return local.startsWith("scheduler/") || local.startsWith("ffi/") || local.startsWith("native/") ||
    local.startsWith("tests/model/scenarios/");
}

function applyPatches(patches: readonly Patch[]): Map<string, string> {
  const patched = new Map<string, string>();
  for (const { file, find, replace } of patches) {
    const path = root + file;
    const text = patched.get(path) ?? read(path);
    const parts = text?.split(find) ?? [];
    if (parts.length !== 2) {
      throw new Error(
        `${file} has this text ${Math.max(0, parts.length - 1)} times, and it has to be there once: ${find}`,
      );
    }
    patched.set(path, parts.join(replace));
  }
  return patched;
}

/** What came of a file the last time. A fault changes few of them, and a program has the faults one after the other. */
const transpiled = new Map<string, { from: string; to: string }>();

class Rewrite {
  readonly #file: ts.SourceFile;
  readonly #text: MagicString;
  readonly #yielding: Yielding;
  readonly #sites: Site[];
  readonly #name: string;

  constructor(file: ts.SourceFile, yielding: Yielding, sites: Site[]) {
    this.#file = file;
    this.#text = new MagicString(file.text);
    this.#yielding = yielding;
    this.#sites = sites;
    this.#name = file.fileName.slice(root.length);
  }

  run(): string {
    this.#visit(this.#file, false);
    const { fileName } = this.#file;
    const from = this.#text.toString();
    const last = transpiled.get(fileName);
    if (last?.from === from) return last.to;
    const { outputText } = ts.transpileModule(from, {
      fileName,
      compilerOptions: { target: options.target, module: ts.ModuleKind.CommonJS, removeComments: false },
    });
    transpiled.set(fileName, { from, to: outputText });
    return outputText;
  }

  /** `mayYield`: the innermost function is a generator. */
  #visit(node: ts.Node, mayYield: boolean): void {
    if (isFunctionLike(node) && node.body !== undefined) {
      const yields = this.#yielding.yields(node);
      if (yields) this.#makeGenerator(node);
      mayYield = yields;
    } else if (ts.isPropertyDeclaration(node)) {
      mayYield = false;
    } else if (ts.isAwaitExpression(node)) {
      if (mayYield) {
        const [keyword] = node.getChildren(this.#file);
        this.#text.update(keyword.getStart(this.#file), keyword.end, "(yield $await(");
        this.#text.prependLeft(node.end, "))");
      }
    } else if (ts.isCallExpression(node)) {
      this.#call(node, mayYield);
    } else if (ts.isNewExpression(node)) {
      const called = ts.isIdentifier(node.expression) ? node.expression.text : "";
      if (this.#yielding.isLibrary(node)) this.#wrapCallbacks(node.arguments, called);
    } else if (ts.isPropertyAccessExpression(node)) {
      this.#get(node, mayYield);
    } else if (ts.isVariableDeclaration(node) && ts.isObjectBindingPattern(node.name)) {
      if (this.#destructure(node, node.name, mayYield)) return;
    } else if (ts.isElementAccessExpression(node)) {
      if (mayYield && this.#file.fileName === INTERRUPTED) this.#interruptedElement(node);
      else this.#element(node);
    }
    ts.forEachChild(node, (child) => this.#visit(child, mayYield));
  }

  #makeGenerator(node: FunctionLike): void {
    const text = this.#text;
    const body = node.body!;
    const start = node.getStart(this.#file);
    const wasAsync = isAsync(node);
    if (wasAsync) {
      const modifier = ts.getModifiers(node as ts.FunctionDeclaration)!.find(({ kind }) =>
        kind === ts.SyntaxKind.AsyncKeyword
      )!;
      text.update(modifier.getStart(this.#file), modifier.end, " ");
    }
    if (ts.isGetAccessorDeclaration(node)) {
      const get = node.getChildren(this.#file).find(({ kind }) => kind === ts.SyntaxKind.GetKeyword)!;
      text.update(get.getStart(this.#file), node.name.end, "*" + getterName(node.name.getText(this.#file)));
    } else if (ts.isMethodDeclaration(node)) {
      text.appendRight(node.name.getStart(this.#file), "*");
    } else if (ts.isArrowFunction(node)) {
      const isBlock = ts.isBlock(body);
      const arrow = node.equalsGreaterThanToken;
      // Where the modifier `async` was there is nothing any more.
      text.appendRight(wasAsync ? start + "async".length : start, "(function*");
      text.update(arrow.getStart(this.#file), arrow.end, " ");
      if (wasAsync) text.appendRight(body.getStart(this.#file), "{ return yield* $async((function* () ");
      if (!isBlock) text.appendRight(body.getStart(this.#file), "{ return (");
      text.prependLeft(body.end, ").bind(this)");
      if (wasAsync) text.prependLeft(body.end, ").call(this)); }");
      if (!isBlock) text.prependLeft(body.end, "); }");
      return;
    } else {
      const keyword = node.getChildren(this.#file).find(({ kind }) =>
        kind === ts.SyntaxKind.FunctionKeyword
      )!;
      text.appendLeft(keyword.end, "*");
    }
    if (wasAsync) {
      text.appendRight(body.getStart(this.#file), "{ return yield* $async((function* () ");
      text.prependLeft(body.end, ").call(this)); }");
    }
  }

  #call(node: ts.CallExpression, mayYield: boolean): void {
    const callee = this.#yielding.callee(node);
    const { expression } = node;
    if (
      ts.isPropertyAccessExpression(expression) && expression.name.text === "fill" &&
      this.#yielding.isWords(expression.expression)
    ) {
      this.#text.appendRight(node.getStart(this.#file), "$fill(");
      this.#text.update(expression.expression.end, node.arguments[0].getStart(this.#file), ", ");
      this.#text.prependLeft(node.arguments.at(-1)!.end, `, ${this.#site(node)}`);
      return;
    }
    if (
      ts.isPropertyAccessExpression(expression) && COPIES.has(expression.name.text) &&
      this.#yielding.isView(expression.expression)
    ) {
      this.#text.appendRight(node.getStart(this.#file), `$${COPIES.get(expression.name.text)}(`);
      const next = node.arguments[0]?.getStart(this.#file) ?? node.end - 1;
      this.#text.update(expression.expression.end, next, `, ${this.#site(node)}, `);
      return;
    }
    if (callee.kind === "operation") return this.#operation(node, callee.name, mayYield);
    if (callee.kind === "library") return this.#iterate(node, callee.name, mayYield);
    const called = ts.isPropertyAccessExpression(expression)
      ? expression.name.text
      : ts.isIdentifier(expression)
      ? expression.text
      : "";
    if (this.#yielding.isLibrary(node) || called === "watchState") {
      this.#wrapCallbacks(node.arguments, called);
    }
    if (callee.kind === "ours") this.#around(node, mayYield ? "(yield* " : "$sync(");
    if (callee.kind === "perhaps") {
      this.#around(node, mayYield ? "(yield* $maybe(" : "$sync((", "))");
    }
  }

  #around(node: ts.Node, open: string, close = ")"): void {
    this.#text.appendRight(node.getStart(this.#file), open);
    this.#text.prependLeft(node.end, close);
  }

  #operation(node: ts.CallExpression, name: string, mayYield: boolean): void {
    const { expression } = node;
    const site = this.#site(node);
    const kind = OPERATIONS.indexOf(name);
    if (kind >= 0 && ts.isIdentifier(expression)) {
      const start = node.getStart(this.#file);
      this.#text.update(start, expression.end, mayYield ? "($op" : "$now");
      this.#text.appendRight(node.arguments[0].getStart(this.#file), `${site}, ${kind}, `);
      if (mayYield) this.#text.prependLeft(node.end, " && (yield), $do())");
      return;
    }
    if (name === "pause" || name === "notify" || name === "sleepInEventLoop") {
      this.#text.update(expression.getStart(this.#file), expression.end, `$${name}`);
    }
    const last = node.arguments.at(-1);
    if (last !== undefined) this.#text.prependLeft(last.end, `, ${site}`);
    else this.#text.appendLeft(node.end - 1, String(site));
    this.#around(node, mayYield ? "(yield* " : "$sync(");
  }

  /** `list.some(…)` with a generator for its callback. */
  #iterate(node: ts.CallExpression, name: string, mayYield: boolean): void {
    const { expression } = node;
    if (!ts.isPropertyAccessExpression(expression)) throw this.#cannot(node, "calls back a generator");
    this.#text.appendRight(node.getStart(this.#file), mayYield ? "(yield* $iterate(" : "$sync($iterate(");
    this.#text.update(expression.expression.end, node.arguments[0].getStart(this.#file), `, "${name}", `);
    this.#text.prependLeft(node.end, ")");
  }

  /** The library calls them at once: they run without interruption. */
  #wrapCallbacks(args: readonly ts.Expression[] | undefined, called: string): void {
    if (DEFERS.has(called) || ITERATES.has(called) || called === "FinalizationRegistry") return;
    for (const arg of args ?? []) {
      if (isFunctionLike(arg) && this.#yielding.yields(arg)) this.#around(arg, "$uninterrupted(");
    }
  }

  #get(node: ts.PropertyAccessExpression, mayYield: boolean): void {
    if (!this.#yielding.getter(node)) return;
    const { parent } = node;
    if (ts.isBinaryExpression(parent) && parent.left === node && isAssignment(parent)) return;
    if (node.questionDotToken !== undefined) throw this.#cannot(node, "reads a getter that yields by ?.");
    if (this.#yielding.isVague(node)) {
      this.#around(node, mayYield ? "(yield* $read(" : "$sync($read(", `, "${node.name.text}"))`);
      this.#text.update(node.expression.end, node.name.end, " ");
      return;
    }
    this.#around(node, mayYield ? "(yield* " : "$sync(");
    this.#text.update(
      node.name.getStart(this.#file),
      node.name.end,
      `${getterName(node.name.text)}()`,
    );
  }

  /** `const { a, b } = c`, where b is a getter that yields. */
  #destructure(node: ts.VariableDeclaration, pattern: ts.ObjectBindingPattern, mayYield: boolean): boolean {
    if (node.initializer === undefined) return false;
    const type = this.#yielding.typeOf(node.initializer);
    const from = node.initializer.getText(this.#file);
    const kept: string[] = [];
    const read: string[] = [];
    for (const element of pattern.elements) {
      const property = (element.propertyName ?? element.name).getText(this.#file);
      if (element.dotDotDotToken !== undefined || !this.#yielding.getterOf(type, property)) {
        kept.push(element.getText(this.#file));
      } else {
        const call = `$read(${from}, "${property}")`;
        read.push(
          `${element.name.getText(this.#file)} = ${mayYield ? `(yield* ${call})` : `$sync(${call})`}`,
        );
      }
    }
    if (read.length === 0) return false;
    if (!/^[\w.#]+$/.test(from)) throw this.#cannot(node, "reads a getter that yields of a computed object");
    const rest = kept.length === 0 ? [] : [`{ ${kept.join(", ")} } = ${from}`];
    this.#text.update(node.getStart(this.#file), node.end, [...rest, ...read].join(", "));
    return true;
  }

  #element(node: ts.ElementAccessExpression): void {
    if (!this.#yielding.isWords(node.expression)) return;
    const { parent } = node;
    const text = this.#text;
    const start = node.getStart(this.#file);
    const site = this.#site(node);
    const openAt = node.expression.end;
    const closeAt = node.argumentExpression.end;
    const comma = () => text.update(openAt, node.argumentExpression.getStart(this.#file), ", ");
    if (ts.isBinaryExpression(parent) && parent.left === node && isAssignment(parent)) {
      const operator = parent.operatorToken.getText(this.#file);
      text.appendRight(start, operator === "=" ? "$set(" : "$change(");
      comma();
      const name = operator === "=" ? "" : `"${operator.slice(0, -1)}", `;
      text.update(closeAt, parent.right.getStart(this.#file), `, ${name}`);
      text.prependLeft(parent.end, `, ${site})`);
      return;
    }
    if (ts.isPostfixUnaryExpression(parent)) {
      text.appendRight(start, "$postfix(");
      comma();
      const by = parent.operator === ts.SyntaxKind.PlusPlusToken ? 1 : -1;
      text.update(closeAt, parent.end, `, ${by}, ${site})`);
      return;
    }
    text.appendRight(start, "$get(");
    comma();
    text.update(closeAt, node.end, `, ${site})`);
  }

  #interruptedElement(node: ts.ElementAccessExpression): void {
    if (!this.#yielding.isWords(node.expression)) return;
    const { parent } = node;
    const text = this.#text;
    const comma = () => text.update(node.expression.end, node.argumentExpression.getStart(this.#file), ", ");
    const open = (kind: string) =>
      text.appendRight(
        node.getStart(this.#file),
        `($op(${this.#site(node)}, ${OPERATIONS.indexOf(kind)}, `,
      );
    const close = ") && (yield), $do())";
    const closeAt = node.argumentExpression.end;
    if (ts.isBinaryExpression(parent) && parent.left === node && isAssignment(parent)) {
      if (parent.operatorToken.kind !== ts.SyntaxKind.EqualsToken) {
        throw this.#cannot(node, "changes a word that a signal handler uses");
      }
      open("store");
      comma();
      text.update(closeAt, parent.right.getStart(this.#file), ", ");
      text.prependLeft(parent.end, close);
    } else if (ts.isPostfixUnaryExpression(parent)) {
      open("add");
      comma();
      const by = parent.operator === ts.SyntaxKind.PlusPlusToken ? 1 : -1;
      text.update(closeAt, parent.end, `, ${by}${close}`);
    } else {
      open("load");
      comma();
      text.update(closeAt, node.end, close);
    }
  }

  #site(node: ts.Node): number {
    const { line } = this.#file.getLineAndCharacterOfPosition(node.getStart(this.#file));
    const text = node.getText(this.#file).replaceAll(/\s+/g, " ");
    return this.#sites.push({ file: this.#name, line: line + 1, text }) - 1;
  }

  #cannot(node: ts.Node, what: string): Error {
    const { line } = this.#file.getLineAndCharacterOfPosition(node.getStart(this.#file));
    return new Error(`${this.#name}:${line + 1} ${what}: the transform knows no way.`);
  }
}

function getterName(name: string): string {
  return name.startsWith("#") ? `#$get_${name.slice(1)}` : `$get_${name}`;
}

function isAssignment({ operatorToken: { kind } }: ts.BinaryExpression): boolean {
  return kind >= ts.SyntaxKind.FirstAssignment && kind <= ts.SyntaxKind.LastAssignment;
}
