/**
 * What a module in AssemblyScript needs of `llmdb_abi_v1`: the frame, leaf pages, changes and records are read where
 * they lie; derived writes, index keys and messages are written to the out window.
 *
 * Guarantees: nothing here allocates but `allocate` and `llmdb_alloc`, so an instance can be called any number of
 * times. What is more than the out window holds is not written, and `endOutput` then asks for a larger one.
 */

/** Operations of a change. */
export const INSERT: u16 = 1;
export const REPLACE: u16 = 2;
export const DELETE: u16 = 3;

/** Operations of a derived write. */
export const PUT: u16 = 1;
export const REMOVE: u16 = 2;

/** The length of a value that there is none of, or that does not lie in its page. */
export const NONE: u32 = 0xffffffff;

export function llmdb_abi_v1(): i32 {
  return 1;
}

/** Called once per instance for both windows together, and again when a window has to grow. */
export function llmdb_alloc(bytes: i32): i32 {
  return <i32>allocate(bytes);
}

let heapEnd: usize = 0;

/**
 * A region that starts at a multiple of 16. It is never given back. The memory grows by what is missing: the allocator
 * of the runtime doubles it, and a memory that should grow beyond its limit ends the call.
 */
export function allocate(bytes: usize): usize {
  const at = ((heapEnd == 0 ? __heap_base : heapEnd) + 15) & ~15;
  heapEnd = at + bytes;
  const missing = <i32>((heapEnd + 0xffff) >> 16) - memory.size();
  if (missing > 0 && memory.grow(missing) < 0) unreachable();
  return at;
}

/** The 64 bytes at the start of the in window. */
@unmanaged
export class Frame {
  abi: u16;
  call: u16;
  count: u32;
  pageSize: u32;
  dataOffset: u32;
  argOffset: u32;
  argLength: u32;
  snapshotTx: u64;
  clockMicros: u64;
  capabilities: u32;
  flags: u32;
  accLength: u32;

  static at(pointer: i32): Frame {
    return changetype<Frame>(<usize>pointer);
  }
  get data(): usize {
    return changetype<usize>(this) + this.dataOffset;
  }
  get arg(): usize {
    return changetype<usize>(this) + this.argOffset;
  }
  page(index: u32): LeafPage {
    return changetype<LeafPage>(this.data + <usize>index * this.pageSize);
  }
}

/** A leaf page. Its entries are numbered from 0 and ascend by key. */
@unmanaged
export class LeafPage {
  type: u8;
  level: u8;
  count: u16;
  number0: u16;
  number1: u16;
  number2: u16;
  tx0: u16;
  tx1: u32;
  prefixLength: u16;

  slot(index: u32): Slot {
    const slots = changetype<usize>(this) + 32 + ((<usize>this.prefixLength + 3) & ~3);
    return changetype<Slot>(slots + ((<usize>index) << 3));
  }
  keyLength(slot: Slot): u32 {
    return <u32>this.prefixLength + slot.suffix;
  }
  /** Copies the key to `to`, which needs room for 4 bytes more than the key has. */
  copyKey(slot: Slot, to: usize): u32 {
    const prefix = <usize>this.prefixLength;
    memory.copy(to, changetype<usize>(this) + 32, prefix);
    // The head is a big-endian number in a little-endian word.
    store<u32>(to + prefix, bswap<u32>(slot.head));
    const tail = slot.tail;
    if (tail > 0) memory.copy(to + prefix + 4, changetype<usize>(this) + slot.cell + 2, tail);
    return <u32>prefix + slot.suffix;
  }
  /** Whether the value lies outside of the page. `llmdb.get` reads it. */
  isLarge(slot: Slot): bool {
    return (load<u16>(changetype<usize>(this) + slot.cell) & 0x8000) != 0;
  }
  /** Bytes of the value in the page; of a large one, of its descriptor. */
  valueLength(slot: Slot): u32 {
    return load<u16>(changetype<usize>(this) + slot.cell) & 0x7fff;
  }
  value(slot: Slot): usize {
    return changetype<usize>(this) + slot.cell + 2 + slot.tail;
  }
}

/** One entry of a leaf page. */
@unmanaged
export class Slot {
  head: u32;
  cell: u16;
  suffix: u16;

