import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { createOrganization } from "@portcullis/admin-service/create-organization";
import { Fault } from "@portcullis/chassis/fault";
import { type ObjectType, objectTypeRow } from "@portcullis/policy";
import type { CheckRequest } from "@portcullis/proto/decision/v1/decision";
import pg from "pg";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type System, startSystem } from "../src/system.ts";

// What ends with what is said by a table in docs/policy.md; here every row of it is acted out, and every cell counted.

const parts = new AsyncDisposableStack();
let system: System;
let org: Organization;
let databases: Record<"groups" | "grants" | "tokens", pg.Pool>;
beforeAll(async () => {
  system = parts.use(
    await startSystem({
      databaseServerUrl: inject("databaseUrl"),
      services: ["identity", "groups", "grants", "tokens", "decision"],
    }),
  );
  const poolOf = (owner: "groups" | "grants" | "tokens") => {
    const pool = new pg.Pool({ connectionString: system.databaseUrl(owner) });
    pool.on("error", () => undefined);
    parts.defer(() => pool.end());
    return pool;
  };
  org = await Organization.made();
  databases = { groups: poolOf("groups"), grants: poolOf("grants"), tokens: poolOf("tokens") };
});
afterAll(() => parts.disposeAsync());

const context = { actor: undefined, requestId: "test", sourceAddress: "", unchangedSince: [] };

/** One column of the table: where rows of that kind stand, and how many name this id. */
interface Column {
  readonly database: "groups" | "grants" | "tokens";
  readonly counting: string;
}

const columns: Readonly<Record<string, Column>> = {
  "its place in groups": {
    database: "groups",
    counting: `(select count(*) from group_principal where principal_id = $1 or group_id = $1)
      + (select count(*) from group_nesting where member_group_id = $1 or group_id = $1)`,
  },
  "its place in roles": {
    database: "grants",
    counting: "(select count(*) from role where member_roles @> array[$1::uuid] and deleted_at is null)",
  },
  "ACLs that name or grant it": {
    database: "grants",
    counting: "(select count(*) from acl where subject_id = $1 or role_id = $1)",
  },
  "ACLs on it and below it": {
    database: "grants",
    counting: `(select count(*) from acl where object_id = $1
      or object_id in (select id from object where parent_id = $1))`,
  },
  "its keys and tokens": {
    database: "tokens",
    counting: "(select count(*) from credential where principal_id = $1 and revoked_at is null)",
  },
  "its place in project groups": {
    database: "grants",
    counting: "(select count(*) from object where member_projects @> array[$1::uuid] and deleted_at is null)",
  },
  "objects below it": {
    database: "grants",
    counting: "(select count(*) from object where parent_id = $1 and deleted_at is null)",
  },
};

/** How much of each column still stands. */
async function standing(id: string): Promise<Record<string, number>> {
  const counted = await Promise.all(
    Object.entries(columns).map(async ([name, { database, counting }]) => {
      const { rows } = await databases[database].query<{ count: string }>(`select ${counting} as count`, [
        id,
      ]);
      return [name, Number(rows[0]?.count)] as const;
    }),
  );
  return Object.fromEntries(counted);
}

interface Row {
  readonly gone: string;
  readonly cells: Readonly<Record<string, string>>;
}

function tableOfTheDocument(): Row[] {
  const text = readFileSync(new URL("../../../docs/policy.md", import.meta.url), "utf8");
  const [, section = ""] = text.split("\n## What ends with what\n");
  const lines = section.split("\n## ")[0]?.split("\n") ?? [];
  const [heading, , ...rows] = lines
    .filter((line) => line.startsWith("|"))
    .map((line) =>
      line
        .slice(1, -1)
        .split("|")
        .map((cell) => cell.trim()),
    );
  return rows.map(([gone = "", ...cells]) => ({
    gone,
    cells: Object.fromEntries(cells.map((cell, index) => [heading?.[index + 1] ?? "", cell])),
  }));
}

/** Something that is about to go, and somebody's access that goes with it. */
interface Scene {
  readonly id: string;
  readonly who: CheckRequest["who"];
  readonly object: { readonly type: string; readonly id: string };
  readonly remove: () => Promise<unknown>;
}

