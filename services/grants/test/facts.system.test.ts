import { randomUUID } from "node:crypto";
import { factFromWire, factKeyFromWire, factKeyText, factKeyToWire } from "@portcullis/facts/wire";
import {
  decide,
  type FactKey,
  type FactKind,
  type FactLookup,
  type FactValues,
  type GroupId,
  indexGroups,
  indexRoles,
  type ObjectId,
  type ObjectRef,
  type OrgId,
  objectTypeNames,
  type PrincipalId,
  permissions,
  systemRoles,
} from "@portcullis/policy";
import { LoadResponse } from "@portcullis/proto/facts/v1/facts";
import type { AclContent, AclRemoval } from "@portcullis/proto/grants/v1/grants";
import { asOneStatement, readAtOnce } from "@portcullis/store";
import fc from "fast-check";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { registeredTypes } from "../src/domain/object.ts";
import { readFacts } from "../src/store/facts.ts";
import {
  acl,
  aclUpdate,
  context,
  given,
  inProject,
  newOrg,
  project,
  type Running,
  role,
  roleUpdate,
  running,
} from "./running.ts";

let service: Running;
beforeAll(async () => {
  service = await running();
});
afterAll(() => service[Symbol.asyncDispose]());

test("a fact of another owner is refused", async () => {
  await expect(
    service.facts.load({ keys: [factKeyToWire({ kind: "groups", org: newOrg() })] }),
  ).rejects.toMatchObject({ kind: "invalid", field: "keys[0]" });
});

test("a thousand keys of two organisations are answered in their order, repeated and unknown ones too", async () => {
  const [org, other] = [newOrg(), newOrg()];
  const made = given((await service.grants.createObject(project(org, "p"))).object);
  const foreign = given((await service.grants.createObject(project(other, "p"))).object);
  const live: FactKey = { kind: "access", org, object: made as unknown as ObjectRef };
  const crossed: FactKey = { kind: "access", org, object: foreign as unknown as ObjectRef };
  const theirs: FactKey = { kind: "access", org: other, object: foreign as unknown as ObjectRef };
  const keys = Array.from({ length: 250 }).flatMap((): FactKey[] => [
    live,
    crossed,
    theirs,
    { kind: "roles", org },
  ]);
  const { facts } = await service.facts.load({ keys: keys.map(factKeyToWire) });
  for (const [index, fact] of facts.map(factFromWire).entries()) {
    expect(factKeyText(fact.key)).toBe(factKeyText(keys[index] as FactKey));
    expect(fact.key.org).toBe(keys[index]?.org);
    if (index % 4 === 1) expect(fact.value).toBeNull();
    else expect(fact.value).not.toBeNull();
  }
  const tooMany = Array.from({ length: 1001 }, () => factKeyToWire(live));
  await expect(service.facts.load({ keys: tooMany })).rejects.toMatchObject({
    kind: "invalid",
    field: "keys",
  });
});

// What an event does not touch has not changed. Every fact that the organisation's things could have is read before and
// after each write of a random history.

type Step = (world: World) => Promise<unknown>;

class World {
  readonly org = newOrg();
  readonly members = [service.neighbours.member(this.org), service.neighbours.member(this.org)];
  readonly groups = [service.neighbours.group(this.org)];
  readonly objects: { type: string; id: string; orgId: string }[] = [];
  readonly roles: string[] = [];
  readonly acls: AclContent[] = [];

  keys(): FactKey[] {
    const { org } = this;
    const ids = [...this.objects.map(({ id }) => id), ...this.roles, ...this.groups, org];
    const subjects = [
      ...this.members.map((id) => ({ kind: "principal", id }) as const),
      ...this.groups.map((id) => ({ kind: "group", id }) as const),
    ];
    const ofObjects = ids.flatMap((id) =>
      objectTypeNames.flatMap((type): FactKey[] => {
        const object = { type, id: id as ObjectId };
        return [
          { kind: "access", org, object },
          { kind: "parents", org, object },
          { kind: "acls", org, object },
          ...subjects.map((subject) => ({ kind: "acls_naming", org, object, subject }) as const),
        ];
      }),
    );
    return [{ kind: "roles", org }, ...ofObjects];
  }
}

