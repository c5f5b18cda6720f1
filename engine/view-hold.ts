/**
 * Holding a committed state for an iteration or a snapshot handle. Guarantees: a handle that is forgotten without being
 * closed is noticed when it is collected, and lets its pages go then.
 */
import type { Cursor } from "../btree/cursor.js";
import type { Tree } from "../btree/tree.js";
import type { CommittedState } from "./committed-state.js";
import type { IterationHold } from "./map-iterator.js";
import type { PinnedView } from "./pinned-view.js";
import type { Views } from "./views.js";

interface Held {
  readonly views: Views;
  readonly view: PinnedView;
}

const forgotten = new FinalizationRegistry<Held>(({ views, view }) => views.closeForgotten(view));

/** Closes `view` when `handle` is collected, unless `unwatch` comes first. */
export function watchHandle(handle: object, views: Views, view: PinnedView): void {
  forgotten.register(handle, { views, view }, view);
}

/** The handle closes its view itself. */
export function unwatchHandle(view: PinnedView): void {
  forgotten.unregister(view);
}

/** Holds the newest committed version of a tree for an iteration. */
export function holdView(state: CommittedState, tree: Tree): IterationHold {
  const { views } = state;
  const view = views.open(tree);
  return {
    tree: view.tree ?? tree,
    reader: view.snapshot.reader,
    attach: (iterator: object) => watchHandle(iterator, views, view),
    requireOpen: () => state.requireOpen(),
    release: (_cursor: Cursor) => {
      unwatchHandle(view);
      views.close(view);
    },
  };
}
