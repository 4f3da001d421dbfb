import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeAuthority, makeCertificate, type Pair } from "@portcullis/certs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Fault } from "../src/fault.ts";
import { httpServer } from "../src/https.ts";
import { openLog } from "../src/log.ts";
import { connect } from "../src/rpc/client.ts";
import { implement, type RunningServer, serve } from "../src/rpc/server.ts";
import { authorityOfSetting, refuseUnprotected, serviceOf, type Tls, tlsOf } from "../src/tls.ts";
import { Probe } from "./probe.ts";

const probe = implement(
  Probe,
  { rest: ["admin", "tokens"] },
  { heads: () => ({ positions: [1], incarnation: "i" }) },
);

const anybody = { kind: "other", principalId: "", orgId: "" } as const;
const serviceCredential = "a service credential of the tests";
const parts = new AsyncDisposableStack();
let folder: string;
let authority: Pair;
let strangers: Pair;
/** Where everybody needs a certificate, as at an owner; and where some have none, as at decision. */
let owner: RunningServer;
let decision: RunningServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tls-"));
  parts.defer(() => rm(folder, { recursive: true, force: true }));
  authority = await makeAuthority();
  strangers = await makeAuthority("Somebody else's");
  await writeFile(join(folder, "ca.pem"), authority.cert);
  await writeFile(join(folder, "strangers.pem"), strangers.cert);
  owner = parts.use(await serveAs("groups"));
  decision = parts.use(
    await serveAs("decision", {
      authenticate: (metadata) => {
        if (metadata.get("authorization")[0] !== "Bearer token") throw new Fault("unauthenticated", "nobody");
        return anybody;
      },
    }),
  );
});
afterAll(() => parts.disposeAsync());

interface Shown {
  readonly by?: Pair;
  readonly ca?: string;
  readonly notAfter?: Date;
  readonly isLocal?: boolean;
}

async function tlsFor(
  service: string,
  { by = authority, ca = "ca.pem", ...more }: Shown = {},
  refreshMs?: number,
): Promise<Tls> {
  const { cert, key } = await makeCertificate(by, { service, ...more });
  const path = (end: string) => join(folder, `${service}-${Math.random().toString(36).slice(2)}${end}`);
  const files = { cert: path(".pem"), key: path("-key.pem") };
  await writeFile(files.cert, cert);
  await writeFile(files.key, key);
  const tls = tlsOf(
    {
      PORTCULLIS_TLS_CERT_FILE: files.cert,
      PORTCULLIS_TLS_KEY_FILE: files.key,
      PORTCULLIS_TLS_CA_FILE: join(folder, ca),
    },
    service,
    refreshMs,
  );
  if (tls === null) throw new Error("no files");
  return tls;
}

type Authenticating = Pick<Parameters<typeof serve>[0], "authenticate">;

async function serveAs(service: string, more: Authenticating = {}, tls?: Tls): Promise<RunningServer> {
  const options = {
    listen: "127.0.0.1:0",
    serviceCredential,
    tls: tls ?? (await tlsFor(service)),
    descriptor: null,
    log: openLog("test", "silent"),
    ...more,
  };
  return await serve(options, [probe]);
}

type Ask =
  | {
      readonly tls?: Tls;
      readonly certificateAuthority?: Buffer;
      readonly service: string;
      readonly serviceCredential: string;
    }
  | { readonly certificateAuthority: Buffer; readonly serviceToken: () => string };

/** `answered`, or the kind of fault. */
async function ask({ address }: RunningServer, options: Ask): Promise<string> {
  using connection = connect({ peer: "it", address, ...options });
  return await connection
    .stub(Probe)
    .heads({ orgIds: [] }, { deadlineMs: Date.now() + 3000 })
    .then(
      () => "answered",
      (error: unknown) => (error instanceof Fault ? error.kind : String(error)),
    );
}

