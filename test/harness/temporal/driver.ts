/**
 * Makes planned transactions, to a database and to the oracle. Guarantees: both are told the same; a planned roll back
 * is made by an exception that goes no further; any other error comes through. The database is known by its shape only.
 */
import type { Key } from "../../../engine/key.js";
import { toMilliseconds } from "../../../temporal/instant.js";
import { changeOf, type PlannedOperation, type PlannedTransaction, type PlannedValid } from "./history.js";
import type { BitemporalOracle, OracleTransaction } from "./oracle.js";

/** Bounds as they are given to a database. */
export interface GivenValid {
  validFrom?: bigint | number;
  validTo?: bigint | number;
}

/** The writes to one partition in a transaction. */
export interface TemporalWriter {
  put(key: Key, value: unknown, valid?: GivenValid): void;
  update(key: Key, change: (value: unknown) => unknown, valid?: GivenValid): void;
  patch(key: Key, part: object, valid?: GivenValid): void;
  delete(key: Key, valid?: GivenValid): void;
  erase(key: Key): void;
}

/** What the driver needs of a transaction. */
export interface TemporalTransaction {
  partition(id: number): TemporalWriter;
  transaction(body: (tx: TemporalTransaction) => void): void;
}

/** What the driver needs of a database. */
export interface TemporalDatabase {
  transactionSync(body: (tx: TemporalTransaction) => void): void;
}

class PlannedRollback extends Error {}

/** Makes one operation. */
export function applyToDatabase(tx: TemporalTransaction, operation: PlannedOperation): void {
  if (operation.kind === "nested") {
    const { operations, rollsBack } = operation;
    unlessRolledBack(() => tx.transaction((inner) => applyAllToDatabase(inner, operations, rollsBack)));
    return;
  }
  const writer = tx.partition(operation.partition);
  const { key } = operation;
  if (operation.kind === "erase") {
    writer.erase(key);
    return;
  }
  const valid = givenValid(operation.valid);
  if (operation.kind === "put") writer.put(key, operation.value, valid);
  else if (operation.kind === "update") writer.update(key, changeOf(operation.change), valid);
  else if (operation.kind === "patch") writer.patch(key, operation.part, valid);
  else writer.delete(key, valid);
}

/** Makes one operation. */
export function applyToOracle(tx: OracleTransaction, operation: PlannedOperation): void {
  if (operation.kind === "nested") {
    const { operations, rollsBack } = operation;
    unlessRolledBack(() => tx.nest(() => applyAllToOracle(tx, operations, rollsBack)));
    return;
  }
  if (operation.kind === "erase") {
    tx.record(operation);
    return;
  }
  const { valid, ...rest } = operation;
  const bounds = { from: valid.validFrom, to: valid.validTo };
  if (rest.kind === "update") tx.record({ ...rest, ...bounds, change: changeOf(rest.change) });
  else tx.record({ ...rest, ...bounds });
}

/** Makes a transaction. The database's clock must show {@link clockOf} the transaction. */
export function runOnDatabase(db: TemporalDatabase, plan: PlannedTransaction): void {
  unlessRolledBack(() => db.transactionSync((tx) => applyAllToDatabase(tx, plan.operations, plan.rollsBack)));
}

/**
 * Makes a transaction, and returns its number if it was committed. `counts` says whether one that was not rolled back
 * gets a number; a store may give none to a transaction that changed nothing. Default: it does.
 */
export function runOnOracle(
  oracle: BitemporalOracle,
  plan: PlannedTransaction,
  counts: (tx: OracleTransaction) => boolean = () => true,
): number | undefined {
  const tx = oracle.begin(plan.clock);
  const committed = unlessRolledBack(() => applyAllToOracle(tx, plan.operations, plan.rollsBack)) && counts(tx);
  if (!committed) tx.discard();
  else tx.commit();
  return committed ? tx.id : undefined;
}

/** What the clock shows during a transaction, in milliseconds. */
export function clockOf(plan: PlannedTransaction): number {
  return toMilliseconds(plan.clock);
}

/** Open ends as infinite numbers, other times as bigints. A bound that was left out stays left out. */
function givenValid({ validFrom, validTo }: PlannedValid): GivenValid | undefined {
  if (validFrom === undefined && validTo === undefined) return undefined;
  const given: GivenValid = {};
  if (validFrom !== undefined) given.validFrom = givenTime(validFrom);
  if (validTo !== undefined) given.validTo = givenTime(validTo);
  return given;
}

function givenTime(micros: bigint): bigint | number {
  const milliseconds = toMilliseconds(micros);
  return Number.isFinite(milliseconds) ? micros : milliseconds;
}

function applyAllToDatabase(
  tx: TemporalTransaction,
  operations: readonly PlannedOperation[],
  rollsBack: boolean,
): void {
  for (const operation of operations) applyToDatabase(tx, operation);
  if (rollsBack) throw new PlannedRollback();
}

function applyAllToOracle(tx: OracleTransaction, operations: readonly PlannedOperation[], rollsBack: boolean): void {
  for (const operation of operations) applyToOracle(tx, operation);
  if (rollsBack) throw new PlannedRollback();
}

/** Whether the body came to its end. */
function unlessRolledBack(body: () => void): boolean {
  try {
    body();
    return true;
  } catch (error) {
    if (error instanceof PlannedRollback) return false;
    throw error;
  }
}
