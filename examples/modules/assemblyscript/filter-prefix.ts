/**
 * map_pages: the entries whose key starts with the argument. The same as filter-prefix.wat.
 *
 * input   leaf pages; argument: the first bytes of encoded keys, 20 61 62 for the strings that start with "ab"
 * output  for each entry u32 keyLength, u32 valueLength, key, value; not padded. valueLength is 0xffffffff, and no
 *         value follows, where the value is too long for its page
 */
import { beginOutput, endOutput, Frame, LeafPage, NONE, reserve, sameBytes, Slot } from "./llmdb";

export { llmdb_abi_v1, llmdb_alloc } from "./llmdb";

const key = memory.data(8320);

export function map_pages(inPointer: i32, inLength: i32, outPointer: i32, outCapacity: i32): i32 {
  const frame = Frame.at(inPointer);
  beginOutput(outPointer, outCapacity);
  for (let p: u32 = 0; p < frame.count; p++) {
    const page = frame.page(p);
    for (let s: u32 = 0; s < page.count; s++) {
      const slot = page.slot(s);
      const keyLength = page.copyKey(slot, key);
      if (keyLength < frame.argLength || !sameBytes(key, frame.arg, frame.argLength)) continue;
      writeEntry(page, slot, keyLength);
    }
  }
  return endOutput();
}

function writeEntry(page: LeafPage, slot: Slot, keyLength: u32): void {
  const isLarge = page.isLarge(slot);
  const valueLength = isLarge ? 0 : page.valueLength(slot);
  const at = reserve(8 + <usize>keyLength + valueLength);
  if (at == 0) return;
  store<u32>(at, keyLength);
  store<u32>(at, isLarge ? NONE : valueLength, 4);
  memory.copy(at + 8, key, keyLength);
  memory.copy(at + 8 + keyLength, page.value(slot), valueLength);
}
