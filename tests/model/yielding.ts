/**
 * Which functions of the modules under test reach a shared operation, so that they become generators: those that call
 * one, or a function that does. A call of a function value may reach one, and so may an interface's method if any
 * class has one of that name that does.
 */
import ts from "typescript";

export type FunctionLike =
  | ts.FunctionDeclaration
  | ts.FunctionExpression
  | ts.ArrowFunction
  | ts.MethodDeclaration
  | ts.GetAccessorDeclaration
  | ts.SetAccessorDeclaration
  | ts.ConstructorDeclaration;

/** What a call is: an operation of atomics.ts, a generator of ours, perhaps one, a library's that calls back, or nothing. */
export type Callee =
  | { kind: "operation"; name: string }
  | { kind: "ours" }
  | { kind: "perhaps" }
  | { kind: "library"; name: string }
  | { kind: "plain" };

const PLAIN: Callee = { kind: "plain" };
const PERHAPS: Callee = { kind: "perhaps" };

/** Methods of the library that call their argument at once and in order, for which iterate.ts has generators. */
export const ITERATES = new Set(["some", "every", "find", "findIndex", "filter", "map", "forEach", "from"]);
/** What calls its argument later, from the model's event loop, or passes it on to code of ours. */
export const DEFERS = new Set([
  "then",
  "catch",
  "finally",
  "setImmediate",
  "setTimeout",
  "queueMicrotask",
  "nextTick",
]);
/** Functions outside of the modules under test that are generators in the model: of Shim, and of scenario.ts. */
const EXTERNAL = new Set([
  "yieldCpu",
  "preempt",
  "nativeWake",
  "futexWake",
  "collect",
  "abort",
  "kill",
]);
const OUTSIDE = /\/ffi\/shim\.ts$|\/tests\/model\/scenario\.ts$/;

export function isFunctionLike(node: ts.Node): node is FunctionLike {
  return ts.isFunctionDeclaration(node) || ts.isFunctionExpression(node) || ts.isArrowFunction(node) ||
    ts.isMethodDeclaration(node) || ts.isAccessor(node) || ts.isConstructorDeclaration(node);
}

export function isAsync(node: FunctionLike): boolean {
  return ts.getModifiers(node as ts.FunctionDeclaration)?.some(({ kind }) =>
    kind === ts.SyntaxKind.AsyncKeyword
  ) ?? false;
}

export class Yielding {
  readonly #checker: ts.TypeChecker;
  readonly #program: ts.Program;
  /** Of functions: what they call, and which getters they read. */
  readonly #calls = new Map<FunctionLike, { calls: ts.CallExpression[]; reads: FunctionLike[] }>();
  readonly #yields = new Set<FunctionLike>();
  readonly #byName = new Map<string, FunctionLike[]>();
  readonly #callees = new Map<ts.CallExpression, { decls: FunctionLike[]; fixed?: Callee }>();
  readonly #isAtomics: (file: ts.SourceFile) => boolean;
  readonly #isOpaque: (file: ts.SourceFile) => boolean;
  readonly #isInterrupted: (file: ts.SourceFile) => boolean;

  constructor(
    program: ts.Program,
    files: readonly ts.SourceFile[],
    isAtomics: (file: ts.SourceFile) => boolean,
    isOpaque: (file: ts.SourceFile) => boolean,
    isInterrupted: (file: ts.SourceFile) => boolean,
  ) {
    this.#program = program;
    this.#checker = program.getTypeChecker();
    this.#isAtomics = isAtomics;
    this.#isOpaque = isOpaque;
    this.#isInterrupted = isInterrupted;
    for (const file of files) this.#collect(file);
    for (const file of files) this.#connect(file, undefined);
    this.#spread();
  }

  /** Whether the function is a generator in the model. */
  yields(node: FunctionLike): boolean {
    return this.#yields.has(node);
  }

