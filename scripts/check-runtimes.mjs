/**
 * Tries the package on Deno and Bun: packs what was built, installs it with both runtimes in an empty folder, and runs
 * `test/runtimes/smoke.mjs` on each, and on this Node. Then each holds a database while all of them try to open it:
 * they agree on who has the lock. Their versions are pinned in `test/runtimes/package.json`.
 * Guarantees: a runtime that has no build for this platform is left out with a line that says so; any failure is exit
 * code 1. Needs `npm run build`.
 *
 *     node scripts/check-runtimes.mjs [--only deno]
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
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
const names = Object.keys(places);
const failed = names.filter((name) => (flags.only ?? name) === name && !tryOn(name));
for (const holder of names)
  if (flags.only === undefined && !(await holdsAgainstAll(holder))) failed.push(`the lock of ${holder}`);
if (failed.length > 0) {
  console.error(`failed on: ${failed.join(", ")}`);
  process.exitCode = 1;
}

function install() {
  const [{ filename }] = JSON.parse(
    npm(repository, "pack", "--ignore-scripts", "--json", "--pack-destination", scratch),
  );
  cpSync(join(runtimes, "package.json"), join(scratch, "package.json"));
  for (const name of ["smoke.mjs", "lock.mjs"]) cpSync(join(runtimes, name), join(scratch, name));
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

/** Whether a runtime that has a database keeps all of them out, by name, and lets each in once it was killed. */
async function holdsAgainstAll(name) {
  const [file, path] = [places[name].file(), join(scratch, `held-by-${name}.llmdb`)];
  if (file === undefined) return true;
  const child = spawn(file, lockArgs(name, "hold", path), { cwd: scratch, stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(createInterface({ input: child.stdout }), "line");
  const held = JSON.parse(line);
  const others = names.filter((other) => places[other].file() !== undefined);
  const during = others.map((other) => [other, tryLock(other, path)]);
  child.kill("SIGKILL");
  await once(child, "exit");
  const after = others.map((other) => [other, tryLock(other, path)]);
  const wrong = [
    ...during.filter(([, got]) => !isRefusedBy(got, child.pid)),
    ...after.filter(([, got]) => got?.held !== true),
  ];
  if (held.held !== true || held.pid !== child.pid) wrong.unshift([name, held]);
  console.log(`lock held by ${name}: ${wrong.length === 0 ? `ok, against ${others.join(", ")}` : "failed"}`);
  for (const [other, got] of wrong) console.error(`  ${other}: ${JSON.stringify(got)}`);
  return wrong.length === 0;
}

function isRefusedBy(got, pid) {
  return got?.code === "LLMDB_LOCKED" && got.holder?.pid === pid && got.message.includes(`by process ${pid} on `);
}

function tryLock(name, path) {
  const { stdout } = spawnSync(places[name].file(), lockArgs(name, "try", path), {
    cwd: scratch,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    timeout: 60_000,
  });
  try {
    return JSON.parse(stdout);
  } catch {
    return { held: false, message: `it printed ${JSON.stringify(stdout)}` };
  }
}

function lockArgs(name, what, path) {
  return [...places[name].flags, "lock.mjs", what, path];
}

function versionOf(name) {
  const { dependencies } = JSON.parse(readFileSync(join(runtimes, "package.json"), "utf8"));
  return dependencies[name] ?? process.versions[name];
}
