import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { get } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, Metadata, type MethodDefinition, type ServiceError } from "@grpc/grpc-js";
import { createOrganization } from "@portcullis/admin-service/create-organization";
import { makeAuthority, makeCertificate } from "@portcullis/certs";
import { channelCredentials, type Tls, tlsOf } from "@portcullis/chassis/tls";
import { connect } from "@portcullis/client";
import { newCredential } from "@portcullis/credential";
import type { OrgId } from "@portcullis/policy";
import { AuditService } from "@portcullis/proto/audit/v1/audit";
import {
  auditCallers,
  type Callers,
  decisionCallers,
  factsCallers,
  grantsCallers,
  groupsCallers,
  identityCallers,
  tokensCallers,
  upstreamCallers,
} from "@portcullis/proto/callers";
import { DecisionService } from "@portcullis/proto/decision/v1/decision";
import { FactsService } from "@portcullis/proto/facts/v1/facts";
import { GrantsService } from "@portcullis/proto/grants/v1/grants";
import { GroupsService } from "@portcullis/proto/groups/v1/groups";
import { IdentityService } from "@portcullis/proto/identity/v1/identity";
import { TokensService } from "@portcullis/proto/tokens/v1/tokens";
import { UpstreamService } from "@portcullis/proto/upstream/v1/upstream";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { startSidecar } from "../src/sidecar.ts";
import { type ServiceName, type System, serviceNames, startSystem } from "../src/system.ts";

// The whole system as it runs on many machines: every connection between services under mutual TLS, and HTTPS outside.

const parts = new AsyncDisposableStack();
let folder: string;
let system: System;
let org: { readonly orgId: string; readonly ownerId: string; readonly ownerKey: string };
let authority: Buffer;

const filesOf = (service: string) => ({
  PORTCULLIS_TLS_CERT_FILE: join(folder, `${service}.pem`),
  PORTCULLIS_TLS_KEY_FILE: join(folder, `${service}-key.pem`),
  PORTCULLIS_TLS_CA_FILE: join(folder, "ca.pem"),
});

function tlsOfService(service: string): Tls {
  const tls = tlsOf(filesOf(service), service);
  if (tls === null) throw new Error("no files");
  return tls;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "protected-"));
  parts.defer(() => rm(folder, { recursive: true, force: true }));
  const made = await makeAuthority();
  authority = Buffer.from(made.cert);
  await writeFile(join(folder, "ca.pem"), authority);
  for (const service of serviceNames) {
    const { cert, key } = await makeCertificate(made, { service });
    await writeFile(join(folder, `${service}.pem`), cert);
    await writeFile(join(folder, `${service}-key.pem`), key);
  }
  const databaseServerUrl = inject("databaseUrl");
  system = parts.use(await startSystem({ databaseServerUrl, tlsOf: tlsOfService, environmentOf: filesOf }));
  org = await createOrganization(system, {
    name: randomUUID(),
    owner: { email: `${randomUUID()}@example.com` },
  });
});
afterAll(() => parts.disposeAsync());

test("a request over HTTPS goes through all services and back", async () => {
  const { statusCode, body } = await https("/v1/organization");
  expect(statusCode).toBe(200);
  expect(body).toContain(org.orgId);
});

async function https(path: string): Promise<{ statusCode: number | undefined; body: string }> {
  const headers = { authorization: `Bearer ${org.ownerKey}` };
  const [response] = (await once(
    get(`${system.adminUrl}${path}`, { ca: authority, headers }),
    "response",
  )) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { statusCode: response.statusCode, body: Buffer.concat(chunks).toString() };
}

const contracts: readonly (readonly [
  ServiceName,
  Record<string, unknown>,
  Callers<Record<string, unknown>>,
])[] = [
  ["identity", IdentityService, identityCallers],
  ["groups", GroupsService, groupsCallers],
  ["grants", GrantsService, grantsCallers],
  ["tokens", TokensService, tokensCallers],
  ["decision", DecisionService, decisionCallers],
  ["decision", UpstreamService, upstreamCallers],
  ...(["identity", "groups", "grants", "tokens"] as const).flatMap(
    (owner) =>
      [
        [owner, FactsService, factsCallers],
        [owner, AuditService, auditCallers],
      ] as const,
  ),
];

