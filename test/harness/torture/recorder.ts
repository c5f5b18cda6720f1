/**
 * Where a run may be crashed. Guarantees: there is a point for each state of the disk that differs from the one before,
 * at every boundary of operations, with what had been acknowledged by then.
 */
import type { DiskOperation, DiskPhase } from "../disk-operation.js";
import type { SimulatedDisk } from "../simulated-disk.js";
import { isChange } from "./disk-change.js";
import type { History, LegalStates, State } from "./history.js";

/** A backup that was begun: what it should hold, and whether it must be there. */
export interface ExpectedBackup {
  readonly path: string;
  readonly state: State;
  readonly complete: boolean;
}

/** The disk at one boundary of operations, and what a crash there may leave. */
export interface CrashPoint {
  /** As after a kill of the process: unsynced changes are still to be lost. */
  readonly disk: SimulatedDisk;
  limit: State;
  /** Rises until the disk changes next. */
  acked: State;
  backups: readonly ExpectedBackup[];
  /** The operation that comes next, in words. */
  next: string;
}

/** Takes crash points from a disk while a workload runs on it. */
export class CrashRecorder {
  readonly points: CrashPoint[] = [];
  readonly #history: History;
  #disk: SimulatedDisk | undefined;
  #changed = true;
  #backups: readonly ExpectedBackup[] = [];
  /** Sees every operation too, and each disk before the first of them. */
  order: { start(disk: SimulatedDisk): void; watch(operation: DiskOperation, phase: DiskPhase): void } | undefined;

  constructor(history: History) {
    this.#history = history;
    history.onAck = () => this.#acked();
  }

  /** Records this disk from now on. */
  attach(disk: SimulatedDisk): void {
    if (this.#disk !== undefined) this.#disk.watcher = undefined;
    this.#disk = disk;
    this.#changed = true;
    this.order?.start(disk);
    disk.watcher = (operation, phase) => this.#watch(operation, phase);
  }

  get backups(): readonly ExpectedBackup[] {
    return this.#backups;
  }

  /** From now on these backups are expected. */
  set backups(backups: readonly ExpectedBackup[]) {
    this.#backups = backups;
    const last = this.points.at(-1);
    if (!this.#changed && last !== undefined) last.backups = backups;
  }

  /** Takes a point now, if the disk is another one than at the last point. */
  take(next: string): void {
    if (!this.#changed || this.#disk === undefined) return;
    this.#changed = false;
    const { acked, limit }: LegalStates = this.#history.legal;
    this.points.push({ disk: this.#disk.fork(), limit, acked, backups: this.#backups, next });
  }

  #watch(operation: DiskOperation, phase: DiskPhase): void {
    this.order?.watch(operation, phase);
    if (!isChange(operation.kind)) return;
    if (phase === "before") this.take(`operation ${operation.index}, ${operation.kind} ${operation.path}`);
    else this.#changed = true;
  }

  #acked(): void {
    if (this.#changed) this.take("an acknowledgement");
    const last = this.points.at(-1);
    if (last === undefined) return;
    last.acked = this.#history.acked;
    if (this.#history.limit.depth < last.limit.depth) last.limit = this.#history.limit;
  }
}
