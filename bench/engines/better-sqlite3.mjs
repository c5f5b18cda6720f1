/**
 * SQLite through better-sqlite3. Guarantees: those of sqlite.mjs.
 */
import { Buffer } from "node:buffer";
import { join } from "node:path";
import Database from "better-sqlite3";
import { digest } from "../data-set.mjs";
import { callsOf, pragmasOf, SETTINGS, SQL } from "./sqlite.mjs";

export const Bytes = Buffer;

/** @type {import("../engines.mjs").EngineModule["openEngine"]} */
export function openEngine({ folder, cacheBytes, objects }) {
  const db = new Database(join(folder, "data.sqlite"));
  for (const pragma of pragmasOf(cacheBytes)) db.pragma(pragma);
  db.exec(SQL.create(objects ? "TEXT" : "BLOB"));
  const get = db.prepare(SQL.get).pluck();
  const all = db.prepare(SQL.all).raw();
  const put = db.prepare(SQL.put);
  const transaction = db.transaction((body) => body());
  return {
    settings: `${SETTINGS}, pluck() and raw()`,
    ...callsOf({ get: (key) => get.get(key), put: (key, value) => put.run(key, value), transaction }, objects),
    scan() {
      let sum = 0;
      for (const [key, value] of all.iterate()) sum += key.length + digest(value);
      return sum;
    },
    settle() {
      db.pragma("wal_checkpoint(TRUNCATE)");
    },
  };
}
