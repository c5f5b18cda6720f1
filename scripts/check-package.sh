#!/usr/bin/env bash
# Checks the package as a stranger gets it: packs what was built, lets publint, attw and npm look at it, installs the
# tarball without scripts into an empty folder, and uses it there from plain JavaScript and from TypeScript. Needs the
# development dependencies installed (npm ci) and a build (npm run build).
set -euo pipefail
cd "$(dirname "$0")/.."
repository=$PWD
tsc="$repository/node_modules/typescript/bin/tsc"

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
quiet=(--no-audit --no-fund --loglevel=error)
version_of() { node -p "require('./node_modules/$1/package.json').version"; }

if [ ! -f dist/index.js ]; then
  echo "there is no build: run npm run build first" >&2
  exit 2
fi
node scripts/size.mjs
node scripts/audit-inside.mjs

npm pack --ignore-scripts --silent --pack-destination "$folder" >/dev/null
tarball=$(echo "$folder"/llmdb-*.tgz)
npx --no-install publint run "$tarball" --strict
npx --no-install attw "$tarball" --profile esm-only --quiet || {
  npx --no-install attw "$tarball" --profile esm-only --no-color
  exit 1
}
# npm says here what it would change in the manifest. That nobody is logged in is no matter.
npm publish --dry-run --ignore-scripts --loglevel=warn >/dev/null 2>"$folder/publish"
if grep -v "requires you to be logged in" "$folder/publish"; then
  echo "npm publish is not content with the package" >&2
  exit 1
fi
echo "publint, attw and npm publish --dry-run have nothing to say"
abstract_level=$(version_of abstract-level)
fast_check=$(version_of fast-check)
types_node=$(version_of @types/node)

mkdir "$folder/app"
cd "$folder/app"
printf '{ "name": "app", "private": true, "type": "module" }\n' >package.json
npm install "${quiet[@]}" --ignore-scripts "$tarball"

installed=$(cd node_modules && ls -d [!.@]* @*/* | sort | tr '\n' ' ')
if [ "$installed" != "@msgpack/msgpack llmdb " ]; then
  echo "installed more than the package and @msgpack/msgpack: $installed" >&2
  exit 1
fi
# In thousands of bytes, on a disk of blocks.
kilobytes=$(($(du -sk node_modules | cut -f1) * 1024 / 1000))
if [ "$kilobytes" -gt 6000 ]; then
  echo "the package takes $kilobytes kB with its dependency; 6,000 are the limit" >&2
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
    const others = ["README.md", "CHANGELOG.md", "LICENSE", "THIRD-PARTY-NOTICES", "sbom.json", "server.json", "llms.txt", "docs", "plugin"];
    for (const file of [...targets, ...others]) {
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

echo "package: $(wc -c <"$tarball") bytes packed, $kilobytes kB on disk with its dependency, used from JavaScript and TypeScript, installed with $installed"
