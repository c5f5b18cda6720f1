/**
 * The tools for modules: WebAssembly that runs at the data. Guarantees: the one that stores code is told apart from
 * those that only read, so that a server can leave it out; limits stand in the schemas.
 */
import { CAPABILITIES } from "../../wasm/module-surface.js";
import { ABI_URI } from "./module-abi.js";
import { RUN_LIMITS } from "./module-operations.js";
import { AT, BUDGET, list, object, type Properties, text, tool } from "./native-tool.js";
import { RESULT_FORMS } from "./result-form.js";
import type { Schema } from "./schema.js";
import { READS, type Tool, writes } from "./tool.js";

const TEXT: Schema = { type: "string" };
const COUNT: Schema = { type: "integer", minimum: 0 };
const FLAG: Schema = { type: "boolean" };
const TEXTS = list(TEXT);
const CUT: Schema = { type: "boolean", description: "True: something was left out, to keep within maxTokens" };
/** The most that a module may have, as text in base64. */
const MOST_BASE64 = 5_600_000;
const MOST_WAT = 1_000_000;

const SOURCE: Properties = {
  wat: text("The module as WebAssembly text; needs the package wabt beside the server", MOST_WAT),
  base64: text("The module in binary form, in base64", MOST_BASE64),
};
const STORED: Properties = {
  hash: { ...TEXT, description: "SHA-256 of its bytes" },
  name: TEXT,
  calls: TEXTS,
  capabilities: TEXTS,
  bytes: COUNT,
  tx: COUNT,
  time: { type: "string", description: "ISO 8601" },
  revoked: FLAG,
};
const KEY = "a text, a number, or a list of those for a composite key";
const { fuel, memoryBytes, timeoutMs } = RUN_LIMITS;

export const moduleTools: readonly Tool[] = [
  tool(
    "module_put",
    "Put Module",
    "Store a WebAssembly module, to run it over pages of records with module_run. It exports memory, " +
      "llmdb_abi_v1() -> 1, llmdb_alloc(n) -> address, and map_pages or reduce_pages(in, inLength, out, outCapacity) " +
      "-> bytes written, all i32. Call module_explain without arguments first: it returns the calling convention " +
      "with a complete example. A module that breaks the rules is refused with the reason, and not stored. Putting " +
      "one again changes its name and what it is granted.",
    {
      ...SOURCE,
      name: text("By which it can be called besides its hash; the newest of a name counts", 200, 1),
      capabilities: {
        type: "array",
        items: { type: "string", enum: CAPABILITIES },
        maxItems: CAPABILITIES.length,
        description: "What it may import. Default: nothing",
      },
      ...BUDGET,
    },
    [],
    object({ ...STORED, cut: CUT }, ["hash", "name", "calls", "capabilities", "bytes", "tx"]),
    writes({ destructive: false, idempotent: true }),
  ),
  tool(
    "module_explain",
    "Explain Module",
    "What a WebAssembly module imports, exports, uses and costs, and the limits, or exactly why it is refused. Give " +
      "wat or base64 to try one out before it is stored, or module for a stored one. Without arguments: the stored " +
      `modules, and how to write one, with a complete example (also the resource ${ABI_URI}). Stores nothing.`,
    { module: text("The hash or name of a stored module", 200, 1), ...SOURCE, ...BUDGET },
    [],
    object(
      {
        accepted: FLAG,
        hash: TEXT,
        reason: { ...TEXT, description: "Why it is refused" },
        offset: { ...COUNT, description: "The byte of the module at which" },
        function: { ...COUNT, description: "The function in which, imported ones counted" },
        calls: TEXTS,
        capabilities: { ...TEXTS, description: "What it has to be granted" },
        bytes: COUNT,
        rewrittenBytes: { ...COUNT, description: "Bytes with the metering that is added" },
        features: { ...TEXTS, description: "Proposals after the first version that it uses" },
        memory: object({ minPages: COUNT, maxPages: COUNT }, [], "In pages of 64 KiB"),
        imports: list(object({ name: TEXT, signature: TEXT }, ["name"])),
        exports: list(object({ name: TEXT, kind: TEXT, signature: TEXT }, ["name", "kind"])),
        functions: list(
          object(
            { index: COUNT, name: TEXT, bodyBytes: COUNT, locals: COUNT, fuel: COUNT, stack: COUNT, hasLoops: FLAG },
            ["index", "fuel"],
            "fuel: of one pass through all of its operations",
          ),
        ),
        limits: { type: "object", description: "The shape that a module may have" },
        count: { ...COUNT, description: "How many modules are stored" },
        modules: list(object(STORED, ["hash", "name"], "The newest of them")),
        abi: { ...TEXT, description: "The calling convention, in Markdown" },
        cut: CUT,
      },
      [],
    ),
    READS,
  ),
  tool(
    "module_run",
    "Run Module",
    "Run map_pages or reduce_pages of a stored module over the records of a map, or of the facts of a partition as " +
      "of now or any point in the past. It reads and cannot change anything; fuel, memory and time are limited.",
    {
      module: text("The hash or name of a stored module", 200, 1),
      call: {
        type: "string",
        enum: ["map_pages", "reduce_pages"],
        description: "Default: the one that it has; of both, reduce_pages",
      },
      map: text("Over this plain map", 200, 1),
      partition: {
        type: "integer",
        minimum: 0,
        maximum: 2 ** 32 - 1,
        description: "Over the facts of this partition of the store; 0 has those of the memory. Give map or partition",
      },
      prefix: { description: `Only keys that begin with this: ${KEY}` },
      gte: { description: `Only keys from this one on: ${KEY}` },
      lt: { description: `Only keys before this one: ${KEY}` },
      ...AT,
      arg: text("Handed to the module, as UTF-8", 65_536),
      argBase64: text("Handed to the module, as bytes in base64", 87_384),
      output: {
        type: "string",
        enum: RESULT_FORMS,
        default: "hex",
        description: "How the result is shown: numbers are little endian, those of 64 bits are texts of digits",
      },
      fuel: { type: "integer", minimum: 1, maximum: fuel.most, default: fuel.default, description: "The most units" },
      memoryBytes: {
        type: "integer",
        minimum: memoryBytes.least,
        maximum: memoryBytes.most,
        default: memoryBytes.default,
        description: "The most memory",
      },
      timeoutMs: {
        type: "integer",
        minimum: 1,
        maximum: timeoutMs.most,
        default: timeoutMs.default,
        description: "The most time",
      },
      ...BUDGET,
    },
    ["module"],
    object(
      {
        call: TEXT,
        output: TEXT,
        result: { description: "A text, or a list of numbers or of texts of digits" },
        bytes: { ...COUNT, description: "The length of all of the result" },
        fuelUsed: COUNT,
        pages: COUNT,
        records: COUNT,
        log: { ...TEXTS, description: "What it logged" },
        cut: CUT,
      },
      ["call", "output", "result", "bytes", "fuelUsed", "pages", "records"],
    ),
    READS,
  ),
];
