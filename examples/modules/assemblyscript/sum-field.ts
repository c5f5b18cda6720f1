/**
 * reduce_pages: number, sum, least and greatest of a field of MessagePack objects, such as `amount` in
 * { amount: 12.5 }. The same as sum-field.wat.
 *
 * input   leaf pages of a map with MessagePack values; argument: the name of the field in UTF-8, "amount"
 * output  40 bytes: u64 count, f64 sum, f64 least, f64 greatest, u64 unread. Values without the field, or where it is
 *         no number, do not count. Unread are values too long for their page. Without any: sum 0, least Infinity,
 *         greatest -Infinity
 *
 * Sums of integers below 2^53 are exact. Sums of fractions are rounded at each step, so they depend on the order.
 */
import { Frame } from "./llmdb";
import { findField, isNumber, numberAt } from "./msgpack";

export { llmdb_abi_v1, llmdb_alloc } from "./llmdb";

/** The accumulator. It lies in the out window, and is changed there. */
@unmanaged
class Sum {
  count: u64;
  sum: f64;
  least: f64;
  greatest: f64;
  unread: u64;

  clear(): void {
    memory.fill(changetype<usize>(this), 0, offsetof<Sum>());
    this.least = Infinity;
    this.greatest = -Infinity;
  }
  add(value: f64): void {
    this.count++;
    this.sum += value;
    this.least = min(this.least, value);
    this.greatest = max(this.greatest, value);
  }
  join(other: Sum): void {
    this.count += other.count;
    this.sum += other.sum;
    this.least = min(this.least, other.least);
    this.greatest = max(this.greatest, other.greatest);
    this.unread += other.unread;
  }
}

export function reduce_pages(inPointer: i32, inLength: i32, outPointer: i32, outCapacity: i32): i32 {
  if (<usize>outCapacity < offsetof<Sum>()) return -2;
  const frame = Frame.at(inPointer);
  const sum = changetype<Sum>(<usize>outPointer);
  if (frame.accLength == 0) sum.clear();
  for (let p: u32 = 0; p < frame.count; p++) {
    const page = frame.page(p);
    for (let s: u32 = 0; s < page.count; s++) {
      const slot = page.slot(s);
      if (page.isLarge(slot)) {
        sum.unread++;
        continue;
      }
      const value = page.value(slot);
      const field = findField(value, value + page.valueLength(slot), frame.arg, frame.argLength);
      if (field != 0 && isNumber(field)) sum.add(numberAt(field));
    }
  }
  return offsetof<Sum>();
}

export function reduce_merge(inPointer: i32, inLength: i32, outPointer: i32, outCapacity: i32): i32 {
  if (<usize>outCapacity < offsetof<Sum>()) return -2;
  const data = Frame.at(inPointer).data;
  const leftLength = load<u32>(data);
  const rightLength = load<u32>(data, 4);
  const left = data + 8;
  const right = left + ((<usize>leftLength + 7) & ~7);
  const sum = changetype<Sum>(<usize>outPointer);
  sum.clear();
  // Either side is empty where its part had no page.
  if (leftLength > 0) sum.join(changetype<Sum>(left));
  if (rightLength > 0) sum.join(changetype<Sum>(right));
  return offsetof<Sum>();
}
