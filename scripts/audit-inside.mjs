/**
 * Asks the registry for advisories about what is inside the package, which no audit of an installed package sees.
 * Guarantees: exactly the versions of `sbom.json` are asked about; an advisory is exit code 1; where the registry does
 * not answer, that is said and nothing fails. Needs `npm run build`.
 *
 *     node scripts/audit-inside.mjs [--sbom sbom.json]
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values: flags } = parseArgs({
  options: { sbom: { type: "string", default: fileURLToPath(new URL("../sbom.json", import.meta.url)) } },
});
const { components } = JSON.parse(readFileSync(flags.sbom, "utf8"));
const inside = components.map(({ group, name, version }) => [group === undefined ? name : `${group}/${name}`, version]);

const folder = mkdtempSync(join(tmpdir(), "llmdb-audit-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const own = { name: "inside", version: "0.0.0", private: true, dependencies: Object.fromEntries(inside) };
const installed = inside.map(([name, version]) => [`node_modules/${name}`, { version }]);
const packages = { "": own, ...Object.fromEntries(installed) };
writeFileSync(join(folder, "package.json"), JSON.stringify(own));
writeFileSync(
  join(folder, "package-lock.json"),
  JSON.stringify({ ...own, lockfileVersion: 3, requires: true, packages }),
);

const isWindows = process.platform === "win32";
const { stdout, stderr, error } = spawnSync(
  isWindows ? "npm.cmd" : "npm",
  ["audit", "--json", "--package-lock-only", "--fetch-retries=1", "--fetch-timeout=20000"],
  { cwd: folder, encoding: "utf8", shell: isWindows },
);
const report = reportIn(stdout ?? "");
if (report?.vulnerabilities === undefined) {
  const why = report?.message ?? error?.message ?? (stderr.trim().split("\n").at(-1) || "no reply");
  console.log(`audit of what is inside: skipped, the registry did not answer (${why})`);
} else {
  const found = Object.values(report.vulnerabilities);
  for (const { name, severity, via } of found) {
    const said = via.filter((one) => typeof one === "object").map(({ title, url }) => `${title} ${url}`);
    console.error(`${name} ${own.dependencies[name] ?? ""} (${severity}): ${said.join("; ")}`);
  }
  console.log(`audit of what is inside: ${inside.length} packages, ${found.length} with advisories`);
  if (found.length > 0) process.exitCode = 1;
}

function reportIn(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
