/**
 * What of other packages is inside the files that were made, with its versions and licences. Guarantees: nothing that
 * was left out of the files is named, and everything that is in them is: also what a package had bundled itself, as far
 * as its source maps tell; a package without a licence text is an error.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { root } from "./bundle.mjs";

/** A module of a package, in the path of its source. */
const INSTALLED = /^(.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+)[\\/]/;
/** The same in a package that was bundled from what pnpm had installed. */
const BUNDLED = /[\\/]\.pnpm[\\/].*[\\/]node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)[\\/]/;
const VERSION_IN_PNPM = /[\\/]\.pnpm[\\/](?:@[^\\/]+\+)?[^\\/@]+@([^\\/(_]+)/;
const LICENCE = /^(licen[cs]e|copying|notice)(\.(md|txt))?$/i;

/**
 * @typedef {object} Inside
 * @property {string} name
 * @property {string} version
 * @property {string} licence as SPDX has it
 * @property {string} text of its licence, and of its notice where it has one
 * @property {string[]} needs the packages inside that it imports from
 */

/**
 * @param {import("./bundle.mjs").OutputChunk[]} chunks
 * @returns {Inside[]} in the order of their names
 */
export function packagesInside(chunks) {
  const found = new Map();
  for (const { modules, map, fileName } of chunks) {
    for (const [id, { renderedLength }] of Object.entries(modules)) {
      const folder = renderedLength > 0 ? INSTALLED.exec(id)?.[1] : undefined;
      if (folder !== undefined) found.set(folder, describe(folder));
    }
    for (const source of map?.sources ?? []) {
      const name = BUNDLED.exec(source)?.[1].replace("\\", "/");
      if (name === undefined) continue;
      const version = VERSION_IN_PNPM.exec(source)?.[1];
      found.set(`${name}@${version}`, bundledByOthers(name, version, fileName));
    }
  }
  const all = [...found.values()];
  const names = new Set(all.map(({ name }) => name));
  for (const one of all) one.needs = one.needs.filter((name) => names.has(name));
  return all.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function describe(folder) {
  const { name, version, license, dependencies = {} } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return { name, version, licence: license, text: licenceIn(folder), needs: Object.keys(dependencies) };
}

function licenceIn(folder) {
  const files = readdirSync(folder).filter((file) => LICENCE.test(file));
  if (files.length === 0)
    throw new Error(`${folder} has no licence text; the package cannot be shipped with it inside`);
  return files.map((file) => readFileSync(join(folder, file), "utf8").trim()).join("\n\n");
}

/** What another package brought along; its licence is looked up where the same version is installed. */
function bundledByOthers(name, version, fileName) {
  const require = createRequire(join(root, "package.json"));
  const places = (require.resolve.paths(name) ?? []).map((place) => join(place, name));
  const folder = places.find((place) => existsSync(join(place, "package.json")));
  const described = folder === undefined ? undefined : describe(folder);
  if (described?.version === version) return { ...described, needs: [] };
  throw new Error(`${fileName} has ${name} ${version} inside, whose licence is not at hand; install that version`);
}

/** The file of notices: every licence that the shipped files are under besides that of this package. */
export function noticesOf(packages, product) {
  const line = "-".repeat(100);
  const parts = packages.map(
    ({ name, version, licence, text }) => `${line}\n${name} ${version}\nLicence: ${licence}\n${line}\n\n${text}\n`,
  );
  const list = packages.map(({ name, version, licence }) => `  ${name} ${version} (${licence})`);
  return `The files in dist/ of ${product} have code of these packages inside:

${list.join("\n")}

Their licences follow. That of ${product} itself is in LICENSE.

${parts.join("\n")}`;
}
