/**
 * Holding a committed state for an iteration or a snapshot handle. Guarantees: a handle that is forgotten without being
 * closed is noticed when it is collected, and lets its pages go then.
 */
import type { Cursor } from "../btree/cursor.js";
import type { Tree } from "../btree/tree.js";
import type { Engine } from "./engine.js";
import type { IterationHold } from "./map-iterator.js";
import type { PinnedView } from "./pinned-view.js";

interface Held {
  readonly engine: Engine;
  readonly view: PinnedView;
}

const forgotten = new FinalizationRegistry<Held>(({ engine, view }) => {
  engine.leakedSnapshots++;
  engine.closeView(view);
});

/** Closes `view` when `handle` is collected, unless `unwatch` comes first. */
export function watchHandle(handle: object, engine: Engine, view: PinnedView): void {
  forgotten.register(handle, { engine, view }, view);
}

/** The handle closes its view itself. */
export function unwatchHandle(view: PinnedView): void {
  forgotten.unregister(view);
}

/** Holds the newest committed version of a tree for an iteration. */
export function holdView(engine: Engine, tree: Tree): IterationHold {
  const view = engine.openView(tree);
  return {
    tree: view.tree ?? tree,
    reader: view.snapshot.reader,
    attach: (iterator: object) => watchHandle(iterator, engine, view),
    requireOpen: () => engine.requireOpen(),
    release: (_cursor: Cursor) => {
      unwatchHandle(view);
      engine.closeView(view);
    },
  };
}
