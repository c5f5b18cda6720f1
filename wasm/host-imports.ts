/**
 * What a module may call: `llmdb.clock_us`, `llmdb.log`, `llmdb.get`, `llmdb.get_from`, `env.abort`. Guarantees: a
 * module gets no more of these than it imports, and it was refused where it imports what it was not granted; what they
 * answer depends on the state of the database alone.
 */
import { LlmdbError } from "../pager/error.js";
import type { ImportInfo } from "./module-info.js";
import type { Sandbox } from "./sandbox.js";
import type { WasmImports } from "./web-assembly.js";

/** What answers a module. */
export interface ModuleHost {
  /** Time of the transaction, in microseconds since 1970. */
  readonly micros: number;
  log(text: string): void;
  /** Hands on what was logged, after a slice: code of others must not run where it may be cut off. */
  handOn?(): void;
  /** The value of a key; maps are counted from that of the call, which is 0. Undefined where there is none. */
  get(map: number, key: Uint8Array): Uint8Array | undefined;
}

/** A host for those that may not read. */
export function hostWithoutReads(micros: number, log: (text: string) => void): ModuleHost {
  return {
    micros,
    log,
    get: () => {
      throw new LlmdbError("LLMDB_WASM_TRAP", "the module failed: there is nothing that llmdb.get could read here");
    },
  };
}

/** What looking up a key costs, besides a unit for each eight bytes of its value. */
const GET_UNITS = 200;
const LOG_UNITS = 200;
/** A text that is logged is cut there. */
const LOG_BYTES = 4096;
/** The most bytes that an instance logs; each text takes a few more. The rest is left out. */
const MOST_LOG_BYTES = 1024 * 1024;
const LOG_TEXT_BYTES = 64;
const ABORT_BYTES = 1024;

const utf8 = new TextDecoder();
const utf16 = new TextDecoder("utf-16le");

/** The imports of a module; `sandboxOf` gives its instance once there is one. */
export function hostImports(imports: readonly ImportInfo[], host: ModuleHost, sandboxOf: () => Sandbox): WasmImports {
  const get = (map: number, keyAt: number, keyBytes: number, into: number, room: number): number => {
    const sandbox = sandboxOf();
    sandbox.charge(GET_UNITS + (keyBytes >>> 3));
    const value = host.get(map, sandbox.read(keyAt, keyBytes));
    if (value === undefined) return -1;
    sandbox.charge(value.length >>> 3);
    sandbox.requireInside(into, room);
    if (value.length <= room >>> 0) sandbox.u8.set(value, into >>> 0);
    return value.length;
  };
  let logged = 0;
  const all: Record<string, (...values: number[]) => unknown> = {
    "llmdb.clock_us": () => BigInt(host.micros),
    "llmdb.log": (at, length) => {
      const sandbox = sandboxOf();
      sandbox.charge(LOG_UNITS);
      const bytes = sandbox.read(at, Math.min(length >>> 0, LOG_BYTES));
      logged += LOG_TEXT_BYTES + bytes.length;
      if (logged <= MOST_LOG_BYTES) host.log(utf8.decode(bytes));
    },
    "llmdb.get": (keyAt, keyBytes, into, room) => get(0, keyAt, keyBytes, into, room),
    "llmdb.get_from": get,
    "env.abort": (message, file, line, column) => {
      const sandbox = sandboxOf();
      throw aborted(assemblyScriptText(sandbox, message), assemblyScriptText(sandbox, file), line, column);
    },
  };
  const used: Record<string, Record<string, unknown>> = {};
  for (const { module, name } of imports) {
    used[module] ??= {};
    used[module][name] = all[`${module}.${name}`];
  }
  return used;
}

function aborted(message: string, file: string, line: number, column: number): LlmdbError {
  const place = file === "" ? "" : ` (${file}:${line}:${column})`;
  return new LlmdbError("LLMDB_WASM_ABORT", `the module refused: ${message}${place}`, { message });
}

/** A string of AssemblyScript: UTF-16, its bytes counted in the word before it. 0 is none. */
function assemblyScriptText(sandbox: Sandbox, at: number): string {
  if (at === 0) return "";
  sandbox.requireInside(at - 4, 4);
  const [a, b, c, d] = sandbox.read(at - 4, 4);
  const length = (a | (b << 8) | (c << 16) | (d << 24)) >>> 0;
  return utf16.decode(sandbox.read(at, Math.min(length, ABORT_BYTES)));
}
