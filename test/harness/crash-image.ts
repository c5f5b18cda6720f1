/**
 * What a disk may hold after the power failed: the durable state, plus any part of what was issued since. Guarantees:
 * the same inputs give the same image, and the disk that is crashed does not change.
 */
import { NameTable } from "../../pager/name-table.js";
import type { SparseBytes } from "../../pager/sparse-bytes.js";
import type { DiskChange } from "./disk-operation.js";
import type { Random } from "./random.js";

/** What becomes of an unsynced change: lost, kept, or torn. Only writes tear; another change that is torn is lost. */
export type Fate = boolean | "torn";

/** How a torn write survives. */
export interface Tearing {
  readonly random: Random;
  /** The bytes that survive or are lost as one: whole sectors, or single bytes. 1 by default. */
  readonly unit?: 1 | 512 | 4096;
  /** The sector of the disk, for `trash` and for the tears between bytes. 512 by default. */
  readonly sector?: 512 | 4096;
  /** Puts random bytes into some of the sectors that the torn write overlaps, also outside of the write itself. */
  readonly trash?: boolean;
}

/** Chooses one crash image. */
export interface CrashOptions {
  /**
   * Which of the unsynced changes, in the order of `unsynced`, survive: none, all, the first so many (the next one is
   * then torn where `tear` is given), exactly these (the rest is lost), or what the generator draws.
   */
  readonly keep: "none" | "all" | number | readonly Fate[] | Random;
  /** Without it no write is torn. */
  readonly tear?: Tearing;
  /** Overrides `keep` for creations, renames and removals. */
  readonly names?: "lost" | "kept";
  /**
   * The length of a file that unsynced writes made longer. `exact`: as the surviving writes left it. `zeros` and
   * `garbage`: it grew although writes are missing, and there are zeros or random bytes in their place. `lag`: the
   * durable length, although the writes survived. `exact` by default.
   */
  readonly length?: "exact" | "zeros" | "garbage" | "lag";
}

/** A file on the simulated disk: what reads show, and what a crash cannot take. */
export interface SimulatedContents {
  readonly id: number;
  readonly live: SparseBytes;
  readonly durable: SparseBytes;
}

/** A change that no sync has covered yet. */
export interface UnsyncedChange {
  readonly change: DiskChange;
  readonly contents: SimulatedContents;
}

/**
 * Builds the files of one crash image; everything in them is durable.
 *
 * @param random - Draws the garbage; tears and fates come from the generators of the options.
 */
export function crashImage(
  durableNames: NameTable<SimulatedContents>,
  unsynced: readonly UnsyncedChange[],
  options: CrashOptions,
  random: Random,
): NameTable<SimulatedContents> {
  const copies = new Map<SimulatedContents, SparseBytes>();
  const copyOf = (contents: SimulatedContents): SparseBytes => {
    let copy = copies.get(contents);
    if (copy === undefined) {
      copy = contents.durable.fork();
      copies.set(contents, copy);
    }
    return copy;
  };
  const names = new NameTable(durableNames.entries());
  const fates = unsynced.map((entry, index) => fateOf(entry.change, index, options));

  if (options.length === "zeros" || options.length === "garbage") {
    for (const { change, contents } of unsynced) {
      if (change.kind !== "write") continue;
      const end = change.position + change.bytes.length;
      const bytes = copyOf(contents);
      if (end <= bytes.size) continue;
      if (options.length === "zeros") bytes.truncate(end);
      else appendGarbage(bytes, Math.max(bytes.size, change.position), end, random);
    }
  }
  for (const [index, { change, contents }] of unsynced.entries()) {
    if (fates[index] !== false) applyChange(change, contents, fates[index], names, copyOf(contents), options.tear);
  }
  if (options.length === "lag") {
    for (const [contents, bytes] of copies) {
      if (bytes.size > contents.durable.size) bytes.truncate(contents.durable.size);
    }
  }

  const image = new NameTable<SimulatedContents>();
  const contentsOf = new Map<SimulatedContents, SimulatedContents>();
  for (const [path, contents] of names.entries()) {
    let settled = contentsOf.get(contents);
    if (settled === undefined) {
      const durable = copyOf(contents);
      settled = { id: contents.id, durable, live: durable.fork() };
      contentsOf.set(contents, settled);
    }
    image.set(path, settled);
  }
  return image;
}

