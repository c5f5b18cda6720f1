/**
 * What `put` and `delete` write. Guarantees: a record of the memory is refused, because recall would not hear of it.
 */
import type { Key, Transaction } from "../../index.js";
import { recordEntry } from "../../memory/record-name.js";
import { valueText } from "../arguments.js";
import { badUsage, notFound } from "../failure.js";
import type { Writing } from "./command.js";
import type { Fields } from "./fields.js";

/** The request has `key`, `value`, `partition`, `validFrom`, `validTo`, `meta`, `time`; the reply, `tx` and `time`. */
export const putFact: Writing = {
  name: "command/put",
  within: "store",
  run(tx, request) {
    const { key, partition } = placeOf(tx, request);
    tx.partition(partition).put(key, request.any("value"), request.valid);
    return { tx: tx.id, time: tx.time };
  },
};

/** As {@link putFact}, without `value`. Refused where nothing was known to hold. */
export const deleteFact: Writing = {
  name: "command/delete",
  within: "store",
  run(tx, request) {
    const { key, partition } = placeOf(tx, request);
    const store = tx.partition(partition);
    store.delete(key, request.valid);
    const changed = store.versions(key, { tx: [tx.id - 1, tx.id + 1] });
    if (changed.some(({ txFrom, txTo }) => txFrom === tx.id || txTo === tx.id)) return { tx: tx.id, time: tx.time };
    throw notFound(`nothing was known to hold for ${valueText(key)} there, so nothing was changed`);
  },
};

/** What the memory wrote is found by its words, which only the memory keeps up to date. */
function placeOf(tx: Transaction, request: Fields): { key: Key; partition: number } {
  const key = request.key("key");
  const partition = request.number("partition") ?? 0;
  if (partition === 0 && typeof key === "string" && recordEntry(tx, key) !== undefined) {
    throw badUsage(`${key} belongs to the memory; use remember and forget, so that recall goes on finding it`);
  }
  return { key, partition };
}
