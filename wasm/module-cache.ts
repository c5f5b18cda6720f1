/**
 * Modules that were rewritten and compiled, by their hash. Guarantees: one that is in here was accepted with the costs
 * of this version; rewritten modules are never stored, so that a new version of the costs holds for all.
 */
import { COSTS } from "./costs.js";
import type { ModuleInfo } from "./module-info.js";
import { type Call, requireSurface } from "./module-surface.js";
import { refusal } from "./refusal.js";
import { rewriteModule } from "./rewrite.js";
import type { ReadyModule } from "./sandbox.js";
import { type CompiledModule, webAssembly } from "./web-assembly.js";

export type Floats = "canonical" | "fast";

export interface CachedModule extends ReadyModule {
  /** Whether it ran in this process. V8 compiles a function when it is first called, which is in no fuel. */
  hasRun: boolean;
  readonly hash: string;
  readonly info: ModuleInfo;
  readonly calls: readonly Call[];
}

/** More are compiled again. */
const MOST = 64;
const cached = new Map<string, CachedModule>();

/**
 * The module of a hash, ready to be instantiated.
 *
 * @param bytes gives its bytes where they are needed
 * @throws LlmdbError `LLMDB_WASM_REFUSED`, and what `bytes` throws
 */
export function readyModule(hash: string, floats: Floats, bytes: () => Uint8Array): CachedModule {
  const key = `${hash} ${floats}`;
  let module = cached.get(key);
  if (module === undefined) module = compile(hash, floats, bytes());
  else cached.delete(key);
  // The one that was used longest ago comes first.
  cached.set(key, module);
  for (const oldest of cached.keys()) {
    if (cached.size <= MOST) break;
    cached.delete(oldest);
  }
  return module;
}

/**
 * Compiles a rewritten module.
 *
 * @throws LlmdbError `LLMDB_WASM_REFUSED` where it became more than the compiler takes
 */
export function compileModule(rewritten: Uint8Array): CompiledModule {
  try {
    return new webAssembly.Module(rewritten);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw refusal(`with what is added to it, it is more than the compiler takes: ${why}`);
  }
}

function compile(hash: string, floats: Floats, bytes: Uint8Array): CachedModule {
  const { bytes: rewritten, info, injected, tablePages } = rewriteModule(bytes, { floats });
  const calls = requireSurface(info.exports);
  return {
    hasRun: false,
    hash,
    info,
    injected,
    calls,
    compiled: compileModule(rewritten),
    tablePages,
    initialPages: info.memory?.min ?? 0,
    initialPageUnits: COSTS.initialPage,
  };
}
