// What the database finds is what Check would allow, object by object: random worlds are put into the tables, rows that
// no write would have made included, and read back as facts for the oracle.

import { randomUUID } from "node:crypto";
import { factFromWire, factKeyToWire } from "@portcullis/facts/wire";
import {
  type FactKey,
  type GroupId,
  indexGroups,
  isObjectType,
  type ObjectId,
  type ObjectRef,
  type ObjectType,
  objectTypeNames,
  occursAtOrBelow,
  organizationFace,
  type Permission,
  type PrincipalId,
  type Roles,
  systemRoles,
} from "@portcullis/policy";
import {
  judge,
  type ObjectText,
  type OrganizationFacts,
  objectText,
  sampling,
  type WholeAccess,
  worlds,
} from "@portcullis/policy/testing";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isOneOfOrganization, isRegistered } from "../src/domain/object.ts";
import { findObjects } from "../src/store/found-objects.ts";
import { newOrg, type Running, running } from "./running.ts";

let service: Running;
beforeAll(async () => {
  service = await running();
});
afterAll(() => service[Symbol.asyncDispose]());

const listedTypes = objectTypeNames.filter((type) => !isOneOfOrganization(type));
const askedPermissions: readonly Permission[] = ["read", "create", "update"];

interface Asked {
  readonly facts: OrganizationFacts;
  readonly principal: PrincipalId;
  readonly permission: Permission;
  readonly type: ObjectType;
  readonly under: ObjectRef | null;
  readonly limit: number;
}

test("what is found is what the rule allows, in pages of any size", { timeout: 120_000 }, async () => {
  let found = 0;
  const sizes = fc.infiniteStream(fc.nat());
  await fc.assert(
    fc.asyncProperty(worlds(), sizes, async ({ organizations, nowMs }, numbers) => {
      const below = (limit: number): number => Number(numbers.next().value) % limit;
      const [facts] = await Promise.all(organizations.map((one) => store(one, nowMs)));
      if (facts === undefined) throw new Error("a world without an organization");
      const objects = objectsOf(facts);
      const targets = objects.map((object) => ({ kind: "object", object }) as const);
      const verdict = judge(facts, { targets, nowMs: Date.now() });
      const asks = listedTypes.map((type): Asked => {
        const above = objects.filter((object) => occursAtOrBelow(type, object.type));
        return {
          facts,
          principal: [...facts.members.keys()][below(facts.members.size)] ?? (randomUUID() as PrincipalId),
          permission: askedPermissions[below(askedPermissions.length)] ?? "read",
          type,
          under: below(3) === 0 ? (above[below(above.length)] ?? null) : null,
          limit: [1, 2, 1000][below(3)] ?? 1,
        };
      });
      await Promise.all(
        asks.map(async (ask) => {
          if (!facts.members.has(ask.principal)) return;
          const expected = targets
            .filter(({ object }) => object.type === ask.type && isUnder(object, ask.under, facts))
            .filter((target) => verdict(ask.principal, ask.permission, target))
            .map(({ object }) => object.id)
            .toSorted();
          found += expected.length;
          expect(await find(ask)).toEqual(expected);
        }),
      );
    }),
    sampling({ numRuns: 100 }),
  );
  expect(found).toBeGreaterThan(100);
});

