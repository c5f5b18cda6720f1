/**
 * TypeScript as plain JavaScript, for the tests that start processes and threads from it. Guarantees: a text is
 * compiled once for all processes and runs of the tests, as long as `node_modules` is there.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { threadId } from "node:worker_threads";

const cache = join(import.meta.dirname, "../node_modules/.cache/llmdb-tests");
const require = createRequire(import.meta.url);
/** Changes with whatever changes the output for the same text. */
const VERSION = `es2023 ${require("typescript/package.json").version}`;

/** The JavaScript of one module. */
export function compiled(text: string): string {
  const file = join(cache, `${createHash("sha256").update(`${VERSION}\n${text}`).digest("hex")}.js`);
  try {
    return readFileSync(file, "utf8");
  } catch {
    const output = compile(text);
    const unfinished = `${file}-${process.pid}-${threadId}`;
    mkdirSync(cache, { recursive: true });
    writeFileSync(unfinished, output);
    renameSync(unfinished, file);
    return output;
  }
}

/**
 * The compiler takes half a second to load, so it is loaded only for a text that no process has compiled.
 *
 * @throws SyntaxError where it does not parse
 */
function compile(text: string): string {
  const ts: typeof import("typescript") = require("typescript");
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023, verbatimModuleSyntax: true };
  const { outputText, diagnostics = [] } = ts.transpileModule(text, { compilerOptions, reportDiagnostics: true });
  if (diagnostics.length === 0) return outputText;
  throw new SyntaxError(ts.flattenDiagnosticMessageText(diagnostics[0].messageText, "\n"));
}
