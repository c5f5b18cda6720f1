/**
 * The JavaScript of the package: the sources, and what the command and the MCP server need of other packages, in as few
 * files as each start needs. Guarantees: an entry point of `package.json` becomes the file that it names there; a
 * module is in one file, so that all who import it meet the same classes; what a thread or a process starts from is a
 * file of its own; peers are left to those who install them.
 *
 * Node's loader takes memory and time for each module, and with more than a hundred of them its own code is optimized
 * as hot, which takes another 4 MB. So the core is one file, and so is what a server needs before it answers.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

export const root = fileURLToPath(new URL("..", import.meta.url));
export const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/** Programs that use more of the sources than is exported, each as `dist/internal/<source>.js`. */
const WITH_INTERNALS = ["bench", "examples", "scripts"];
/** Stands before the file of a program, until it is known which file starts it. */
const PROGRAM = "program:";

/** @typedef {import("rolldown").OutputChunk} OutputChunk */

/**
 * The entry points of the package.
 *
 * @returns {{ name: string, file: string }[]} name: as in `exports`, or that of a command; file: from the folder `dist`
 */
export function entryPoints() {
  const exported = Object.entries(manifest.exports).filter(([, target]) => typeof target === "object");
  const named = exported.map(([name, target]) => ({ name, file: target.default }));
  const commands = Object.entries(manifest.bin).map(([name, file]) => ({ name, file }));
  return [...named, ...commands].map(({ name, file }) => ({ name, file: posix.relative("dist", file) }));
}

/**
 * Makes the files.
 *
 * @param {string} [into] the folder to write them to; without it, they are made in memory
 * @param {readonly string[]} [more] further sources that become files below `internal`, for tests: `pager/clock.ts`
 * @returns {Promise<OutputChunk[]>} what was made
 */
export async function bundle(into, more = []) {
  const entries = entryPoints().map(({ file }) => [nameOf(file), sourceOf(file)]);
  const files = new Set([...internalFiles(), ...more.map((source) => source.replace(/\.ts$/, ".js"))]);
  const internals = [...files].map((file) => [`internal/${nameOf(file)}`, sourceOf(file)]);
  const parts = new Parts();
  const made = await rolldown({
    input: Object.fromEntries([...entries, ...internals]),
    platform: "node",
    external: [/^node:/, ...Object.keys(manifest.peerDependencies)],
    resolve: {
      extensionAlias: { ".js": [".ts", ".js"] },
      // The form made of modules, which can be cut down, where a package has both.
      mainFields: ["module", "main"],
      alias: { "@modelcontextprotocol/server/_shims": join(root, "scripts/mcp-shims.mjs") },
    },
    transform: { target: "es2023" },
    preserveEntrySignatures: "strict",
    plugins: [programs(), sourceMapsOfPackages(), parts.plugin()],
    onLog(level, log) {
      if (level === "warn") throw new Error(log.message);
    },
  });
  const options = {
    format: "esm",
    entryFileNames: "[name].js",
    chunkFileNames: fileOf,
    codeSplitting: { groups: parts.groups },
    // It stays legible, for stack traces; what comments say is in the declarations and the source.
    minify: false,
    comments: false,
    // So that V8 keeps a byte of each character, not two.
    charset: "ascii",
    sourcemap: true,
    sourcemapExcludeSources: true,
  };
  const { output } = await (into === undefined ? made.generate(options) : made.write({ ...options, dir: into }));
  await made.close();
  return output.filter(({ type }) => type === "chunk");
}

/** The files that a program loads before it runs: one of those that were made, and all that it imports. */
export function loadedWith(file, chunks) {
  const byFile = new Map(chunks.map((chunk) => [chunk.fileName, chunk]));
  const loaded = new Set();
  const visit = (fileName) => {
    const chunk = byFile.get(fileName);
    if (chunk === undefined || loaded.has(chunk)) return;
    loaded.add(chunk);
    for (const imported of chunk.imports) visit(imported);
  };
  visit(file);
  return [...loaded];
}

/**
 * Which modules are in a file together, because they are loaded together: each part is what it names and what that
 * needs, less the parts before it. The others are where the bundler puts them.
 */
class Parts {
  #modules = {};
  #commands = new Set(Object.values(manifest.bin).map((file) => sourceOf(posix.relative("dist", file))));

  get groups() {
    const names = ["base", "core", "memory", "tools", "command", "mcp", "service", "torture", "commands"];
    return names.map((name, i) => ({
      name,
      priority: names.length - i,
      // A command waits for what it loads later, and that must not be in the file of the command.
      test: (id) => this.#modules[name].has(id) && !this.#commands.has(id),
    }));
  }

