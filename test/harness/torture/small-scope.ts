/**
 * Every small workload there is: up to three commits over four keys. Guarantees: the list is complete up to renamings
 * of keys that keep their order, which change nothing that a B+tree or a log does; the number that it stands for is
 * counted.
 */
import type { Durability } from "../../../engine/durability.js";
import type { TorturePlan, TortureStep } from "./plan.js";

/** How large the scope is. */
export interface SmallScope {
  readonly commits: number;
  readonly keys: number;
}

/** What one commit of the scope does: one change, and what follows it. */
interface SmallCommit {
  readonly key: number;
  readonly deletes: boolean;
  readonly durability: Durability;
  readonly checkpoint: boolean;
}

const VALUE_BYTES = 24;
/** Large enough for checkpoints to come where the workload has them, and at the end. */
const CHECKPOINT_BYTES = 65536;

/** How many workloads the scope has, every name of a key counted. */
export function countWorkloads({ commits, keys }: SmallScope): number {
  let sum = 0;
  for (let length = 0; length <= commits; length++) sum += (keys * 8) ** length;
  return sum;
}

/** The workloads of the scope, one for each class of those that differ in the names of keys only. */
export function* smallWorkloads(scope: SmallScope): Generator<TorturePlan> {
  for (let length = 0; length <= scope.commits; length++) {
    for (const keys of orderings(length, scope.keys)) {
      for (const commits of variations(keys)) {
        yield { checkpointBytes: CHECKPOINT_BYTES, cacheBytes: 0, syncTurns: 0, steps: commits.flatMap(stepsOf) };
      }
    }
  }
}

/** The ways in which so many keys can be the same or in order: each uses the numbers from 0 without a gap. */
function* orderings(length: number, most: number): Generator<number[]> {
  const keys: number[] = Array.from({ length }, () => 0);
  const all = (at: number): number[][] => {
    if (at === length) return new Set(keys).size === Math.max(-1, ...keys) + 1 ? [[...keys]] : [];
    return Array.from({ length: Math.min(length, most) }, (_, key) => {
      keys[at] = key;
      return all(at + 1);
    }).flat();
  };
  yield* all(0);
}

/** For keys in this order: every choice of put or delete, of durable or buffered, of a checkpoint or none. */
function* variations(keys: readonly number[]): Generator<SmallCommit[]> {
  for (let choice = 0; choice < 8 ** keys.length; choice++) {
    yield keys.map((key, index) => {
      const bits = Math.floor(choice / 8 ** index) % 8;
      return {
        key,
        deletes: (bits & 1) !== 0,
        durability: (bits & 2) === 0 ? "durable" : "buffered",
        checkpoint: (bits & 4) !== 0,
      };
    });
  }
}

function stepsOf({ key, deletes, durability, checkpoint }: SmallCommit, index: number): TortureStep[] {
  const name = `k${key}`;
  const change = deletes
    ? ({ kind: "delete", map: "a", key: name } as const)
    : ({ kind: "put", map: "a", key: name, size: VALUE_BYTES, seed: index + 1 } as const);
  const parts = [{ changes: [change], fails: false }];
  const commit = { kind: "commit", transactions: [{ blocking: true, durability, parts, fails: false }] } as const;
  return checkpoint ? [commit, { kind: "checkpoint", waits: true }] : [commit];
}
