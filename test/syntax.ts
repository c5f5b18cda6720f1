/**
 * What the tests about the code itself look for in a source. Everything here works on the syntax tree, so words in
 * comments and strings never count as code.
 */
import ts from "typescript";
import type { Source } from "./sources.js";

/** Where a piece of code stands, and what it says. */
export interface Finding {
  readonly line: number;
  readonly text: string;
}

/** Every module specifier of a file: imports, re-exports, dynamic imports, `require` and `import("…")` types. */
export function importsOf(source: Source): Finding[] {
  return findIn(source, (node) => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return literal(node.moduleSpecifier);
    if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) return literal(node.argument.literal);
    if (ts.isExternalModuleReference(node)) return literal(node.expression);
    if (!ts.isCallExpression(node)) return undefined;
    const callee = node.expression;
    const loads =
      callee.kind === ts.SyntaxKind.ImportKeyword ||
      (ts.isIdentifier(callee) && callee.text === "require") ||
      (ts.isPropertyAccessExpression(callee) && callee.name.text === "getBuiltinModule");
    return loads ? literal(node.arguments[0]) : undefined;
  });
}

/** Every place that reads the clock or draws random numbers. */
export function clockAndChanceOf(source: Source): Finding[] {
  const banned = /^(Date\.now|Math\.random|performance\.(now|timeOrigin)|process\.(hrtime|uptime)|crypto\.\w+)$/;
  return findIn(source, (node) => {
    if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression)) {
      const name = `${node.expression.text}.${node.name.text}`;
      return banned.test(name) ? name : undefined;
    }
    const makesDate = ts.isNewExpression(node) || ts.isCallExpression(node);
    if (!makesDate || !ts.isIdentifier(node.expression) || node.expression.text !== "Date") return undefined;
    return ts.isCallExpression(node) || !node.arguments?.length ? "Date()" : undefined;
  });
}

/** Every place that takes a timer from the process: calls it, hands it on, gives it a name, or imports it. */
export function globalTimersOf(source: Source): Finding[] {
  const banned = /^((set|clear)(Timeout|Interval|Immediate)|queueMicrotask|nextTick)$/;
  const timer = (node: ts.Node | undefined): string | undefined => {
    if (node === undefined) return undefined;
    if (ts.isIdentifier(node)) return banned.test(node.text) ? node.text : undefined;
    if (!ts.isPropertyAccessExpression(node) || !ts.isIdentifier(node.expression)) return undefined;
    const isOfProcess = /^(globalThis|global|process)$/.test(node.expression.text);
    return isOfProcess && banned.test(node.name.text) ? node.name.text : undefined;
  };
  return findIn(source, (node) => {
    if (ts.isImportDeclaration(node)) {
      const from = literal(node.moduleSpecifier);
      return from !== undefined && /^(node:)?timers\b/.test(from) ? from : undefined;
    }
    if (ts.isVariableDeclaration(node) || ts.isPropertyAssignment(node)) return timer(node.initializer);
    if (!ts.isCallExpression(node) && !ts.isNewExpression(node)) return undefined;
    return [node.expression, ...(node.arguments ?? [])].map(timer).find((found) => found !== undefined);
  });
}

/** Every `any` written as a type. */
export function anyTypesOf(source: Source): Finding[] {
  return findIn(source, (node) => (node.kind === ts.SyntaxKind.AnyKeyword ? "any" : undefined));
}

/** Every text of a file that may be shown: string literals, and the pieces of templates; no module specifiers. */
export function textsOf(source: Source): Finding[] {
  return findIn(source, (node) => {
    if (ts.isStringLiteralLike(node)) return ts.isImportDeclaration(node.parent) ? undefined : node.text;
    return ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node) ? node.text : undefined;
  });
}

/** A function or method with a body: where it starts, its name, its size. */
export interface FunctionSize {
  readonly line: number;
  readonly name: string;
  readonly lines: number;
  readonly parameters: number;
}

/** Every function, method, accessor and constructor of a file. One without a name has that of what it is given to. */
export function functionsOf(source: Source): FunctionSize[] {
  const tree = parsed(source);
  const lineOf = (at: number): number => tree.getLineAndCharacterOfPosition(at).line + 1;
  const found: FunctionSize[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && "body" in node && node.body !== undefined) {
      const line = lineOf(node.getStart(tree));
      const lines = lineOf(node.getEnd()) - line + 1;
      found.push({ line, name: nameOf(node, tree), lines, parameters: node.parameters.length });
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

function nameOf(node: ts.SignatureDeclaration, tree: ts.SourceFile): string {
  if (ts.isConstructorDeclaration(node)) return "constructor";
  if (node.name !== undefined) return node.name.getText(tree);
  const { parent } = node;
  if (ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent)) return parent.name.getText(tree);
  return ts.isCallExpression(parent) ? parent.expression.getText(tree) : "a function";
}

function literal(node: ts.Node | undefined): string | undefined {
  return node !== undefined && ts.isStringLiteralLike(node) ? node.text : undefined;
}

function findIn(source: Source, match: (node: ts.Node) => string | undefined): Finding[] {
  const tree = parsed(source);
  const found: Finding[] = [];
  const visit = (node: ts.Node): void => {
    const text = match(node);
    if (text !== undefined) {
      found.push({ line: tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1, text });
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

/** Trees of the files that were asked about, because several tests look at each. */
const trees = new WeakMap<Source, ts.SourceFile>();

function parsed(source: Source): ts.SourceFile {
  const known = trees.get(source);
  if (known !== undefined) return known;
  const tree = ts.createSourceFile(source.path, source.text, ts.ScriptTarget.Latest, true);
  trees.set(source, tree);
  return tree;
}
