/**
 * tx_hook: refuses a transaction that leaves a negative number in a field. It derives nothing.
 *
 * input   changes of a map with MessagePack objects; argument: the name of the field in UTF-8, "amount"
 * output  nothing, or the message "a number below 0"
 */
import { beginOutput, Change, endOutput, Frame, NONE, refuse } from "./llmdb";
import { findField, isNumber, numberAt } from "./msgpack";

export { llmdb_abi_v1, llmdb_alloc } from "./llmdb";

export function tx_hook(inPointer: i32, inLength: i32, outPointer: i32, outCapacity: i32): i32 {
  const frame = Frame.at(inPointer);
  beginOutput(outPointer, outCapacity);
  let change = Change.first(frame);
  for (let i: u32 = 0; i < frame.count; i++) {
    if (change.newLength != NONE) {
      const value = change.newValue;
      const field = findField(value, value + change.newLength, frame.arg, frame.argLength);
      if (field != 0 && isNumber(field) && numberAt(field) < 0) return refuse("a number below 0");
    }
    change = change.next;
  }
  return endOutput();
}
