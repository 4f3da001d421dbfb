import { randomUUID } from "node:crypto";
import { createOrganization, type OrganizationMade } from "@portcullis/admin-service/create-organization";
import { Fault } from "@portcullis/chassis/fault";
import pg from "pg";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type System, startSystem } from "../src/system.ts";

// Identity, groups, grants and tokens together: what happens when members come and go.

let system: System;
beforeAll(async () => {
  system = await startSystem({
    databaseServerUrl: inject("databaseUrl"),
    services: ["identity", "groups", "grants", "tokens"],
  });
});
afterAll(() => system[Symbol.asyncDispose]());

const context = { actor: undefined, requestId: "test", sourceAddress: "", unchangedSince: [] };
const email = () => `${randomUUID()}@example.com`;

interface Organization extends OrganizationMade {
  /** The group Owners. */
  readonly owners: string;
}

async function organization(): Promise<Organization> {
  const made = await createOrganization(system, { name: `Acme ${randomUUID()}`, owner: { email: email() } });
  const { groups } = await system.groups.listGroups({
    orgId: made.orgId,
    page: undefined,
    ids: [],
    names: ["Owners"],
  });
  return { ...made, owners: groups[0]?.id ?? "" };
}

async function invite({ orgId }: Organization, userIds: string[] = []): Promise<string> {
  const users = userIds.length > 0 ? [] : [{ email: email(), givenName: undefined, familyName: undefined }];
  const { members } = await system.identity.inviteMembers({
    context,
    orgId,
    userIds,
    users,
    serviceAccounts: [],
  });
  return members[0]?.principal?.id ?? "";
}

/** Invites at once, and again if the clean-up took longer than identity waits, as on a busy machine. */
async function comeBack(org: Organization, principal: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await invite(org, [principal]);
      return;
    } catch (error) {
      if (!(error instanceof Fault && error.kind === "unavailable") || attempt === 10) throw error;
    }
  }
}

async function serviceAccount({ orgId }: Organization): Promise<string> {
  const serviceAccounts = [{ name: "deploy" }];
  const { members } = await system.identity.inviteMembers({
    context,
    orgId,
    userIds: [],
    users: [],
    serviceAccounts,
  });
  return members[0]?.principal?.id ?? "";
}

function remove({ orgId }: Organization, ...principalIds: string[]) {
  return system.identity.removeMembers({ context, orgId, principalIds, emails: [] });
}

async function group({ orgId }: Organization, principalIds: string[], memberGroupIds: string[] = []) {
  const { group: made } = await system.groups.createGroup({
    context,
    orgId,
    name: randomUUID(),
    description: undefined,
    principalIds,
    memberGroupIds,
    ownerId: "",
  });
  return made?.id ?? "";
}

interface GroupChange {
  readonly addPrincipalIds?: string[];
  readonly removePrincipalIds?: string[];
  readonly addMemberGroupIds?: string[];
  readonly removeMemberGroupIds?: string[];
}

function change({ orgId }: Organization, id: string, edit: GroupChange) {
  return system.groups.updateGroup({
    context,
    orgId,
    id,
    name: undefined,
    description: undefined,
    replacePrincipalIds: undefined,
    replaceMemberGroupIds: undefined,
    addPrincipalIds: [],
    removePrincipalIds: [],
    addMemberGroupIds: [],
    removeMemberGroupIds: [],
    ...edit,
  });
}

async function grant({ orgId }: Organization, principal: string): Promise<void> {
  await system.grants.updateAcls({
    context,
    orgId,
    add: [
      {
        object: { type: "organization", id: orgId },
        subject: { $case: "principalId", value: principal },
        grant: { $case: "permission", value: "read" },
        restrictObjectType: "",
        expiresAt: undefined,
      },
    ],
    remove: [],
  });
}

async function key({ orgId }: Organization, principalId: string): Promise<void> {
  await system.tokens.createCredential({
    context,
    orgId,
    kind: "api_key",
    principalId,
    name: "laptop",
    expiresAt: undefined,
    scope: undefined,
    replace: false,
  });
}

async function memberships({ orgId }: Organization, principal: string): Promise<string[]> {
  const { facts } = await system.facts.groups.load({
    keys: [{ orgId, kind: { $case: "memberships", value: principal } }],
  });
  const value = facts[0]?.value;
  return value?.$case === "memberships" ? value.value.groupIds : [];
}

