/**
 * Modules of scripts as bytes: the text is assembled by the npm package `wabt`, quoted text too, binary is joined.
 *
 * Guarantees: says of each module whether it has to run, has to be refused, or cannot be put into bytes; that does
 * not depend on the engine that runs this, apart from `here`.
 */
import wabt from "wabt";
import { webAssembly } from "../../../wasm/web-assembly.js";
import { outlineOf } from "./outline.js";

/**
 * - `runs`: valid, accepted features only.
 * - `constants`: the same, but for constant expressions that older engines do not have.
 * - `refused`: of features that are refused by name.
 * - `invalid`: assembled, but not valid in this engine.
 * - `unread`: what the assembler cannot read.
 */
export type Standing = "runs" | "constants" | "refused" | "invalid" | "unread";

export interface Assembled {
  readonly standing: Standing;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const accepted = { extended_const: true, annotations: true };
const everything = {
  ...accepted,
  exceptions: true,
  threads: true,
  function_references: true,
  tail_call: true,
  gc: true,
  memory64: true,
  multi_memory: true,
  relaxed_simd: true,
};
const nothing = new Uint8Array(0);

/** The assembler of the scripts. */
export class Assembler {
  private readonly wabt: Awaited<ReturnType<typeof import("wabt")>>;

  private constructor(wabt: Awaited<ReturnType<typeof import("wabt")>>) {
    this.wabt = wabt;
  }

  static async create(): Promise<Assembler> {
    return new Assembler(await wabt());
  }

  text(source: Uint8Array): Assembled {
    const bytes = this.parse(source, accepted);
    if (bytes !== undefined) return this.binary(bytes);
    const foreign = this.parse(source, everything);
    return foreign === undefined ? { standing: "unread", bytes: nothing } : { standing: "refused", bytes: foreign };
  }

  binary(bytes: Uint8Array): Assembled {
    return { standing: standingOf(bytes), bytes: new Uint8Array(bytes) };
  }

  private parse(source: Uint8Array, features: object): Uint8Array<ArrayBuffer> | undefined {
    try {
      const module = this.wabt.parseWat("script", source.slice(), features);
      try {
        module.resolveNames();
        return new Uint8Array(module.toBinary({}).buffer);
      } finally {
        module.destroy();
      }
    } catch {
      return undefined;
    }
  }
}

function standingOf(bytes: Uint8Array): Standing {
  try {
    const { refused, longConstants } = outlineOf(bytes);
    if (refused !== undefined) return "refused";
    if (longConstants) return "constants";
  } catch {
    return "invalid";
  }
  return webAssembly.validate(new Uint8Array(bytes)) ? "runs" : "invalid";
}
