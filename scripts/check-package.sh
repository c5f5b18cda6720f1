#!/usr/bin/env bash
# Checks the package as a stranger gets it: packs it, installs the tarball without scripts into an empty folder, and
# uses it there from plain JavaScript and from TypeScript. Needs the development dependencies installed (npm ci).
set -euo pipefail
cd "$(dirname "$0")/.."
repository=$PWD
tsc="$repository/node_modules/typescript/bin/tsc"

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
quiet=(--no-audit --no-fund --loglevel=error)
version_of() { node -p "require('./node_modules/$1/package.json').version"; }

npm pack --silent --pack-destination "$folder" >/dev/null
tarball=$(echo "$folder"/llmdb-*.tgz)
abstract_level=$(version_of abstract-level)
fast_check=$(version_of fast-check)
types_node=$(version_of @types/node)

mkdir "$folder/app"
cd "$folder/app"
printf '{ "name": "app", "private": true, "type": "module" }\n' >package.json
npm install "${quiet[@]}" --ignore-scripts "$tarball"

installed=$(cd node_modules && ls -d [!.@]* @*/* | sort | tr '\n' ' ')
if [ "$installed" != "@modelcontextprotocol/core @modelcontextprotocol/server @msgpack/msgpack commander llmdb zod " ]; then
  echo "installed more than the package, @msgpack/msgpack, and what the command needs: $installed" >&2
  exit 1
fi
kilobytes=$(du -sk node_modules | cut -f1)
if [ "$kilobytes" -gt 25000 ]; then
  echo "the package takes $kilobytes kB with its dependencies; 25,000 are the limit" >&2
  exit 1
fi
(
  cd node_modules/llmdb
  node --input-type=module -e '
    import { existsSync, readFileSync } from "node:fs";
    const { scripts = {}, exports } = JSON.parse(readFileSync("package.json", "utf8"));
    for (const name of ["preinstall", "install", "postinstall", "prepare"]) {
      if (name in scripts) throw new Error(`package.json has an ${name} script`);
    }
    const targets = Object.values(exports).flatMap((entry) => (typeof entry === "string" ? entry : Object.values(entry)));
    for (const file of [...targets, "README.md", "CHANGELOG.md", "LICENSE", "docs"]) {
      if (!existsSync(file)) throw new Error(`the package lacks ${file}`);
    }
  '
)

npx --no-install llmdb --version
npx --no-install llmdb put role engineer --db agent.llmdb
test "$(npx --no-install llmdb get role --db agent.llmdb)" = engineer
npx --no-install llmdb remember --subject Ada --predicate "works for" --object Acme --db agent.llmdb
npx --no-install llmdb recall "where does Ada work" --db agent.llmdb | grep -q Acme
npx --no-install llmdb torture --images 400 --kills 20 --seed 7 --quiet

cp "$repository"/test/package/* .
node plain.mjs
node "$tsc" -p tsconfig.json
node typed.js
node "$tsc" -p tsconfig.es2025.json
node iterators.js

npm install "${quiet[@]}" --ignore-scripts --no-save \
  "abstract-level@$abstract_level" "fast-check@$fast_check" "@types/node@$types_node"
node "$tsc" --target es2023 --module nodenext --types node --strict --ignoreConfig peers.ts
node peers.js

echo "package: $(wc -c <"$tarball") bytes packed, $kilobytes kB with its dependencies, used from JavaScript and TypeScript, installed with $installed"