describe("a service among our own", () => {
  test("is answered by its certificate and the service credential together", async () => {
    const tls = await tlsFor("admin");
    expect(await ask(owner, { tls, service: "admin", serviceCredential })).toBe("answered");
    expect(await ask(decision, { tls, service: "admin", serviceCredential })).toBe("answered");
  });

  test("can't pass for another", async () => {
    const tls = await tlsFor("admin");
    for (const server of [owner, decision]) {
      expect(await ask(server, { tls, service: "tokens", serviceCredential })).not.toBe("answered");
    }
  });

  test("is nobody with the certificate alone, or the credential alone", async () => {
    const tls = await tlsFor("admin");
    const wrong = "another credential, which is as long";
    expect(await ask(owner, { tls, service: "admin", serviceCredential: wrong })).not.toBe("answered");
    const certificateAuthority = Buffer.from(authority.cert);
    expect(await ask(owner, { certificateAuthority, service: "admin", serviceCredential })).toBe(
      "unavailable",
    );
    expect(await ask(decision, { certificateAuthority, service: "admin", serviceCredential })).not.toBe(
      "answered",
    );
  });

  test("is refused with a certificate that has expired, or is of an authority that nobody trusts", async () => {
    const expired = await tlsFor("admin", { notAfter: new Date(Date.now() - 1000) });
    const foreign = await tlsFor("admin", { by: strangers });
    for (const tls of [expired, foreign]) {
      for (const server of [owner, decision]) {
        expect(await ask(server, { tls, service: "admin", serviceCredential })).not.toBe("answered");
      }
    }
  });

  test("does not believe a server of an authority that it does not trust", async () => {
    const tls = await tlsFor("admin", { ca: "strangers.pem" });
    expect(await ask(owner, { tls, service: "admin", serviceCredential })).toBe("unavailable");
  });
});

test("a server that is reached under a name that its certificate does not have is not believed", async () => {
  await using elsewhere = await serveAs("groups", {}, await tlsFor("groups", { isLocal: false }));
  const tls = await tlsFor("admin");
  expect(await ask(elsewhere, { tls, service: "admin", serviceCredential })).toBe("unavailable");
});

test("nobody is shown the service credential far away without protection", () => {
  const far = { peer: "groups", address: "groups:50053", service: "admin", serviceCredential };
  expect(() => connect(far)).toThrow("PORTCULLIS_GROUPS_ADDRESS: groups:50053 is not on this machine alone");
});