/** What a principal has in an organisation besides being a member of it. */
async function access(org: Organization, principalId: string) {
  const { orgId } = org;
  const { hasGrant } = await system.grants.hasGrant({ orgId, principalId, groupIds: [] });
  const { credentials } = await system.tokens.listCredentials({
    orgId,
    page: undefined,
    kind: "api_key",
    principalId,
    ids: [],
    names: [],
  });
  return { groups: await memberships(org, principalId), granted: hasGrant, keys: credentials.length };
}

const nothing = { groups: [], granted: false, keys: 0 };

/** The active users that are Owners, through nested groups too. */
async function ownersOf({ orgId, owners }: Organization): Promise<string[]> {
  const { groups } = await system.groups.listGroups({ orgId, page: undefined, ids: [], names: [] });
  const byId = new Map(groups.map((each) => [each.id, each]));
  const closure = new Set([owners]);
  for (const id of closure) for (const inner of byId.get(id)?.memberGroupIds ?? []) closure.add(inner);
  const principalIds = [...closure].flatMap((id) => byId.get(id)?.principalIds ?? []);
  const { members } = await system.identity.getMembers({ orgId, principalIds });
  return members.filter(({ kind }) => kind === "user").map(({ id }) => id);
}

const lastOwner = { kind: "refused", message: /without an active user in Owners/ };

test("who is removed loses groups, grants and keys", async () => {
  const org = await organization();
  const alice = await invite(org);
  await group(org, [alice]);
  await grant(org, alice);
  await key(org, alice);
  expect(await access(org, alice)).toMatchObject({ granted: true, keys: 1 });
  await remove(org, alice);
  await expect.poll(() => access(org, alice), { interval: 20 }).toEqual(nothing);
});

test("who is invited again at once comes back with nothing, and keeps what it gets then", async () => {
  const org = await organization();
  const alice = await invite(org);
  for (let round = 0; round < 4; round++) {
    const old = await group(org, [alice]);
    await grant(org, alice);
    await key(org, alice);
    await remove(org, alice);
    await comeBack(org, alice);
    expect(await access(org, alice)).toEqual(nothing);

    const fresh = await group(org, [alice]);
    expect(await memberships(org, alice)).toEqual([fresh]);
    expect(old).not.toBe(fresh);
    // Emptied, so that the next round begins like this one.
    await change(org, fresh, { removePrincipalIds: [alice] });
  }
});

test("nobody comes back while something of the earlier membership may still stand", async () => {
  const org = await organization();
  const alice = await invite(org);
  await grant(org, alice);
  system.signal("grants", "SIGSTOP");
  try {
    await remove(org, alice);
    await expect(invite(org, [alice])).rejects.toMatchObject({ kind: /unavailable|timeout/ });
    const { members } = await system.identity.getMembers({ orgId: org.orgId, principalIds: [alice] });
    expect(members).toEqual([]);
  } finally {
    system.signal("grants", "SIGCONT");
  }
  await expect.poll(() => access(org, alice), { timeout: 40_000, interval: 50 }).toEqual(nothing);
  expect(await invite(org, [alice])).toBe(alice);
});

test("the last Owner can't be removed from the organization, nor from Owners, nor with a nested group", async () => {
  const org = await organization();
  await expect(remove(org, org.ownerId)).rejects.toMatchObject(lastOwner);
  await expect(change(org, org.owners, { removePrincipalIds: [org.ownerId] })).rejects.toMatchObject(
    lastOwner,
  );

  const alice = await invite(org);
  const nested = await group(org, [alice]);
  await change(org, org.owners, { addMemberGroupIds: [nested] });
  await remove(org, org.ownerId);
  await expect(change(org, org.owners, { removeMemberGroupIds: [nested] })).rejects.toMatchObject(lastOwner);
  await expect(change(org, nested, { removePrincipalIds: [alice] })).rejects.toMatchObject(lastOwner);
  await expect(system.groups.deleteGroup({ context, orgId: org.orgId, id: nested })).rejects.toMatchObject(
    lastOwner,
  );
  await expect(remove(org, alice)).rejects.toMatchObject(lastOwner);
  expect(await ownersOf(org)).toEqual([alice]);
});

