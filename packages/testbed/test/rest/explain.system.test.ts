import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Facade, type Person, startFacade } from "./facade.ts";

// Why somebody may do something, told to whoever may know it.

interface Named {
  readonly type: string;
  readonly id: string;
  readonly name: string | null;
}

interface Explained {
  readonly allowed: boolean;
  readonly reason: string;
  readonly sentence: string;
  readonly paths: readonly {
    acl: { id: string; on: Named };
    groups: Named[];
    roles: Named[];
    objects: Named[];
  }[];
  readonly nearest: readonly { acl: { id: string } | null; missing: { kind: string }[] }[];
}

let facade: Facade;
let project: string;
let experiment: string;
beforeAll(async () => {
  facade = await startFacade();
  project = await create("project", { name: "Search" });
  experiment = await create("experiment", { name: "Tuned", project_id: project });
});
afterAll(() => facade?.[Symbol.asyncDispose]());

async function create(noun: string, body: object): Promise<string> {
  return (await facade.owner.rest.ok<{ id: string }>("POST", `/v1/${noun}`, body)).id;
}

function grant(more: object): Promise<string> {
  return create("acl", { object_type: "project", object_id: project, ...more });
}

function explain(asker: Person, about: Person, more: object = {}): Promise<Explained> {
  return asker.rest.ok<Explained>("POST", "/v1/access/explain", {
    principal_id: about.id,
    permission: "read",
    object: { type: "experiment", id: experiment },
    consistency: { fully_consistent: {} },
    ...more,
  });
}

test("an allowed question has every way, with names, from the principal to the object", async () => {
  const inner = await create("group", { name: "Ranking team" });
  const outer = await create("group", { name: "Search team", member_groups: [inner] });
  const base = await create("role", { name: "Reader", member_permissions: ["read"] });
  const role = await create("role", { name: "Reviewer", member_roles: [base] });
  const person = await facade.member([inner]);
  const acl = await grant({ group_id: outer, role_id: role });
  const told = await explain(facade.owner, person);
  expect(told).toMatchObject({ allowed: true, reason: "grant", paths_cut: false, nearest: [] });
  expect(told.paths).toMatchObject([
    {
      acl: { id: acl, subject: { id: outer }, role: { id: role }, permission: null, expires_at: null },
      groups: [
        { type: "group", id: inner, name: "Ranking team" },
        { type: "group", id: outer, name: "Search team" },
      ],
      roles: [
        { type: "role", id: role, name: "Reviewer" },
        { type: "role", id: base, name: "Reader" },
      ],
      objects: [
        { type: "experiment", id: experiment, name: "Tuned" },
        { type: "project", id: project, name: "Search" },
      ],
    },
  ]);
  expect(told.sentence).toMatch(
    /^.+@.+ may read experiment "Tuned": they are in group "Ranking team", which is in group "Search team", and an ACL on project "Search" gives group "Search team" the role "Reviewer"\.$/,
  );

  const direct = await create("acl", {
    object_type: "experiment",
    object_id: experiment,
    user_id: person.id,
    permission: "read",
  });
  const both = await explain(person, person);
  expect(both.paths.map((path) => path.acl.id)).toEqual([direct, acl]);
  expect(both.sentence).toMatch(
    /an ACL on experiment "Tuned" gives them the permission read; other ways: 1\.$/,
  );
});

test("project groups and public experiments are told as ways", async () => {
  const listed = await create("project_group", { name: "Shown", member_projects: [project] });
  const person = await facade.member();
  await create("acl", {
    object_type: "project_group",
    object_id: listed,
    user_id: person.id,
    permission: "update",
  });
  const told = await explain(facade.owner, person, { permission: "update" });
  expect(told.paths.map(({ objects }) => objects.map(({ name }) => name))).toEqual([
    ["Tuned", "Search", "Shown"],
  ]);
  const open = await create("experiment", { name: "Open", project_id: project, public: true });
  const object = { type: "experiment", id: open };
  expect(await explain(facade.owner, facade.newcomer, { object })).toMatchObject({
    allowed: true,
    reason: "public",
    paths: [],
    sentence: expect.stringMatching(/: it is public, so every active member may read it\.$/),
  });
});

