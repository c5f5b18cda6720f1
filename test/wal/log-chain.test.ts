/**
 * The log against its promise: whatever part of the unsynced writes survives, what is read back is a prefix of the
 * commits with every synced one in it, also from a log that was resumed again and again, and damage is told.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { StorageFile } from "../../pager/storage.js";
import { beginLog, Log } from "../../wal/log.js";
import { LogChain } from "../../wal/log-chain.js";
import { alignSector, LogSpace } from "../../wal/log-space.js";
import { OperationBuffer } from "../../wal/operation-buffer.js";
import { RECORD_HEADER_BYTES, recordBody } from "../../wal/record.js";
import { effort } from "../effort.js";
import { Random } from "../harness/random.js";
import { SimulatedDisk } from "../harness/simulated-disk.js";

const PATH = "/log";
const LIMIT = 128 * 1024;
const HEADER = { id: new Uint8Array(16), checkpoint: 2, metaCrc: 77 };

/** A log with what it should hold. */
class Run {
  readonly disk: SimulatedDisk;
  readonly bodies: Uint8Array[];
  log: Log;
  anchors: { position: number; crc: number; tx: number }[] = [];
  readonly #operations = new OperationBuffer(1e6);

  constructor(disk: SimulatedDisk, log: Log, bodies: Uint8Array[]) {
    this.disk = disk;
    this.log = log;
    this.bodies = bodies;
  }

  static begin(seed: number): Run {
    const disk = new SimulatedDisk(seed);
    const file = disk.open(PATH, "create");
    const run = new Run(disk, beginLog(disk, file, HEADER, 0, LIMIT), []);
    disk.syncDirectory(PATH);
    return run;
  }

  commit(length: number): void {
    const tx = this.bodies.length + 1;
    this.#operations.reset(true);
    this.#operations.put(Uint8Array.of(tx), 1, new Uint8Array(length).fill(tx));
    if (!this.log.append(this.#operations, tx, tx * 1000)) return;
    this.bodies.push(this.#operations.bytes.slice(RECORD_HEADER_BYTES, this.#operations.end));
  }

  /** A checkpoint of everything: synced, named, and the anchor before it becomes the tail. */
  checkpoint(): void {
    const tx = this.bodies.length;
    const anchor = this.log.anchorCheckpoint(tx);
    this.log.sync();
    if (anchor === undefined) return;
    this.log.checkpointed(tx);
    const before = this.anchors.at(-1);
    this.anchors.push({ ...anchor, tx });
    if (before !== undefined) this.log.space.release(before.position);
  }

  chain(file: StorageFile): LogChain {
    const anchor = this.anchors.at(-1);
    if (anchor !== undefined) return LogChain.read(file, PATH, anchor);
    const first = LogChain.findFirst(file, PATH, 0, HEADER.metaCrc);
    if (first === undefined) throw new Error("the first anchor is gone");
    return first.follow();
  }

  /**
   * Reads what a crash left, checks it, and goes on with it as an open does; undefined where the ring has no room to
   * state the commits again, so that an open gives the log up for a checkpoint.
   */
  recover(disk: SimulatedDisk, synced: number): Run | undefined {
    const file = disk.open(PATH, "write");
    const chain = this.chain(file);
    expect(chain.tx).toBeGreaterThanOrEqual(synced);
    expect(chain.tx).toBeLessThanOrEqual(this.bodies.length);
    for (const record of chain.commits) expect(recordBody(record)).toEqual(this.bodies[record.tx - 1]);
    const run = new Run(disk, this.log, this.bodies.slice(0, chain.tx));
    run.anchors = [...this.anchors];
    const tail = (this.anchors.at(-2) ?? this.anchors.at(-1))?.position ?? 4096;
    const space = new LogSpace(alignSector(file.size()), LIMIT, tail, alignSector(chain.endPosition));
    const durableTx = Math.min(chain.durableTx, chain.tx);
    run.log = new Log(disk, file, space, chain.end, durableTx);
    const resumed = run.log.anchor({
      tx: durableTx,
      txCrc: chain.crcOf(durableTx),
      parentSalt: chain.saltOf(durableTx),
      restated: chain.commits.slice(durableTx - chain.baseTx).map(({ bytes }) => bytes),
    });
    if (resumed === undefined) return undefined;
    run.log.sync();
    return run;
  }
}

const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("commit" as const), length: fc.nat(6000) }) },
  { weight: 4, arbitrary: fc.constant({ kind: "sync" as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: "checkpoint" as const }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("crash" as const), seed: fc.nat(1e6), fails: fc.boolean() }) },
);

test("what is read back is a prefix with everything that was synced", { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 60 }), fc.nat(1e6), (steps, seed) => {
      let run = Run.begin(seed);
      for (const one of steps) {
        if (one.kind === "commit") run.commit(one.length);
        else if (one.kind === "sync") run.log.sync();
        else if (one.kind === "checkpoint") run.checkpoint();
        else {
          const synced = run.log.syncedTx;
          let next: Run | undefined;
          // A sync that fails leaves in the cache what is not on the disk.
          if (one.fails) {
            run.disk.failAt(run.disk.operationCount, "sync");
            expect(() => run.log.sync()).toThrow();
            next = run.recover(run.disk.fork(), synced);
          } else {
            const random = new Random(one.seed);
            const tear = { random, sector: 4096 as const, trash: true };
            next = run.recover(run.disk.crash({ keep: random, tear, length: "exact" }), synced);
          }
          if (next === undefined) return;
          run = next;
        }
      }
      run.recover(run.disk.crash({ keep: "none" }), run.log.syncedTx);
    }),
    { numRuns: effort(40) },
  );
});

test("a damaged record that a later one knew to be durable is LLMDB_CORRUPT, the last one is cut", () => {
  const run = Run.begin(1);
  const places: number[] = [];
  for (let i = 0; i < 6; i++) {
    places.push(alignSector(run.log.space.head));
    run.commit(100);
    run.log.sync();
  }
  for (const [i, place] of places.entries()) {
    for (const at of [0, 5, 20, 60, 120]) {
      const disk = run.disk.crash({ keep: "all" });
      const file = disk.open(PATH, "write");
      const byte = new Uint8Array(1);
      file.read(byte, 0, 1, place + at);
      file.write(Uint8Array.of(byte[0] ^ 0x40), 0, 1, place + at);
      if (i < places.length - 1) {
        expect(() => run.chain(file)).toThrow(expect.objectContaining({ code: "LLMDB_CORRUPT" }));
      } else {
        expect(run.chain(file).tx).toBe(i);
      }
    }
  }
});