function pick<T>(from: readonly T[], at: number): T | undefined {
  return from.length === 0 ? undefined : from[at % from.length];
}

function creating(type: number, at: number, name: number, owned: boolean, replace: boolean): Step {
  return async (world) => {
    const chosen = pick(["project", "project", ...registeredTypes], type) ?? "project";
    const parent = pick(
      world.objects.filter((object) => object.type === "project"),
      at,
    );
    const below = ["experiment", "dataset", "prompt", "prompt_session"].includes(chosen);
    if (below && parent === undefined) return;
    const request = below
      ? inProject(parent as never, chosen, `n${name % 4}`, {
          payloadJson: `{"n":${at % 3},"public":${name % 3 === 0}}`,
        })
      : project(world.org, `n${name % 4}`, {
          type: chosen,
          parent: { type: chosen === "project" ? "org_project" : "organization", id: world.org },
        });
    const full = { ...request, ownerId: owned ? (pick(world.members, name) ?? "") : "" };
    const { object } = await (replace
      ? service.grants.replaceObject(full)
      : service.grants.createObject(full));
    world.objects.push(given(object));
  };
}

function renaming(at: number, name: number): Step {
  return async (world) => {
    const object = pick(world.objects, at);
    if (object === undefined) return;
    const { type, id, orgId } = object;
    const payloadJson = `{"public":${at % 2 === 0}}`;
    const lists = { addMemberProjectIds: [], removeMemberProjectIds: [] };
    await service.grants.updateObject({
      context,
      type,
      id,
      orgId,
      name: `n${name % 8}`,
      payloadJson,
      ...lists,
    });
  };
}

function listing(at: number, add: readonly number[], remove: readonly number[]): Step {
  return async (world) => {
    const ofType = (type: string) => world.objects.filter((object) => object.type === type);
    const group = pick(ofType("project_group"), at);
    if (group === undefined) return;
    const projects = (numbers: readonly number[]) =>
      numbers.flatMap((number) => pick(ofType("project"), number)?.id ?? []);
    await service.grants.updateObject({
      context,
      type: group.type,
      id: group.id,
      orgId: group.orgId,
      addMemberProjectIds: projects(add),
      removeMemberProjectIds: projects(remove),
    });
  };
}

/** As a whole, by the identity of a group that may stand. */
function listingAnew(name: number, projects: readonly number[]): Step {
  return async (world) => {
    const request = project(world.org, `n${name % 4}`, {
      type: "project_group",
      parent: { type: "organization", id: world.org },
      memberProjectIds: projects.flatMap(
        (number) =>
          pick(
            world.objects.filter(({ type }) => type === "project"),
            number,
          )?.id ?? [],
      ),
    });
    const { object } = await service.grants.replaceObject(request);
    world.objects.push(given(object));
  };
}

function deleting(at: number): Step {
  return async (world) => {
    const object = pick(world.objects, at);
    if (object !== undefined) await service.grants.deleteObject({ context, ...object });
  };
}

function creatingRole(name: number, member: number, owned: boolean, replace: boolean): Step {
  return async (world) => {
    const request = role(world.org, `r${name % 4}`, {
      permissions: [{ permission: pick(permissions, member) ?? "read", restrictObjectType: "" }],
      memberRoleIds: [pick(world.roles, member) ?? systemRoles.viewer.id],
      ownerId: owned ? (pick(world.members, name) ?? "") : "",
    });
    const made = await (replace ? service.grants.replaceRole(request) : service.grants.createRole(request));
    world.roles.push(given(made.role).id);
  };
}

