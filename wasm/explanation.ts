/**
 * What there is to know of a module before it is used, for people and for agents. Guarantees: it never throws for what
 * is wrong with the module: that is what it explains.
 */
import { LlmdbError } from "../pager/error.js";
import { DEFAULT_LIMITS, type ShapeLimits } from "./limits.js";
import { compileModule } from "./module-cache.js";
import type { ModuleInfo } from "./module-info.js";
import { type Call, type Capability, capabilityOf, requireSurface } from "./module-surface.js";
import { rewriteModule } from "./rewrite.js";

/** A module that was accepted, or why it was not. */
export type ModuleExplanation =
  | {
      readonly accepted: true;
      /** SHA-256, in hex. */
      readonly hash: string;
      /** The calls that it answers. */
      readonly calls: readonly Call[];
      /** What it has to be granted. */
      readonly capabilities: readonly Capability[];
      readonly info: ModuleInfo;
      readonly limits: ShapeLimits;
      /** Bytes with what is added to it. */
      readonly rewrittenBytes: number;
    }
  | {
      readonly accepted: false;
      readonly hash: string;
      /** Why, as a sentence. */
      readonly reason: string;
      /** The byte, and the number of the function, where they are known. */
      readonly offset?: number;
      readonly function?: number;
      readonly limits: ShapeLimits;
    };

export function explainModule(hash: string, bytes: Uint8Array): ModuleExplanation {
  try {
    const { info, bytes: rewritten } = rewriteModule(bytes);
    const calls = requireSurface(info.exports);
    compileModule(rewritten);
    const capabilities = neededCapabilities(info);
    return {
      accepted: true,
      hash,
      calls,
      capabilities,
      info,
      limits: DEFAULT_LIMITS,
      rewrittenBytes: rewritten.length,
    };
  } catch (error) {
    if (!(error instanceof LlmdbError) || error.code !== "LLMDB_WASM_REFUSED") throw error;
    const { offset, function: index } = error.details;
    return {
      accepted: false,
      hash,
      reason: error.message,
      ...(typeof offset === "number" && { offset }),
      ...(typeof index === "number" && { function: index }),
      limits: DEFAULT_LIMITS,
    };
  }
}

/** What a module has to be granted, by what it imports. */
export function neededCapabilities({ imports }: ModuleInfo): Capability[] {
  const needed = new Set<Capability>();
  for (const { module, name } of imports) {
    const capability = capabilityOf(module, name);
    if (capability !== undefined) needed.add(capability);
  }
  return [...needed].sort();
}