test("a certificate that does not fit its key is not used over HTTPS, and the process lives on", async () => {
  const tls = await tlsFor("admin", {}, 20);
  const told: string[] = [];
  const log = {
    ...openLog("test", "silent"),
    warn: (_fields: unknown, message?: string) => void told.push(message ?? ""),
  };
  const server = httpServer(tls, log, (_request, response) => response.end("here"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const get = async () => {
    const options = { ca: authority.cert, agent: new Agent({ keepAlive: false }) };
    const [response] = (await once(request(`https://localhost:${port}`, options).end(), "response")) as [
      IncomingMessage,
    ];
    response.resume();
    return response.statusCode;
  };
  await expect.poll(() => get().catch(() => null)).toBe(200);
  const other = await makeCertificate(authority, { service: "admin" });
  await writeFile(tls.files.key, other.key);
  await expect.poll(() => told).toContain("the certificate and its key don't fit; those before are shown");
  expect(await get()).toBe(200);
  await writeFile(tls.files.cert, other.cert);
  server.close();
});

test("an outside caller needs no certificate where tokens are taken, and finds the door shut elsewhere", async () => {
  const certificateAuthority = Buffer.from(authority.cert);
  expect(await ask(decision, { certificateAuthority, serviceToken: () => "token" })).toBe("answered");
  expect(await ask(decision, { certificateAuthority, serviceToken: () => "other" })).toBe("unauthenticated");
  expect(await ask(owner, { certificateAuthority, serviceToken: () => "token" })).toBe("unavailable");
});

test("who speaks without protection is not answered, and who asks with it does not settle for less", async () => {
  expect(await ask(owner, { service: "admin", serviceCredential })).toBe("unavailable");
  const plain = parts.use(
    await serve(
      { listen: "127.0.0.1:0", serviceCredential, descriptor: null, log: openLog("test", "silent") },
      [probe],
    ),
  );
  expect(await ask(plain, { tls: await tlsFor("admin"), service: "admin", serviceCredential })).toBe(
    "unavailable",
  );
});

describe("what can be reached from other machines", () => {
  test.each([
    "0.0.0.0:50051",
    "[::]:50051",
    "10.1.2.3:1",
    "groups:1",
    "localhost.example:1",
    "127.0.0.1.example:1",
  ])("%s is refused without protection", (listen) => {
    expect(() => refuseUnprotected("PORTCULLIS_LISTEN", listen, false)).toThrow(
      /^bad configuration: PORTCULLIS_LISTEN: .*PORTCULLIS_TLS_CERT_FILE/,
    );
    expect(() => refuseUnprotected("PORTCULLIS_LISTEN", listen, true)).not.toThrow();
  });

  test.each(["127.0.0.1:0", "[::1]:1", "localhost:1", "unix:/run/x.sock"])("%s can't", (listen) => {
    expect(() => refuseUnprotected("PORTCULLIS_LISTEN", listen, false)).not.toThrow();
  });
});

test("the files are all there, or the start is refused with the names of those that are not", () => {
  expect(tlsOf({}, "groups")).toBeNull();
  expect(() => tlsOf({ PORTCULLIS_TLS_CERT_FILE: "x" }, "groups")).toThrow(
    "PORTCULLIS_TLS_KEY_FILE, PORTCULLIS_TLS_CA_FILE: required",
  );
  const missing = {
    PORTCULLIS_TLS_CERT_FILE: "/no",
    PORTCULLIS_TLS_KEY_FILE: "/no",
    PORTCULLIS_TLS_CA_FILE: "/no",
  };
  expect(() => tlsOf(missing, "groups")).toThrow(/PORTCULLIS_TLS_CERT_FILE: .* can't be read: ENOENT/);
});

test("files with which nobody could connect refuse the start: without the key, of another service, or no certificate", async () => {
  const [one, other] = [await tlsFor("groups"), await tlsFor("groups")];
  const files = {
    PORTCULLIS_TLS_CERT_FILE: one.files.cert,
    PORTCULLIS_TLS_KEY_FILE: one.files.key,
    PORTCULLIS_TLS_CA_FILE: one.files.ca,
  };
  expect(() => tlsOf({ ...files, PORTCULLIS_TLS_KEY_FILE: other.files.key }, "groups")).toThrow(
    "bad configuration: PORTCULLIS_TLS_KEY_FILE: is not the key of PORTCULLIS_TLS_CERT_FILE",
  );
  expect(() => tlsOf(files, "tokens")).toThrow(
    "PORTCULLIS_TLS_CERT_FILE: must name its service, and no other, by the URI spiffe://<anything>/portcullis/tokens",
  );
  const wrong = { CERT: one.files.key, KEY: one.files.cert, CA: one.files.key };
  for (const [name, path] of Object.entries(wrong)) {
    expect(() => tlsOf({ ...files, [`PORTCULLIS_TLS_${name}_FILE`]: path }, "groups")).toThrow(
      `bad configuration: PORTCULLIS_TLS_${name}_FILE: ${path} holds no ${name === "KEY" ? "key" : "certificate"} in PEM`,
    );
  }
});

test("a service is named by the URI of its certificate alone", () => {
  expect(serviceOf({ subjectaltname: "URI:spiffe://a.b/portcullis/groups, DNS:x" })).toBe("groups");
  expect(serviceOf({ subjectaltname: "DNS:x, URI:spiffe://a/portcullis/admin" })).toBe("admin");
  for (const subjectaltname of [
    "DNS:groups",
    "URI:https://a/portcullis/groups",
    "URI:spiffe://a/other/groups",
    "URI:spiffe://a/portcullis/groups/more",
    'DNS:"x, URI:spiffe://a/portcullis/groups"',
    'DNS:"x, URI:spiffe://a/portcullis/groups, y"',
    "URI:spiffe://a/portcullis/groups, URI:spiffe://a/portcullis/admin",
    undefined,
  ]) {
    expect(serviceOf({ subjectaltname })).toBeNull();
  }
  expect(serviceOf(undefined)).toBeNull();
});

test("files that are replaced are used for new connections, and no call is lost meanwhile", async () => {
  const next = await makeAuthority("The next one");
  await writeFile(join(folder, "both.pem"), `${authority.cert}\n${next.cert}`);
  const tls = await tlsFor("tokens", { ca: "both.pem" }, 20);
  await using server = await serveAs("tokens", { authenticate: () => anybody }, tls);
  const both = Buffer.from(`${authority.cert}\n${next.cert}`);
  using connection = connect({
    peer: "it",
    address: server.address,
    certificateAuthority: both,
    serviceToken: () => "",
  });
  const { heads } = connection.stub(Probe);
  const nextAlone = { certificateAuthority: Buffer.from(next.cert), serviceToken: () => "" };
  expect(await ask(server, nextAlone)).toBe("unavailable");

  const { cert, key } = await makeCertificate(next, { service: "tokens" });
  await writeFile(tls.files.key, key);
  await writeFile(tls.files.cert, cert);
  await expect
    .poll(
      async () => {
        // Throws if it is lost.
        await heads({ orgIds: [] });
        return await ask(server, nextAlone);
      },
      { interval: 5 },
    )
    .toBe("answered");
});

test("a file without a certificate is no authority: it would be passed over, and nobody believed", () => {
  const file = fileURLToPath(import.meta.url);
  expect(() => authorityOfSetting("PORTCULLIS_TLS_CA_FILE", file)).toThrow(
    /PORTCULLIS_TLS_CA_FILE: .* holds no certificate/,
  );
});