test("a denied question tells what came nearest and what it lacks", async () => {
  const person = await facade.member();
  const team = await create("group", { name: "Elsewhere" });
  const ids = [
    await grant({ user_id: person.id, permission: "delete", restrict_object_type: "dataset" }),
    await grant({ group_id: team, permission: "delete" }),
    await grant({ user_id: person.id, permission: "update" }),
  ];
  const told = await explain(facade.owner, person, { permission: "delete" });
  expect(told).toMatchObject({ allowed: false, reason: "no_grant", paths: [], nearest_cut: false });
  const ours = told.nearest.filter(({ acl }) => ids.includes(acl?.id ?? ""));
  expect(ours).toMatchObject([
    { acl: { id: ids[0] }, missing: [{ kind: "object_type", granted_types: ["dataset"] }] },
    { acl: { id: ids[1] }, missing: [{ kind: "group", group: { id: team, name: "Elsewhere" } }] },
    { acl: { id: ids[2] }, missing: [{ kind: "permission", granted_permissions: ["update"] }] },
  ]);
  expect(told.sentence).toMatch(
    /may not delete experiment "Tuned": the nearest ACL gives them the permission delete for objects of type dataset on project "Search", but it does not give delete on objects of type experiment\.$/,
  );
  const place = { type: "dataset", parent: { type: "project", id: project } };
  expect(
    await explain(facade.owner, person, { object: undefined, place, permission: "delete" }),
  ).toMatchObject({
    allowed: true,
    sentence: expect.stringContaining('may delete a new dataset in project "Search": '),
  });
  expect(await explain(facade.owner, facade.stranger)).toMatchObject({
    allowed: false,
    reason: "not_a_member",
    principal: { id: facade.stranger.id, name: null },
    nearest: [{ acl: null, missing: [{ kind: "membership", is_enough: false }] }],
  });
});

test("who may not read the ACLs learns of its own refusal nothing but that", async () => {
  const { newcomer, viewer, owner } = facade;
  await grant({ group_id: await create("group", { name: "Hidden team" }), permission: "read" });
  const missing = { type: "experiment", id: randomUUID() };
  const [hidden, absent] = [
    await explain(newcomer, newcomer),
    await explain(newcomer, newcomer, { object: missing }),
  ];
  expect(hidden).toMatchObject({ allowed: false, reason: "no_grant", nearest: [], nearest_cut: false });
  expect(JSON.stringify(hidden)).not.toMatch(/Hidden|Tuned|Search/);
  expect({ ...absent, revision: "" }).toEqual({ ...hidden, revision: "" });
  expect(await explain(viewer, viewer, { permission: "update" })).toMatchObject({
    allowed: false,
    nearest: [],
  });
  const status = async (asker: Person) =>
    (
      await asker.rest.request("POST", "/v1/access/explain", {
        principal_id: owner.id,
        permission: "read",
        object: { type: "experiment", id: experiment },
      })
    ).status;
  expect([await status(viewer), await status(newcomer)]).toEqual([403, 404]);
});

describe("over gRPC", () => {
  const request = () => ({
    orgId: facade.org.orgId,
    who: { $case: "credential", value: facade.viewer.key } as const,
    permission: "read",
    what: { $case: "object", value: { type: "experiment", id: experiment } } as const,
    consistency: undefined,
  });

  test("a credential may be asked about", async () => {
    expect(await facade.system.decision.explain(request())).toMatchObject({
      allowed: true,
      principal: { type: "principal", id: facade.viewer.id },
      paths: [{ groups: [{ name: "Viewers" }], roles: [{ name: "Viewer" }] }],
    });
  });

  test.each([
    [{ permission: "fly" }, "invalid", /permission/],
    [{ what: undefined }, "invalid", /what/],
    [{ who: undefined }, "invalid", /who/],
    [{ orgId: "acme" }, "invalid", /org_id/],
    [{ who: { $case: "credential", value: "sk-nonsense" } as const }, "unauthenticated", /credential/],
  ])("a malformed question is refused: %j", async (wrong, kind, message) => {
    await expect(facade.system.decision.explain({ ...request(), ...wrong })).rejects.toMatchObject({
      kind,
      message: expect.stringMatching(message),
    });
  });
});