function changingRole(at: number, member: number): Step {
  return async (world) => {
    const [id, other] = [pick(world.roles, at), pick(world.roles, member)];
    if (id === undefined || other === undefined) return;
    const addPermissions = [
      { permission: pick(permissions, member) ?? "read", restrictObjectType: "prompt" },
    ];
    const addMemberRoleIds = member % 2 === 0 ? [] : [other];
    const update = { addPermissions, addMemberRoleIds };
    await service.grants.updateRole(roleUpdate({ orgId: world.org, id } as never, update));
  };
}

function deletingRole(at: number): Step {
  return async (world) => {
    const id = pick(world.roles, at);
    if (id !== undefined) await service.grants.deleteRole({ context, orgId: world.org, id });
  };
}

type Addition = readonly [on: number, who: number, what: number, expiry: number];

function granting(additions: readonly Addition[], removals: readonly number[]): Step {
  return async (world) => {
    const objects = [
      { type: "organization", id: world.org },
      { type: "org_project", id: world.org },
      ...world.groups.map((id) => ({ type: "group", id })),
      ...world.roles.map((id) => ({ type: "role", id })),
      ...world.objects,
      ...world.objects
        .filter(({ type }) => type === "project")
        .map(({ id }) => ({ type: "project_log", id })),
    ];
    const add = additions.map(([on, who, what, expiry]) => {
      const { type, id } = given(pick(objects, on));
      const roleId = pick([...world.roles, systemRoles.owner.id], what);
      return acl({
        object: { type, id },
        subject:
          who % 3 === 0
            ? { $case: "groupId", value: given(pick(world.groups, who)) }
            : { $case: "principalId", value: given(pick(world.members, who)) },
        grant:
          what % 2 === 0
            ? { $case: "roleId", value: given(roleId) }
            : { $case: "permission", value: given(pick(permissions, what)) },
        expiresAt: expiry % 2 === 0 ? undefined : new Date(Date.UTC(2100, 0, 1 + (expiry % 3))),
      });
    });
    const remove = removals.flatMap((at): AclRemoval[] => {
      const value = pick(world.acls, at);
      return value === undefined ? [] : [{ what: { $case: "content", value } }];
    });
    await service.grants.updateAcls(aclUpdate(world.org, { add, remove }));
    world.acls.push(...add);
  };
}

function provisioning(): Step {
  return async (world) => {
    await service.grants.provision({
      context,
      orgId: world.org,
      ownersId: given(world.groups[0]),
      engineersId: "00000000-0000-4000-8000-00000000000e",
      viewersId: "00000000-0000-4000-8000-00000000000f",
    });
  };
}

const number = fc.nat(1000);
const additions = fc.array(fc.tuple(number, number, number, number), { maxLength: 3 });
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(number, number, number, fc.boolean(), fc.boolean()).map((some) => creating(...some)),
  },
  { weight: 1, arbitrary: fc.tuple(number, number).map((some) => renaming(...some)) },
  { weight: 2, arbitrary: number.map(deleting) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(number, fc.array(number, { maxLength: 2 }), fc.array(number, { maxLength: 2 }))
      .map((some) => listing(...some)),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(number, fc.array(number, { maxLength: 2 })).map((some) => listingAnew(...some)),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(number, number, fc.boolean(), fc.boolean()).map((some) => creatingRole(...some)),
  },
  { weight: 2, arbitrary: fc.tuple(number, number).map((some) => changingRole(...some)) },
  { weight: 2, arbitrary: number.map(deletingRole) },
  {
    weight: 5,
    arbitrary: fc.tuple(additions, fc.array(number, { maxLength: 2 })).map((some) => granting(...some)),
  },
  { weight: 1, arbitrary: fc.constant(provisioning()) },
);

/** A history that meets every kind of event. */
const everyKind: Step[] = [
  provisioning(),
  creating(0, 0, 0, true, false),
  creatingRole(0, 0, true, false),
  changingRole(0, 0),
  granting([[4, 1, 0, 0]], []),
  listingAnew(0, [0]),
  listing(0, [], [0]),
  listing(0, [0], []),
  renaming(0, 5),
  deletingRole(0),
  deleting(0),
];

