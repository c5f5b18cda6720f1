/**
 * The command `llmdb` for this plugin: that of the package which the plugin is part of, or else that of the same
 * version from the registry. Guarantees: the arguments, the streams and the exit code are those of the command; a
 * signal that ends this process ends it, too.
 */
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";

const own = new URL("../dist/cli/index.js", import.meta.url);
const SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP"];

if (existsSync(own)) await import(own.href);
else runFromRegistry();

function runFromRegistry() {
  const { name, version } = JSON.parse(readFileSync(new URL(".claude-plugin/plugin.json", import.meta.url), "utf8"));
  const isWindows = process.platform === "win32";
  const args = ["-y", `${name}@${version}`, ...process.argv.slice(2)];
  const child = spawn(isWindows ? "npx.cmd" : "npx", args, { stdio: "inherit", shell: isWindows });
  for (const signal of SIGNALS) process.on(signal, () => child.kill(signal));
  child.on("error", ({ message }) => {
    console.error(`npx could not be started: ${message}`);
    process.exitCode = 1;
  });
  child.on("exit", (code) => {
    process.exitCode = code ?? 1;
  });
}
