import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createOrganization } from "@portcullis/admin-service/create-organization";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type System, startSystem } from "../src/system.ts";

let system: System;
beforeAll(async () => {
  system = await startSystem({
    databaseServerUrl: inject("databaseUrl"),
    services: ["identity", "groups", "grants", "tokens"],
  });
});
afterAll(() => system[Symbol.asyncDispose]());

const email = () => `${randomUUID()}@example.com`;

/** The system, whose so-and-so-many-th call fails. */
function breakingOffAt(call: number): System {
  let calls = 0;
  const breaking = <Stub extends object>(stub: Stub): Stub =>
    new Proxy(stub, {
      get(target, method) {
        const rpc = Reflect.get(target, method) as (request: unknown) => Promise<unknown>;
        return async (request: unknown) => {
          calls += 1;
          if (calls === call) throw new Error("broken off");
          return rpc(request);
        };
      },
    });
  const { identity, groups, grants, tokens } = system;
  return {
    ...system,
    identity: breaking(identity),
    groups: breaking(groups),
    grants: breaking(grants),
    tokens: breaking(tokens),
  };
}

async function keysOf(orgId: string): Promise<number> {
  const { credentials } = await system.tokens.listCredentials({
    orgId,
    page: undefined,
    kind: "api_key",
    principalId: "",
    ids: [],
    names: [],
  });
  return credentials.length;
}

async function isMember(orgId: string): Promise<boolean> {
  const { members } = await system.identity.listMembers({
    orgId,
    page: undefined,
    ids: [],
    emails: [],
    givenNames: [],
    familyNames: [],
    kind: "",
  });
  return members.length > 0;
}

test.each([1, 2, 3, 4, 5, 6])(
  "broken off at call %i, it can be repeated, and nobody is in a half-made one",
  async (call) => {
    const wanted = { id: randomUUID(), name: randomUUID(), owner: { email: email() } };
    await expect(createOrganization(breakingOffAt(call), wanted)).rejects.toThrow("broken off");
    // The last call makes the key: by then, and not before, the organization is whole.
    expect(await isMember(wanted.id)).toBe(call === 6);
    const made = await createOrganization(system, wanted);
    expect(made.orgId).toBe(wanted.id);
    const { groups } = await system.groups.listGroups({
      orgId: made.orgId,
      page: undefined,
      ids: [],
      names: [],
    });
    expect(groups.map(({ name }) => name).sort()).toEqual(["Engineers", "Owners", "Viewers"]);
    expect(groups.find(({ builtIn }) => builtIn === "owners")?.principalIds).toEqual([made.ownerId]);
    const { hasGrant } = await system.grants.hasGrant({
      orgId: made.orgId,
      principalId: made.ownerId,
      groupIds: groups.map(({ id }) => id),
    });
    expect(hasGrant).toBe(true);
    expect(await keysOf(made.orgId)).toBe(1);
  },
);

test("repeated, it changes nothing but the Owner's key", async () => {
  const wanted = { id: randomUUID(), name: randomUUID(), owner: { email: email() } };
  const first = await createOrganization(system, wanted);
  const heads = () =>
    Promise.all(
      (["identity", "groups", "grants"] as const).map(
        async (owner) => (await system.facts[owner].heads({ orgIds: [wanted.id] })).positions[0],
      ),
    );
  const before = await heads();
  const second = await createOrganization(system, wanted);
  expect(second).toMatchObject({ orgId: first.orgId, ownerId: first.ownerId });
  expect(second.ownerKey).not.toBe(first.ownerKey);
  expect(await heads()).toEqual(before);
  expect(await keysOf(wanted.id)).toBe(1);
});

test("an owner of one organization can be the owner of another, and a taken name is refused early", async () => {
  const owner = { email: email() };
  const first = await createOrganization(system, { name: randomUUID(), owner });
  const name = randomUUID();
  const second = await createOrganization(system, { name, owner: { email: owner.email.toUpperCase() } });
  expect(second.ownerId).toBe(first.ownerId);
  const id = randomUUID();
  await expect(createOrganization(system, { id, name, owner })).rejects.toMatchObject({ kind: "refused" });
  expect((await system.facts.groups.heads({ orgIds: [id] })).positions).toEqual([0]);
});

const command = fileURLToPath(new URL("../../../services/admin/src/create-organization.ts", import.meta.url));

function run(environment: Record<string, string>, ...args: string[]) {
  return promisify(execFile)(process.execPath, [command, ...args], { env: environment });
}

test("the command prints what scripts need, and says in one line what is wrong", async () => {
  const environment = {
    PORTCULLIS_SERVICE_CREDENTIAL: system.serviceCredential,
    PORTCULLIS_IDENTITY_ADDRESS: system.addresses.identity,
    PORTCULLIS_GROUPS_ADDRESS: system.addresses.groups,
    PORTCULLIS_GRANTS_ADDRESS: system.addresses.grants,
    PORTCULLIS_TOKENS_ADDRESS: system.addresses.tokens,
    PORTCULLIS_DECISION_ADDRESS: system.addresses.decision,
  };
  const name = randomUUID();
  const { stdout } = await run(environment, "--name", name, "--owner-email", email());
  expect(stdout).toMatch(/^PORTCULLIS_ORG_ID=[0-9a-f-]{36}\nPORTCULLIS_OWNER_KEY=sk-\S+\n$/);
  const failing: [() => Promise<unknown>, RegExp][] = [
    [
      () => run(environment, "--name", name, "--owner-email", email()),
      /^create-organization: the name is taken.*\n$/,
    ],
    [() => run(environment, "--name", name), /^create-organization: usage: .*\n$/],
    [
      () => run({}, "--name", name, "--owner-email", email()),
      /^create-organization: bad configuration: .*\n$/,
    ],
  ];
  for (const [outcome, stderr] of failing) {
    await expect(outcome()).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(stderr) as string,
    });
  }
});
