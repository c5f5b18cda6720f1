/**
 * Template of tx_hook. It sees the changes of a transaction before they are committed, and may derive writes to other
 * maps or refuse the transaction.
 *
 * input   changes
 * output  derived writes; as it stands, for each changed key a copy of its new value in map number 1
 * refuses a transaction that changes a key with an empty value
 */
import { beginOutput, Change, DELETE, derive, endOutput, Frame, PUT, refuse, REMOVE } from "../llmdb";

export { llmdb_abi_v1, llmdb_alloc } from "../llmdb";

export function tx_hook(inPointer: i32, inLength: i32, outPointer: i32, outCapacity: i32): i32 {
  const frame = Frame.at(inPointer);
  beginOutput(outPointer, outCapacity);
  let change = Change.first(frame);
  for (let i: u32 = 0; i < frame.count; i++) {
    if (change.newLength == 0) return refuse("an empty value");
    const isDelete = change.op == DELETE;
    const valueLength = isDelete ? 0 : change.newLength;
    const at = derive(isDelete ? REMOVE : PUT, 1, change.keyLength, valueLength);
    if (at != 0) {
      memory.copy(at, change.key, change.keyLength);
      memory.copy(at + change.keyLength, change.newValue, valueLength);
    }
    change = change.next;
  }
  return endOutput();
}
