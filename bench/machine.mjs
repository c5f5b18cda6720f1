/**
 * What the figures were measured on, and which versions. Guarantees: nothing that names the person or the host.
 */
import { readFileSync } from "node:fs";
import { arch, cpus, loadavg, platform, release, totalmem } from "node:os";
import { ENGINES } from "./engines.mjs";

/** @returns {Record<string, string>} */
export function describeMachine() {
  const processors = cpus();
  return {
    processor: `${processors.length} × ${processors[0]?.model.trim() ?? "unknown"}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `${platform()} ${release()} ${arch()}`,
    node: process.version,
    load: loadavg()[0].toFixed(2),
  };
}

/**
 * The installed version of an engine, or undefined where it is not installed.
 *
 * @param {string} engine
 */
export function versionOf(engine) {
  const name = ENGINES[engine].package;
  if (name === "node") return engine === "node-sqlite" ? (process.versions.sqlite ?? "none") : process.version;
  const place = name === "llmdb" ? "../package.json" : `node_modules/${name}/package.json`;
  try {
    return JSON.parse(readFileSync(new URL(place, import.meta.url), "utf8")).version;
  } catch {
    return undefined;
  }
}