test("among very many objects and ACLs it is found by index", { timeout: 60_000 }, async () => {
  const org = newOrg();
  const [somebody, team, project] = [randomUUID(), randomUUID(), randomUUID()];
  await service.database.query(
    `insert into object (id, org_id, type, parent_type, parent_id, name, payload, created)
     values ($2, $1, 'project', 'org_project', $1, 'p', '{}', now())`,
    [org, project],
  );
  await service.database.query(
    `insert into object (id, org_id, type, parent_type, parent_id, name, payload, created)
     select gen_random_uuid(), $1, 'experiment', 'project', case when number % 200 = 0 then $2 else gen_random_uuid() end,
       number::text, '{}', now()
     from generate_series(1, 20000) as number`,
    [org, project],
  );
  await service.database.query(
    `insert into acl (id, org_id, object_type, object_id, subject_kind, subject_id, permission, built_in, created)
     select gen_random_uuid(), $1, 'project', case when number = 1 then $3::uuid else gen_random_uuid() end, 'group',
       case when number % 500 = 1 then $2::uuid else gen_random_uuid() end, 'read', false, now()
     from generate_series(1, 20000) as number`,
    [org, team, project],
  );
  await service.database.query("analyze object, acl");
  const client = await service.database.connect();
  try {
    await client.query("begin");
    const found = await findObjects(
      client,
      org,
      {
        principal: somebody as PrincipalId,
        groups: [team as GroupId],
        permission: "read",
        type: "experiment",
        under: null,
        after: null,
        limit: 1000,
      },
      new Date(),
    );
    expect(found.ids).toHaveLength(100);
    const { rows } = await client.query<{ relname: string; seq_scan: string; idx_scan: string }>(
      "select relname, seq_scan, idx_scan from pg_stat_xact_user_tables where relname in ('object', 'acl') order by 1",
    );
    expect(rows.map(({ relname, seq_scan }) => [relname, Number(seq_scan)])).toEqual([
      ["acl", 0],
      ["object", 0],
    ]);
    for (const { idx_scan } of rows) expect(Number(idx_scan)).toBeGreaterThan(0);
  } finally {
    await client.query("rollback");
    client.release();
  }
});

test("however many candidates there are, each object is compared with few of them", {
  timeout: 60_000,
}, async () => {
  const org = newOrg();
  const team = randomUUID() as GroupId;
  const [projects, granted, each] = [30, 6, 200];
  await service.database.query(
    `with project as (
       insert into object (id, org_id, type, parent_type, parent_id, name, payload, created)
       select gen_random_uuid(), $1, 'project', 'org_project', $1, number::text, '{}', now()
       from generate_series(1, $3::int) as number returning id, name
     ), acl as (
       insert into acl (id, org_id, object_type, object_id, subject_kind, subject_id, permission, built_in, created)
       select gen_random_uuid(), $1, 'project', id, 'group', $2, 'read', false, now() from project where name::int <= $4
     )
     insert into object (id, org_id, type, parent_type, parent_id, name, payload, created)
     select gen_random_uuid(), $1, 'experiment', 'project', id, number::text, '{}', now()
     from project, generate_series(1, $5::int) as number`,
    [org, team, projects, granted, each],
  );
  await service.database.query("analyze object, acl");
  const client = await service.database.connect();
  let rows = 0;
  const counting = {
    async query(text: string | object, values?: unknown[]) {
      if (typeof text === "string") {
        const explained = await client.query<{ "QUERY PLAN": [{ Plan: Plan }] }>(
          `explain (analyze, timing off, format json) ${text}`,
          values,
        );
        rows += rowsIn(explained.rows[0]?.["QUERY PLAN"][0].Plan);
      }
      return client.query(text as string, values);
    },
  };
  try {
    const found = await findObjects(
      counting as unknown as typeof client,
      org,
      {
        principal: randomUUID() as PrincipalId,
        groups: [team],
        permission: "read",
        type: "experiment",
        under: null,
        after: null,
        limit: granted * each,
      },
      new Date(),
    );
    expect(found.ids).toHaveLength(granted * each);
    expect(rows).toBeLessThan(40 * granted * each);
  } finally {
    client.release();
  }
});

/** What `explain` says of a step: how many rows it gave, and looked at in vain, each time that it was done. */
interface Plan {
  readonly "Actual Rows": number;
  readonly "Actual Loops": number;
  readonly "Rows Removed by Filter"?: number;
  readonly "Rows Removed by Join Filter"?: number;
  readonly Plans?: readonly Plan[];
}

function rowsIn(plan: Plan | undefined): number {
  if (plan === undefined) return 0;
  const { "Rows Removed by Filter": filtered = 0, "Rows Removed by Join Filter": compared = 0 } = plan;
  const own = plan["Actual Loops"] * (plan["Actual Rows"] + filtered + compared);
  return (plan.Plans ?? []).reduce((sum, below) => sum + rowsIn(below), own);
}

