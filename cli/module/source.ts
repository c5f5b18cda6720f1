/**
 * Modules and their arguments as they are named on a command line. Guarantees: what is a file and what is stored is
 * told by the form of a name alone, never by what is in the folder.
 */
import { readFileSync } from "node:fs";
import { type Command, InvalidArgumentError } from "commander";
import { whole } from "../arguments.js";
import { badUsage } from "../failure.js";
import type { Streams } from "../streams.js";

/** What a module may use, and what it is handed. */
export interface GrantFlags {
  readonly arg?: string;
  readonly argHex?: Uint8Array;
  readonly fuel?: number;
  readonly memory?: number;
  readonly timeout?: number;
}

/** The same, as the database takes it. */
export interface Grants {
  arg?: Uint8Array;
  fuel?: number;
  memoryBytes?: number;
  timeoutMs?: number;
}

/** How a binary module begins. */
const MAGIC = [0, 0x61, 0x73, 0x6d];

/** Whether a file is meant: `-`, a path with a slash, or a name that ends as those of modules do. */
export function isFile(module: string): boolean {
  return module === "-" || /[/\\]|\.(wasm|wat)$/.test(module);
}

/** A module as it is in a file: its bytes, or its text. */
export async function readModule(path: string, streams: Streams): Promise<Uint8Array | string> {
  const bytes = path === "-" ? await bytesOf(streams.stdin) : readFileSync(path);
  if (MAGIC.every((byte, i) => bytes[i] === byte)) return new Uint8Array(bytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    // The database says what is wrong with it.
    return new Uint8Array(bytes);
  }
}

/** Adds `--arg`, `--arg-hex`, `--fuel`, `--memory` and `--timeout`. */
export function grantOptions(command: Command, fuel: string, timeout: string): Command {
  return command
    .option("--arg <text>", "handed to the module, as UTF-8")
    .option("--arg-hex <digits>", "handed to the module, as bytes in hexadecimal", hexBytes)
    .option("--fuel <units>", `the most that it may use (default: ${fuel})`, whole)
    .option("--memory <bytes>", "the most memory (default: 64 MiB)", whole)
    .option("--timeout <ms>", `the most time (default: ${timeout})`, whole);
}

/** What these options grant. */
export function grantsOf({ arg, argHex, fuel, memory, timeout }: GrantFlags): Grants {
  if (arg !== undefined && argHex !== undefined) throw badUsage("give --arg or --arg-hex, not both");
  const given = arg === undefined ? argHex : new TextEncoder().encode(arg);
  return {
    ...(given !== undefined && { arg: given }),
    ...(fuel !== undefined && { fuel }),
    ...(memory !== undefined && { memoryBytes: memory }),
    ...(timeout !== undefined && { timeoutMs: timeout }),
  };
}

function hexBytes(text: string): Uint8Array {
  if (/^([0-9a-f]{2})*$/i.test(text)) return new Uint8Array(Buffer.from(text, "hex"));
  throw new InvalidArgumentError("It takes two hexadecimal digits for each byte.");
}

async function bytesOf(stream: Streams["stdin"]): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}
