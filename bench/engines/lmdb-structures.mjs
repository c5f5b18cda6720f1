/**
 * lmdb-js with shared structures, for objects: what its documentation recommends for many objects of the same fields.
 * Guarantees: otherwise the same as lmdb.
 */
import { openWith } from "./lmdb.mjs";

export { Bytes } from "./lmdb.mjs";

/** @type {import("../engines.mjs").EngineModule["openEngine"]} */
export function openEngine({ folder, objects }) {
  const engine = openWith(folder, objects, { sharedStructuresKey: Symbol.for("structures") });
  return { ...engine, settings: "as lmdb, with sharedStructuresKey: field names are stored once for all objects" };
}
