/**
 * What a simulated disk is asked to do. Every call of the storage port that reaches a disk is one operation; the
 * checkers of the harness watch them, crash images choose among the unsynced ones.
 */

/** One call and its arguments. `file` numbers a file through all of its names, as an inode does. */
export type DiskAction =
  | { readonly kind: "open" | "close"; readonly path: string; readonly file: number }
  | { readonly kind: "create"; readonly path: string; readonly file: number }
  | {
      readonly kind: "read";
      readonly path: string;
      readonly file: number;
      readonly position: number;
      readonly length: number;
    }
  | {
      readonly kind: "write";
      readonly path: string;
      readonly file: number;
      readonly position: number;
      readonly bytes: Uint8Array;
    }
  | { readonly kind: "truncate"; readonly path: string; readonly file: number; readonly fileBytes: number }
  | { readonly kind: "sync"; readonly path: string; readonly file: number; readonly async: boolean }
  | { readonly kind: "rename"; readonly path: string; readonly to: string; readonly file: number }
  | { readonly kind: "unlink"; readonly path: string; readonly file: number }
  | { readonly kind: "list" | "syncDirectory"; readonly path: string };

/** An action with its number: the first of a disk is 0. */
export type DiskOperation = DiskAction & { readonly index: number };

/** The operations that change a disk, and are lost in a crash unless a sync followed. */
export type DiskChange = Extract<DiskOperation, { kind: "create" | "write" | "truncate" | "rename" | "unlink" }>;

/**
 * When a watcher is called: before the operation has any effect, and once it is done or has failed. Of an asynchronous
 * sync, "before" is its beginning: only what was written by then is durable when it is "done".
 */
export type DiskPhase = "before" | "done" | "failed";

/** Watches a disk. May throw in "before", which stops the caller there, and may take crash images at any time. */
export type DiskWatcher = (operation: DiskOperation, phase: DiskPhase) => void;

/**
 * How an operation fails.
 * - `io`: an I/O error; the operation has no effect.
 * - `full`: no room; the operation has no effect.
 * - `short`: a write stores its first half, then there is no room; a read finds only the first half, as if the file
 *   ended there. Any other operation: as `io`.
 * - `sync`: a sync fails and the unsynced changes of its file never become durable, though reads still show them, and
 *   later syncs succeed. Any other operation: as `io`.
 */
export type DiskFailure = "io" | "full" | "short" | "sync";
