/**
 * PostgreSQL as a judge that shares nothing with the store. Its exclusion constraints take every slice that random
 * histories leave, so that no two of a key overlap on both axes, and refuse those that are made to; its range operators
 * answer questions about the past as the store does. It runs in WebAssembly (PGlite), in memory.
 */
import { PGlite } from "@electric-sql/pglite";
import { btree_gist } from "@electric-sql/pglite/contrib/btree_gist";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Key } from "../../engine/key.js";
import type { Database } from "../../temporal/database.js";
import { openMemory } from "../../temporal/open.js";
import { SEED } from "../effort.js";
import { Random } from "../harness/random.js";
import { clockOf, runOnDatabase } from "../harness/temporal/driver.js";
import { historyOf } from "../harness/temporal/history.js";

const SEEDS = [SEED, SEED + 1, SEED + 2];
const TRANSACTIONS = 250;
const POINTS = 2000;
const KEYS: readonly Key[] = ["a", ["a", 1], 7, "apple", 2n ** 70n, Uint8Array.of(0, 1, 255)];
const PARTITIONS = [0, 2 ** 32 - 1];

/** A slice as PostgreSQL gets it: times as ISO 8601 text to the microsecond, null for open ends. */
interface SliceRow {
  readonly seed: number;
  readonly partition: number;
  /** The place of the key in `KEYS`. */
  readonly key: number;
  readonly valid_from: string | null;
  readonly valid_to: string | null;
  readonly tx_from: number;
  readonly tx_to: number | null;
  readonly known_from: string;
  readonly known_to: string | null;
  readonly value: unknown;
}

/** A question: one of `tx` and `known_at` is null. */
interface PointRow {
  readonly id: number;
  readonly seed: number;
  readonly partition: number;
  readonly key: number;
  readonly valid_at: string;
  readonly tx: number | null;
  readonly known_at: string | null;
}

const SCHEMA = `
  create extension btree_gist;
  create table slices (
    seed int, partition bigint, key int,
    valid tstzrange not null check (not isempty(valid)),
    known int8range not null check (not isempty(known)),
    known_at tstzrange not null check (not isempty(known_at)),
    value jsonb not null,
    exclude using gist (seed with =, partition with =, key with =, valid with &&, known with &&),
    exclude using gist (seed with =, partition with =, key with =, valid with &&, known_at with &&)
  );
  create table known_now (
    seed int, partition bigint, key int, valid tstzrange,
    primary key (seed, partition, key, valid without overlaps)
  );`;

const INSERT = `
  insert into slices
  select seed, partition, key, tstzrange(valid_from, valid_to), int8range(tx_from, tx_to),
    tstzrange(known_from, known_to), value
  from jsonb_to_recordset($1) as s (seed int, partition bigint, key int, valid_from timestamptz, valid_to timestamptz,
    tx_from bigint, tx_to bigint, known_from timestamptz, known_to timestamptz, value jsonb)`;

const AS_OF = `
  select p.id, s.value
  from jsonb_to_recordset($1) as p (id int, seed int, partition bigint, key int, valid_at timestamptz, tx bigint,
    known_at timestamptz)
  join slices s on s.seed = p.seed and s.partition = p.partition and s.key = p.key and s.valid @> p.valid_at
    and case when p.tx is null then s.known_at @> p.known_at else s.known @> p.tx end
  order by p.id`;

let postgres: PGlite;
const stores = new Map<number, Database>();
const slices: SliceRow[] = [];

beforeAll(async () => {
  postgres = await PGlite.create({ extensions: { btree_gist } });
  await postgres.exec(SCHEMA);
  for (const seed of SEEDS) {
    const db = storeAfter(seed);
    stores.set(seed, db);
    slices.push(...slicesOf(db, seed));
  }
});

afterAll(() => postgres?.close());

function storeAfter(seed: number): Database {
  let now = 0;
  const db = openMemory({ clock: () => now });
  const options = { transactions: TRANSACTIONS, keys: KEYS, partitions: PARTITIONS, large: 0.02, erases: 0.005 };
  for (const plan of historyOf(seed, options)) {
    now = clockOf(plan);
    runOnDatabase(db, plan);
  }
  return db;
}

function slicesOf(db: Database, seed: number): SliceRow[] {
  const places = PARTITIONS.flatMap((partition) => KEYS.map((of, key) => ({ partition, of, key })));
  return places.flatMap(({ partition, of, key }) =>
    db
      .partition(partition)
      .versions(of)
      .map((version) => ({
        seed,
        partition,
        key,
        valid_from: textOf(version.validFrom),
        valid_to: textOf(version.validTo),
        tx_from: version.txFrom,
        tx_to: Number.isFinite(version.txTo) ? version.txTo : null,
        known_from: textOf(version.knownFrom) ?? "",
        known_to: textOf(version.knownTo),
        value: version.value,
      })),
  );
}

