/** The entry points with an optional peer, typed and used once the peers are installed beside the package. */
import { AbstractLevel } from "abstract-level";
import * as level from "llmdb/level";
import * as testing from "llmdb/testing";

type Stored = AbstractLevel<unknown, string, string>;
const classes: unknown[] = Object.values(level);
const Level = classes.find(
  (entry): entry is new (location: string) => Stored =>
    typeof entry === "function" && entry.prototype instanceof AbstractLevel,
);
if (Level === undefined) throw new Error("llmdb/level exports no AbstractLevel");

const store = new Level("peers.llmdb");
await store.put("key", "value");
if ((await store.get("key")) !== "value") throw new Error("llmdb/level lost a value");
await store.close();

if (Object.keys(testing).length === 0) throw new Error("llmdb/testing exports nothing");