test("every service refuses each RPC to every other service that it does not list, and to no other", async () => {
  const { serviceCredential } = system;
  for (const [peer, definition, callers] of contracts) {
    for (const service of serviceNames) {
      const client = new Client(system.addresses[peer], channelCredentials(tlsOfService(service)));
      const metadata = new Metadata();
      metadata.set("x-portcullis-credential", serviceCredential);
      metadata.set("x-portcullis-service", service);
      for (const [method, rpc] of Object.entries(definition)) {
        const { path } = rpc as MethodDefinition<unknown, unknown>;
        const isRefused = (await detailsOf(client, path, metadata)) === "this service may not call this";
        const isListed = (callers[method] ?? callers.rest).includes(service);
        expect({ path, peer, service, isRefused }).toEqual({ path, peer, service, isRefused: !isListed });
      }
      client.close();
    }
  }
});

/** What is said to an empty question. */
function detailsOf(client: Client, path: string, metadata: Metadata): Promise<string> {
  return new Promise((resolve) => {
    const nothing = (): Buffer => Buffer.alloc(0);
    const call = client.makeServerStreamRequest(path, nothing, (bytes) => bytes, null, metadata, {
      deadline: Date.now() + 10_000,
    });
    call.on("data", () => undefined);
    call.on("error", (error: ServiceError) => resolve(error.details));
    call.on("end", () => resolve(""));
  });
}

test("a service asks decision with a token, and beside a sidecar without, and both are answered", async () => {
  const { members } = await system.identity.inviteMembers({
    context: { actor: undefined, requestId: "test", sourceAddress: "", unchangedSince: [] },
    orgId: org.orgId,
    userIds: [],
    users: [],
    serviceAccounts: [{ name: "application" }],
  });
  const { secret: serviceToken } = await system.tokens.createCredential({
    context: { actor: undefined, requestId: "test", sourceAddress: "", unchangedSince: [] },
    orgId: org.orgId,
    kind: "service_token",
    principalId: members[0]?.principal?.id ?? "",
    name: "application",
    expiresAt: undefined,
    scope: undefined,
    replace: false,
  });
  const question = [{ principal: org.ownerId }, "read", { type: "organization", id: org.orgId }] as const;
  const within = { withinMs: 10_000 };
  using direct = connect({ address: system.decisionAddress, serviceToken, certificateAuthority: authority });
  expect(await direct.check(...question, within)).toMatchObject({ allowed: true });
  await using sidecar = await startSidecar({
    decisionAddress: system.decisionAddress,
    serviceToken,
    environment: { PORTCULLIS_TLS_CA_FILE: join(folder, "ca.pem") },
  });
  using beside = connect({ address: `unix:${sidecar.path}`, orgId: org.orgId });
  expect(await beside.check(...question, within)).toMatchObject({ allowed: true });
  // Without protection there is no answer.
  using plain = connect({ address: system.decisionAddress, serviceToken });
  await expect(plain.check(...question, within)).rejects.toMatchObject({ kind: "unavailable" });
});

test.each<ServiceName>(["groups", "decision", "admin"])(
  "%s refuses to listen beyond this machine without protection",
  async (service) => {
    await using other = await startSystem({
      databaseServerUrl: inject("databaseUrl"),
      redisUrl: system.redisUrl,
      services: [],
      environment: { PORTCULLIS_LISTEN: "0.0.0.0:0" },
    });
    await expect(other.start(service)).rejects.toThrow(
      /bad configuration: PORTCULLIS_LISTEN: 0\.0\.0\.0:0 is not on this machine alone.*PORTCULLIS_TLS_CERT_FILE/,
    );
  },
);

test("a sidecar shows its token to nobody who is far away and not known to be decision", async () => {
  const { secret: serviceToken } = newCredential("service_token", org.orgId as OrgId);
  await expect(startSidecar({ decisionAddress: "decision.example:50051", serviceToken })).rejects.toThrow(
    /PORTCULLIS_DECISION_ADDRESS: is not on this machine alone.*: set PORTCULLIS_TLS_CA_FILE\n/,
  );
});
