/**
 * An explicit snapshot, as `db.snapshot()` gives it and the read methods take it. Guarantees: it never changes; one of
 * another database is refused.
 */
import { AbstractSnapshot } from "abstract-level";
import type { Snapshot } from "../engine/snapshot.js";
import { LlmdbError } from "../pager/error.js";
import type { Database } from "../wasm/database.js";
import type { ByteMap } from "./format.js";

/** Who closes a snapshot that is still open when it closes itself: the database, or the sublevel that was asked. */
export interface SnapshotOptions {
  readonly owner: object;
}

// The types of abstract-level leave the constructor out, because only databases call it.
const Base = AbstractSnapshot as new (options: SnapshotOptions) => AbstractSnapshot;

export class LevelSnapshot extends Base {
  readonly #database: Database;
  readonly #snapshot: Snapshot;
  readonly #map: ByteMap;

  constructor(database: Database, mapName: string, options: SnapshotOptions) {
    super(options);
    this.#database = database;
    this.#snapshot = database.snapshot();
    this.#map = this.#snapshot.map(mapName);
  }

  /**
   * The map in a snapshot that a caller passed in.
   *
   * @throws LlmdbError `LLMDB_INVALID_ARGUMENT` where it is not a snapshot of this database
   */
  static mapOf(snapshot: AbstractSnapshot, database: Database): ByteMap {
    if (snapshot instanceof LevelSnapshot && snapshot.#database === database) return snapshot.#map;
    throw new LlmdbError(
      "LLMDB_INVALID_ARGUMENT",
      "the snapshot belongs to another database; make one with db.snapshot()",
    );
  }

  /** Called by abstract-level once no read uses the snapshot. */
  protected async _close(): Promise<void> {
    this.#snapshot.close();
  }
}
