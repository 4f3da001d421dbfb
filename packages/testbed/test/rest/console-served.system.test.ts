import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { brotliCompressSync } from "node:zlib";
import { createOrganization } from "@portcullis/admin-service/create-organization";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type System, startSystem } from "../../src/system.ts";
import { newEmail } from "./facade.ts";

// The built console, as admin serves it: one page for all paths under a strict policy, assets for ever, and no secret.

const secrets = {
  PORTCULLIS_OIDC_CLIENT_SECRET: `planted-${randomBytes(16).toString("hex")}`,
  PORTCULLIS_COOKIE_SECRET: `planted-${randomBytes(16).toString("hex")}`,
};

const parts = new AsyncDisposableStack();
let folder: string;
let system: System;
let url: string;
const beforeBuilt = new Map<string, number>();

const page = `<!doctype html><html><head><meta name="csp-nonce" content="__CSP_NONCE__"><link rel="icon" href="/console/favicon.svg">
<script type="module" src="/console/assets/index-AbC123.js"></script></head><body style-nonce="__CSP_NONCE__"></body></html>`;
const script = 'import("/console/assets/page-DeF456.js");\n'.repeat(50);

beforeAll(async () => {
  const outside = await mkdtemp(join(tmpdir(), "portcullis-console-"));
  parts.defer(() => rm(outside, { recursive: true }));
  await writeFile(join(outside, "secret.txt"), "outside of the folder");
  folder = join(outside, "dist");
  await mkdir(folder);
  system = parts.use(
    await startSystem({
      databaseServerUrl: inject("databaseUrl"),
      environment: {
        ...secrets,
        PORTCULLIS_CONSOLE_FOLDER: folder,
        PORTCULLIS_PUBLIC_URL: "https://access.example",
        PORTCULLIS_OIDC_ISSUER: "https://id.example",
        PORTCULLIS_OIDC_CLIENT_ID: "portcullis",
      },
    }),
  );
  url = system.adminUrl;
  for (const path of ["/healthz", "/console/", "/console/groups", "/console/assets/index-AbC123.js"]) {
    beforeBuilt.set(path, (await get(path)).status);
  }
  await build();
});
afterAll(() => parts.disposeAsync());

async function build(): Promise<void> {
  await mkdir(join(folder, "assets"), { recursive: true });
  await writeFile(join(folder, "index.html"), page);
  await writeFile(join(folder, "favicon.svg"), "<svg xmlns='http://www.w3.org/2000/svg'/>");
  await writeFile(join(folder, ".env"), "A=B");
  await writeFile(join(folder, "assets/index-AbC123.js"), script);
  await writeFile(join(folder, "assets/index-AbC123.js.br"), brotliCompressSync(script));
  await writeFile(join(folder, "assets/page-DeF456.js"), "export {};\n");
}

function get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return fetch(`${url}${path}`, { redirect: "manual", headers });
}

test("before it was built the log said so, the API answered, and pages were not there", () => {
  expect(system.output("admin")).toContain("the console is not built; it is served once it is");
  expect([...beforeBuilt.values()]).toEqual([200, 404, 404, 404]);
});

test("the first page is the console's", async () => {
  for (const path of ["/", "/console"]) {
    const answer = await get(path);
    expect([answer.status, answer.headers.get("location")]).toEqual([302, "/console/"]);
  }
});

test.each([
  "/console/",
  "/console/groups",
  "/console/groups/1?tab=members",
  "/console/index.html",
  "/console/a/b/c.html",
])("`%s` is the page, with a nonce of its own and a policy that lets nothing else in", async (path) => {
  const nonces = new Set<string>();
  for (const packing of ["identity", "gzip", "br"]) {
    const answer = await get(path, { "accept-encoding": packing });
    expect(answer.status).toBe(200);
    const { "content-security-policy": policy = "", ...headers } = Object.fromEntries(answer.headers);
    expect(headers).toMatchObject({
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY",
      "referrer-policy": "no-referrer",
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
      "strict-transport-security": "max-age=31536000",
      "permissions-policy": expect.stringContaining("camera=()"),
      "x-request-id": expect.any(String),
    });
    const nonce = /'nonce-([\w-]{22})'/.exec(policy)?.[1] ?? "";
    expect(policy).toBe(
      `default-src 'none'; script-src 'self'; style-src 'self' 'nonce-${nonce}'; img-src 'self' data:; ` +
        "connect-src 'self'; font-src 'self'; manifest-src 'self'; form-action 'self'; " +
        "frame-ancestors 'none'; base-uri 'none'",
    );
    expect(await answer.text()).toBe(page.replaceAll("__CSP_NONCE__", nonce));
    nonces.add(nonce);
  }
  expect(nonces.size).toBe(3);
});

