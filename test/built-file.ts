/** Where tests find what `built-package.ts` has built. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { inject } from "vitest";
import { EXPORTED, INTERNAL } from "./built-package.js";

/** The path of a built file, given that of its source, such as `cli/index.ts`. */
export function builtFile(source: string): string {
  const file = source.replace(/\.ts$/, ".js");
  if (EXPORTED.includes(source)) return join(inject("builtPackage"), "dist", file);
  if (INTERNAL.includes(source)) return join(inject("builtPackage"), "dist/internal", file);
  throw new Error(`${source} is not built: name it in test/built-package.ts`);
}

/** The same, as what `import` takes. */
export function builtUrl(source: string): string {
  return pathToFileURL(builtFile(source)).href;
}