describe("a question that can't be asked", () => {
  const asked = {
    orgId: randomUUID(),
    principalId: randomUUID(),
    groupIds: [],
    permission: "read",
    type: "experiment",
    under: undefined,
    after: "",
    limit: 10,
  };
  test.each([
    ["org_id", { orgId: "" }],
    ["principal_id", { principalId: "you" }],
    ["group_ids[1]", { groupIds: [randomUUID(), "x"] }],
    ["group_ids", { groupIds: Array.from({ length: 10_001 }, () => randomUUID()) }],
    ["permission", { permission: "approve" }],
    ["type", { type: "spaceship" }],
    ["type", { type: "org_project" }],
    ["under", { under: { type: "dataset", id: randomUUID() } }],
    ["under.id", { under: { type: "project", id: "x" } }],
    ["after", { after: "x" }],
    ["limit", { limit: 0 }],
    ["limit", { limit: 1001 }],
  ])("names the field: %s", async (field, more) => {
    await expect(service.grants.findObjects({ ...asked, ...more })).rejects.toMatchObject({
      kind: "invalid",
      field,
    });
  });
});

async function find({ facts, principal, permission, type, under, limit }: Asked): Promise<ObjectId[]> {
  const holding = indexGroups(facts.groups).holding(facts.memberships.get(principal) ?? []);
  const ids: string[] = [];
  for (;;) {
    const page = await service.grants.findObjects({
      orgId: facts.org,
      principalId: principal,
      groupIds: [...holding],
      permission,
      type,
      under: under ?? undefined,
      after: ids.at(-1) ?? "",
      limit,
    });
    expect(page.ids.length).toBeLessThanOrEqual(limit);
    if (page.every) {
      expect(type).toBe("group");
      return [...facts.groups.keys()]
        .filter((id) => under?.type !== "group" || under.id === (id as string))
        .toSorted() as string[] as ObjectId[];
    }
    ids.push(...page.ids);
    if (!page.more) break;
  }
  const live = type === "group" ? ids.filter((id) => facts.groups.has(id as GroupId)) : ids;
  return live as ObjectId[];
}

function objectsOf(facts: OrganizationFacts): readonly ObjectRef[] {
  const all = new Map<ObjectText, ObjectRef>();
  const add = (object: ObjectRef) => all.set(objectText(object), object);
  for (const text of facts.access.keys()) {
    const [type = "", id = ""] = text.split(" ");
    if (isObjectType(type)) add({ type, id: id as ObjectId });
  }
  for (const id of facts.groups.keys()) add({ type: "group", id: id as string as ObjectId });
  for (const id of facts.roles.keys()) add({ type: "role", id: id as string as ObjectId });
  return [...all.values()];
}

/** At it, or anywhere below it. */
function isUnder(object: ObjectRef, under: ObjectRef | null, facts: OrganizationFacts): boolean {
  if (under === null || (isOneOfOrganization(under.type) && (under.id as string) === facts.org)) return true;
  if (objectText(object) === objectText(under)) return true;
  const access = facts.access.get(objectText(object));
  const above = [access?.parent, ...(object.type === "project" ? (access?.alsoUnder ?? []) : [])];
  return above.some((one) => one !== null && one !== undefined && isUnder(one, under, facts));
}

