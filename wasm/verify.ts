/**
 * What `verify()` says of the modules that a database keeps: whether their bytes are those that were put, what is
 * stored of them and of attachments is whole, and each imports no more than it was granted. Guarantees: nothing of a
 * module runs; what is wrong is reported and not thrown.
 */
import { CODE, ModuleCatalog } from "../catalog/module-catalog.js";
import type { ModuleFact } from "../catalog/stored-fact.js";
import type { TransactionRunner } from "../engine/transaction-runner.js";
import type { VerifyProgress, VerifyReport } from "../engine/verify.js";
import { LlmdbError } from "../pager/error.js";
import type { Sources } from "../temporal/sources.js";
import { DEFAULT_LIMITS } from "./limits.js";
import { readModule } from "./module-reader.js";
import { requireGranted } from "./module-surface.js";

type Problems = VerifyReport["problems"];

export function* checkModules(runner: TransactionRunner, sources: Sources): Generator<VerifyProgress, Problems> {
  const catalog = new ModuleCatalog(runner, sources);
  const problems: Problems = [];
  if (catalog.isEmpty) return problems;
  const attempt = <T>(read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof LlmdbError) || error.code === "LLMDB_CLOSED") throw error;
      problems.push({ map: CODE, what: error.message });
      return undefined;
    }
  };
  const modules = attempt(() => catalog.modules()) ?? [];
  const attached = attempt(() => catalog.attachments()) ?? [];
  for (const [done, module] of modules.entries()) {
    yield { phase: "facts", done, total: modules.length };
    attempt(() => checkModule(catalog, module));
  }
  const usable = new Set(modules.filter(({ revoked }) => !revoked).map(({ hash }) => hash));
  for (const { module, map } of attached) {
    if (usable.has(module)) continue;
    problems.push({ map: CODE, what: `module ${module} is attached to map "${map}", and is not there to be used` });
  }
  return problems;
}

function checkModule(catalog: ModuleCatalog, { hash, capabilities }: ModuleFact): void {
  const bytes = catalog.bytes(hash);
  let imports: readonly { module: string; name: string }[] = [];
  try {
    imports = readModule(bytes, DEFAULT_LIMITS).imports;
  } catch (error) {
    // The limits were others when it was put: it is whole, and refused where it is used.
    if (error instanceof LlmdbError && error.code === "LLMDB_WASM_REFUSED") return;
    throw error;
  }
  requireGranted(imports, capabilities);
}
