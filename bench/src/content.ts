// What organisations are filled with: by the owners' own interfaces, or, where that would take hours and nothing has read the
// facts yet, by rows that are put into their databases.

import { randomUUID } from "node:crypto";
import { createOrganization, type OrganizationMade } from "@portcullis/admin-service/create-organization";
import type { Owner } from "@portcullis/policy";
import type { System } from "@portcullis/testbed";
import pg from "pg";

export const context = { actor: undefined, requestId: "bench", sourceAddress: "", unchangedSince: [] };

/** What identity takes at once, without much ado. */
const invitedAtOnce = 500;

/** A new one, with its Owner. */
export function organization(system: System): Promise<OrganizationMade> {
  const name = `bench ${randomUUID()}`;
  return createOrganization(system, { name, owner: { email: `${randomUUID()}@example.com` } });
}

/** New users in it: their ids. */
export async function invite(system: System, orgId: string, count: number): Promise<string[]> {
  const ids: string[] = [];
  while (ids.length < count) {
    const { members } = await system.identity.inviteMembers({
      context,
      orgId,
      userIds: [],
      users: Array.from({ length: Math.min(invitedAtOnce, count - ids.length) }, () => ({
        email: `${randomUUID()}@example.com`,
        givenName: undefined,
        familyName: undefined,
      })),
      serviceAccounts: [],
    });
    ids.push(...members.map(({ principal }) => principal?.id ?? ""));
  }
  return ids;
}

/** A service token of a new service account of the organisation. */
export async function makeServiceToken(system: System, orgId: string): Promise<string> {
  const { members } = await system.identity.inviteMembers({
    context,
    orgId,
    userIds: [],
    users: [],
    serviceAccounts: [{ name: "bench" }],
  });
  return makeCredential(system, orgId, members[0]?.principal?.id ?? "", "service_token");
}

/** A new one of somebody: its secret. */
export async function makeCredential(
  system: System,
  orgId: string,
  principalId: string,
  kind: "api_key" | "service_token",
): Promise<string> {
  const { secret } = await system.tokens.createCredential({
    context,
    orgId,
    kind,
    principalId,
    name: "bench",
    expiresAt: undefined,
    scope: undefined,
    replace: false,
  });
  return secret;
}

interface WantedObject {
  readonly orgId: string;
  readonly type: string;
  readonly parent: { readonly type: string; readonly id: string };
  /** Who owns it; nobody does when not given. */
  readonly ownerId?: string;
}

/** A new object: its id. */
export async function makeObject(
  system: System,
  { orgId, type, parent, ownerId = "" }: WantedObject,
): Promise<string> {
  const { object } = await system.grants.createObject({
    context,
    orgId,
    object: { type, parent, name: randomUUID(), slug: "", payloadJson: "{}", memberProjectIds: [] },
    ownerId,
    ensureNew: false,
  });
  return object?.id ?? "";
}

/** A new group of these, who are members, and of the members of other groups: its id. */
export async function makeGroup(
  system: System,
  orgId: string,
  principalIds: string[],
  memberGroupIds: string[] = [],
): Promise<string> {
  const { group } = await system.groups.createGroup({
    context,
    orgId,
    name: `group ${randomUUID()}`,
    description: undefined,
    principalIds,
    memberGroupIds,
    ownerId: "",
    externalId: undefined,
  });
  return group?.id ?? "";
}

/** Puts so many new members into the organisation and into a group of it. */
export async function fillGroup(
  system: System,
  orgId: string,
  groupId: string,
  count: number,
): Promise<void> {
  const ids = Array.from({ length: count }, () => randomUUID());
  await put(
    system,
    "identity",
    `with made as (
       insert into principal (id, kind, email, email_key, created)
       select id, 'user', id || '@example.com', id || '@example.com', now() from unnest($2::uuid[]) as id returning id
     )
     insert into membership (org_id, principal_id, joined) select $1::uuid, id, now() from made`,
    [orgId, ids],
  );
  await put(
    system,
    "groups",
    "insert into group_principal (org_id, group_id, principal_id) select $1, $2, unnest($3::uuid[])",
    [orgId, groupId, ids],
  );
}

/** Puts rows into an owner's database, and has it know at once how many there are, as it would by itself soon. */
export async function put(
  system: System,
  owner: Owner,
  statement: string,
  values: readonly unknown[],
): Promise<void> {
  const client = new pg.Client({ connectionString: system.databaseUrl(owner) });
  await client.connect();
  try {
    await client.query(statement, [...values]);
    await client.query("analyze");
  } finally {
    await client.end();
  }
}
