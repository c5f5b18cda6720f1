/** Tells the operations that matter to a crash from those that do not. */
import type { DiskOperation } from "../disk-operation.js";

/** Whether an operation changes what a disk holds, or what of it is durable. */
export function isChange(kind: DiskOperation["kind"]): boolean {
  return kind !== "read" && kind !== "open" && kind !== "close" && kind !== "list";
}
