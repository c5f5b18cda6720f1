/**
 * The command: runs the comparison and writes bench/results/. Guarantees: the report on the terminal, the table, the
 * plots and the JSON are of the same run.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Comparison } from "./comparison.mjs";
import { readFlags, USAGE } from "./flags.mjs";
import { plotsOf } from "./plots.mjs";
import { reportOf } from "./report.mjs";

const resultsFolder = fileURLToPath(new URL("results", import.meta.url));
const built = fileURLToPath(new URL("../dist/index.js", import.meta.url));

/** The flags, or undefined where there is only the usage to show. */
function flagsOrUsage() {
  try {
    const flags = readFlags(process.argv.slice(2), resultsFolder);
    if (flags === undefined) console.log(USAGE);
    return flags;
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
    process.exitCode = 1;
    return undefined;
  }
}

/** @param {import("./report.mjs").Results} results */
function write(results) {
  const name = results.date.replace(/[:.]/g, "-");
  const plots = Object.entries(plotsOf(results)).map(([plot, svg]) => [`${name}.${plot}.svg`, svg]);
  const report = reportOf(
    results,
    plots.map(([file]) => file),
  );
  for (const [file, svg] of plots) writeFileSync(join(resultsFolder, file), svg);
  writeFileSync(join(resultsFolder, `${name}.json`), JSON.stringify(results));
  writeFileSync(join(resultsFolder, `${name}.md`), report);
  console.log(report);
}

const flags = flagsOrUsage();
if (flags !== undefined && !existsSync(built)) {
  console.error("there is no dist/: use `npm run bench` at the top of the repository, which builds it first");
  process.exitCode = 1;
} else if (flags !== undefined) {
  mkdirSync(resultsFolder, { recursive: true });
  mkdirSync(flags.folder, { recursive: true });
  const results = await new Comparison(flags).run();
  write(results);
  if (results.failed.length > 0) process.exitCode = 1;
}