  /** Key bytes that lie in the cell: those behind the prefix and the head. */
  get tail(): usize {
    return this.suffix > 4 ? this.suffix - 4 : 0;
  }
}

/** One change of a transaction, in `tx_hook`. */
@unmanaged
export class Change {
  bytes: u32;
  op: u16;
  map: u16;
  keyLength: u32;
  oldLength: u32;
  newLength: u32;
  zero: u32;
  validFromMicros: i64;
  validToMicros: i64;

  static first(frame: Frame): Change {
    return changetype<Change>(frame.data);
  }
  get next(): Change {
    return changetype<Change>(changetype<usize>(this) + this.bytes);
  }
  get key(): usize {
    return changetype<usize>(this) + 40;
  }
  get oldValue(): usize {
    return this.key + this.keyLength;
  }
  get newValue(): usize {
    return this.oldValue + (this.oldLength == NONE ? 0 : this.oldLength);
  }
}

/** One record of a map, in `custom_index`. */
@unmanaged
export class IndexedRecord {
  bytes: u32;
  zero: u32;
  keyLength: u32;
  valueLength: u32;

  static first(frame: Frame): IndexedRecord {
    return changetype<IndexedRecord>(frame.data);
  }
  get next(): IndexedRecord {
    return changetype<IndexedRecord>(changetype<usize>(this) + this.bytes);
  }
  get key(): usize {
    return changetype<usize>(this) + 16;
  }
  get value(): usize {
    return this.key + this.keyLength;
  }
}

let outStart: usize = 0;
let outAt: usize = 0;
let outEnd: usize = 0;
let tooSmall: bool = false;

/** Opens the out window. What was in it is overwritten. */
export function beginOutput(pointer: i32, capacity: i32): void {
  outStart = <usize>pointer;
  outAt = outStart;
  outEnd = outStart + <usize>capacity;
  tooSmall = false;
}

/** What the call returns: the bytes written, or -2 where they were too many. */
export function endOutput(): i32 {
  return tooSmall ? -2 : <i32>(outAt - outStart);
}

/** Room for so many bytes, or 0. After the first 0 there is no more. */
export function reserve(bytes: usize): usize {
  if (tooSmall || bytes > outEnd - outAt) {
    tooSmall = true;
    return 0;
  }
  const at = outAt;
  outAt += bytes;
  return at;
}

function pad8(bytes: usize): usize {
  return (bytes + 7) & ~7;
}

/** A derived write: room for its key and value, of so many bytes, or 0. The value comes right behind the key. */
export function derive(op: u16, map: u16, keyLength: u32, valueLength: u32): usize {
  const bytes = pad8(<usize>keyLength + valueLength + 16);
  const at = reserve(bytes);
  if (at == 0) return 0;
  store<u64>(at + bytes - 8, 0);
  store<u32>(at, <u32>bytes);
  store<u16>(at, op, 4);
  store<u16>(at, map, 6);
  store<u32>(at, keyLength, 8);
  store<u32>(at, valueLength, 12);
  return at + 16;
}

/** An index key of `record`, copied from `key`. */
export function indexKey(record: u32, key: usize, keyLength: usize): void {
  const bytes = pad8(keyLength + 16);
  const at = reserve(bytes);
  if (at == 0) return;
  store<u64>(at + bytes - 8, 0);
  store<u32>(at, <u32>bytes);
  store<u32>(at, record, 4);
  store<u32>(at, <u32>keyLength, 8);
  store<u32>(at, 0, 12);
  memory.copy(at + 16, key, keyLength);
}

/** Refuses the transaction: `return refuse("why")`. */
export function refuse(message: string): i32 {
  const length = <usize>String.UTF8.byteLength(message);
  outAt = outStart;
  const at = reserve(4 + length);
  if (at == 0) return -2;
  store<u32>(at, <u32>length);
  String.UTF8.encodeUnsafe(changetype<usize>(message), message.length, at + 4);
  return -1;
}

/** Whether two runs of bytes are the same. */
export function sameBytes(a: usize, b: usize, length: usize): bool {
  for (let i: usize = 0; i < length; i++) {
    if (load<u8>(a + i) != load<u8>(b + i)) return false;
  }
  return true;
}