const scenes: Readonly<Record<string, (org: Organization) => Promise<Scene>>> = {
  async "a user, from the organisation"(org) {
    const id = await org.user();
    const project = await org.object("project");
    await org.grant(project, { id });
    await org.group([id]);
    await org.credential(id, "api_key");
    return { id, who: principal(id), object: project, remove: () => org.removeMember(id) };
  },
  async "a service account"(org) {
    const id = await org.serviceAccount();
    const project = await org.object("project");
    await org.grant(project, { id });
    await org.group([id]);
    await org.credential(id, "api_key");
    const value = await org.credential(id, "service_token");
    return {
      id,
      who: { $case: "credential", value },
      object: project,
      remove: () => org.removeMember(id),
    };
  },
  async "a group"(org) {
    const user = await org.user();
    const id = await org.group([user], [await org.group([])]);
    await org.group([], [id]);
    const project = await org.object("project");
    await org.grant(project, { group: id });
    await org.grant({ type: "group", id }, { id: org.ownerId });
    const remove = () => system.groups.deleteGroup({ context, orgId: org.id, id });
    return { id, who: principal(user), object: project, remove };
  },
  async "a role"(org) {
    const user = await org.user();
    const id = await org.role([{ permission: "read", restrictObjectType: "" }], []);
    await org.role([], [id]);
    const project = await org.object("project");
    await org.grant(project, { id: user, role: id });
    await org.grant({ type: "role", id }, { id: org.ownerId });
    const remove = () => system.grants.deleteRole({ context, orgId: org.id, id });
    return { id, who: principal(user), object: project, remove };
  },
  async "a project"(org) {
    const user = await org.user();
    const project = await org.object("project");
    const experiment = await org.object("experiment", project);
    await org.object("project_group", undefined, [project.id]);
    for (const each of [project, { type: "project_log", id: project.id }, experiment]) {
      await org.grant(each, { id: user });
    }
    return deletion(org, project, user, experiment);
  },
  async "a project group"(org) {
    const user = await org.user();
    const project = await org.object("project");
    const listing = await org.object("project_group", undefined, [project.id]);
    await org.grant(listing, { id: user });
    return deletion(org, listing, user, project);
  },
  "an experiment": (org) => leaf(org, "experiment"),
  "a dataset": (org) => leaf(org, "dataset"),
  "a prompt": (org) => leaf(org, "prompt"),
  "a playground": (org) => leaf(org, "prompt_session"),
  "an AI secret": (org) => leaf(org, "ai_secret"),
  "an AI secret of the organisation": (org) => leaf(org, "org_ai_secret"),
};

async function leaf(org: Organization, type: ObjectType): Promise<Scene> {
  const user = await org.user();
  const parent = objectTypeRow(type).parent === "project" ? await org.object("project") : undefined;
  const object = await org.object(type, parent);
  await org.grant(object, { id: user });
  return deletion(org, object, user, object);
}

function deletion(org: Organization, gone: Ref, user: string, object: Ref): Scene {
  const remove = () => system.grants.deleteObject({ context, orgId: org.id, ...gone });
  return { id: gone.id, who: principal(user), object, remove };
}

interface Ref {
  readonly type: string;
  readonly id: string;
}

function principal(value: string): CheckRequest["who"] {
  return { $case: "principalId", value };
}

class Organization {
  readonly id: string;
  readonly ownerId: string;

  private constructor(id: string, ownerId: string) {
    this.id = id;
    this.ownerId = ownerId;
  }

  static async made(): Promise<Organization> {
    const owner = { email: `${randomUUID()}@example.com` };
    const { orgId, ownerId } = await createOrganization(system, { name: `Acme ${randomUUID()}`, owner });
    return new Organization(orgId, ownerId);
  }

  user(): Promise<string> {
    const email = `${randomUUID()}@example.com`;
    return this.#invite({ users: [{ email, givenName: undefined, familyName: undefined }] });
  }

  serviceAccount(): Promise<string> {
    return this.#invite({ serviceAccounts: [{ name: randomUUID() }] });
  }