test("assets are kept for a year, packed as they lie there, and missing when they are missing", async () => {
  const plain = await get("/console/assets/index-AbC123.js", { "accept-encoding": "identity" });
  expect(Object.fromEntries(plain.headers)).toMatchObject({
    "content-type": expect.stringMatching(/^(text|application)\/javascript; charset=utf-8$/),
    "cache-control": "public, max-age=31536000, immutable",
    "x-content-type-options": "nosniff",
  });
  expect(await plain.text()).toBe(script);
  const packed = await get("/console/assets/index-AbC123.js", { "accept-encoding": "br" });
  expect(packed.headers.get("content-encoding")).toBe("br");
  expect(packed.headers.get("vary")).toContain("accept-encoding");
  expect(await packed.text()).toBe(script);
  for (const path of ["/console/assets/index-Old000.js", "/console/assets/", "/console/assets"]) {
    const { status, headers } = await get(path, { "accept-encoding": "identity" });
    const isPage = path === "/console/assets";
    expect([path, status]).toEqual([path, isPage ? 200 : 404]);
    expect(headers.get("cache-control")).toBe("no-store");
  }
});

test("other files are served as they are, and asked for anew", async () => {
  const { status, headers } = await get("/console/favicon.svg");
  expect(status).toBe(200);
  expect(headers.get("content-type")).toBe("image/svg+xml");
  expect(headers.get("cache-control")).toBe("no-store");
});

/** What a server answers to a request that no library would send. */
async function raw(line: string, ...headers: readonly string[]): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write([line, "host: access.example", "connection: close", ...headers, "", ""].join("\r\n"));
  return text(socket);
}

test("nothing outside of the folder is served, nor what is hidden in it", async () => {
  const paths = [
    "/console/../secret.txt",
    "/console/..%2fsecret.txt",
    "/console/%2e%2e/secret.txt",
    "/console/assets/../../secret.txt",
    "/console/assets/..%2f..%2fsecret.txt",
    "/console/..%5csecret.txt",
    "/console//../secret.txt",
    "/console/%00/secret.txt",
    "/console/.env",
    "/console/assets/%2e%2e/.env",
    "/console/%69ndex.html",
  ];
  for (const path of paths) {
    const answer = await raw(`GET ${path} HTTP/1.1`);
    expect(answer).toMatch(/^HTTP\/1\.1 (200|400|404)/);
    expect(answer).not.toContain("outside of the folder");
    expect(answer).not.toContain("A=B");
    expect(answer).not.toContain("__CSP_NONCE__");
  }
});

test("only what is read is served", async () => {
  for (const method of ["POST", "PUT", "DELETE", "PATCH"]) {
    expect((await fetch(`${url}/console/groups`, { method })).status).toBe(404);
  }
});

test("what is no page of the console is answered as ever, and tells browsers to take it for what it is", async () => {
  const absent = await get("/v2/nothing");
  expect([absent.status, absent.headers.get("content-type")]).toEqual([
    404,
    "application/json; charset=utf-8",
  ]);
  expect(absent.headers.get("x-content-type-options")).toBe("nosniff");
  expect((await get("/docs/")).status).toBe(200);
});

test("no secret of ours is in any page, asset or answer that takes no credential", async () => {
  const { ownerKey } = await createOrganization(system, { name: "Acme", owner: { email: newEmail() } });
  const hidden = [
    ...Object.values(secrets),
    system.serviceCredential,
    system.redisUrl,
    ownerKey,
    ...(["identity", "groups", "grants", "tokens"] as const).map((owner) => system.databaseUrl(owner)),
  ];
  const seen = new Set<string>();
  const queue = ["/", "/console/", "/openapi.json", "/docs/", "/v1", "/version", "/healthz"];
  queue.push("/v1/access/session/options", "/v1/access/session", "/v1/access/session/sso", "/v1/group");
  for (const name of await readdir(folder, { recursive: true })) queue.push(`/console/${name}`);
  for (const path of queue) {
    if (seen.has(path)) continue;
    seen.add(path);
    const answer = await get(path);
    const shown = `${JSON.stringify([...answer.headers])}\n${await answer.text()}`;
    for (const secret of hidden) expect(shown.includes(secret), `${path} shows a secret`).toBe(false);
    const { pathname: base } = new URL(path, url);
    for (const [, link = ""] of shown.matchAll(/(?:src|href|from|import)\s*[=(]?\s*["']([^"'#]+)["']/g)) {
      const there = URL.canParse(link, `${url}${base}`) ? new URL(link, `${url}${base}`) : null;
      if (there?.origin === url) queue.push(there.pathname);
    }
  }
  expect(seen).toContain("/console/assets/page-DeF456.js");
  expect([...seen].some((path) => path.startsWith("/docs/static/"))).toBe(true);
});
