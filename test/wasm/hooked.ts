/** A database with something in it, and hooks on its map "m". */
import type { AttachOptions, Database } from "../../index.js";
import { openFresh } from "../map/fresh.js";

/** Attaches a hook to "m" that is given as text or bytes. */
export async function attach(db: Database, module: string, options: Partial<AttachOptions> = {}): Promise<void> {
  const { hash } = await db.modules.put(module, { capabilities: ["clock", "log", "get"] });
  await db.modules.attach(hash, "m", { on: "tx_hook", writes: ["w", "v"], timeoutMs: 10_000, ...options });
}

/** A database with something in it, so that a rollback has something to leave alone. */
export async function furnished(): Promise<Database> {
  const db = openFresh({ pageSize: 4096 });
  db.transactionSync((tx) => {
    for (let i = 0; i < 500; i++) tx.map("m").put(i, `${i}`);
    tx.map("w").put("old", 1);
  });
  return db;
}
