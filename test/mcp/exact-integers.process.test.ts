/** Integers beyond 2^53 over MCP: what is remembered is recalled, whichever process has the database. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { open } from "../../index.js";
import { Memory } from "../../memory/index.js";
import { openService } from "../../server/mcp/open-service.js";

const folder = mkdtempSync(join(tmpdir(), "llmdb-exact-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const said = { ids: [1497549923779084388n, 1.5], like: { $object: { $date: [12345678901234567890n] } } };
const replied = {
  ids: [{ $bigint: "1497549923779084388" }, 1.5],
  like: { $object: { $date: [{ $bigint: "12345678901234567890" }] } },
};
const stored = { ids: [1497549923779084388n, 1.5], like: { $date: [12345678901234567890n] } };

test("an object is stored to the digit, and a reply can be remembered again as the same", async () => {
  const path = join(folder, "a");
  const serve = () => openService({ path, readOnly: false, log: () => {} }, () => {});
  const [holder, guest] = [await serve(), await serve()];
  for (const [service, id, other] of [
    [holder, "a", "b"],
    [guest, "c", "d"],
  ] as const) {
    await service.call("remember", { arguments: { id, subject: "post", predicate: "is", object: said } });
    const got = await service.call("get", { arguments: { id } });
    expect(got).toMatchObject({ record: { object: replied } });
    const { object } = Reflect.get(Object(got), "record");
    await service.call("remember", { arguments: { id: other, subject: "post", predicate: "is", object } });
    expect(await service.call("recall", { arguments: { query: "1497549923779084388" } })).toMatchObject({
      hits: expect.arrayContaining([expect.objectContaining({ id })]),
    });
  }
  await guest.close();
  await holder.close();
  await using db = open(path);
  for (const id of ["a", "b", "c", "d"]) expect(new Memory(db).get(id)).toMatchObject({ value: { object: stored } });
});

test("bytes and dates are no part of a fact, and are refused by name", async () => {
  const service = await openService({ path: join(folder, "b"), readOnly: false, log: () => {} }, () => {});
  for (const object of [{ $bytes: "AAEC" }, [{ $date: "2026-01-31T00:00:00.000Z" }], { $bigint: "1.5" }]) {
    const call = service.call("remember", { arguments: { subject: "a", predicate: "b", object } });
    await expect(call).rejects.toMatchObject({ code: "LLMDB_INVALID_ARGUMENT" });
  }
  await service.close();
});