/** Milliseconds as ISO 8601 text with microseconds; null for the open ends. */
function textOf(milliseconds: number): string | null {
  return Number.isFinite(milliseconds) ? textOfMicros(BigInt(Math.round(milliseconds * 1000))) : null;
}

function textOfMicros(micros: bigint): string {
  const below = ((micros % 1000n) + 1000n) % 1000n;
  return new Date(Number((micros - below) / 1000n)).toISOString().replace("Z", `${String(below).padStart(3, "0")}Z`);
}

function microsOf(text: string): bigint {
  const below = BigInt(text.slice(-4, -1));
  return BigInt(Date.parse(text.replace(/\d{3}Z$/, "Z"))) * 1000n + below;
}

/** The code of the error that PostgreSQL gives. */
async function refusalOf(rows: readonly SliceRow[]): Promise<unknown> {
  try {
    await postgres.query(INSERT, [JSON.stringify(rows)]);
  } catch (error) {
    if (error instanceof Error && "code" in error) return error.code;
    throw error;
  }
  return "none";
}

function storeOf(seed: number): Database {
  const db = stores.get(seed);
  if (db === undefined) throw new RangeError(`no store of seed ${seed}`);
  return db;
}

/** A question near a bound that a slice has, in any transaction. */
function randomPoint(random: Random, id: number): PointRow {
  const slice = random.pick(slices);
  const { seed, partition, key } = slice;
  const bound = random.pick([slice.valid_from, slice.valid_to, slice.known_from]) ?? slice.known_from;
  const valid_at = textOfMicros(microsOf(bound) + BigInt(random.below(3) - 1));
  const { lastTx } = storeOf(seed).stats();
  if (random.chance(0.6)) return { id, seed, partition, key, valid_at, tx: random.below(lastTx + 1), known_at: null };
  const near = microsOf(random.pick([slice.known_from, slice.known_to ?? slice.known_from]));
  const known_at = textOfMicros(near - BigInt(random.below(2)));
  return { id, seed, partition, key, valid_at, tx: null, known_at };
}

/** What the store answers. */
function answerOf({ seed, partition, key, valid_at, tx, known_at }: PointRow): unknown {
  const known = tx === null ? { knownAt: known_at ?? "" } : { tx };
  return storeOf(seed)
    .partition(partition)
    .get(KEYS[key], { validAt: microsOf(valid_at), ...known });
}

describe("PostgreSQL", () => {
  test("takes all slices of random histories", async () => {
    expect(slices.length).toBeGreaterThan(1000);
    expect(await refusalOf(slices)).toBe("none");
    const count = await postgres.query("select count(*)::int as n from slices");
    expect(count.rows).toEqual([{ n: slices.length }]);
  });

  test("takes what is known in each of some transactions as a key without overlaps", async () => {
    const random = new Random(SEED);
    let taken = 0;
    for (let i = 0; i < 20; i++) {
      await postgres.exec("truncate known_now");
      const known = "known @> $1::bigint or (upper_inf(known) and $1 = 0)";
      const insert = `insert into known_now select seed, partition, key, valid from slices where ${known}`;
      const { affectedRows } = await postgres.query(insert, [i === 0 ? 0 : 1 + random.below(TRANSACTIONS)]);
      taken += affectedRows ?? 0;
    }
    expect(taken).toBeGreaterThan(500);
  });

  test("refuses a slice that overlaps another on both axes, by one microsecond and one transaction", async () => {
    const random = new Random(SEED + 1);
    for (let i = 0; i < 40; i++) {
      const slice = random.pick(slices);
      expect(await refusalOf([{ ...slice, ...cornerOf(slice, random) }]), JSON.stringify(slice)).toBe("23P01");
    }
  });

  test("answers as the store does, by transaction and by time", async () => {
    const random = new Random(SEED + 2);
    const points = Array.from({ length: POINTS * SEEDS.length }, (_, id) => randomPoint(random, id));
    const found = await postgres.query<{ id: number; value: unknown }>(AS_OF, [JSON.stringify(points)]);
    const answers = new Map(found.rows.map(({ id, value }) => [id, value]));
    expect(answers.size).toBe(found.rows.length);
    expect(answers.size).toBeGreaterThan(POINTS);
    for (const point of points) expect(answerOf(point), JSON.stringify(point)).toEqual(answers.get(point.id));
  });
});

/** A microsecond and a transaction at one of the corners of a slice. */
function cornerOf(slice: SliceRow, random: Random): Partial<SliceRow> {
  const { valid_from, valid_to, tx_from, tx_to } = slice;
  const last = valid_to === null ? null : microsOf(valid_to) - 1n;
  const first = valid_from === null ? last : microsOf(valid_from);
  const instant = random.chance() ? first : (last ?? first);
  const tx = random.chance() || tx_to === null ? tx_from : tx_to - 1;
  const at = instant ?? 0n;
  return { valid_from: textOfMicros(at), valid_to: textOfMicros(at + 1n), tx_from: tx, tx_to: tx + 1 };
}