test("a service account does not count as the Owner that is left", async () => {
  const org = await organization();
  const deploy = await serviceAccount(org);
  await change(org, org.owners, { addPrincipalIds: [deploy] });
  await expect(remove(org, org.ownerId)).rejects.toMatchObject(lastOwner);
  await expect(change(org, org.owners, { removePrincipalIds: [org.ownerId] })).rejects.toMatchObject(
    lastOwner,
  );
});

test("a removal whose process died behind its reservation does no harm", async () => {
  const org = await organization();
  const alice = await invite(org);
  await change(org, org.owners, { addPrincipalIds: [alice] });
  await system.groups.reserveDeparture({
    orgId: org.orgId,
    principalIds: [alice],
    reservationId: randomUUID(),
  });
  // While the reservation stands, it counts; the member itself stays what it was.
  await expect(remove(org, org.ownerId)).rejects.toMatchObject(lastOwner);
  expect((await ownersOf(org)).sort()).toEqual([alice, org.ownerId].sort());
});

test("whoever a failed removal did not remove counts as an Owner again at once", async () => {
  const org = await organization();
  const alice = await invite(org);
  await change(org, org.owners, { addPrincipalIds: [alice] });
  const database = new pg.Client({ connectionString: system.databaseUrl("identity") });
  await database.connect();
  try {
    await database.query(
      `create function break_removal() returns trigger language plpgsql as $$
         begin raise exception 'broken'; end $$;
       create trigger break_removal before insert on event_log for each row
         when (new.org_id = '${org.orgId}') execute function break_removal()`,
    );
    await expect(remove(org, alice)).rejects.toThrow();
    await database.query("drop function break_removal cascade");
  } finally {
    await database.end();
  }
  await remove(org, org.ownerId);
  await expect(remove(org, alice)).rejects.toMatchObject(lastOwner);
});

interface Meeting {
  readonly name: string;
  readonly writes: (org: Organization, alice: string) => Promise<(() => Promise<unknown>)[]>;
}

/** Each leaves an Owner by itself, and none if all came through. The Owners are the first one and Alice. */
const meetings: readonly Meeting[] = [
  {
    name: "two removals from the organization",
    writes: async (org, alice) => {
      await change(org, org.owners, { addPrincipalIds: [alice] });
      return [() => remove(org, alice), () => remove(org, org.ownerId)];
    },
  },
  {
    name: "a removal from the organization and one from Owners",
    writes: async (org, alice) => {
      await change(org, org.owners, { addPrincipalIds: [alice] });
      return [() => remove(org, alice), () => change(org, org.owners, { removePrincipalIds: [org.ownerId] })];
    },
  },
  {
    name: "a removal from the organization and the end of a nesting",
    writes: async (org, alice) => {
      const nested = await group(org, [alice]);
      await change(org, org.owners, { addMemberGroupIds: [nested] });
      return [
        () => remove(org, org.ownerId),
        () => change(org, org.owners, { removeMemberGroupIds: [nested] }),
      ];
    },
  },
  {
    name: "a removal from the organization and a deleted nested group",
    writes: async (org, alice) => {
      const nested = await group(org, [alice]);
      await change(org, org.owners, { addMemberGroupIds: [nested] });
      return [
        () => remove(org, org.ownerId),
        () => system.groups.deleteGroup({ context, orgId: org.orgId, id: nested }),
      ];
    },
  },
  {
    name: "two edits of groups",
    writes: async (org, alice) => {
      const nested = await group(org, [alice]);
      await change(org, org.owners, { addMemberGroupIds: [nested] });
      return [
        () => change(org, nested, { removePrincipalIds: [alice] }),
        () => change(org, org.owners, { removePrincipalIds: [org.ownerId] }),
      ];
    },
  },
];

test.each(meetings)("$name that meet leave an Owner", async ({ writes }) => {
  for (let round = 0; round < 4; round++) {
    const org = await organization();
    const alice = await invite(org);
    const together = await writes(org, alice);
    const outcomes = await Promise.allSettled(
      (round % 2 === 0 ? together : together.reverse()).map((write) => write()),
    );
    expect(await ownersOf(org)).toHaveLength(1);
    const refused = outcomes.filter((outcome) => outcome.status === "rejected");
    expect(refused.map(({ reason }) => reason as unknown)).toEqual([
      expect.objectContaining({ kind: "refused" }),
    ]);
  }
});
