/** The audit of what is inside, against a registry of the test: every version is asked about, and the answer told. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { root } from "../sources.js";

const folder = mkdtempSync(join(tmpdir(), "llmdb-audit-test-"));
const sbom = join(folder, "sbom.json");
const components = [
  { group: "@scope", name: "first", version: "1.2.3" },
  { name: "second", version: "4.5.6" },
];
writeFileSync(sbom, JSON.stringify({ components }));
afterAll(() => rmSync(folder, { recursive: true }));

const ADVISORY = {
  id: 1,
  url: "https://advisories.example/1",
  title: "reads too much",
  severity: "high",
  vulnerable_versions: "<5.0.0",
  cwe: [],
  cvss: { score: 0, vectorString: null },
};

/** A registry that knows these advisories; what it was asked is kept. */
async function registry(advisories: object): Promise<{ server: Server; url: string; asked: unknown[] }> {
  const asked: unknown[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const isBulk = request.url?.endsWith("/advisories/bulk") === true;
    if (isBulk) asked.push(JSON.parse(gunzipSync(Buffer.concat(chunks)).toString()));
    const versions = { "4.5.6": { name: "second", version: "4.5.6" } };
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(isBulk ? advisories : { name: "second", versions, "dist-tags": { latest: "4.5.6" } }));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  return { server, url: `http://127.0.0.1:${port}/`, asked };
}

async function audit(url: string): Promise<{ code: number | null; out: string; err: string }> {
  const script = join(root, "scripts/audit-inside.mjs");
  const env = { ...process.env, npm_config_registry: url, npm_config_cache: join(folder, "cache") };
  const child = spawn(process.execPath, [script, "--sbom", sbom], { env, stdio: ["ignore", "pipe", "pipe"] });
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
  return { code, out, err };
}

test("every version inside is asked about; without advisories all is well", async () => {
  const { server, url, asked } = await registry({});
  const { code, out } = await audit(url);
  server.close();
  expect(asked).toEqual([{ "@scope/first": ["1.2.3"], second: ["4.5.6"] }]);
  expect([code, out]).toEqual([0, "audit of what is inside: 2 packages, 0 with advisories\n"]);
});

test("an advisory fails it, and is told", async () => {
  const { server, url } = await registry({ second: [ADVISORY] });
  const { code, out, err } = await audit(url);
  server.close();
  expect(code).toBe(1);
  expect(out).toContain("1 with advisories");
  expect(err).toBe("second 4.5.6 (high): reads too much https://advisories.example/1\n");
});

test("a registry that does not answer fails nothing, and is told", async () => {
  const { server, url } = await registry({});
  server.close();
  await once(server, "close");
  const { code, out } = await audit(url);
  expect(code).toBe(0);
  expect(out).toMatch(/^audit of what is inside: skipped, the registry did not answer \(.+\)\n$/);
});
