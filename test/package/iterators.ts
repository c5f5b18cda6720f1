/** What is iterated over, typed with the methods of iterators: compiled with the library of ECMAScript 2025. */
import { openMemory, type Version } from "llmdb";

const db = openMemory();
const scores = db.map<string, number>("scores");
for (const name of ["ada", "grace", "mary"]) {
  scores.putSync(name, name.length);
  db.putSync(name, name.length);
}

// Node 20 has the types' word for these methods only.
if ("Iterator" in globalThis) {
  const names: string[] = scores
    .range()
    .filter(([, score]) => score > 3)
    .map(([name]) => name)
    .take(2)
    .toArray();
  if (names.join() !== "grace,mary") throw new Error(`the methods of iterators gave ${names.join()}`);
  const times: number[] = db
    .transactions()
    .map(({ time }) => time)
    .toArray();
  const versions: Version<unknown>[] = db
    .knownKeys()
    .flatMap(({ key }) => db.versions(key))
    .toArray();
  if (times.length !== 3 || versions.length !== 3) throw new Error("transactions and keys are typed");
}
{
  // What was written before ranges had these methods still compiles.
  using entries = scores.range();
  const plain: IterableIterator<[string, number]> = entries;
  const [first]: [string, number][] = [...plain];
  if (first?.[0] !== "ada") throw new Error("a range is an iterable iterator");
}
if (db.stats().openSnapshots !== 0) throw new Error("a range lets go at its end");
await db.close();
