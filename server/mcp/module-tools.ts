/**
 * The tools for modules: WebAssembly that runs at the data. Guarantees: the one that stores code is told apart from
 * those that only read, so that a server can leave it out; limits are in the schemas.
 */
import { CAPABILITIES } from "../../wasm/module-surface.js";
import { ADDS, AT, BUDGET, list, object, READS, text, tool } from "./native-tool.js";
import { RESULT_FORMS } from "./result-form.js";
import { RUN_LIMITS } from "./run-limits.js";
import type { Properties, Schema } from "./schema.js";
import type { Tool } from "./tool.js";

const TEXT: Schema = { type: "string" };
const COUNT: Schema = { type: "integer", minimum: 0 };
const FLAG: Schema = { type: "boolean" };
const TEXTS = list(TEXT);
/** Whether something was left out, to keep within maxTokens. */
const CUT = FLAG;
/** The most that a module may have, as text in base64. */
const MOST_BASE64 = 5_600_000;
const MOST_WAT = 1_000_000;

const SOURCE: Properties = {
  wat: text("The module as text; needs the package wabt installed with the server", MOST_WAT),
  base64: text("The module in binary form", MOST_BASE64),
};
const STORED: Properties = {
  hash: TEXT,
  name: TEXT,
  calls: TEXTS,
  capabilities: TEXTS,
  bytes: COUNT,
  tx: COUNT,
  time: TEXT,
  revoked: FLAG,
};
const { fuel, memoryBytes, timeoutMs } = RUN_LIMITS;

export const moduleTools: readonly Tool[] = [
  tool({
    name: "module_put",
    description:
      "Store a WebAssembly module for module_run. Call module_explain without arguments first: it returns the " +
      "calling convention with a complete example. Putting one again changes its name and what it is granted.",
    input: {
      ...SOURCE,
      name: text("Besides its hash; the newest of a name counts", 200, 1),
      capabilities: {
        type: "array",
        items: { type: "string", enum: CAPABILITIES },
        maxItems: CAPABILITIES.length,
        description: "What it may import; default nothing",
      },
      ...BUDGET,
    },
    output: object({ ...STORED, cut: CUT }, ["hash", "name", "calls", "capabilities", "bytes", "tx"]),
    hints: { ...ADDS, idempotentHint: true },
  }),
  tool({
    name: "module_explain",
    description:
      "What a WebAssembly module imports, exports and costs, or why it is refused: a stored one, or wat or base64 to " +
      "try out. Without arguments: what is stored, and how to write one. Stores nothing.",
    input: { module: text("Hash or name", 200, 1), ...SOURCE, ...BUDGET },
    output: object({
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
    }),
    hints: READS,
  }),
  tool({
    name: "module_run",
    description:
      "Run a stored module over the records of a map, or of the facts of a partition as of any point. It only reads; " +
      "fuel, memory and time are limited.",
    input: {
      module: text("Hash or name", 200, 1),
      call: { type: "string", enum: ["map_pages", "reduce_pages"], description: "Default: the one it has" },
      map: text("Over this plain map", 200, 1),
      partition: {
        type: "integer",
        minimum: 0,
        maximum: 2 ** 32 - 1,
        description: "Over the facts of this partition; 0 has the memory",
      },
      prefix: { description: "Keys that begin so: text, number, or a list of those" },
      gte: { description: "Keys from here on" },
      lt: { description: "Keys before this" },
      gtPrefix: { description: "After all keys that begin so" },
      ltePrefix: { description: "Up to the last key that begins so" },
      ...AT,
      arg: text("Handed over as UTF-8", 65_536),
      argBase64: text("Handed over as bytes", 87_384),
      output: { type: "string", enum: RESULT_FORMS, default: "hex", description: "Form of the result" },
      fuel: { type: "integer", minimum: 1, maximum: fuel.most, default: fuel.default },
      memoryBytes: {
        type: "integer",
        minimum: memoryBytes.least,
        maximum: memoryBytes.most,
        default: memoryBytes.default,
      },
      timeoutMs: { type: "integer", minimum: 1, maximum: timeoutMs.most, default: timeoutMs.default },
      ...BUDGET,
    },
    required: ["module"],
    output: object(
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
    hints: READS,
  }),
];
