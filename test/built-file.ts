/** Where tests find what `built-package.ts` has built. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { inject } from "vitest";
import { ENTRIES } from "./built-package.js";

/** The path of a built file, given that of its source, such as `cli/index.ts`. */
export function builtFile(source: string): string {
  if (!ENTRIES.includes(source)) throw new Error(`${source} is not built: name it in test/built-package.ts`);
  return join(inject("builtPackage"), source.replace(/\.ts$/, ".js"));
}

/** The same, as what `import` takes. */
export function builtUrl(source: string): string {
  return pathToFileURL(builtFile(source)).href;
}
