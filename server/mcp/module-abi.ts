/**
 * The calling convention of modules, for an agent that writes its first one. Guarantees: the example is a whole module,
 * which is accepted and counts records as it stands.
 */

/** Where it is read as a resource. */
export const ABI_URI = "llmdb://modules/abi";

/** A module as text. */
export const ABI_EXAMPLE = `(module
  (memory (export "memory") 1)
  (global $heap (mut i32) (i32.const 1024))
  (func (export "llmdb_abi_v1") (result i32) (i32.const 1))
  (func (export "llmdb_alloc") (param $n i32) (result i32)
    (local $at i32) (local $missing i32)
    (local.set $at (global.get $heap))
    (global.set $heap (i32.and (i32.add (i32.add (local.get $at) (local.get $n)) (i32.const 15)) (i32.const -16)))
    (local.set $missing
      (i32.sub (i32.shr_u (i32.add (global.get $heap) (i32.const 65535)) (i32.const 16)) (memory.size)))
    (if (i32.gt_s (local.get $missing) (i32.const 0))
      (then (if (i32.eq (memory.grow (local.get $missing)) (i32.const -1)) (then (unreachable)))))
    (local.get $at))
  ;; The accumulator is one u64: the number of records.
  (func (export "reduce_pages") (param $in i32) (param $in_len i32) (param $out i32) (param $cap i32) (result i32)
    (local $page i32) (local $left i32)
    (if (i32.lt_u (local.get $cap) (i32.const 8)) (then (return (i32.const -2))))
    (if (i32.eqz (i32.load offset=48 (local.get $in))) (then (i64.store (local.get $out) (i64.const 0))))
    (local.set $page (i32.add (local.get $in) (i32.load offset=12 (local.get $in))))
    (local.set $left (i32.load offset=4 (local.get $in)))
    (block $done
      (loop $each_page
        (br_if $done (i32.eqz (local.get $left)))
        (i64.store (local.get $out)
          (i64.add (i64.load (local.get $out)) (i64.load16_u offset=2 (local.get $page))))
        (local.set $page (i32.add (local.get $page) (i32.load offset=8 (local.get $in))))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br $each_page)))
    (i32.const 8)))`;

/** All that is needed to write a module that `module_run` runs, as Markdown. */
export const ABI_TEXT = `# Modules: llmdb_abi_v1

A WebAssembly module that runs over the leaf pages of a map, or of the facts of a partition. All numbers are little
endian. It has no clock, no files and no network; it gets a copy of the pages and can change nothing.

Exports: \`memory\`; \`llmdb_abi_v1() -> i32\`, which returns 1; \`llmdb_alloc(n: i32) -> i32\`, which returns the
address of n free bytes; and \`map_pages\`, \`reduce_pages\` or both, each
\`(in_ptr: i32, in_len: i32, out_ptr: i32, out_cap: i32) -> i32\`.

A call returns the number of bytes that it wrote to out_ptr; -1 to give up, with a u32 length and a UTF-8 message at
out_ptr; -2 where out_cap is too small: it is called again with the same input and a larger window.

- \`map_pages\`: what all calls write, one after the other, is the result.
- \`reduce_pages\`: the window at out_ptr still has what the call before left there, accLength bytes, 0 at first. Change
  it in place and return its new length. What the last call left is the result.
- \`reduce_merge\`, optional, same shape: joins two results. At dataOffset: u32 leftLength, u32 rightLength, the left
  bytes padded to 8, the right bytes. Needed only so that large inputs can be split up.

Frame at in_ptr: u16 abi at 0, u16 call at 2, u32 count at 4 (of pages), u32 pageSize at 8, u32 dataOffset at 12,
u32 argOffset at 16, u32 argLength at 20 (offsets are from in_ptr), u64 snapshotTx at 24, u64 clockMicros at 32,
u32 accLength at 48. The pages are at in_ptr + dataOffset, one after the other.

Leaf page: u16 at 2 is the number of records, u16 at 16 the length of the prefix that all keys of the page share. The
prefix is at 32. The slots start at 32 + (prefix length rounded up to 4), 8 bytes each, in the order of keys: u32 head,
u16 cell, u16 suffix length. A key is the prefix, then the suffix. The first 4 bytes of the suffix are the head, most
significant byte first; the others are in the cell. The cell is at page + cell: u16 length of the value, then the suffix
bytes behind the fourth, if any, then the value. Where bit 15 of the length is set, the value is not in the page:
\`llmdb.get\` reads it.

Keys are encoded so that their bytes sort as they do. Values are MessagePack, unless the map has others.

Imports, each granted when the module is put: \`llmdb.clock_us() -> i64\` (clock; of the newest transaction),
\`llmdb.log(ptr, len)\` (log), \`llmdb.get(key_ptr, key_len, dst, cap) -> i32\` (get; the length, copied where it fits,
or -1), and \`env.abort(i32, i32, i32, i32)\`. No other import.

Limits: fuel, which is exact and counts operations, memory, time. Running out of one is an error with a code of its own:
\`LLMDB_WASM_FUEL\`, \`LLMDB_WASM_MEMORY\`, \`LLMDB_WASM_TIME\`.

How to go on: write WAT, show it to \`module_explain\` until it is accepted, store it with \`module_put\`, run it with
\`module_run\` and \`output\` set to the type of the result. This one counts records; its output is u64:

\`\`\`wat
${ABI_EXAMPLE}
\`\`\`
`;
