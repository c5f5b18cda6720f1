/** What a caller gives as a `Buffer` is copied: its `slice` shares memory, where that of a `Uint8Array` copies. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openMemory } from "../../index.js";
import { requireArg } from "../../wasm/call-options.js";
import { root } from "../sources.js";

test("an argument that changes after the call began", () => {
  const given = Buffer.from("amount");
  const taken = requireArg(given);
  given.fill(0);
  expect(Buffer.from(taken).toString()).toBe("amount");
});

test("a module whose bytes change while it is put", async () => {
  const given = Buffer.from(readFileSync(join(root, "examples/modules/build/count-keys.wasm")));
  const db = openMemory();
  const put = db.modules.put(given, { name: "count" });
  given.fill(0, 8);
  await put;
  db.map("m").putSync(1, 1);
  const chunks: Uint8Array[] = [];
  for await (const chunk of db.modules.mapPages("count", { map: "m" })) chunks.push(chunk);
  expect(Buffer.concat(chunks).readUInt32LE(0)).toBe(1);
  db.closeSync();
});
