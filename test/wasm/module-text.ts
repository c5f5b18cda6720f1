/** Modules as text for tests of `db.modules`: what the convention wants, around bodies that a test gives. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { encodeKey, type Key, KeyBuffer } from "../../engine/key.js";
import { encodeMsgpack } from "../../engine/msgpack-writer.js";
import type { Call } from "../../index.js";
import { root } from "../sources.js";

/** Bodies may use these; $in, $len, $out and $cap are their parameters. */
const LOCALS =
  "(local $a i32) (local $b i32) (local $c i32) (local $n i32) (local $w i64) (local $x f64) (local $v v128)";

/** Hands out memory from 64 KiB on, and grows it where it has to. */
export const ALLOC = `
  (global $heap (mut i32) (i32.const 65536))
  (func (export "llmdb_alloc") (param $n i32) (result i32)
    (local $at i32) (local $missing i32)
    (local.set $at (global.get $heap))
    (global.set $heap (i32.and (i32.add (i32.add (local.get $at) (local.get $n)) (i32.const 15)) (i32.const -16)))
    (local.set $missing
      (i32.sub (i32.shr_u (i32.add (global.get $heap) (i32.const 65535)) (i32.const 16)) (memory.size)))
    (if (i32.gt_s (local.get $missing) (i32.const 0))
      (then (if (i32.eq (memory.grow (local.get $missing)) (i32.const -1)) (then (unreachable)))))
    (local.get $at))`;

export interface Around {
  /** Imports come first in a module. */
  readonly imports?: string;
  /** Functions, globals and data besides. */
  readonly more?: string;
  readonly alloc?: string;
  readonly abi?: number;
}

/** The text of a module. A body leaves what its call returns. */
export function moduleText(
  bodies: { readonly [C in Call]?: string },
  { imports = "", more = "", alloc = ALLOC, abi = 1 }: Around = {},
): string {
  const calls = Object.entries(bodies).map(
    ([call, body]) =>
      `(func (export "${call}") (param $in i32) (param $len i32) (param $out i32) (param $cap i32) (result i32)
        ${LOCALS}
        ${body})`,
  );
  return `(module ${imports} (memory (export "memory") 2) ${alloc} ${more}
    (func (export "llmdb_abi_v1") (result i32) (i32.const ${abi}))
    ${calls.join("\n")})`;
}

export const CLOCK = `(import "llmdb" "clock_us" (func $clock (result i64)))`;
export const LOG = `(import "llmdb" "log" (func $log (param i32 i32)))`;
export const GET = `(import "llmdb" "get" (func $get (param i32 i32 i32 i32) (result i32)))`;
export const GET_FROM = `(import "llmdb" "get_from" (func $get_from (param i32 i32 i32 i32 i32) (result i32)))`;

/** A body that answers bytes, whatever it is called with. */
export function answering(bytes: Uint8Array): string {
  if (bytes.length > 4096) throw new RangeError("the first out window has 4,096 bytes");
  const stores = [...bytes].map((byte, i) => `(i32.store8 offset=${i} (local.get $out) (i32.const ${byte}))`);
  return `${stores.join(" ")} (i32.const ${bytes.length})`;
}

/** A loop over what is in the window: `each` finds the place of one in $a; `step` says how long it is. */
export function overRecords(each: string, step = "(i32.load (local.get $a))"): string {
  return `
    (local.set $a (i32.add (local.get $in) (i32.load offset=12 (local.get $in))))
    (local.set $n (i32.load offset=4 (local.get $in)))
    (block $done (loop $each
      (br_if $done (i32.eqz (local.get $n)))
      ${each}
      (local.set $a (i32.add (local.get $a) ${step}))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br $each)))`;
}

/** The length of a page, as `step`. */
export const PAGE_STEP = "(i32.load offset=8 (local.get $in))";

/** One of the example modules, as it is built. */
export function exampleModule(name: string): Uint8Array {
  return readFileSync(join(root, "examples/modules/build", `${name}.wasm`));
}

export function keyBytes(key: Key): Buffer {
  const into = new KeyBuffer();
  encodeKey(key, into, 4000);
  return Buffer.from(into.bytes.subarray(0, into.length));
}

/** A derived write, as a hook gives it; every number can be wrong. */
export function derivedWrite(map: number, key: Uint8Array, value: unknown, wrong: Partial<Head> = {}): Buffer {
  const stored = value === undefined ? Buffer.alloc(0) : value instanceof Raw ? value.bytes : encodeMsgpack(value);
  const bytes = (16 + key.length + stored.length + 7) & -8;
  const head: Head = {
    bytes,
    operation: value === undefined ? 2 : 1,
    keyLength: key.length,
    valueLength: stored.length,
    ...wrong,
  };
  const record = Buffer.alloc(bytes);
  record.writeUInt32LE(head.bytes, 0);
  record.writeUInt16LE(head.operation, 4);
  record.writeUInt16LE(map, 6);
  record.writeUInt32LE(head.keyLength, 8);
  record.writeUInt32LE(head.valueLength, 12);
  record.set(key, 16);
  record.set(stored, 16 + key.length);
  return record;
}

interface Head {
  readonly bytes: number;
  readonly operation: number;
  readonly keyLength: number;
  readonly valueLength: number;
}

/** Bytes that are to be stored as they are. */
export class Raw {
  readonly bytes: Uint8Array;
  constructor(bytes: readonly number[]) {
    this.bytes = Uint8Array.from(bytes);
  }
}

/** The code of what a call throws or rejects with; undefined where it goes well. */
export async function codeOf(call: () => unknown): Promise<string | undefined> {
  try {
    await call();
    return undefined;
  } catch (error) {
    if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code;
    throw error;
  }
}
