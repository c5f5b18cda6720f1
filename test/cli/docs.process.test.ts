/** docs/cli.md: its examples are run in order, and print what they are said to; each option stands in it. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import { commandsFor } from "../../cli/commands.js";
import { root } from "../sources.js";
import { llmdb } from "./in-process.js";

const text = readFileSync(join(root, "docs", "cli.md"), "utf8");
const blocks = [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, language, code]) => ({ language, code }));
const examples = blocks.flatMap(({ language, code }, i) =>
  language === "sh" ? [{ code, prints: blocks[i + 1].code }] : [],
);

const start = process.cwd();
let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "llmdb-cli-docs-"));
  process.chdir(folder);
  copyFileSync(join(root, "examples/modules/build/count-keys.wasm"), "count-keys.wasm");
  writeFileSync("note.txt", "a note\n");
  writeFileSync("facts.jsonl", blocks.find(({ language }) => language === "json")?.code ?? "");
  writeFileSync("program.js", 'db.get(["nodejs", "18"]).support\n');
});
afterAll(() => {
  process.chdir(start);
  rmSync(folder, { recursive: true });
});

/** The words of a line of a shell, and the file that is its input. */
function parse(line: string): { args: string[]; input: string | undefined } {
  const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain);
  const at = words.indexOf("<");
  if (at < 0) return { args: words.slice(1), input: undefined };
  return { args: words.slice(1, at), input: readFileSync(words[at + 1], "utf8") };
}

test.each(examples)("$code", async ({ code, prints }) => {
  let printed = "";
  for (const line of code.trimEnd().split("\n")) {
    if (line === "export LLMDB_FILE=agent.llmdb") continue;
    const { args, input } = parse(line);
    const { out, err } = await llmdb(args, { input, env: { LLMDB_FILE: "agent.llmdb" } });
    printed += err + out;
  }
  expect(printed).toBe(prints);
});

test("each option of each command stands in its section", async () => {
  const common = ["--db", "--json", "--no-color", "--alone", "--modules"];
  const [, inCommon] = text.split("## What all commands have in common");
  for (const option of common) expect(inCommon.split(/^## /m)[0]).toContain(`\`${option}`);
  const streams = { stdin: Readable.from([]), stdout: process.stdout, stderr: process.stderr, env: {}, exitCode: 0 };
  const missing = (await commandsFor([]))
    .map((make) => make(streams))
    .flatMap((command) => {
      const name = command.name();
      if (name === "torture") return [];
      const section =
        text.split(/^## /m).find((part) => part.startsWith("A story") === false && names(part, name)) ?? "";
      const all = [command, ...command.commands].flatMap(({ options }) => options);
      const options = all.map(({ long }) => long ?? "").filter((long) => !common.includes(long));
      return options.filter((option) => !section.includes(`\`${option}`)).map((option) => `${name} ${option}`);
    });
  expect(missing).toEqual([]);
});

/** Whether a section is about a command. */
function names(section: string, command: string): boolean {
  const [heading] = section.split("\n");
  return heading.split(" ").includes(command) || (heading === "Maintenance" && section.includes(`\`llmdb ${command}`));
}
