/**
 * SQLite as it comes with Node from 22.13 on. Guarantees: those of sqlite.mjs.
 */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { digest } from "../data-set.mjs";
import { callsOf, pragmasOf, SETTINGS, SQL } from "./sqlite.mjs";

export const Bytes = Uint8Array;

/** @type {import("../engines.mjs").EngineModule["openEngine"]} */
export function openEngine({ folder, cacheBytes, objects }) {
  const db = new DatabaseSync(join(folder, "data.sqlite"));
  for (const pragma of pragmasOf(cacheBytes)) db.exec(`PRAGMA ${pragma}`);
  db.exec(SQL.create(objects ? "TEXT" : "BLOB"));
  const get = db.prepare(SQL.get);
  const all = db.prepare(SQL.all);
  const put = db.prepare(SQL.put);
  const transaction = (body) => {
    db.exec("BEGIN IMMEDIATE");
    body();
    db.exec("COMMIT");
  };
  return {
    settings: `${SETTINGS}, rows as objects (default)`,
    ...callsOf({ get: (key) => get.get(key).value, put: (key, value) => put.run(key, value), transaction }, objects),
    scan() {
      let sum = 0;
      for (const { key, value } of all.iterate()) sum += key.length + digest(value);
      return sum;
    },
    settle() {
      db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    },
  };
}
