/**
 * What registries, clients and models are told of the package agrees with the package: the manifest for the MCP
 * registry, the plugin for Claude Code with its skill, `llms.txt`, and the workflow.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { mcpCommand } from "../../cli/mcp.js";
import { SELECTION_NAMES } from "../../server/mcp/tool-selection.js";
import { Toolbox } from "../../server/mcp/toolbox.js";
import { selected } from "../mcp/tool-set.js";
import { root, sourcesIn } from "../sources.js";

const textOf = (path: string): string => readFileSync(join(root, path), "utf8");
const jsonOf = (path: string) => JSON.parse(textOf(path));
const manifest = jsonOf("package.json");
const server = jsonOf("server.json");
const plugin = jsonOf("plugin/.claude-plugin/plugin.json");
const skill = textOf("plugin/skills/llmdb/SKILL.md");

interface Argument {
  readonly type: string;
  readonly name: string;
  readonly value?: string;
  readonly description: string;
}

test("server.json is of this package, and within the limits of the registry", () => {
  expect(server.name).toBe(manifest.mcpName);
  expect(server.name).toMatch(/^[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+$/);
  expect(server.description.length).toBeLessThanOrEqual(100);
  expect(server.version).toBe(manifest.version);
  expect(server.packages).toHaveLength(1);
  const [{ registryType, identifier, version, transport }] = server.packages;
  expect({ registryType, identifier, version, transport }).toEqual({
    registryType: "npm",
    identifier: manifest.name,
    version: manifest.version,
    transport: { type: "stdio" },
  });
});

test("what server.json passes is what the command takes", () => {
  const [{ packageArguments, environmentVariables }] = server.packages;
  const [first, ...named]: Argument[] = packageArguments;
  const streams = { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr, env: {}, exitCode: 0 };
  const command = mcpCommand(streams);
  expect(first).toEqual({ type: "positional", value: command.name() });
  const options = command.options.map(({ long }) => long);
  expect(named.map(({ name }) => name).filter((name) => !options.includes(name))).toEqual([]);
  const groups = named.find(({ name }) => name === "--tools")?.description ?? "";
  for (const group of ["start", "memory", "graph", "modules"]) {
    expect(SELECTION_NAMES).toContain(group);
    expect(groups).toContain(group);
  }
  const known = textOf("cli/own-memory.ts");
  for (const { name } of environmentVariables) expect(known).toContain(`env.${name}`);
});

test("the plugin is of this package, and what it names is there", () => {
  const { name, version, license } = manifest;
  expect(plugin).toMatchObject({ name, version, license });
  const [listed] = jsonOf(".claude-plugin/marketplace.json").plugins;
  expect(listed).toMatchObject({ name: plugin.name, description: plugin.description });
  expect(existsSync(join(root, listed.source, ".claude-plugin/plugin.json"))).toBe(true);

  const configured = [textOf("plugin/.mcp.json"), textOf("plugin/hooks/hooks.json")].join("\n");
  const files = [...configured.matchAll(/\$\{CLAUDE_PLUGIN_ROOT\}\/([\w./-]+)/g)].map(([, file]) => file);
  expect(files.sort()).toEqual(["hooks/session-end.mjs", "hooks/session-start.mjs", "llmdb.mjs"]);
  expect(files.filter((file) => !existsSync(join(root, "plugin", file)))).toEqual([]);
  expect(Object.keys(jsonOf("plugin/hooks/hooks.json").hooks)).toEqual(["SessionStart", "SessionEnd"]);
  expect(Object.values(jsonOf("plugin/.mcp.json").mcpServers)).toMatchObject([{ command: "node" }]);
});

test("the skill has a name and a description that fit, and names tools and codes that exist", () => {
  const [, name, description] =
    /^---\nname: ([a-z0-9-]{1,64})\ndescription: >-\n((?: {2}.*\n)+)---\n/.exec(skill) ?? [];
  expect(name).toBe("llmdb");
  expect(description.replace(/\s+/g, " ").length).toBeLessThanOrEqual(1024);

  const box = new Toolbox({ readOnly: false, allowModules: true, tools: selected("all") });
  const tools = [...skill.matchAll(/LLMDB tools \(([^)]+)\)/g)].flatMap(([, list]) => list.split(/,\s*/));
  const called = [...skill.matchAll(/`(\w+)` \((?:why|what|take) /g)].map(([, tool]) => tool);
  expect(tools.length + called.length).toBeGreaterThan(7);
  expect([...tools, ...called].filter((tool) => box.get(tool) === undefined)).toEqual([]);
  const [{ text: errors }] = sourcesIn("pager", /^error\.ts$/);
  for (const [code] of skill.matchAll(/LLMDB_[A-Z]+_[A-Z_]*[A-Z]/g)) expect(errors).toContain(`"${code}"`);
});

test("llms.txt has the shape that its readers expect, and its links lead somewhere", () => {
  const text = textOf("llms.txt");
  expect(text).toMatch(/^# LLMDB\n\n> /);
  const links = [...text.matchAll(/^- \[[^\]]+\]\(([^)]+)\)/gm)].map(([, path]) => path);
  expect(links.length).toBeGreaterThan(10);
  expect(links.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  const shipped: string[] = manifest.files;
  expect(links.filter((path) => !shipped.includes(path) && !shipped.includes(path.split("/")[0]))).toEqual([]);
});

test("the workflow runs on the least Node of the manifest and on later ones", () => {
  const [, list = ""] = /node: \[([\d, ]+)\]/.exec(textOf(".github/workflows/ci.yml")) ?? [];
  const versions = list.split(",").map(Number);
  const [, least] = /^>=(\d+)/.exec(manifest.engines.node) ?? [];
  expect(versions).toEqual([Number(least), 22, 24, 26]);
});
