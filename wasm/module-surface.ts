/**
 * What a module may import and what it exports to be called: the convention `llmdb_abi_v1`. Guarantees: any other
 * import is refused by its name, so that a module reaches nothing but what it is handed.
 */
import { EXTERNREF, F32, F64, FUNCREF, type FunctionType, I32, I64, type RawModule, V128 } from "./module-reader.js";
import { refusal } from "./refusal.js";

/** What a module may be granted. */
export type Capability = "clock" | "log" | "get";

/** As bits in the frame of a call. */
export const CAPABILITY_BITS: Readonly<Record<Capability, number>> = { clock: 1, log: 2, get: 4 };

export const CAPABILITIES: readonly Capability[] = ["clock", "log", "get"];

/** The four calls, and what joins the results of one. */
export const CALLS = ["map_pages", "reduce_pages", "reduce_merge", "tx_hook", "custom_index"] as const;
export type Call = (typeof CALLS)[number];

/** The imports there are; `capability` undefined: everybody may. */
const IMPORTS: ReadonlyMap<string, { readonly signature: string; readonly capability: Capability | undefined }> =
  new Map([
    ["llmdb.clock_us", { signature: "() -> i64", capability: "clock" }],
    ["llmdb.log", { signature: "(i32, i32)", capability: "log" }],
    ["llmdb.get", { signature: "(i32, i32, i32, i32) -> i32", capability: "get" }],
    ["llmdb.get_from", { signature: "(i32, i32, i32, i32, i32) -> i32", capability: "get" }],
    ["env.abort", { signature: "(i32, i32, i32, i32)", capability: undefined }],
  ]);

const NAMES = new Map([
  [I32, "i32"],
  [I64, "i64"],
  [F32, "f32"],
  [F64, "f64"],
  [V128, "v128"],
  [FUNCREF, "funcref"],
  [EXTERNREF, "externref"],
]);

/** A type of functions as text: `(i32, i64) -> f64`. */
export function signatureOf({ params, results }: FunctionType): string {
  const list = (types: readonly number[]) => types.map((type) => NAMES.get(type)).join(", ");
  if (results.length === 0) return `(${list(params)})`;
  return `(${list(params)}) -> ${results.length === 1 ? list(results) : `(${list(results)})`}`;
}

/** The capability that an import needs; undefined for `env.abort`. */
export function capabilityOf(module: string, name: string): Capability | undefined {
  return IMPORTS.get(`${module}.${name}`)?.capability;
}

/** The capabilities that its imports need, as bits. */
export function capabilityBits(imports: readonly { module: string; name: string }[]): number {
  let bits = 0;
  for (const { module, name } of imports) {
    const capability = capabilityOf(module, name);
    if (capability !== undefined) bits |= CAPABILITY_BITS[capability];
  }
  return bits;
}

/**
 * @param granted capabilities, as they are in the database
 * @throws LlmdbError `LLMDB_WASM_REFUSED` where it imports what it was not granted
 */
export function requireGranted(imports: readonly { module: string; name: string }[], granted: readonly string[]): void {
  for (const { module, name } of imports) {
    const capability = capabilityOf(module, name);
    if (capability === undefined || granted.includes(capability)) continue;
    throw refusal(
      `it imports "${module}.${name}", which it was not granted; put it with capabilities: ["${capability}"]`,
    );
  }
}

/**
 * @throws LlmdbError `LLMDB_WASM_REFUSED` where it imports what there is not
 */
export function requireImports(module: RawModule): void {
  for (const { module: from, name, kind, type } of module.imports) {
    const known = IMPORTS.get(`${from}.${name}`);
    if (kind !== "function" || known === undefined) {
      throw refusal(`there is no ${kind} "${from}.${name}" to import; there are ${[...IMPORTS.keys()].join(", ")}`);
    }
    const signature = signatureOf(module.types[type]);
    if (signature !== known.signature) {
      throw refusal(`"${from}.${name}" is ${known.signature}, and it imports ${signature}`);
    }
  }
}

/**
 * @throws LlmdbError `LLMDB_WASM_REFUSED` where it cannot be called by the convention
 */
export function requireSurface(exports: readonly { name: string; kind: string; signature: string }[]): Call[] {
  const require = (name: string, signature: string) => {
    const found = exports.find((one) => one.name === name);
    if (found === undefined) throw refusal(`it exports no "${name}"`);
    const seen = found.kind === "function" ? found.signature : found.kind;
    if (seen !== signature) throw refusal(`its export "${name}" is ${seen}, and should be ${signature}`);
  };
  require("memory", "memory");
  require("llmdb_abi_v1", "() -> i32");
  require("llmdb_alloc", "(i32) -> i32");
  const calls = CALLS.filter((call) => exports.some(({ name }) => name === call));
  for (const call of calls) require(call, "(i32, i32, i32, i32) -> i32");
  if (calls.length === 0) throw refusal(`it exports none of ${CALLS.join(", ")}`);
  return calls;
}
