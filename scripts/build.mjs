/**
 * Makes what is shipped: `dist/` with the files of `bundle.mjs` and the declarations, `THIRD-PARTY-NOTICES` and
 * `sbom.json`. Guarantees: nothing of an earlier build is left; notices and bill are those of what is in the files.
 *
 *     npm run build
 */
import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bundle, manifest, root } from "./bundle.mjs";
import { writeDeclarations } from "./declarations.mjs";
import { noticesOf, packagesInside } from "./inside.mjs";
import { billOfMaterials } from "./sbom.mjs";

const dist = join(root, "dist");
rmSync(dist, { recursive: true, force: true });
const packages = packagesInside(await bundle(dist));
writeFileSync(join(root, "THIRD-PARTY-NOTICES"), noticesOf(packages, manifest.name));
writeFileSync(join(root, "sbom.json"), billOfMaterials(manifest, packages));
writeDeclarations();
for (const file of Object.values(manifest.bin)) chmodSync(join(root, file), 0o755);
