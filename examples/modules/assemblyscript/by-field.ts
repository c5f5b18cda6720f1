/**
 * custom_index: finds records by a field of their MessagePack objects. A list in the field gives a key for each of its
 * elements.
 *
 * input   records; argument: the name of the field in UTF-8, "amount"
 * output  index keys: null, booleans, numbers, strings and bytes as docs/keys.md encodes them. A record without the
 *         field has none, and NaN, dates, bigints, objects and lists in lists give none
 */
import { beginOutput, endOutput, Frame, IndexedRecord, indexKey } from "./llmdb";
import { BYTES, FALSE, NULL, STRING, TRUE, writeNumberKey } from "./keys";
import * as msgpack from "./msgpack";

export { llmdb_abi_v1, llmdb_alloc } from "./llmdb";

/** For a key of a fixed length. The tag of a longer one is written over the byte before its text. */
const room = memory.data(160);

export function custom_index(inPointer: i32, inLength: i32, outPointer: i32, outCapacity: i32): i32 {
  const frame = Frame.at(inPointer);
  beginOutput(outPointer, outCapacity);
  let record = IndexedRecord.first(frame);
  for (let i: u32 = 0; i < frame.count; i++) {
    const end = record.value + record.valueLength;
    const field = msgpack.findField(record.value, end, frame.arg, frame.argLength);
    if (field != 0) writeKeys(i, field, end);
    record = record.next;
  }
  return endOutput();
}

function writeKeys(record: u32, at: usize, end: usize): void {
  if (!msgpack.isArray(at)) {
    writeKey(record, at);
    return;
  }
  let left = msgpack.elementCount(at);
  for (at = msgpack.inside(at); left > 0 && at < end; left--) {
    writeKey(record, at);
    at = msgpack.skipValue(at, end);
  }
}

function writeKey(record: u32, at: usize): void {
  if (msgpack.isNumber(at)) {
    const length = writeNumberKey(msgpack.numberAt(at), room);
    if (length > 0) indexKey(record, room, length);
  } else if (msgpack.isText(at)) {
    writeTagged(record, STRING, at);
  } else if (msgpack.isBytes(at)) {
    writeTagged(record, BYTES, at);
  } else {
    const tag = load<u8>(at);
    if (tag != 0xc0 && tag != 0xc2 && tag != 0xc3) return;
    store<u8>(room, tag == 0xc0 ? NULL : tag == 0xc2 ? FALSE : TRUE);
    indexKey(record, room, 1);
  }
}

/** A head is at least one byte, and the in window is the module's own copy: the tag goes over the last one. */
function writeTagged(record: u32, tag: u8, at: usize): void {
  const text = msgpack.inside(at);
  const length = msgpack.lengthAt(at);
  const before = load<u8>(text - 1);
  store<u8>(text - 1, tag);
  indexKey(record, text - 1, length + 1);
  store<u8>(text - 1, before); // the same input may come again, with a larger out window
}
