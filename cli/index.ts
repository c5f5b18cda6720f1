#!/usr/bin/env node
/** The `llmdb` command. Guarantees: exit code 0 where all went well, 1 where something was found or failed. */
import { createRequire } from "node:module";
import { Command } from "commander";
import { tortureCommand } from "./torture.js";

const { version }: { version: string } = createRequire(import.meta.url)("llmdb/package.json");

await new Command("llmdb")
  .description("LLMDB, an embedded database in one file")
  .version(version)
  .addCommand(tortureCommand())
  .parseAsync();
