/**
 * What follows the opcodes in a body. Guarantees: it is passed over whole; a second memory is refused by name.
 */
import type { ByteReader } from "./byte-reader.js";
import { type RawModule, readValueType } from "./module-reader.js";
import { immediateOf } from "./operations.js";
import { refusal } from "./refusal.js";

/**
 * Passes over what follows an opcode.
 *
 * @param references takes the functions that are referred to
 * @throws LlmdbError `LLMDB_WASM_REFUSED`
 */
export function skipImmediate(operation: number, reader: ByteReader, module: RawModule, references: number[]): void {
  const { features } = module;
  switch (immediateOf[operation]) {
    case "none":
      if (operation >= 0xc0 && operation <= 0xc4) features.add("sign-extension");
      else if (operation === 0xd1) features.add("reference-types");
      return;
    case "local":
    case "global":
    case "data":
    case "element":
      reader.u32();
      return;
    case "table":
      features.add("reference-types");
      reader.u32();
      return;
    case "function":
      features.add("reference-types");
      references.push(reader.u32());
      return;
    case "tables":
    case "element table":
      reader.u32();
      reader.u32();
      return;
    case "i32":
    case "i64":
      reader.skipSigned();
      return;
    case "f32":
      reader.skip(4);
      return;
    case "f64":
      reader.skip(8);
      return;
    case "v128":
    case "lanes":
      reader.skip(16);
      return;
    case "lane":
      reader.skip(1);
      return;
    case "memarg":
      skipAddress(reader);
      return;
    case "memarg lane":
      skipAddress(reader);
      reader.skip(1);
      return;
    case "memories":
      requireMemory(reader);
      requireMemory(reader);
      return;
    case "memory":
      requireMemory(reader);
      return;
    case "data memory":
      reader.u32();
      requireMemory(reader);
      return;
    case "types":
      features.add("reference-types");
      for (let i = reader.count("types", 16); i > 0; i--) readValueType(reader, module);
      return;
    default:
      features.add("reference-types");
      readValueType(reader, module);
  }
}

function skipAddress(reader: ByteReader): void {
  const { at } = reader;
  if (reader.u32() >= 64) throw refusal("multi-memory is not supported", { offset: at });
  reader.u32();
}

function requireMemory(reader: ByteReader): void {
  const { at } = reader;
  if (reader.byte() !== 0) throw refusal("multi-memory is not supported", { offset: at });
}