  callee(call: ts.CallExpression): Callee {
    const { decls, fixed } = this.#callees.get(call)!;
    if (fixed !== undefined && fixed.kind !== "library") return fixed;
    if (fixed !== undefined) {
      const passes = ITERATES.has(fixed.name) && this.#passesYielding(call.arguments);
      return passes ? fixed : PLAIN;
    }
    if (!decls.some((decl) => this.#yields.has(decl))) return PLAIN;
    const isKnown = decls.length === 1 && ts.isIdentifier(nameNode(call)) ||
      ts.isPrivateIdentifier(nameNode(call));
    return isKnown && !isOptional(call) ? { kind: "ours" } : PERHAPS;
  }

  /** The getter that a property access calls, if it is a generator in the model. */
  getter(node: ts.Node): boolean {
    return this.#getters(this.#checker.getSymbolAtLocation(node)).some((decl) => this.#yields.has(decl));
  }

  getterOf(type: ts.Type, name: string): boolean {
    return this.#getters(type.getProperty(name)).some((decl) => this.#yields.has(decl));
  }

  /** Whether it may be a plain property as well: of an interface, or an abstract one. */
  isVague(node: ts.Node): boolean {
    const all = this.#checker.getSymbolAtLocation(node)?.declarations ?? [];
    return !all.some(ts.isGetAccessorDeclaration);
  }

  /** Whether a call is one of the library's, which knows no generators of ours. */
  isLibrary(call: ts.CallExpression | ts.NewExpression): boolean {
    const file = this.#checker.getResolvedSignature(call)?.declaration?.getSourceFile();
    return file !== undefined && this.#program.isSourceFileDefaultLibrary(file);
  }

  isWords(node: ts.Expression): boolean {
    return this.#checker.getTypeAtLocation(node).getSymbol()?.name === "Int32Array";
  }

  /** The same, or bytes. */
  isView(node: ts.Expression): boolean {
    const name = this.#checker.getTypeAtLocation(node).getSymbol()?.name;
    return name === "Int32Array" || name === "Uint8Array";
  }

  typeOf(node: ts.Node): ts.Type {
    return this.#checker.getTypeAtLocation(node);
  }

  #collect(node: ts.Node): void {
    if (isFunctionLike(node) && node.body !== undefined) {
      this.#calls.set(node, { calls: [], reads: [] });
      const name = nameOf(node);
      if (name !== undefined) {
        const named = this.#byName.get(name);
        if (named === undefined) this.#byName.set(name, [node]);
        else named.push(node);
      }
      if (!this.#isOpaque(node.getSourceFile()) && isAsync(node) && !isGenerator(node)) {
        this.#yields.add(node);
      }
    }
    ts.forEachChild(node, (child) => this.#collect(child));
  }

  #connect(node: ts.Node, inside: FunctionLike | undefined): void {
    if (ts.isCallExpression(node)) {
      this.#callees.set(node, this.#resolve(node));
      if (inside !== undefined) this.#calls.get(inside)!.calls.push(node);
    } else if (
      inside !== undefined &&
      (ts.isPropertyAccessExpression(node) ||
        (ts.isBindingElement(node) && node.dotDotDotToken === undefined))
    ) {
      const symbol = ts.isBindingElement(node)
        ? this.#checker.getTypeAtLocation(node.parent).getProperty((node.propertyName ?? node.name).getText())
        : this.#checker.getSymbolAtLocation(node);
      this.#calls.get(inside)!.reads.push(...this.#getters(symbol));
    } else if (
      inside !== undefined && ts.isElementAccessExpression(node) && this.#mayYield(inside) &&
      this.#isInterrupted(node.getSourceFile()) && this.isWords(node.expression)
    ) {
      this.#yields.add(inside);
    }
    const within = isFunctionLike(node) && node.body !== undefined
      ? node
      : ts.isPropertyDeclaration(node)
      ? undefined
      : inside;
    ts.forEachChild(node, (child) => this.#connect(child, within));
  }

  #getters(symbol: ts.Symbol | undefined): FunctionLike[] {
    const all: FunctionLike[] = [];
    for (const decl of symbol?.declarations ?? []) {
      if (ts.isGetAccessorDeclaration(decl) && this.#calls.has(decl)) all.push(decl);
      // Of an abstract class or an interface: whatever has that name.
      else if (ts.isPropertyDeclaration(decl) || ts.isPropertySignature(decl)) {
        if (ts.isPropertyDeclaration(decl) && !isAbstract(decl)) continue;
        // One that is written is a field.
        if (ts.isPropertySignature(decl) && !isReadonly(decl)) continue;
        if (this.#program.isSourceFileDefaultLibrary(decl.getSourceFile())) continue;
        all.push(...(this.#byName.get(decl.name.getText()) ?? []).filter(ts.isGetAccessorDeclaration));
      }
    }
    return all;
  }

  #resolve(call: ts.CallExpression): { decls: FunctionLike[]; fixed?: Callee } {
    const decl = this.#checker.getResolvedSignature(call)?.declaration;
    if (decl === undefined || ts.isJSDocSignature(decl)) return { decls: [], fixed: PLAIN };
    const file = decl.getSourceFile();
    const name = nameOf(decl) ?? "";
    if (this.#isAtomics(file)) return { decls: [], fixed: { kind: "operation", name } };
    if (EXTERNAL.has(name) && OUTSIDE.test(file.fileName)) {
      return { decls: [], fixed: { kind: "operation", name } };
    }
    // An interface of the library that classes of ours implement: Disposable.
    if (ts.isElementAccessExpression(call.expression)) {
      const method = this.#byName.get(`[${call.expression.argumentExpression.getText()}]`);
      if (method !== undefined) return { decls: method };
    }
    if (this.#program.isSourceFileDefaultLibrary(file)) {
      return { decls: [], fixed: { kind: "library", name: calledName(call) } };
    }
    if (isFunctionLike(decl) && (decl as FunctionLike).body !== undefined) {
      const one = decl as FunctionLike;
      if (!this.#calls.has(one)) return { decls: [], fixed: PLAIN };
      return { decls: ts.isMethodDeclaration(one) ? [one, ...this.#overrides(one)] : [one] };
    }
    if (ts.isMethodSignature(decl) || ts.isMethodDeclaration(decl)) {
      return { decls: this.#byName.get(name) ?? [] };
    }
    return ts.isFunctionTypeNode(decl) ? { decls: [], fixed: PERHAPS } : { decls: [], fixed: PLAIN };
  }

  /** Methods of classes that extend the method's. */
  #overrides(method: ts.MethodDeclaration): FunctionLike[] {
    const home = method.parent;
    if (!ts.isClassDeclaration(home) || ts.isPrivateIdentifier(method.name)) return [];
    return (this.#byName.get(method.name.getText()) ?? []).filter((other) => {
      if (other === method || !ts.isClassDeclaration(other.parent)) return false;
      return this.#ancestors(other.parent).includes(home);
    });
  }

  #ancestors(node: ts.ClassDeclaration): ts.Node[] {
    const all: ts.Node[] = [];
    for (let at: ts.ClassDeclaration | undefined = node; at !== undefined;) {
      const base: ts.ExpressionWithTypeArguments | undefined = at.heritageClauses
        ?.find(({ token }) => token === ts.SyntaxKind.ExtendsKeyword)?.types[0];
      const symbol: ts.Symbol | undefined = base && this.#checker.getTypeAtLocation(base).getSymbol();
      at = symbol?.declarations?.find(ts.isClassDeclaration);
      if (at !== undefined) all.push(at);
    }
    return all;
  }

  #spread(): void {
    for (let isDone = false; !isDone;) {
      isDone = true;
      for (const [node, { calls, reads }] of this.#calls) {
        if (this.#yields.has(node) || !this.#mayYield(node)) continue;
        const does = reads.some((getter) => this.#yields.has(getter)) ||
          calls.some((call) => this.callee(call).kind !== "plain");
        if (!does) continue;
        this.#yields.add(node);
        isDone = false;
      }
    }
  }

  /** Constructors, setters, and generators of its own run shared operations without interruption. */
  #mayYield(node: FunctionLike): boolean {
    return !ts.isConstructorDeclaration(node) && !ts.isSetAccessorDeclaration(node) && !isGenerator(node) &&
      !this.#isOpaque(node.getSourceFile());
  }

  #passesYielding(args: readonly ts.Expression[]): boolean {
    return args.some((arg) => isFunctionLike(arg) && this.#yields.has(arg));
  }
}

function isGenerator(node: FunctionLike): boolean {
  return (node as ts.FunctionDeclaration).asteriskToken !== undefined;
}

function isOptional(call: ts.CallExpression): boolean {
  return (call.flags & ts.NodeFlags.OptionalChain) !== 0;
}

function isAbstract(node: ts.PropertyDeclaration): boolean {
  return ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.AbstractKeyword) ?? false;
}

function isReadonly(node: ts.PropertySignature): boolean {
  return node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ReadonlyKeyword) ?? false;
}

function nameNode({ expression }: ts.CallExpression): ts.Node {
  return ts.isPropertyAccessExpression(expression) ? expression.name : expression;
}

function calledName({ expression }: ts.CallExpression): string {
  if (ts.isPropertyAccessExpression(expression)) return expression.name.text;
  return ts.isIdentifier(expression) ? expression.text : "";
}

function nameOf(node: ts.Node): string | undefined {
  const { name } = node as { name?: ts.Node };
  if (name !== undefined) return name.getText();
  const { parent } = node;
  const holds = ts.isPropertyDeclaration(parent) || ts.isPropertyAssignment(parent);
  return holds ? parent.name.getText() : undefined;
}