test("a fact changes only with an event that touches it, and begins at that event", {
  timeout: 180_000,
}, async () => {
  const actions = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      const world = new World();
      const nothing = randomUUID() as ObjectId;
      const subject = { kind: "group", id: nothing as string as GroupId } as const;
      const aboutNothing = await load(
        objectTypeNames.flatMap((type): FactKey[] => {
          const about = { org: world.org, object: { type, id: nothing } };
          return [
            { kind: "access", ...about },
            { kind: "parents", ...about },
            { kind: "acls", ...about },
            { kind: "acls_naming", ...about, subject },
          ];
        }),
      );
      const unborn = new Map([...aboutNothing.values()].map((fact) => [fact.kind, fact]));
      let before = await load(world.keys());
      let head = 0;
      for (const act of steps) {
        await act(world).catch((fault: { kind?: string }) => {
          expect(["invalid", "absent", "refused", "denied"]).toContain(fault.kind);
        });
        const after = await load(world.keys());
        const events = await service.events(world.org, head);
        expect(events.length).toBeLessThanOrEqual(1);
        for (const event of events) actions.add(event.action);
        // Where objects stand is asked for so that ACLs may change without it.
        const areAclsAlone = events.some(({ action }) => action === "acls_updated");
        const touched = new Set(
          events.flatMap(({ touches }) => touches.map((key) => factKeyText(factKeyFromWire(key, "touches")))),
        );
        for (const [text, fact] of after) {
          // What is new was, until now, a fact like any that is about nothing.
          const then = before.get(text) ?? unborn.get(fact.kind);
          if (areAclsAlone) expect(text.startsWith("parents") && touched.has(text)).toBe(false);
          if (touched.has(text)) expect([text, fact.lo]).toEqual([text, head + 1]);
          else expect([text, fact.lo, fact.json]).toEqual([text, then?.lo, then?.json]);
          expect(fact.hi).toBe(head + events.length);
        }
        before = after;
        head += events.length;
      }
    }),
    { numRuns: 15, examples: [[everyKind]] },
  );
  expect([...actions].sort()).toEqual([
    "acls_updated",
    "object_created",
    "object_updated",
    "objects_deleted",
    "organization_provisioned",
    "role_created",
    "role_deleted",
    "role_updated",
  ]);
});

async function load(keys: readonly FactKey[]) {
  const found = new Map<string, { kind: string; lo: number; hi: number; json: string }>();
  for (let from = 0; from < keys.length; from += 1000) {
    const { facts } = await service.facts.load({ keys: keys.slice(from, from + 1000).map(factKeyToWire) });
    for (const { key, lo, hi, value } of facts.map(factFromWire)) {
      const plain: unknown = value instanceof Map ? [...value] : value;
      const kind = "object" in key ? `${key.kind} ${key.object.type}` : key.kind;
      found.set(factKeyText(key), { kind, lo, hi, json: JSON.stringify(plain) });
    }
  }
  return found;
}

