/** The version of the package, as its manifest has it. */
import { createRequire } from "node:module";

export const { version }: { readonly version: string } = createRequire(import.meta.url)("llmdb/package.json");
