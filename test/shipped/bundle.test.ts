/**
 * What the build makes of the sources: which files a program loads, what of other packages is in them, and that all of
 * it is told.
 */
import { readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join, posix, relative, sep } from "node:path";
import { Spec, Validation } from "@cyclonedx/cyclonedx-library";
import type { OutputChunk } from "rolldown";
import { expect, test } from "vitest";
import { root } from "../sources.js";
import { billOfMaterials, bundle, entryPoints, loadedWith, noticesOf, packagesInside } from "./bundled.js";

/** Folders of which nothing is needed to answer a greeting. */
const ENGINE = ["btree", "wal", "mvcc", "engine", "temporal", "catalog"];
const CORE_DEPENDENCY = "@msgpack/msgpack";
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const peers: string[] = Object.keys(manifest.peerDependencies);
const chunks = await bundle();
const packages = packagesInside(chunks);

/** The names of the packages whose modules are in some of the files. */
function packagesIn(some: readonly OutputChunk[]): string[] {
  return packagesInside(some).map(({ name }) => name);
}

/** What the files import that is not one of them. */
function importedFromElsewhere(some: readonly OutputChunk[]): string[] {
  const files = new Set(chunks.map(({ fileName }) => fileName));
  const imports = some.flatMap((chunk) => chunk.imports).filter((name) => !files.has(name));
  return [...new Set(imports)].filter((name) => !name.startsWith("node:")).sort();
}

test("the manifest has one dependency, and what is bundled is pinned", () => {
  expect(Object.keys(manifest.dependencies)).toEqual([CORE_DEPENDENCY]);
  expect(Object.keys(manifest.peerDependenciesMeta).sort()).toEqual([...peers].sort());
  expect(Object.values(manifest.peerDependenciesMeta)).toEqual(peers.map(() => ({ optional: true })));
  const direct = packages.map(({ name }) => name).filter((name) => name in manifest.devDependencies);
  // The last is inside of the first; it is named for its licence.
  expect(direct).toEqual(["@modelcontextprotocol/server", "commander", "content-type"]);
  for (const name of direct) expect(manifest.devDependencies[name]).toMatch(/^\d+\.\d+\.\d+$/);
});

test("an import of the package loads no other package than its one dependency and the peer of the entry", () => {
  const loaded = entryPoints().filter(({ name }) => name.startsWith("."));
  const seen = loaded.map(({ name, file }) => {
    const files = loadedWith(file, chunks);
    return { name, inside: packagesIn(files), imports: importedFromElsewhere(files) };
  });
  expect(seen).toEqual([
    { name: ".", inside: [CORE_DEPENDENCY], imports: [] },
    { name: "./level", inside: [CORE_DEPENDENCY], imports: ["abstract-level"] },
    { name: "./memory", inside: [CORE_DEPENDENCY], imports: [] },
    { name: "./testing", inside: [CORE_DEPENDENCY], imports: ["fast-check"] },
  ]);
});

test("nothing that an import loads leads to the server or the command later", () => {
  const loaded = new Set(loadedWith("memory/index.js", chunks));
  const later = [...loaded].flatMap((chunk) => chunk.dynamicImports);
  expect(later.filter((file) => /^(mcp|command|server\/|cli\/)/.test(file))).toEqual([]);
});

test("a server answers before the database and the engine are loaded", () => {
  const early = ["cli/index.js", "cli/mcp.js", "server/mcp/serve.js"].flatMap((file) => loadedWith(file, chunks));
  const folders = early.flatMap(({ moduleIds }) => moduleIds.map((id) => relative(root, id).split(sep)[0]));
  expect([...new Set(folders)].filter((name) => ENGINE.includes(name))).toEqual([]);
  expect(packagesIn([...new Set(early)])).toContain("@modelcontextprotocol/server");
});

test("a short command loads nothing of MCP", () => {
  for (const file of ["cli/index.js", "cli/get.js", "cli/recall.js"]) {
    expect([file, packagesIn(loadedWith(file, chunks)).filter((name) => /modelcontext|zod/.test(name))]).toEqual([
      file,
      [],
    ]);
  }
});

test("a module is in one file", () => {
  const places = new Map<string, string[]>();
  for (const { fileName, moduleIds } of chunks) {
    for (const id of moduleIds) places.set(id, [...(places.get(id) ?? []), fileName]);
  }
  expect([...places].filter(([, files]) => files.length > 1)).toEqual([]);
});

test("the files need nothing but each other, Node and the peers", () => {
  const known = new Set(["module", ...builtinModules]);
  const others = importedFromElsewhere(chunks).filter((name) => !known.has(name) && !peers.includes(name));
  expect(others).toEqual([]);
});

test("what threads and processes start from is there", () => {
  const files = new Set(chunks.map(({ fileName }) => fileName));
  const started = chunks.flatMap(({ fileName, code }) =>
    [...code.matchAll(/new URL\("([^"]+)", import\.meta\.url\)/g)].map(([, path]) =>
      posix.join(posix.dirname(fileName), path),
    ),
  );
  expect(started.length).toBeGreaterThanOrEqual(4);
  expect(started.filter((file) => !files.has(file))).toEqual([]);
  expect(chunks.filter(({ code }) => code.includes("program:"))).toEqual([]);
});

test("each exported entry point has its declarations built", () => {
  const text = readFileSync(join(root, "tsconfig.build.json"), "utf8").replace(/^\s*\/\/.*$/gm, "");
  const files: string[] = JSON.parse(text).files;
  const exported = entryPoints().filter(({ name }) => name.startsWith("."));
  expect([...files].sort()).toEqual(exported.map(({ file }) => file.replace(/\.js$/, ".ts")).sort());
});

test("notices have the licence of every package inside, also of what a package had bundled itself", () => {
  const folders = new Set(
    chunks.flatMap(({ modules }) =>
      Object.entries(modules).flatMap(([id, { renderedLength }]) => {
        const [, name] = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(id) ?? [];
        return name !== undefined && renderedLength > 0 ? [name] : [];
      }),
    ),
  );
  const names = packages.map(({ name }) => name);
  expect([...folders].filter((name) => !names.includes(name))).toEqual([]);
  // The SDK of MCP has it inside; its code is in the files.
  expect(names).toContain("content-type");
  const notices = noticesOf(packages, "llmdb");
  for (const { name, version, text } of packages) {
    expect(text.length).toBeGreaterThan(500);
    expect(notices).toContain(`${name} ${version}\n`);
    expect(notices).toContain(text);
  }
});

test("what is left out of the files is not told to be inside", () => {
  // The validator that the SDK of MCP would take by default.
  expect(packages.map(({ name }) => name)).not.toContain("ajv");
});

test("the bill of materials is CycloneDX, and names what is inside", async () => {
  const text = billOfMaterials(manifest, packages);
  const problems = await new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(text);
  expect(problems).toBeNull();
  const { components, metadata } = JSON.parse(text);
  expect(metadata.component).toMatchObject({ name: "llmdb", version: manifest.version });
  const purls = components.map(({ purl }: { purl: string }) => decodeURIComponent(purl));
  expect(purls).toEqual(packages.map(({ name, version }) => `pkg:npm/${name}@${version}`));
  expect(billOfMaterials(manifest, packages)).toBe(text);
});