/** Puts an organisation into the tables, under ids of its own, as far as they can hold it; answers the facts. */
async function store(world: OrganizationFacts, nowMs: number): Promise<OrganizationFacts> {
  const org = newOrg();
  const renamed = new Map<string, string>();
  const rename = (type: string, id: string): string => {
    if (id === world.org) return org;
    if (Object.values(systemRoles).some((role) => role.id === id)) return id;
    const known = renamed.get(`${type} ${id}`) ?? randomUUID();
    renamed.set(`${type} ${id}`, known);
    return known;
  };
  // A face goes by the id of what it is a face of; and groups by those of principals, so that they could be mixed up.
  const subject = (id: string) => rename("subject", id);
  const idOf = ({ type, id }: ObjectRef): string => {
    if (type === "group") return subject(id);
    return rename(type === "project_log" ? "project" : type, id);
  };
  const objects: object[] = [];
  const acls: object[] = [];
  const listings = new Map<string, string[]>();
  const named: ObjectRef[] = [];
  for (const [text, access] of world.access) {
    const [type, id] = text.split(" ") as [ObjectType, ObjectId];
    const object = { type, id };
    named.push({ type, id: idOf(object) as ObjectId });
    const { parent } = access;
    if (isRegistered(type) && parent !== null) {
      objects.push({
        id: idOf(object),
        org_id: org,
        type,
        parent_type: parent.type,
        parent_id: idOf(parent),
        payload: { public: access.publicRead === true },
      });
    }
    for (const other of access.alsoUnder) {
      if (type !== "project" || other.type !== "project_group") continue;
      listings.set(idOf(other), [...(listings.get(idOf(other)) ?? []), idOf(object)]);
    }
    for (const { subject: holder, grant, expiresAtMs } of access.acls) {
      acls.push({
        id: randomUUID(),
        org_id: org,
        object_type: type,
        object_id: idOf(object),
        subject_kind: holder.kind,
        subject_id: subject(holder.id),
        permission: grant.kind === "permission" ? grant.permission : null,
        role_id: grant.kind === "role" ? rename("role", grant.id) : null,
        restrict_object_type: grant.kind === "permission" ? grant.restrictObjectType : null,
        expires_at: expiresAtMs === null ? null : new Date(expiresAtMs > nowMs ? "2999-01-01" : "1999-01-01"),
      });
    }
  }
  const roles = [...world.roles]
    .filter(([id]) => !Object.values(systemRoles).some((role) => role.id === id))
    .map(([id, { permissions, memberRoles }]) => ({
      id: rename("role", id),
      org_id: org,
      name: randomUUID(),
      permissions,
      member_roles: memberRoles.map((member) => rename("role", member)),
    }));
  await service.database.query(
    `insert into object (id, org_id, type, parent_type, parent_id, name, payload, created, member_projects)
     select id, org_id, type, parent_type, parent_id, id::text, payload, now(),
       coalesce((select array_agg(listed::uuid) from jsonb_array_elements_text($2::jsonb -> (rows.id::text)) as listed), '{}')
     from jsonb_to_recordset($1::jsonb)
       as rows (id uuid, org_id uuid, type text, parent_type text, parent_id uuid, payload jsonb)
     on conflict do nothing`,
    [JSON.stringify(objects), JSON.stringify(Object.fromEntries(listings))],
  );
  await service.database.query(
    `insert into role (id, org_id, name, permissions, member_roles, created)
     select id, org_id, name, permissions, member_roles, now() from jsonb_to_recordset($1::jsonb)
       as rows (id uuid, org_id uuid, name text, permissions jsonb, member_roles uuid[])`,
    [JSON.stringify(roles)],
  );
  await service.database.query(
    `insert into acl (id, org_id, object_type, object_id, subject_kind, subject_id, permission, role_id,
       restrict_object_type, expires_at, built_in, created)
     select id, org_id, object_type, object_id, subject_kind, subject_id, permission, role_id,
       restrict_object_type, expires_at, false, now()
     from jsonb_to_recordset($1::jsonb) as rows (id uuid, org_id uuid, object_type text, object_id uuid,
       subject_kind text, subject_id uuid, permission text, role_id uuid, restrict_object_type text, expires_at timestamptz)
     on conflict do nothing`,
    [JSON.stringify(acls)],
  );

  const faces = (["organization", "org_member", "org_project", "org_audit_logs"] as const).map((face) =>
    organizationFace(face, org),
  );
  const logs = named
    .filter(({ type }) => type === "project")
    .map(({ id }): ObjectRef => ({ type: "project_log", id }));
  const keys: FactKey[] = [
    { kind: "roles", org },
    ...[...faces, ...named, ...logs].map((object): FactKey => ({ kind: "access", org, object })),
  ];
  const { facts } = await service.facts.load({ keys: keys.map(factKeyToWire) });
  const access = new Map<ObjectText, WholeAccess>();
  let storedRoles: Roles = new Map();
  for (const { key, value } of facts.map(factFromWire)) {
    if (key.kind === "roles") storedRoles = value as Roles;
    if (key.kind === "access" && value !== null) access.set(objectText(key.object), value as WholeAccess);
  }
  const group = (id: string) => subject(id) as GroupId;
  return {
    org,
    members: renameKeys(world.members, (id) => subject(id) as PrincipalId),
    memberships: new Map(
      [...world.memberships].map(([id, those]) => [subject(id) as PrincipalId, those.map(group)]),
    ),
    groups: new Map(
      [...world.groups].map(([id, node]) => [
        group(id),
        { ...node, memberGroups: node.memberGroups.map(group) },
      ]),
    ),
    roles: storedRoles,
    access,
  };
}

function renameKeys<Key, Value>(map: ReadonlyMap<Key, Value>, rename: (key: Key) => Key): Map<Key, Value> {
  return new Map([...map].map(([key, value]) => [rename(key), value]));
}