test("among fifty thousand objects and ACLs the hot reads go by index, and miss none", {
  timeout: 120_000,
}, async () => {
  const org = newOrg();
  await service.database.query(
    `insert into object (id, org_id, type, parent_type, parent_id, name, payload, created)
     select gen_random_uuid(), $1, 'project', 'org_project', $1, n::text, '{}', now() from generate_series(1, 50000) n`,
    [org],
  );
  await service.database.query(
    `insert into acl (id, org_id, object_type, object_id, subject_kind, subject_id, permission, built_in, created)
     select gen_random_uuid(), org_id, 'project', id, 'principal', gen_random_uuid(), 'read', false, now() from object
     where org_id = $1`,
    [org],
  );
  // A hundred project groups that list ten projects each.
  await service.database.query(
    `insert into object (id, org_id, type, parent_type, parent_id, name, payload, created, member_projects)
     select gen_random_uuid(), $1, 'project_group', 'organization', $1, n::text, '{}', now(), array(
       select id from object where org_id = $1 and type = 'project' and name::int between n * 10 + 1 and n * 10 + 10)
     from generate_series(0, 99) n`,
    [org],
  );
  await service.database.query("analyze object, acl");
  const { rows } = await service.database.query<{ id: ObjectId }>(
    "select id from object where org_id = $1 and type = 'project' order by name::int limit 1000",
    [org],
  );
  const ids = rows.map((row) => row.id);
  const keys = ids.map((id): FactKey => ({ kind: "access", org, object: { type: "project", id } }));
  const client = new pg.Client({ connectionString: service.config.DATABASE_URL });
  await client.connect();
  try {
    const naming = ids.map((id): FactKey => {
      const subject = { kind: "principal", id: id as string as PrincipalId } as const;
      return { kind: "acls_naming", org, object: { type: "project", id }, subject };
    });
    const { text, values } = asOneStatement(readFacts([...keys, ...naming]).queries);
    const { rows } = await client.query<{ "QUERY PLAN": string }>(`explain ${text}`, values);
    const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
    for (const index of ["object_pkey", "object_listing", "acl_content"]) expect(plan).toContain(index);
    expect(plan).not.toContain("Seq Scan");
    let facts: FactValues["access"][] = [];
    // A statement is planned anew five times, to see what that costs.
    for (let time = 0; time < 8; time++) facts = (await read(client, keys)) as FactValues["access"][];
    const prepared = await client.query("select from pg_prepared_statements where generic_plans = 3");
    expect(prepared.rows).toHaveLength(1);
    expect(facts.every((fact) => fact?.acls?.length === 1 && fact.alsoUnder.length === 1)).toBe(true);
  } finally {
    await client.end();
  }
});

test("each way of reading ACLs begins where there are too many for the other", async () => {
  const org = newOrg();
  const { id } = given((await service.grants.createObject(project(org, "p"))).object);
  const on = { type: "project", id } as const;
  const people = Array.from({ length: 4 }, () => service.neighbours.member(org));
  const contents = people.map((value) => acl({ object: on, subject: { $case: "principalId", value } }));
  await service.grants.updateAcls(aclUpdate(org, { add: contents }));
  const object = on as ObjectRef;
  const keys: FactKey[] = [
    { kind: "access", org, object },
    { kind: "acls", org, object },
    ...people.map((person): FactKey => {
      const subject = { kind: "principal", id: person } as const;
      return { kind: "acls_naming", org, object, subject };
    }),
  ];
  const client = new pg.Client({ connectionString: service.config.DATABASE_URL });
  await client.connect();
  try {
    for (const [inAccess, inAll] of [
      [4, 4],
      [3, 4],
      [0, 4],
      [3, 3],
    ] as const) {
      const [access, all, ...naming] = await read(client, keys, { inAccess, inAll });
      expect((access as FactValues["access"])?.acls?.length ?? null).toBe(inAccess < 4 ? null : 4);
      expect((all as FactValues["acls"])?.length ?? null).toBe(inAll < 4 ? null : 4);
      expect(
        naming.map((value) => (value as FactValues["acls_naming"]).map(({ subject }) => subject.id)),
      ).toEqual(people.map((person) => [person]));
    }
  } finally {
    await client.end();
  }
});

