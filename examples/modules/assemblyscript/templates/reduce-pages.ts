/**
 * Template of reduce_pages and reduce_merge. The accumulator stays in the out window from call to call, so it is
 * changed in place. reduce_merge joins the accumulators of two neighbouring parts of the range.
 *
 * input   leaf pages; for reduce_merge two accumulators
 * output  the accumulator; as it stands u64: how many records there are
 */
import { Frame } from "../llmdb";

export { llmdb_abi_v1, llmdb_alloc } from "../llmdb";

export function reduce_pages(inPointer: i32, inLength: i32, outPointer: i32, outCapacity: i32): i32 {
  if (outCapacity < 8) return -2;
  const frame = Frame.at(inPointer);
  let records: u64 = frame.accLength > 0 ? load<u64>(outPointer) : 0;
  for (let p: u32 = 0; p < frame.count; p++) records += frame.page(p).count;
  store<u64>(outPointer, records);
  return 8;
}

export function reduce_merge(inPointer: i32, inLength: i32, outPointer: i32, outCapacity: i32): i32 {
  if (outCapacity < 8) return -2;
  const data = Frame.at(inPointer).data;
  const leftLength = load<u32>(data);
  const left = data + 8;
  const right = left + ((<usize>leftLength + 7) & ~7);
  const ofRight: u64 = load<u32>(data, 4) > 0 ? load<u64>(right) : 0;
  store<u64>(outPointer, (leftLength > 0 ? load<u64>(left) : 0) + ofRight);
  return 8;
}
