/**
 * Template of map_pages. What is written to the out window is one chunk of the stream that db.modules.mapPages gives.
 *
 * input   leaf pages
 * output  as it stands: nothing
 */
import { beginOutput, endOutput, Frame } from "../llmdb";

export { llmdb_abi_v1, llmdb_alloc } from "../llmdb";

export function map_pages(inPointer: i32, inLength: i32, outPointer: i32, outCapacity: i32): i32 {
  const frame = Frame.at(inPointer);
  beginOutput(outPointer, outCapacity);
  for (let p: u32 = 0; p < frame.count; p++) {
    const page = frame.page(p);
    for (let s: u32 = 0; s < page.count; s++) {
      const slot = page.slot(s);
      // Here: page.copyKey(slot, to), page.value(slot), page.valueLength(slot), reserve(bytes).
      if (page.isLarge(slot)) continue;
    }
  }
  return endOutput();
}