  async #invite(whom: object): Promise<string> {
    const nobody = { userIds: [], users: [], serviceAccounts: [] };
    const { members } = await system.identity.inviteMembers({ context, orgId: this.id, ...nobody, ...whom });
    return members[0]?.principal?.id ?? "";
  }

  removeMember(id: string) {
    return system.identity.removeMembers({ context, orgId: this.id, principalIds: [id], emails: [] });
  }

  async group(principalIds: string[], memberGroupIds: string[] = []): Promise<string> {
    const { group } = await system.groups.createGroup({
      context,
      orgId: this.id,
      name: randomUUID(),
      description: undefined,
      principalIds,
      memberGroupIds,
      ownerId: "",
    });
    return group?.id ?? "";
  }

  async role(
    permissions: { permission: string; restrictObjectType: string }[],
    memberRoleIds: string[],
  ): Promise<string> {
    const { role } = await system.grants.createRole({
      context,
      orgId: this.id,
      name: randomUUID(),
      permissions,
      memberRoleIds,
      ownerId: "",
    });
    return role?.id ?? "";
  }

  async object(type: ObjectType, under?: Ref, memberProjectIds: string[] = []): Promise<Ref> {
    const parent = under ?? { type: objectTypeRow(type).parent ?? "", id: this.id };
    const name = randomUUID();
    const slug = type === "prompt" ? name : "";
    const { object } = await system.grants.createObject({
      context,
      orgId: this.id,
      object: { type, parent, name, slug, payloadJson: "", memberProjectIds },
      ownerId: "",
      ensureNew: false,
    });
    return { type, id: object?.id ?? "" };
  }

  /** Grants to read, or a role, to a principal or a group. */
  async grant(object: Ref, to: { readonly role?: string } & ({ id: string } | { group: string })) {
    const subject =
      "group" in to
        ? ({ $case: "groupId", value: to.group } as const)
        : ({ $case: "principalId", value: to.id } as const);
    const grant =
      to.role === undefined
        ? ({ $case: "permission", value: "read" } as const)
        : ({ $case: "roleId", value: to.role } as const);
    const add = [{ object, subject, grant, restrictObjectType: "", expiresAt: undefined }];
    await system.grants.updateAcls({ context, orgId: this.id, add, remove: [] });
  }

  async credential(principalId: string, kind: string): Promise<string> {
    const { secret } = await system.tokens.createCredential({
      context,
      orgId: this.id,
      kind,
      principalId,
      name: kind,
      expiresAt: undefined,
      scope: undefined,
      replace: false,
    });
    return secret;
  }

  /** Whether it may read, as of now; a credential that is nobody's may not. */
  async mayRead(who: CheckRequest["who"], object: Ref): Promise<boolean> {
    const question: CheckRequest = {
      orgId: this.id,
      who,
      permission: "read",
      what: { $case: "object", value: object },
      consistency: { kind: { $case: "fullyConsistent", value: {} } },
    };
    try {
      return (await system.decision.check(question)).allowed;
    } catch (error) {
      if (error instanceof Fault && error.kind === "unauthenticated") return false;
      throw error;
    }
  }
}

const rows = tableOfTheDocument();

function sceneOf(gone: string): Promise<Scene> {
  const scene = scenes[gone];
  if (scene === undefined) throw new Error(`no scene is called ${gone}`);
  return scene(org);
}

test("the table and the scenes are of the same things", () => {
  expect(rows.map(({ gone }) => gone)).toEqual(Object.keys(scenes));
  for (const { cells } of rows) expect(Object.keys(cells)).toEqual(Object.keys(columns));
});

test.each(rows)("$gone goes: access at once, all else as the table says", async ({ gone, cells }) => {
  const { id, who, object, remove } = await sceneOf(gone);
  const bystander = await sceneOf(gone);
  const before = await standing(id);
  for (const [column, cell] of Object.entries(cells)) {
    expect(cell, column).toMatch(/^(?:–|with it|behind it)$/);
    expect(cell === "–", column).toBe(before[column] === 0);
  }
  expect(await org.mayRead(who, object)).toBe(true);

  await remove();
  expect(await org.mayRead(who, object)).toBe(false);
  const after = await standing(id);
  for (const [column, cell] of Object.entries(cells)) if (cell === "with it") expect(after[column]).toBe(0);
  const nothing = Object.fromEntries(Object.keys(columns).map((column) => [column, 0]));
  await expect.poll(() => standing(id), { timeout: 20_000, interval: 20 }).toEqual(nothing);
  // Whoever clears up takes nothing else along.
  expect(await standing(bystander.id)).toEqual(before);
  expect(await org.mayRead(bystander.who, bystander.object)).toBe(true);
});

/** A row in an owner's table. */
interface RowOf {
  readonly owner: "groups" | "grants" | "tokens";
  readonly table: string;
  readonly id: string;
}

/** Makes much that hangs on an id; answers the row of it that is cleared last: physically, and in the order of every index. */
type Pile = (orgId: string, id: string) => Promise<RowOf>;

