/**
 * One statement of a module inside a transaction: a fresh instance, called on records in batches. Guarantees: it ends
 * within its fuel and by its deadline; nothing that it does is seen before it has ended.
 *
 * The watchdog costs more than most hooks do. So a module that ran before first gets little fuel, and runs without one;
 * only if that is not enough, it begins again, with all its fuel and a watchdog, and its time is counted from there.
 * One that did not run in this process has to be compiled, however little fuel it has: it is watched from the start.
 */

import { Deadline } from "./deadline.js";
import type { FrameHead } from "./frame.js";
import { hostImports, type ModuleHost } from "./host-imports.js";
import type { CachedModule } from "./module-cache.js";
import { type Grant, isFuelError, Sandbox } from "./sandbox.js";

/** Records for a module, encoded where they go. */
export interface Records {
  readonly count: number;
  /** Bytes of one, a multiple of 8. */
  bytesOf(index: number): number;
  /** Writes one; its bytes are zero before. */
  write(index: number, u8: Uint8Array, u32: Uint32Array, at: number): void;
}

export interface SingleCall {
  readonly module: CachedModule;
  readonly head: FrameHead;
  readonly grant: Grant;
  readonly timeoutMs: number;
  readonly host: ModuleHost;
}

/** What came out of a batch: `take` may keep nothing of it. */
export type TakeOutput = (u8: Uint8Array, at: number, bytes: number, firstRecord: number, endRecord: number) => void;

/** Little enough to run unwatched: even if each unit took 100 ns, it would be used up in 50 ms. */
const QUICK_UNITS = 500_000;
/** Records of a batch take no more, except for a single one. */
const BATCH_BYTES = 4 * 1024 * 1024;

/**
 * @param begin is called before the first batch, and again where it starts over; told whether it may be cut off
 * @param take is handed what comes out, batch by batch; after a failure it may be called again from the first on
 * @returns fuel that was used
 * @throws LlmdbError `LLMDB_WASM_*`, and what `take` throws
 */
export function callOnce(
  call: SingleCall,
  records: Records,
  begin: (isWatched: boolean) => void,
  take: TakeOutput,
): number {
  const initial = call.module.initialPages * call.module.initialPageUnits;
  const quick = Math.min(call.grant.fuel, initial + QUICK_UNITS);
  if (call.module.hasRun) {
    try {
      begin(false);
      return run(call, quick, records, take);
    } catch (error) {
      if (!isFuelError(error) || quick === call.grant.fuel) throw error;
    }
  }
  begin(true);
  let used = 0;
  new Deadline(call.timeoutMs).run(() => {
    used = run(call, call.grant.fuel, records, take);
  });
  call.module.hasRun = true;
  return used;
}

function run({ module, head, grant, host }: SingleCall, fuel: number, records: Records, take: TakeOutput): number {
  let made: Sandbox | undefined;
  const imports = hostImports(module.info.imports, host, () => {
    if (made === undefined) throw new TypeError("a module calls an import before it is there");
    return made;
  });
  const sandbox = new Sandbox(module, { ...grant, fuel }, head, imports);
  made = sandbox;
  let isFirst = true;
  for (let from = 0; from < records.count; ) {
    let bytes = 0;
    let to = from;
    while (to < records.count && (to === from || bytes + records.bytesOf(to) <= BATCH_BYTES)) {
      bytes += records.bytesOf(to++);
    }
    if (isFirst) sandbox.begin(bytes);
    else sandbox.reserve(bytes);
    isFirst = false;
    fill(sandbox, records, from, to, bytes);
    const written = sandbox.call(to - from, bytes);
    take(sandbox.u8, sandbox.outAt, written, from, to);
    from = to;
  }
  return sandbox.fuelUsed;
}

function fill({ u8, u32, dataAt }: Sandbox, records: Records, from: number, to: number, bytes: number): void {
  u8.fill(0, dataAt, dataAt + bytes);
  let at = dataAt;
  for (let i = from; i < to; i++) {
    records.write(i, u8, u32, at);
    at += records.bytesOf(i);
  }
}
