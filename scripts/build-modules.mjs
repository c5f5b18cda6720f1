/**
 * Builds the example modules: WAT with wabt, AssemblyScript with asc, into examples/modules/build, with a list of what
 * they were built from. Guarantees: the same sources and the same versions of the tools give the same bytes; `--check`
 * writes nothing and says which files differ.
 *
 *     npm run modules
 *     npm run modules -- --check
 */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const folder = fileURLToPath(new URL("../examples/modules/", import.meta.url));

/** AssemblyScript files that others import: no modules. */
const parts = new Set(["llmdb.ts", "keys.ts", "msgpack.ts"]);

/** Every module: where its source is, and its name in the folder of built ones. */
export function sources() {
  const found = [];
  const add = (below, ending, suffix) => {
    for (const name of readdirSync(join(folder, below)).sort()) {
      if (!name.endsWith(ending) || parts.has(name)) continue;
      const template = below.endsWith("templates") ? "template-" : "";
      found.push({ path: join(below, name), name: `${template}${basename(name, ending)}${suffix}.wasm` });
    }
  };
  add("", ".wat", "");
  add("templates", ".wat", "");
  add("assemblyscript", ".ts", "-as");
  add("assemblyscript/templates", ".ts", "-as");
  return found;
}

/** What the modules follow from: the versions of the compilers, and a hash of each source. */
export function builtFrom() {
  const require = createRequire(import.meta.url);
  const versions = Object.fromEntries(
    ["wabt", "assemblyscript"].map((name) => [name, require(`${name}/package.json`).version]),
  );
  const shared = [...parts].map((name) => join("assemblyscript", name));
  const paths = [...sources().map(({ path }) => path), ...shared].map((path) => path.replaceAll("\\", "/")).sort();
  const hashes = Object.fromEntries(paths.map((path) => [path, hashOf(readFileSync(join(folder, path)))]));
  return { versions, sources: hashes };
}

export function hashOf(bytes) {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Where it is written down what the committed modules were built from. */
export const LIST = "built-from.json";

/** The bytes of each module by name. Throws what a compiler has to say. */
export async function buildAll() {
  const wabt = await (await import("wabt")).default();
  const asc = await import("assemblyscript/asc");
  const built = new Map();
  for (const { path, name } of sources()) {
    built.set(name, path.endsWith(".wat") ? assemble(wabt, path) : await compile(asc, path));
  }
  return built;
}

function assemble(wabt, path) {
  const module = wabt.parseWat(path, readFileSync(join(folder, path), "utf8"));
  try {
    module.validate();
    return module.toBinary({ write_debug_names: false }).buffer;
  } finally {
    module.destroy();
  }
}

async function compile(asc, path) {
  let bytes;
  const flags = ["--runtime", "stub", "-O3", "--noAssert", "--use", "abort=", "--outFile", "module.wasm"];
  const { error, stderr } = await asc.main([path, ...flags, "--baseDir", folder], {
    readFile: (name, base) => readText(join(base, name)),
    writeFile: (_name, contents) => {
      bytes = contents;
    },
    listFiles: () => [],
  });
  // A warning says that something is not what its author means; the examples have none.
  const said = stderr.toString();
  if (error !== null || said !== "") throw new Error(`${path}: ${error?.message ?? "a warning"}\n${said}`);
  return bytes;
}

function readText(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

async function main() {
  const check = process.argv.includes("--check");
  const target = join(folder, "build");
  mkdirSync(target, { recursive: true });
  const differing = [];
  const built = await buildAll();
  const modules = Object.fromEntries([...built].map(([name, bytes]) => [name, hashOf(bytes)]));
  built.set(`../${LIST}`, Buffer.from(`${JSON.stringify({ ...builtFrom(), modules }, null, 2)}\n`));
  for (const [name, bytes] of built) {
    const path = join(target, name);
    if (check) {
      let committed = Buffer.alloc(0);
      try {
        committed = readFileSync(path);
      } catch {}
      if (!committed.equals(bytes)) differing.push(name);
    } else {
      writeFileSync(path, bytes);
      console.log(`${String(bytes.length).padStart(6)}  ${name}`);
    }
  }
  if (differing.length > 0) console.error(`differ from their sources: ${differing.join(", ")}; run npm run modules`);
  process.exitCode = differing.length > 0 ? 1 : 0;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await main();
