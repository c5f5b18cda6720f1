/**
 * Watches the order of writes to a data file in a run without any crash. Guarantees: the first write that breaks a rule
 * is noted. The rules: no page that a durable meta page reaches is written or cut off; a meta page is written only when
 * everything that it reaches, and the length of the file, is durable.
 */
import type { DiskChange, DiskOperation, DiskPhase } from "../disk-operation.js";
import type { SimulatedDisk } from "../simulated-disk.js";
import { type ReadMeta, reachedPages, readMeta, readMetas } from "./reached-pages.js";
import { Violation } from "./violation.js";

/** What is durable of one file, and what was written since. */
interface WatchedFile {
  durable: Buffer;
  unsynced: DiskChange[];
  /** What a running sync will make durable. */
  covered: DiskChange[];
}

/** Watches one data file, under whatever name it has. */
export class WriteOrder {
  /** How many writes were checked, so that a test can tell that there were any. */
  checkedWrites = 0;
  checkedMetas = 0;
  /** The first rule that was broken. */
  violation: Violation | undefined;
  readonly #path: string;
  readonly #pageSize: number;
  readonly #files = new Map<number, WatchedFile>();
  #watched: number | undefined;
  #reached = new Set<number>();

  constructor(path: string, pageSize: number) {
    this.#path = path;
    this.#pageSize = pageSize;
  }

  /** Goes on with this disk. */
  start(disk: SimulatedDisk): void {
    this.#files.clear();
    this.#watched = undefined;
    this.#reached = new Set();
    if (disk.kind(this.#path) !== "file") return;
    const number = fileNumber(disk, this.#path);
    const unsynced = disk.unsynced.filter((change) => change.file === number);
    this.#files.set(number, {
      durable: bytesOf(disk.crash({ keep: "none", names: "kept" }), this.#path),
      unsynced,
      covered: [],
    });
    this.#watched = number;
    this.#readMetas();
  }

  /** A {@link DiskWatcher}, but for what disks have done before `start`. */
  watch(operation: DiskOperation, phase: DiskPhase): void {
    if (phase === "before") this.#before(operation);
    else if (phase === "done") this.#done(operation);
  }

  #report(what: string): void {
    this.violation ??= new Violation(what);
  }

  #before(operation: DiskOperation): void {
    if (operation.kind === "sync") {
      const file = this.#files.get(operation.file);
      if (file !== undefined) file.covered = [...file.unsynced];
    }
    if (!("file" in operation) || operation.file !== this.#watched) return;
    if (operation.kind === "write") this.#checkWrite(operation);
    if (operation.kind === "truncate") this.#checkPages(operation.fileBytes, Number.POSITIVE_INFINITY, "is cut off");
  }

  #done(operation: DiskOperation): void {
    switch (operation.kind) {
      case "create":
        this.#files.set(operation.file, { durable: Buffer.alloc(0), unsynced: [], covered: [] });
        if (operation.path === this.#path) this.#watched = operation.file;
        return;
      case "rename":
        if (operation.to !== this.#path) return;
        this.#watched = operation.file;
        this.#readMetas();
        return;
      case "write":
      case "truncate":
        this.#files.get(operation.file)?.unsynced.push(operation);
        return;
      case "sync":
        this.#synced(operation.file);
    }
  }

  #synced(number: number): void {
    const file = this.#files.get(number);
    if (file === undefined) return;
    const covered = new Set(file.covered);
    for (const change of file.unsynced) if (covered.has(change)) applyTo(file, change);
    file.unsynced = file.unsynced.filter((change) => !covered.has(change));
    file.covered = [];
    if (number === this.#watched) this.#readMetas();
  }

  /** Finds out anew what the durable meta pages reach. */
  #readMetas(): void {
    const file = this.#watched === undefined ? undefined : this.#files.get(this.#watched);
    if (file === undefined) return;
    this.#reached = new Set();
    for (const meta of readMetas(file.durable, this.#pageSize)) {
      const { pages, problem } = reachedPages(file.durable, meta);
      if (problem !== undefined) this.#report(`checkpoint ${meta.number} is durable, but ${problem}`);
      for (const page of pages) this.#reached.add(page);
    }
  }

  #checkWrite({ position, bytes, file }: Extract<DiskOperation, { kind: "write" }>): void {
    this.checkedWrites++;
    const meta = readMeta(Buffer.from(bytes));
    if (meta !== undefined) this.#checkMeta(meta, file);
    else this.#checkPages(position, position + bytes.length, "is written");
  }

  #checkPages(from: number, to: number, what: string): void {
    const size = this.#pageSize;
    const hit = [...this.#reached].find((page) => (page + 1) * size > from && page * size < to);
    if (hit !== undefined) this.#report(`page ${hit} ${what}, but a durable meta page reaches it`);
  }

  #checkMeta(meta: ReadMeta, number: number): void {
    const file = this.#files.get(number);
    if (file === undefined) return;
    this.checkedMetas++;
    const early = `the meta page of checkpoint ${meta.number} is written too early: durably,`;
    if (meta.pages * this.#pageSize > file.durable.length) this.#report(`${early} the file is too short`);
    const { problem } = reachedPages(file.durable, meta);
    if (problem !== undefined) this.#report(`${early} ${problem}`);
  }
}

function applyTo(file: WatchedFile, change: DiskChange): void {
  if (change.kind === "write") {
    grow(file, change.position + change.bytes.length);
    file.durable.set(change.bytes, change.position);
  } else if (change.kind === "truncate") {
    grow(file, change.fileBytes);
    file.durable = file.durable.subarray(0, change.fileBytes);
  }
}

function grow(file: WatchedFile, length: number): void {
  if (length <= file.durable.length) return;
  const longer = Buffer.alloc(length);
  file.durable.copy(longer);
  file.durable = longer;
}

/** The number that the operations of a disk give a file. */
function fileNumber(disk: SimulatedDisk, path: string): number {
  const file = disk.open(path, "read");
  const identity = file.identity();
  file.close();
  return Number(identity.slice(identity.indexOf(":") + 1));
}

function bytesOf(disk: SimulatedDisk, path: string): Buffer {
  const file = disk.open(path, "read");
  const bytes = Buffer.alloc(file.size());
  file.read(bytes, 0, bytes.length, 0);
  file.close();
  return bytes;
}