const belowProject: Pile = async (orgId, id) => {
  await databases.grants.query(
    `with below as (
       insert into object (id, org_id, type, parent_type, parent_id, name, payload, created)
       select gen_random_uuid(), $1, 'dataset', 'project', $2, 'x' || n, '{}', now()
       from generate_series(1, 1500) as n returning id
     )
     insert into acl (id, org_id, object_type, object_id, subject_kind, subject_id, permission, built_in, created)
     select gen_random_uuid(), $1, 'dataset', id, 'principal', gen_random_uuid(), 'read', false, now()
     from below, generate_series(1, 2)`,
    [orgId, id],
  );
  const last = randomUUID();
  await databases.grants.query(
    `insert into object (id, org_id, type, parent_type, parent_id, name, payload, created)
     values ($3, $1, 'prompt_session', 'project', $2, 'last', '{}', 'epoch')`,
    [orgId, id, last],
  );
  return { owner: "grants", table: "object where id", id: last };
};

const manyGroups: Pile = async (orgId, id) => {
  const join = (count: number) =>
    databases.groups.query<{ group_id: string }>(
      `with made as (
         insert into permission_group (id, org_id, name, created)
         select gen_random_uuid(), $1, gen_random_uuid(), now() from generate_series(1, $3) as n returning id
       ) insert into group_principal (org_id, group_id, principal_id) select $1, id, $2 from made returning group_id`,
      [orgId, id, count],
    );
  await join(10_000);
  const { rows } = await join(1);
  return { owner: "groups", table: "group_principal where group_id", id: rows[0]?.group_id ?? "" };
};

const manyKeys: Pile = async (orgId, id) => {
  const last = `ffffffff-ffff-4fff-bfff-${randomUUID().slice(-12)}`;
  await databases.tokens.query(
    `insert into credential (id, org_id, kind, principal_id, name, preview, digest, created)
     select key, $1, 'api_key', $2, 'many', 'abcd', gen_random_uuid()::text, now()
     from (select gen_random_uuid() as key from generate_series(1, 2000) union all select $3::uuid) as keys`,
    [orgId, id, last],
  );
  return { owner: "tokens", table: "credential where id", id: last };
};

interface Crash {
  readonly name: string;
  readonly gone: string;
  readonly piles: readonly Pile[];
}

const crashes: readonly Crash[] = [
  { name: "a project with thousands of objects and ACLs below", gone: "a project", piles: [belowProject] },
  {
    name: "a user in ten thousand groups, with thousands of keys",
    gone: "a user, from the organisation",
    piles: [manyGroups, manyKeys],
  },
];

test.each(crashes)(
  "$name: access goes at once, and all else though the clean-up is killed in the middle",
  async ({ gone, piles }) => {
    const { id, who, object, remove } = await sceneOf(gone);
    const lasts = await Promise.all(piles.map((pile) => pile(org.id, id)));
    const held = await Promise.all(lasts.map(hold));
    try {
      await remove();
      expect(await org.mayRead(who, object)).toBe(false);
      await Promise.all(
        lasts.map((last) => expect.poll(() => isWaitedFor(last), { timeout: 20_000 }).toBe(true)),
      );
      await Promise.all(lasts.map(({ owner }) => system.stop(owner, "SIGKILL")));
      expect(sum(await standing(id))).toBeGreaterThan(0);
    } finally {
      await Promise.all(held.map((release) => release()));
    }
    await Promise.all(lasts.map(({ owner }) => system.start(owner)));
    expect(await onceThereIsAnAnswer(() => org.mayRead(who, object))).toBe(false);
    await expect.poll(async () => sum(await standing(id)), { timeout: 30_000, interval: 50 }).toBe(0);
  },
);

/** The first answer: decision may need a moment to find an owner again, and says so meanwhile. */
async function onceThereIsAnAnswer<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof Fault) || error.kind !== "unavailable") throw error;
      await delay(50);
    }
  }
}

/** Locks a row; answers how to let it go. */
async function hold({ owner, table, id }: RowOf): Promise<() => Promise<void>> {
  const client = await databases[owner].connect();
  await client.query("begin");
  const { rowCount } = await client.query(`select from ${table} = $1 for update`, [id]);
  expect(rowCount).toBe(1);
  return async () => {
    await client.query("rollback");
    client.release();
  };
}

async function isWaitedFor({ owner }: RowOf): Promise<boolean> {
  const { rows } = await databases[owner].query(
    "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
  );
  return rows.length > 0;
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((all, count) => all + count, 0);
}
