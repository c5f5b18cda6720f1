/**
 * `--modules`: what WebAssembly modules may use in this process, as `open(path, { modules })` takes it. Guarantees:
 * every command that can run a module has it, and hands it to whatever opens the database in this process.
 */
import { type Command, InvalidArgumentError } from "commander";
import type { ModuleBounds, OpenOptions } from "../index.js";

export interface ModuleFlags {
  readonly modules?: false | ModuleBounds;
}

const HINT = "Give off, or maxTimeoutMs=N, maxFuel=N, or both with a comma.";

/** Adds `--modules`. */
export function modulesOption(command: Command): Command {
  return command.option(
    "--modules <bounds>",
    "what modules may use here: off, or maxTimeoutMs=500,maxFuel=1000000",
    moduleBounds,
  );
}

/** The part of the options of `open` that the flag says. */
export function openedWith({ modules }: ModuleFlags): Pick<OpenOptions, "modules"> {
  return modules === undefined ? {} : { modules };
}

/** @throws InvalidArgumentError */
function moduleBounds(text: string): false | ModuleBounds {
  if (text === "off") return false;
  const bounds: ModuleBounds = {};
  for (const part of text.split(",")) {
    const [, name, digits] = /^(maxTimeoutMs|maxFuel)=(\d{1,15})$/.exec(part) ?? [];
    if (name !== "maxTimeoutMs" && name !== "maxFuel") throw new InvalidArgumentError(HINT);
    if (bounds[name] !== undefined) throw new InvalidArgumentError(`${name} is given twice. ${HINT}`);
    bounds[name] = Number(digits);
  }
  return bounds;
}
