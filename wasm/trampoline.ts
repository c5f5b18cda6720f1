/**
 * Calls functions of modules through one function that stays. Guarantees: it does nothing but that.
 *
 * Each instance has functions of its own, and V8 makes the way from JavaScript into one fast only after a thousand
 * calls. Most instances do not live that long. The one function here does, and from there it is a call from module to
 * module.
 *
 * ```wat
 * (module
 *   (type $window (func (param i32 i32 i32 i32) (result i32)))
 *   (table (export "t") 1 1 funcref)
 *   (func (export "call") (type $window)
 *     (call_indirect (type $window) (local.get 0) (local.get 1) (local.get 2) (local.get 3) (i32.const 0))))
 * ```
 */
import { exportedFunction, exportedTable, type WasmFunction, type WasmTable, webAssembly } from "./web-assembly.js";

const BYTES = [
  [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  [0x01, 0x09, 0x01, 0x60, 0x04, 0x7f, 0x7f, 0x7f, 0x7f, 0x01, 0x7f],
  [0x03, 0x02, 0x01, 0x00],
  [0x04, 0x05, 0x01, 0x70, 0x01, 0x01, 0x01],
  [0x07, 0x0c, 0x02, 0x01, 0x74, 0x01, 0x00, 0x04, 0x63, 0x61, 0x6c, 0x6c, 0x00, 0x00],
  [0x0a, 0x11, 0x01, 0x0f, 0x00, 0x20, 0x00, 0x20, 0x01, 0x20, 0x02, 0x20, 0x03, 0x41, 0x00, 0x11, 0x00, 0x00, 0x0b],
].flat();

let made: { readonly table: WasmTable; readonly call: WasmFunction } | undefined;
let target: WasmFunction | undefined;

/** Calls a function of four numbers that gives one back. */
export function callThrough(to: WasmFunction, a: number, b: number, c: number, d: number): number {
  if (made === undefined) {
    const instance = new webAssembly.Instance(new webAssembly.Module(new Uint8Array(BYTES)));
    made = { table: exportedTable(instance, "t"), call: exportedFunction(instance, "call") };
  }
  if (target !== to) {
    made.table.set(0, to);
    target = to;
  }
  return Number(made.call(a, b, c, d));
}
