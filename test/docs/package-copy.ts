/** The package as a folder of its own, built without type checks: what the documents show is run against it. */
import { spawnSync } from "node:child_process";
import { copyFileSync, cpSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { inject } from "vitest";
import { root } from "../sources.js";

/** Makes the package in `folder`: `package.json`, `dist/`, `examples/`, `scripts/` and the installed dependencies. */
export function copyPackage(folder: string): void {
  symlinkSync(join(inject("builtPackage"), "dist"), join(folder, "dist"), "junction");
  copyFileSync(join(root, "package.json"), join(folder, "package.json"));
  for (const name of ["examples", "scripts"]) cpSync(join(root, name), join(folder, name), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "junction");
}

/** Runs a program of the package there, and returns what it printed. */
export function runThere(folder: string, program: string, ...given: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...given], {
    cwd: folder,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`${program} ended with ${status}:\n${stderr}`);
  return stdout;
}