test("what a question moves grows with the principal's groups, and not with the object's ACLs", {
  timeout: 120_000,
}, async () => {
  const groupsOf = { few: 1, some: 30, many: 1000 } as const;
  const moved: Record<string, { readonly facts: number; readonly bytes: number }> = {};
  for (const acls of [10, 1000, 100_000]) {
    const org = newOrg();
    const { id } = given((await service.grants.createObject(project(org, "p"))).object);
    await service.database.query(
      `insert into acl (id, org_id, object_type, object_id, subject_kind, subject_id, permission, built_in, created)
       select gen_random_uuid(), $1, 'project', $2, 'group', gen_random_uuid(), 'read', false, now()
       from generate_series(1, $3)`,
      [org, id, acls],
    );
    const { rows } = await service.database.query<{ subject_id: GroupId }>(
      "select subject_id from acl where object_id = $1 limit 1",
      [id],
    );
    const named = given(rows[0]).subject_id;
    const strange = Array.from({ length: 1000 }, () => randomUUID() as GroupId);
    for (const [who, count] of Object.entries(groupsOf)) {
      const held = [...strange.slice(1, count), named];
      expect(await isAllowed(org, id as ObjectId, held)).toMatchObject({ allowed: true });
      const denied = await isAllowed(org, id as ObjectId, strange.slice(0, count));
      expect(denied.allowed).toBe(false);
      moved[`${acls} ACLs, ${who}`] = denied;
    }
  }
  process.stdout.write(
    `${Object.entries(moved)
      .map(([what, { facts, bytes }]) => `${what} groups: ${facts} facts, ${bytes} bytes`)
      .join("\n")}\n`,
  );
  for (const [who, count] of Object.entries(groupsOf)) {
    // The project, org_project, the organization, roles; and of the project what names the principal and each group.
    expect(moved[`10 ACLs, ${who}`]?.facts).toBe(4);
    expect(moved[`1000 ACLs, ${who}`]?.facts).toBe(4 + 1 + count);
    expect(moved[`100000 ACLs, ${who}`]).toEqual(moved[`1000 ACLs, ${who}`]);
  }
});

/** Decides on facts read here as they are needed, and counts what that moves. */
async function isAllowed(org: OrgId, project: ObjectId, held: readonly GroupId[]) {
  const principal = randomUUID() as PrincipalId;
  const groups = indexGroups(new Map(held.map((group) => [group, { memberGroups: [], builtIn: null }])));
  const values = new Map<string, FactValues[FactKind]>();
  const read = (key: FactKey) => values.get(factKeyText(key));
  const lookup: FactLookup = {
    member: () => ({ kind: "user" }),
    memberships: () => held,
    groups: () => groups,
    roles: () => (values.has(factKeyText({ kind: "roles", org })) ? indexRoles(new Map()) : undefined),
    access: (object) => read({ kind: "access", org, object }) as FactValues["access"] | undefined,
    aclsNaming: (object, subject) =>
      read({ kind: "acls_naming", org, object, subject }) as FactValues["acls_naming"] | undefined,
    acls: (object) => read({ kind: "acls", org, object }) as FactValues["acls"] | undefined,
  };
  let bytes = 0;
  for (;;) {
    const target = { kind: "object", object: { type: "project", id: project } } as const;
    const decision = decide({ org, principal, permission: "read", target, nowMs: Date.now() }, lookup);
    if (decision.kind === "decided") return { allowed: decision.allowed, facts: values.size, bytes };
    for (const keys of chunksOf(decision.keys, 1000)) {
      const response = await service.facts.load({ keys: keys.map(factKeyToWire) });
      bytes += LoadResponse.encode(response).finish().length;
      for (const { key, value } of response.facts.map(factFromWire)) values.set(factKeyText(key), value);
    }
  }
}

function chunksOf<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}

async function read(client: pg.Client, ...asked: Parameters<typeof readFacts>) {
  const reading = readFacts(...asked);
  return reading.values(await readAtOnce(client, reading.queries));
}

test("a log of large events is read in stretches that a reader can take, and whole in the end", async () => {
  const org = newOrg();
  const made = given((await service.grants.createObject(project(org, "p"))).object);
  const members = Array.from({ length: 1000 }, () => service.neighbours.member(org));
  const add = members.map((value) =>
    acl({ object: { type: "project", id: made.id }, subject: { $case: "principalId", value } }),
  );
  const remove = add.map((value): AclRemoval => ({ what: { $case: "content", value } }));
  for (let round = 0; round < 20; round++) {
    await service.grants.updateAcls(aclUpdate(org, round % 2 === 0 ? { add } : { remove }));
  }
  const positions: number[] = [];
  let stretches = 0;
  while (positions.length < 21) {
    const after = positions.at(-1) ?? 0;
    const { events, head } = await service.facts.readLog({ orgId: org, after, limit: 0 });
    expect(events.length).toBeGreaterThan(0);
    expect(head).toBe(21);
    const bytes = events.reduce((sum, event) => sum + event.beforeJson.length + event.afterJson.length, 0);
    expect(events.length === 1 || bytes <= 4 * 1024 * 1024).toBe(true);
    // Whoever asks only which facts changed is told the same of that, of as many events or more.
    const { events: bare } = await service.facts.readLog({ orgId: org, after, limit: 0, bare: true });
    expect(bare.slice(0, events.length)).toEqual(
      events.map((event) => ({ ...event, beforeJson: "", afterJson: "" })),
    );
    positions.push(...events.map(({ position }) => position));
    stretches++;
  }
  expect(positions).toEqual(Array.from({ length: 21 }, (_, index) => index + 1));
  expect(stretches).toBeGreaterThan(1);
});