function fateOf(change: DiskChange, index: number, { keep, tear, names }: CrashOptions): Fate {
  const tearable = tear !== undefined && change.kind === "write";
  let fate: Fate;
  if (keep === "none") fate = false;
  else if (keep === "all") fate = true;
  else if (typeof keep === "number") fate = index < keep || (index === keep && tearable && "torn");
  else if ("next" in keep) fate = tearable ? keep.pick([false, true, "torn"] as const) : keep.chance();
  else fate = keep[index] ?? false;
  if (names !== undefined && change.kind !== "write" && change.kind !== "truncate") fate = names === "kept";
  if (fate !== "torn") return fate;
  if (tear === undefined) throw new Error("a crash with torn writes needs `tear`");
  return change.kind === "write" ? "torn" : false;
}

function applyChange(
  change: DiskChange,
  contents: SimulatedContents,
  fate: Fate,
  names: NameTable<SimulatedContents>,
  bytes: SparseBytes,
  tear: Tearing | undefined,
): void {
  switch (change.kind) {
    case "write":
      if (fate === "torn" && tear !== undefined) tearWrite(bytes, change.position, change.bytes, tear);
      else bytes.write(change.bytes, 0, change.bytes.length, change.position);
      break;
    case "truncate":
      bytes.truncate(change.fileBytes);
      break;
    default:
      applyNameChange(change, contents, names);
  }
}

/** Applies a creation, rename or removal to a table that may lack earlier ones. */
export function applyNameChange(
  change: Extract<DiskChange, { kind: "create" | "rename" | "unlink" }>,
  contents: SimulatedContents,
  names: NameTable<SimulatedContents>,
): void {
  if (change.kind !== "create" && names.get(change.path) === contents) names.delete(change.path);
  if (change.kind === "create") names.set(change.path, contents);
  if (change.kind === "rename") names.set(change.to, contents);
}

/** Stores nothing, a prefix of the write, or any of its units; then ruins some of the sectors that it did not fill. */
function tearWrite(bytes: SparseBytes, position: number, data: Uint8Array, tear: Tearing): void {
  const { random, unit = 1, sector = 512, trash = false } = tear;
  const end = position + data.length;
  const step = Math.max(unit, sector);
  const draw = random.below(8);
  const prefix = draw === 0 ? 0 : draw < 4 ? random.below(data.length + 1) : undefined;
  const cut = prefix === undefined ? undefined : position + prefix;
  for (let start = position - (position % step); start < end; start += step) {
    const from = Math.max(start, position);
    const to = Math.min(start + step, end);
    const kept = keptBytes(random, from, to, unit, cut);
    if (kept > 0) bytes.write(data, from - position, kept, from);
    if (trash && kept < to - from && random.chance()) trashSector(bytes, start, step, to, random);
  }
}

/** How many bytes of a part of the write survive, counted from its start. */
function keptBytes(random: Random, from: number, to: number, unit: number, cut: number | undefined): number {
  if (cut === undefined) {
    if (unit > 1 || random.chance(0.7)) return random.chance() ? to - from : 0;
    return random.below(to - from + 1);
  }
  if (cut >= to) return to - from;
  return unit > 1 ? 0 : Math.max(0, cut - from);
}

/** Random bytes over the sector, as far as the file or the write reaches into it. */
function trashSector(bytes: SparseBytes, start: number, sector: number, writeEnd: number, random: Random): void {
  const length = Math.min(start + sector, Math.max(bytes.size, writeEnd)) - start;
  bytes.write(random.fill(new Uint8Array(length)), 0, length, start);
}

function appendGarbage(bytes: SparseBytes, from: number, to: number, random: Random): void {
  bytes.write(random.fill(new Uint8Array(to - from)), 0, to - from, from);
}
