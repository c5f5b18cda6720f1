/** A stranger's first program in plain JavaScript, against the installed package. */
import { deepStrictEqual, strictEqual, throws } from "node:assert";
import { LlmdbError, open, openMemory } from "llmdb";
import { Memory } from "llmdb/memory";

const first = open("plain.llmdb");
const notes = first.map("notes");
const receipt = await notes.put(["agent", 1], { text: "the sky is blue", seen: 3 });
strictEqual(typeof receipt.tx, "number");
notes.putSync(["agent", 2], { text: "water is wet", seen: 1 });
deepStrictEqual(notes.get(["agent", 1]), { text: "the sky is blue", seen: 3 });
await first.transaction((tx) => tx.map("notes").delete(["agent", 1]));
strictEqual(notes.get(["agent", 1]), undefined);
await first.close();
throws(() => notes.get(["agent", 2]), LlmdbError);

const second = open("plain.llmdb", { create: false });
deepStrictEqual([...second.map("notes").range()], [[["agent", 2], { text: "water is wet", seen: 1 }]]);
strictEqual(second.verify().ok, true);
second.closeSync();

const memory = openMemory();
memory.map("counters").putSync("a", 1);
strictEqual(memory.map("counters").get("a"), 1);
memory.closeSync();

const agent = new Memory(openMemory());
await agent.remember({ subject: "Ada", predicate: "lives in", object: "Turin" });
strictEqual(agent.recall("Ada").hits[0].text, "Ada lives in Turin");
await agent.db.close();
