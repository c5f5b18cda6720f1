/**
 * A reader of log files that was written from `docs/format.md` and knows nothing of the code that writes them: which
 * commits follow a checkpoint, and what the maps hold after them.
 */
import { crc32 } from "node:zlib";
import { Damage, demand } from "./second-damage.js";
import { type Checkpoint, FORMATS, fieldOf, type ReadMap, readFields, u48, u64 } from "./second-reader.js";

const MAGIC = "LLMDBWAL";
const SECTOR = 4096;
const HEADER_BYTES = 56;
const COMMIT = 1;

interface LogRecord {
  position: number;
  end: number;
  crc: number;
  isCommit: boolean;
  salt: string;
  parentSalt: string;
  tx: number;
  durableTx: number;
  timeMicros: number;
  previousCrc: number;
  body: Buffer;
}

/** What came up while reading, so that a test can tell what it has seen. */
export interface LogSeen {
  anchors: number;
  wraps: number;
  jumps: number;
  restated: number;
  gaps: number;
  operations: number[];
}

/** The state of a database with a log. */
export interface LoggedState {
  tx: number;
  timeMicros: number;
  maps: ReadMap[];
  seen: LogSeen;
}

/** The record that starts at a place, if a whole one does. */
function recordAt(log: Buffer, position: number): LogRecord | undefined {
  if (position + HEADER_BYTES > log.length || log.toString("latin1", position, position + 4) !== "LWAL") return;
  const end = position + HEADER_BYTES + log.readUInt32LE(position + 8);
  const kind = log.readUInt32LE(position + 12);
  if (end > log.length || (kind !== COMMIT && kind !== 2)) return;
  const bytes = log.subarray(position, end);
  const crc = bytes.readUInt32LE(4);
  if (crc32(bytes.subarray(8)) !== crc) return;
  const body = bytes.subarray(HEADER_BYTES);
  if (kind !== COMMIT && body.length < 8) return;
  return {
    position,
    end,
    crc,
    isCommit: kind === COMMIT,
    salt: bytes.toString("hex", 16, 24),
    parentSalt: kind === COMMIT ? "" : body.toString("hex", 0, 8),
    tx: u48(bytes, 24),
    durableTx: u48(bytes, 32),
    timeMicros: u64(bytes, 40),
    previousCrc: bytes.readUInt32LE(48),
    body,
  };
}

function roundUp(position: number, unit: number): number {
  return Math.ceil(position / unit) * unit;
}

class Chain {
  readonly commits: LogRecord[] = [];
  readonly seen: LogSeen = {
    anchors: 0,
    wraps: 0,
    jumps: 0,
    restated: 0,
    gaps: 0,
    operations: [0, 0, 0, 0, 0, 0, 0, 0],
  };
  readonly #log: Buffer;
  readonly #first: LogRecord;
  readonly #salts: Set<string>;
  #last: LogRecord;

  constructor(log: Buffer, first: LogRecord) {
    this.#log = log;
    this.#first = first;
    this.#last = first;
    this.#salts = new Set([first.parentSalt, first.salt]);
    this.#takeRestated(first);
    for (let next = this.#next(); next !== undefined; next = this.#next()) this.#take(next);
  }

  get newest(): number {
    return this.#first.tx + this.commits.length;
  }

  #crcOf(tx: number): number {
    return tx === this.#first.tx ? this.#first.previousCrc : this.commits[tx - this.#first.tx - 1].crc;
  }

  #take(record: LogRecord): void {
    if (record.position < this.#last.position) this.seen.wraps++;
    this.#last = record;
    if (record.isCommit) {
      this.commits.push(record);
      return;
    }
    this.seen.anchors++;
    this.#salts.add(record.salt);
    this.#takeRestated(record);
  }

