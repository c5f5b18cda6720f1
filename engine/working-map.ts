/**
 * A map as a write transaction sees it. Guarantees: its tree is forked from the committed one, which stays as it is;
 * its format and the bounds that it keeps are fixed by the first write to a map that did not exist.
 */
import type { BoundFields } from "../btree/bounds.js";
import { Tree } from "../btree/tree.js";
import type { MapChanges } from "./change-capture.js";
import type { ValueFormat } from "./value.js";

export class WorkingMap {
  readonly name: string;
  /** Whether the committed state has the map, and in which version of its tree. */
  readonly before: { readonly format: ValueFormat; readonly tree: Tree } | null;
  readonly tree: Tree;
  /** Null until the first write to a map that did not exist. */
  format: ValueFormat | null;
  changed = false;
  /** Where its changes are noted, if anybody watches it. */
  watch: MapChanges | null = null;

  constructor(name: string, before: WorkingMap["before"]) {
    this.name = name;
    this.before = before;
    this.tree = before === null ? new Tree() : before.tree.fork();
    this.format = before === null ? null : before.format;
  }

  /** Those of its tree. */
  get bounds(): BoundFields {
    return this.tree.bounds;
  }
}
