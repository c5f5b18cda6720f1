/**
 * What a module gave out, in a form that can be read: text, digits, or a list of numbers. Guarantees: no form loses
 * anything; bytes that a form does not fit are an error that says so.
 */
import { LlmdbError } from "../../pager/error.js";

/** Numbers are little endian; those of 64 bits are written out in digits, since JSON rounds them. */
export const RESULT_FORMS = ["hex", "base64", "text", "u32", "u64", "i64", "f64"] as const;
export type ResultForm = (typeof RESULT_FORMS)[number];
export type ResultValue = string | (number | string)[];

type ReadNumber = (view: DataView, at: number) => number | string;

const TEXTS: ReadonlyMap<ResultForm, (bytes: Uint8Array) => string> = new Map([
  ["hex", (bytes: Uint8Array) => bufferOf(bytes).toString("hex")],
  ["base64", (bytes: Uint8Array) => bufferOf(bytes).toString("base64")],
  ["text", textOf],
]);
const NUMBERS: ReadonlyMap<ResultForm, { readonly bytes: number; readonly read: ReadNumber }> = new Map([
  ["u32", { bytes: 4, read: (view: DataView, at: number) => view.getUint32(at, true) }],
  ["u64", { bytes: 8, read: (view: DataView, at: number) => String(view.getBigUint64(at, true)) }],
  ["i64", { bytes: 8, read: (view: DataView, at: number) => String(view.getBigInt64(at, true)) }],
  ["f64", { bytes: 8, read: readFloat }],
]);

export function isResultForm(form: string): form is ResultForm {
  return RESULT_FORMS.some((known) => known === form);
}

/**
 * @throws LlmdbError `LLMDB_UNSUPPORTED` where the bytes are not a list of that form
 */
export function requireWholeNumbers(bytes: number, form: ResultForm): void {
  if (bytes % (NUMBERS.get(form)?.bytes ?? 1) === 0) return;
  throw unfit(`its ${bytes} bytes are no whole number of ${form}; ask for hex to see them`);
}

/**
 * @throws LlmdbError `LLMDB_UNSUPPORTED` where the bytes are nothing of that form
 */
export function resultAs(bytes: Uint8Array, form: ResultForm): ResultValue {
  const numbers = NUMBERS.get(form);
  if (numbers === undefined) return TEXTS.get(form)?.(bytes) ?? "";
  requireWholeNumbers(bytes.length, form);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length / numbers.bytes }, (_, i) => numbers.read(view, i * numbers.bytes));
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw unfit("its bytes are no UTF-8; ask for hex to see them");
  }
}

/** What JSON has no form for is spelled out. */
function readFloat(view: DataView, at: number): number | string {
  const value = view.getFloat64(at, true);
  return Number.isFinite(value) && !Object.is(value, -0) ? value : Object.is(value, -0) ? "-0" : String(value);
}

function unfit(why: string): LlmdbError {
  return new LlmdbError("LLMDB_UNSUPPORTED", `the module ran, and what it gave out cannot be shown so: ${why}`);
}