  plugin() {
    const learn = (info) => this.#learn(info);
    return {
      name: "parts",
      buildEnd() {
        learn((id) => this.getModuleInfo(id));
      },
    };
  }

  #learn(info) {
    const reached = (...files) => staticallyReached(files.map(sourceOf), info);
    const core = reached("index.js");
    const memory = reached("memory/index.js");
    const command = reached("cli/index.js", "cli/mcp.js");
    const mcp = reached("server/mcp/serve.js");
    const service = reached("server/mcp/open-service.js");
    const torture = reached("test/harness/torture/index.js", "test/harness/kill/index.js");
    const eachCommand = later(sourceOf("cli/commands.js"), info);
    const commands = staticallyReached(eachCommand, info);
    for (const id of eachCommand) commands.delete(id);
    const early = new Set([...command, ...mcp]);
    const database = new Set([...core, ...memory]);
    // What is loaded early and needed by more than one of these: by the database, or by what follows later.
    const base = new Set([...early].filter((id) => database.has(id)));
    const tools = new Set([...mcp].filter((id) => command.has(id) || service.has(id) || commands.has(id)));
    this.#modules = { base, core, memory, tools, command, mcp, service, torture, commands };
  }
}

/** The modules that a module imports when it runs. */
function later(id, info) {
  return (info(id)?.dynamicallyImportedIds ?? []).filter((imported) => imported.startsWith(root));
}

/** The modules that are loaded with these, whatever happens later. */
function staticallyReached(ids, info) {
  const reached = new Set();
  const visit = (id) => {
    if (reached.has(id)) return;
    reached.add(id);
    for (const imported of info(id)?.importedIds ?? []) visit(imported);
  };
  const missing = ids.find((id) => info(id) === null);
  if (missing !== undefined) throw new Error(`${missing} begins a part of the bundle, and is not in it`);
  for (const id of ids) visit(id);
  return reached;
}

/** Where a file goes that is no entry point: what is imported later is at the place of its source. */
function fileOf({ name, facadeModuleId }) {
  return facadeModuleId?.endsWith(".ts") ? pathOf(facadeModuleId).replace(/\.ts$/, ".js") : `${name}.js`;
}

/**
 * Threads and processes start from files. Where a module names one by `new URL("./file.js", import.meta.url)`, that
 * file is made at the place of its source, and the name leads there, whichever file the module is in.
 */
function programs() {
  const name = /\bnew URL\("(\.[\w./-]+\.js)", import\.meta\.url\)/g;
  return {
    name: "programs",
    transform: {
      filter: { id: /\.ts$/, code: "import.meta.url" },
      handler(code, id) {
        const changed = code.replace(name, (_, path) => {
          const source = join(dirname(id), path.replace(/\.js$/, ".ts"));
          const fileName = pathOf(source).replace(/\.ts$/, ".js");
          this.emitFile({ type: "chunk", id: source, fileName });
          return `new URL("${PROGRAM}${fileName}", import.meta.url)`;
        });
        // No line has moved.
        return { code: changed, map: null };
      },
    },
    renderChunk(code, { fileName }) {
      if (!code.includes(PROGRAM)) return null;
      const changed = code.replace(/"program:([\w./-]+)"/g, (_, file) => {
        const path = posix.relative(posix.dirname(fileName), file);
        return JSON.stringify(path.startsWith(".") ? path : `./${path}`);
      });
      return { code: changed, map: null };
    },
  };
}

/** Packages that are bundled themselves say by their source maps what they are made of. */
function sourceMapsOfPackages() {
  return {
    name: "source maps of packages",
    load: {
      filter: { id: /[\\/]node_modules[\\/].*\.mjs$/ },
      handler(id) {
        if (!existsSync(`${id}.map`)) return null;
        return { code: readFileSync(id, "utf8"), map: readFileSync(`${id}.map`, "utf8") };
      },
    },
  };
}

/** The files of `dist/internal` that programs of the repository name. */
function internalFiles() {
  const files = WITH_INTERNALS.flatMap((folder) =>
    filesBelow(join(root, folder)).filter((file) => /\.mjs$/.test(file)),
  );
  const named = files.flatMap((file) => [...readFileSync(file, "utf8").matchAll(/\bdist\/internal\/([\w./-]+\.js)/g)]);
  return [...new Set(named.map(([, file]) => file))].sort();
}

/** Every file below a folder, except installed packages. */
function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === "node_modules") return [];
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
}

/** The source of a file of `dist`. */
function sourceOf(file) {
  return join(root, file.replace(/\.js$/, ".ts"));
}

function nameOf(file) {
  return file.replace(/\.js$/, "");
}

/** From the top of the repository, with forward slashes. */
function pathOf(id) {
  return relative(root, id).split(sep).join("/");
}