test("two processes that start at once on an empty database both come up", async () => {
  await using fresh = await running();
  await using _second = await fresh.another();
  const org = newOrg();
  expect((await fresh.grants.createObject(project(org, "p"))).revision?.position).toBe(1);
  await using both = new AsyncDisposableStack();
  for (const each of await Promise.all([fresh.another(), fresh.another()])) both.use(each);
  expect((await fresh.grants.createObject(project(org, "q"))).revision?.position).toBe(2);
});

test("writers that the database kills in the middle leave nothing, and nobody waits for them", async () => {
  const org = newOrg();
  const alice = service.neighbours.member(org);
  const made = given((await service.grants.createObject(project(org, "p"))).object);
  const doomed = given((await service.grants.createRole(role(org, "r"))).role);
  const on = { type: "project", id: made.id };
  const content = acl({ object: on, subject: { $case: "principalId", value: alice } });
  const key: FactKey & { kind: "access" } = { kind: "access", org, object: on as ObjectRef };
  await service.grants.updateAcls(aclUpdate(org, { add: [content] }));
  const before = await service.fact(key);
  const writes: (() => Promise<unknown>)[] = [
    () => service.grants.createObject({ ...project(org, "q"), ownerId: alice }),
    () => service.grants.deleteObject({ context, orgId: org, ...on }),
    () => service.grants.deleteRole({ context, orgId: org, id: doomed.id }),
    () =>
      service.grants.updateAcls(aclUpdate(org, { remove: [{ what: { $case: "content", value: content } }] })),
  ];
  for (const write of [...writes, ...writes, ...writes]) await killWriter(write);
  expect(await service.head(org)).toBe(3);
  expect(await service.fact(key)).toEqual(before);
  expect((await service.fact({ kind: "roles", org })).value.size).toBe(1);
  const { rows } = await service.database.query("select from object where org_id = $1", [org]);
  expect(rows).toHaveLength(1);
  for (const [index, write] of writes.entries()) {
    if (index === 3) continue; // the ACL went with its object
    await write();
  }
  expect(await service.head(org)).toBe(6);
});

/** Ends a writer's connection when it has changed its rows and is about to append the event. */
async function killWriter(write: () => Promise<unknown>): Promise<void> {
  const blocker = new pg.Client({ connectionString: service.config.DATABASE_URL });
  await blocker.connect();
  try {
    await blocker.query("begin");
    await blocker.query("lock table event_log in access exclusive mode");
    const outcome = write().catch((fault: unknown) => fault);
    let killed = 0;
    while (killed === 0) {
      const { rowCount } = await service.database.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock' and query ilike '%into event_log%'`,
      );
      killed = rowCount ?? 0;
    }
    expect(await outcome).toMatchObject({ kind: "unavailable" });
  } finally {
    await blocker.end();
  }
}

test("thirty writers at once get thirty positions, without gaps", async () => {
  const org = newOrg();
  const made = await Promise.all(
    Array.from({ length: 30 }, () => service.grants.createObject(project(org, randomUUID()))),
  );
  const positions = made.map(({ revision }) => revision?.position ?? 0).sort((one, other) => one - other);
  expect(positions).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
  expect((await service.events(org)).map(({ position }) => position)).toEqual(positions);
});