  #takeRestated({ body }: LogRecord): void {
    for (let at = 8; at < body.length; ) {
      const record = recordAt(body, at);
      if (record === undefined) return;
      this.seen.restated++;
      if (record.isCommit && record.tx === this.newest + 1) this.commits.push(record);
      at = record.end;
    }
  }

  #isParentKnown(anchor: LogRecord): boolean {
    return !anchor.isCommit && !this.#salts.has(anchor.salt) && this.#salts.has(anchor.parentSalt);
  }

  #continues(record: LogRecord): boolean {
    if (record.isCommit) {
      const { crc, salt } = this.#last;
      return record.tx === this.newest + 1 && record.salt === salt && record.previousCrc === crc;
    }
    if (!this.#isParentKnown(record) || record.tx < this.#first.tx || record.tx > this.newest) return false;
    return record.previousCrc === this.#crcOf(record.tx);
  }

  #next(): LogRecord | undefined {
    const { end } = this.#last;
    for (const position of [roundUp(end, 8), roundUp(end, SECTOR), SECTOR]) {
      const record = recordAt(this.#log, position);
      if (record !== undefined && this.#continues(record)) return record;
    }
    for (const record of this.#atSectors()) {
      if (record.isCommit || !this.#continues(record)) continue;
      this.seen.jumps++;
      return record;
    }
    return undefined;
  }

  *#atSectors(): Iterable<LogRecord> {
    for (let position = SECTOR; position < this.#log.length; position += SECTOR) {
      const record = recordAt(this.#log, position);
      if (record !== undefined && record.tx >= this.#first.tx) yield record;
    }
  }

  /** Whole records that lie behind others in the same sectors. */
  *#behind(record: LogRecord): Iterable<LogRecord> {
    for (let next: LogRecord | undefined = record; next !== undefined; ) {
      yield next;
      const position: number = roundUp(next.end, 8);
      next = position % SECTOR === 0 ? undefined : recordAt(this.#log, position);
    }
  }

  /** Demands that no commit behind the end was acknowledged. */
  checkEnd(allMetaPages: boolean): void {
    const found = [...this.#atSectors()].flatMap((record) => [...this.#behind(record)]);
    if (!found.some(({ durableTx }) => durableTx > this.newest)) return;
    const anchors = found.filter(({ isCommit }) => !isCommit);
    const isGap = anchors.some((anchor) => {
      const follows = anchor.tx > this.newest && anchor.previousCrc === this.#crcOf(this.newest);
      return follows && this.#isParentKnown(anchor);
    });
    demand(isGap && !allMetaPages, "an acknowledged commit is not readable");
    this.seen.gaps++;
  }
}

/** Where the commits after a checkpoint begin; undefined where the log does not count. */
function firstAnchor(log: Buffer, checkpoint: Checkpoint): LogRecord | undefined {
  demand(log.length >= 48 && log.toString("latin1", 0, 8) === MAGIC, "the log has no header");
  demand(crc32(log.subarray(0, 44)) === log.readUInt32LE(44), "the header of the log is damaged");
  demand(log.readUInt32LE(8) === 1, "the log has another version");
  demand(log.toString("hex", 16, 32) === checkpoint.id, "the log is that of another database");
  const { position, crc } = checkpoint.log;
  if (position === 0 && u48(log, 32) < checkpoint.number) return undefined;
  const record = recordAt(log, position === 0 ? SECTOR : position);
  demand(record !== undefined && !record.isCommit, "the log does not have the anchor of the checkpoint");
  if (position > 0) {
    demand(record.crc === crc, "the log has another anchor than that of the checkpoint");
    return record;
  }
  demand(u48(log, 32) === checkpoint.number && log.readUInt32LE(40) === checkpoint.crc, "the log begins elsewhere");
  demand(record.tx === checkpoint.tx && record.previousCrc === checkpoint.crc, "the first anchor is another one");
  return record;
}

/** The maps of a checkpoint with what the log adds; `checkpoints` are those that count, the newest first. */
export function readLogged(maps: readonly ReadMap[], log: Buffer | undefined, checkpoints: Checkpoint[]): LoggedState {
  const [checkpoint] = checkpoints;
  const { tx, timeMicros } = checkpoint;
  const first = log === undefined ? undefined : firstAnchor(log, checkpoint);
  if (log === undefined || first === undefined) {
    const seen = { anchors: 0, wraps: 0, jumps: 0, restated: 0, gaps: 0, operations: [] };
    return { tx, timeMicros, maps: [...maps], seen };
  }
  const chain = new Chain(log, first);
  chain.checkEnd(checkpoints.length === 3);
  const state = new MapState(maps, checkpoint.pageSize / 8 + 64, chain.seen.operations);
  for (const { body } of chain.commits) state.apply(body);
  const time = chain.commits.at(-1)?.timeMicros ?? timeMicros;
  return { tx: chain.newest, timeMicros: time, maps: state.maps(), seen: chain.seen };
}

/** A map as an operation names it. */
interface NamedMap {
  readonly name: string;
  readonly format: string;
  readonly fields: Buffer;
}

interface OpenMap {
  format: string;
  fields: Buffer;
  /** By key in hex, which sorts as its bytes do. */
  entries: Map<string, [Buffer, Buffer]>;
}

class MapState {
  readonly #maps = new Map<string, OpenMap>();
  readonly #longestKey: number;
  readonly #operations: number[];
  #body: Buffer = Buffer.alloc(0);
  #at = 0;

  constructor(maps: readonly ReadMap[], longestKey: number, operations: number[]) {
    this.#longestKey = longestKey;
    this.#operations = operations;
    for (const { name, format, fields, entries } of maps) {
      const byKey = new Map(entries.map((entry) => [entry[0].toString("hex"), entry] as const));
      this.#maps.set(name, { format, fields, entries: byKey });
    }
  }

  /** In the order of their names, each with its entries in the order of their keys. */
  maps(): ReadMap[] {
    const named = [...this.#maps].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    return named.map(([name, { format, fields, entries }]) => {
      const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
      return { name, format, depth: 0, fields, entries: sorted.map(([, entry]) => entry) };
    });
  }

  /** Does what a commit did. */
  apply(body: Buffer): void {
    this.#body = body;
    this.#at = 0;
    let name: string | undefined;
    const named: NamedMap[] = [];
    while (this.#at < body.length) {
      const code = this.#number(1);
      this.#operations[code]++;
      if (code === 1) {
        const map = this.#readMap();
        named.push(map);
        name = this.#enterMap(map);
        continue;
      }
      if (code === 7) {
        const index = this.#number(1);
        demand(index < named.length, "an operation is on a map that was not named");
        name = this.#enterMap(named[index]);
        continue;
      }
      if (code === 6) continue;
      const map = name === undefined ? undefined : this.#maps.get(name);
      demand(name !== undefined && map !== undefined, "an operation comes before its map");
      this.#change(code, map);
      if (code !== 5) continue;
      this.#maps.delete(name);
      name = undefined;
    }
  }

  #readMap(): NamedMap {
    const formatByte = this.#number(1);
    const format = FORMATS[formatByte & ~0x10];
    demand(format !== undefined && format !== "", "a map has an unknown format");
    const name = this.#take(this.#number(2)).toString("utf8");
    demand(name !== "" && Buffer.byteLength(name) < this.#longestKey, "a map has no possible name");
    const hasFields = (formatByte & 0x10) !== 0;
    const fields = hasFields ? this.#take(12) : Buffer.alloc(12);
    demand(readFields(fields).length > 0 === hasFields, "a map operation has no fields where it says so");
    return { name, format, fields };
  }

  #enterMap({ name, format, fields }: NamedMap): string {
    const map = this.#maps.get(name);
    demand(map === undefined || map.format === format, "a map has another format");
    demand(map === undefined || map.fields.equals(fields), "a map has other fields");
    if (map === undefined) this.#maps.set(name, { format, fields, entries: new Map() });
    return name;
  }

  #change(code: number, { fields, entries }: OpenMap): void {
    if (code === 2) {
      const keyBytes = this.#number(2);
      const valueBytes = this.#number(4);
      const key = this.#key(keyBytes, 0);
      const entry: [Buffer, Buffer] = [key, this.#take(valueBytes)];
      for (const field of readFields(fields)) fieldOf(field, entry);
      entries.set(key.toString("hex"), entry);
    } else if (code === 3) {
      demand(entries.delete(this.#key(this.#number(2), 0).toString("hex")), "a key that is not there is deleted");
    } else if (code === 4) {
      const bounds = this.#number(1);
      const lowerBytes = this.#number(2);
      const upperBytes = this.#number(2);
      const lower = this.#key(lowerBytes, 1).toString("hex");
      const upper = this.#key(upperBytes, 1).toString("hex");
      for (const key of [...entries.keys()]) {
        if (((bounds & 1) === 0 || key >= lower) && ((bounds & 2) === 0 || key < upper)) entries.delete(key);
      }
    } else if (code !== 5) {
      throw new Damage("an operation has an unknown code");
    }
  }

  #key(length: number, more: number): Buffer {
    demand(length <= this.#longestKey + more, "a key is too long");
    return this.#take(length);
  }

  #number(bytes: number): number {
    return this.#take(bytes).readUIntLE(0, bytes);
  }

  #take(length: number): Buffer {
    demand(this.#at + length <= this.#body.length, "an operation ends behind its record");
    this.#at += length;
    return this.#body.subarray(this.#at - length, this.#at);
  }
}
