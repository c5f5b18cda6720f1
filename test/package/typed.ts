/** A stranger's first program in TypeScript: strict, with libraries checked and without `@types/node`. */
import { type Database, LlmdbError, type OrderedMap, open, type Place, type Snapshot } from "llmdb";

interface Note {
  text: string;
  seen: number;
}

function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

const place: Place = "typed.llmdb";
const db: Database = open(place, { pageSize: 4096 });
const notes: OrderedMap<string, Note> = db.map<string, Note>("notes");
const receipt = await notes.put("sky", { text: "the sky is blue", seen: 3 });
check(receipt.tx > 0, "a receipt names its transaction");

const before: Snapshot = db.snapshot();
const total: number = db.transactionSync((tx) => {
  const own = tx.map<string, Note>("notes");
  own.put("sea", { text: "the sea is too", seen: 4 });
  return own.count();
});
check(total === 2, "a transaction sees its own writes");
check(before.map<string, Note>("notes").get("sea") === undefined, "a snapshot never changes");
before.close();

const note: Note | undefined = notes.get("sea");
check(note?.seen === 4, "what was written is read back");
for (const [key, value] of notes.range({ gte: "sea", reverse: true })) {
  check(key.length === 3 && value.text.length > 0, "ranges are typed");
}
const texts: IterableIterator<Note> = notes.values();
check([...texts].length === 2, "a range is an iterable iterator");
// @ts-expect-error: the value has the map's type.
const wrong: () => unknown = () => notes.put("sky", { text: 1 });
check(typeof wrong === "function", "type errors are found");

await db.close();
try {
  notes.get("sky");
  check(false, "use after close is an error");
} catch (error) {
  if (!(error instanceof LlmdbError)) throw error;
  const code: LlmdbError["code"] = error.code;
  check(code === "LLMDB_CLOSED", "errors have codes");
}
