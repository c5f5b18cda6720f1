/**
 * Tries the package on Deno and Bun: packs what was built, installs it with both runtimes in an empty folder, and runs
 * `test/runtimes/smoke.mjs` on each, and on this Node. Their versions are pinned in `test/runtimes/package.json`.
 * Guarantees: a runtime that has no build for this platform is left out with a line that says so; any failure is exit
 * code 1. Needs `npm run build`.
 *
 *     node scripts/check-runtimes.mjs [--only deno]
 */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

const { values: flags } = parseArgs({ options: { only: { type: "string" } } });
const repository = join(import.meta.dirname, "..");
const runtimes = join(repository, "test/runtimes");
const modules = join(repository, "examples/modules/build");
const suffix = process.platform === "win32" ? ".exe" : "";

if (!existsSync(join(repository, "dist/index.js"))) {
  console.error("there is no build: run npm run build first");
  process.exit(2);
}
const scratch = mkdtempSync(join(tmpdir(), "llmdb-runtimes-"));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));

/** Where each runtime lies, and what comes before a script. npm's wrappers would be killed in its place. */
const places = {
  node: { file: () => process.execPath, flags: [] },
  deno: { file: () => binary("@deno", `deno${suffix}`), flags: ["run", "-A"] },
  bun: { file: () => binary("@oven", join("bin", `bun${suffix}`)), flags: [] },
};

install();
const failed = Object.keys(places).filter((name) => (flags.only ?? name) === name && !tryOn(name));
if (failed.length > 0) {
  console.error(`failed on: ${failed.join(", ")}`);
  process.exitCode = 1;
}

function install() {
  const [{ filename }] = JSON.parse(
    npm(repository, "pack", "--ignore-scripts", "--json", "--pack-destination", scratch),
  );
  cpSync(join(runtimes, "package.json"), join(scratch, "package.json"));
  cpSync(join(runtimes, "smoke.mjs"), join(scratch, "smoke.mjs"));
  npm(scratch, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", `./${filename}`);
}

function npm(cwd, ...args) {
  const { status, stdout, error } = spawnSync(`npm${suffix === "" ? "" : ".cmd"}`, args, {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    shell: suffix !== "",
  });
  if (status !== 0) throw error ?? new Error(`npm ${args[0]} ended with code ${status}`);
  return stdout;
}

/** The runtime itself, in whichever package npm chose for this platform; undefined where there is none. */
function binary(scope, path) {
  const folder = join(scratch, "node_modules", scope);
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return names.map((name) => join(folder, name, path)).find((file) => existsSync(file) && runs(file));
}

function runs(file) {
  return spawnSync(file, ["--version"]).status === 0;
}

/** False where something failed. */
function tryOn(name) {
  const file = places[name].file();
  if (file === undefined) {
    console.log(`${name}: skipped, it has no build for ${process.platform} ${process.arch}`);
    return true;
  }
  const folder = join(scratch, `files-${name}`);
  mkdirSync(folder);
  console.log(`${name} ${versionOf(name)}`);
  const command = [file, ...places[name].flags];
  const args = [...places[name].flags, "smoke.mjs", folder, modules, JSON.stringify(command)];
  return spawnSync(file, args, { cwd: scratch, stdio: ["ignore", "inherit", "inherit"] }).status === 0;
}

function versionOf(name) {
  const { dependencies } = JSON.parse(readFileSync(join(runtimes, "package.json"), "utf8"));
  return dependencies[name] ?? process.versions[name];
}
