/**
 * How a module is attached, checked. Guarantees: an unknown option or a value out of range is refused before anything
 * is written.
 */
import {
  type AttachmentFact,
  type AttachmentKind,
  MAX_FUEL,
  MAX_MEMORY_BYTES,
  MAX_TIMEOUT_MS,
  MIN_MEMORY_BYTES,
  MOST_MAPS,
} from "../catalog/stored-fact.js";
import { checkMapOptions } from "../engine/options.js";
import { invalid, requireArg, requireWhole } from "./call-options.js";

/** Which attachment of a module to a map is meant. */
export interface AttachmentOf {
  /** As what. */
  on: AttachmentKind;
  /** Of an index: its name. */
  name?: string;
}

export interface AttachOptions extends AttachmentOf {
  /** Maps that a hook may write; in its records they have the numbers from 1 on. */
  writes?: readonly string[];
  /** Maps that it may read with `llmdb.get_from`, besides; their numbers follow. */
  reads?: readonly string[];
  /** Handed to the module with every call. Default: none. */
  arg?: Uint8Array;
  /** The most that it may use in a transaction, in units. Default 50,000,000, about 25 ms of a processor. */
  fuel?: number;
  /**
   * When it is given up in a transaction, in milliseconds. Default 1,000. Fuel limits the work: time is for what hangs,
   * and a busy machine takes more of it for the same work. At most what the process that opened the file allows.
   */
  timeoutMs?: number;
  /** The most memory, 64 KiB to 64 MiB. Default 64 MiB. */
  memoryBytes?: number;
}

const OF_NAMES = ["on", "name"];
const NAMES = [...OF_NAMES, "writes", "reads", "arg", "fuel", "timeoutMs", "memoryBytes"];
const MOST_NAME_BYTES = 256;

/** What names an attachment, besides its module. */
export function checkAttachmentOf(
  map: string,
  options: AttachmentOf,
  maxNameBytes: number,
  known: readonly string[] = OF_NAMES,
): { on: AttachmentKind; map: string; name: string } {
  if (options === null || typeof options !== "object") throw invalid('say what it is attached as: { on: "tx_hook" }');
  for (const option in options) {
    if (!known.includes(option)) throw invalid(`there is no option "${option}"; there are ${known.join(", ")}`);
  }
  checkMapOptions(map, undefined, maxNameBytes);
  const { on, name = "" } = options;
  if (on !== "tx_hook" && on !== "custom_index") throw invalid('on is "tx_hook" or "custom_index"');
  if (on === "tx_hook" && name !== "") throw invalid("only an index has a name");
  if (on === "custom_index") checkMapOptions(name, undefined, Math.min(MOST_NAME_BYTES, maxNameBytes - 64));
  return { on, map, name };
}

/**
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`
 */
export function checkAttachOptions(
  module: string,
  map: string,
  options: AttachOptions,
  maxNameBytes: number,
): AttachmentFact {
  const of = checkAttachmentOf(map, options, maxNameBytes, NAMES);
  const writes = requireMaps("writes", options.writes, maxNameBytes);
  if (of.on === "custom_index" && writes.length > 0) throw invalid("an index writes its own entries and nothing else");
  return {
    ...of,
    module,
    writes,
    reads: requireMaps("reads", options.reads, maxNameBytes),
    arg: requireArg(options.arg),
    fuel: requireWhole("fuel", options.fuel ?? 50_000_000, 1, MAX_FUEL),
    timeoutMs: requireWhole("timeoutMs", options.timeoutMs ?? 1000, 1, MAX_TIMEOUT_MS),
    memoryBytes: requireWhole(
      "memoryBytes",
      options.memoryBytes ?? MAX_MEMORY_BYTES,
      MIN_MEMORY_BYTES,
      MAX_MEMORY_BYTES,
    ),
  };
}

function requireMaps(what: string, maps: readonly string[] | undefined, maxNameBytes: number): string[] {
  if (maps === undefined) return [];
  if (!Array.isArray(maps) || maps.length > MOST_MAPS)
    throw invalid(`${what} is an array of at most ${MOST_MAPS} maps`);
  for (const map of maps) checkMapOptions(map, undefined, maxNameBytes);
  return [...maps];
}
