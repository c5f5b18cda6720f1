/**
 * Template of custom_index. It says under which keys each record of a map is found. The host sorts the keys and keeps
 * the index up to date.
 *
 * input   records
 * output  index keys; as it stands, the stored value, as the index key of type bytes
 */
import { beginOutput, endOutput, Frame, IndexedRecord, indexKey } from "../llmdb";
import { BYTES } from "../keys";

export { llmdb_abi_v1, llmdb_alloc } from "../llmdb";

export function custom_index(inPointer: i32, inLength: i32, outPointer: i32, outCapacity: i32): i32 {
  const frame = Frame.at(inPointer);
  beginOutput(outPointer, outCapacity);
  let record = IndexedRecord.first(frame);
  for (let i: u32 = 0; i < frame.count; i++) {
    // The byte before the value is the last of the key, which has at least one: the tag goes there for a moment.
    const before = load<u8>(record.value - 1);
    store<u8>(record.value - 1, BYTES);
    indexKey(i, record.value - 1, <usize>record.valueLength + 1);
    store<u8>(record.value - 1, before);
    record = record.next;
  }
  return endOutput();
}
