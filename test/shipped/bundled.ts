/** The scripts that make what is shipped, with types, for the tests. */
import type { OutputChunk } from "rolldown";

interface BundleScript {
  readonly bundle: (into?: string) => Promise<OutputChunk[]>;
  readonly entryPoints: () => { readonly name: string; readonly file: string }[];
  readonly loadedWith: (file: string, chunks: readonly OutputChunk[]) => OutputChunk[];
}

/** A package whose code is in the files. */
export interface Inside {
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  readonly text: string;
  readonly needs: readonly string[];
}

interface InsideScript {
  readonly packagesInside: (chunks: readonly OutputChunk[]) => Inside[];
  readonly noticesOf: (packages: readonly Inside[], product: string) => string;
}

interface SbomScript {
  readonly billOfMaterials: (manifest: object, packages: readonly Inside[]) => string;
}

const scripts = new URL("../../scripts/", import.meta.url);

export const { bundle, entryPoints, loadedWith }: BundleScript = await import(new URL("bundle.mjs", scripts).href);
export const { packagesInside, noticesOf }: InsideScript = await import(new URL("inside.mjs", scripts).href);
export const { billOfMaterials }: SbomScript = await import(new URL("sbom.mjs", scripts).href);
