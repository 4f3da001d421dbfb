import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Rest, restClient } from "../../src/rest.ts";
import { type Facade, newEmail, type Objects, type Person, positions, startFacade } from "./facade.ts";

// A key may be narrowed, and never widened: whatever its holder may do, it does no more than it says.

let facade: Facade;
let inside: Things;
let outside: Things;
beforeAll(async () => {
  facade = await startFacade();
  inside = await makeThings();
  outside = await makeThings();
});
afterAll(() => facade?.[Symbol.asyncDispose]());

interface Things {
  readonly project: string;
  readonly experiment: string;
  readonly dataset: string;
}

async function makeThings(): Promise<Things> {
  const make = async (path: string, body: object = {}) =>
    (await facade.owner.rest.ok<{ id: string }>("POST", path, { name: randomUUID(), ...body })).id;
  const project = await make("/v1/project");
  const experiment = await make("/v1/experiment", { project_id: project });
  return { project, experiment, dataset: await make("/v1/dataset", { project_id: project }) };
}

interface Scope {
  readonly permissions?: readonly string[];
  readonly object_types?: readonly string[];
  readonly objects?: readonly { readonly type: string; readonly id: string }[];
}

async function keyOf({ rest }: Person, scope: Scope | null): Promise<{ id: string; key: string }> {
  return rest.ok("POST", "/v1/api_key", { name: randomUUID(), scope });
}

async function narrowed(person: Person, scope: Scope): Promise<Rest> {
  return restClient(facade.system.adminUrl, (await keyOf(person, scope)).key);
}

async function statuses(rest: Rest, ...requests: readonly (readonly [string, string, object?])[]) {
  const all: number[] = [];
  for (const [method, path, body] of requests) all.push((await rest.request(method, path, body)).status);
  return all;
}

test("narrowed to objects it reaches these and what is below them, in single answers and in lists", async () => {
  const rest = await narrowed(facade.owner, { objects: [{ type: "project", id: inside.project }] });
  expect(
    await statuses(
      rest,
      ["GET", `/v1/project/${inside.project}`],
      ["GET", `/v1/experiment/${inside.experiment}`],
      ["PATCH", `/v1/experiment/${inside.experiment}`, { description: "by a narrowed key" }],
      ["POST", "/v1/dataset", { name: randomUUID(), project_id: inside.project }],
      ["GET", `/v1/project/${outside.project}`],
      ["GET", `/v1/experiment/${outside.experiment}`],
      ["POST", "/v1/dataset", { name: randomUUID(), project_id: outside.project }],
      ["POST", "/v1/project", { name: randomUUID() }],
    ),
  ).toEqual([200, 200, 200, 200, 404, 404, 400, 403]);
  const listed = await rest.ok<Objects<{ id: string }>>("GET", "/v1/experiment");
  expect(listed.objects.map(({ id }) => id)).toEqual([inside.experiment]);
});

test("narrowed to permissions it may do these alone", async () => {
  const rest = await narrowed(facade.owner, { permissions: ["read"] });
  expect(
    await statuses(
      rest,
      ["GET", `/v1/dataset/${inside.dataset}`],
      ["GET", "/v1/group"],
      ["GET", "/v1/role"],
      ["GET", "/v1/user"],
      ["PATCH", `/v1/dataset/${inside.dataset}`, { description: "no" }],
      ["DELETE", `/v1/dataset/${inside.dataset}`],
      ["POST", "/v1/project", { name: randomUUID() }],
      ["PATCH", "/v1/organization/members", { invite_users: { emails: [newEmail()] } }],
    ),
  ).toEqual([200, 200, 200, 200, 403, 403, 403, 403]);
});

test("narrowed to types it reaches objects of these alone", async () => {
  const rest = await narrowed(facade.owner, { object_types: ["dataset"] });
  expect(
    await statuses(
      rest,
      ["GET", `/v1/dataset/${inside.dataset}`],
      ["POST", "/v1/dataset", { name: randomUUID(), project_id: inside.project }],
      ["GET", `/v1/experiment/${inside.experiment}`],
      ["GET", `/v1/project/${inside.project}`],
    ),
  ).toEqual([200, 200, 404, 404]);
  const { objects } = await rest.ok<Objects<{ id: string }>>("GET", "/v1/group");
  expect(objects).toEqual([]);
  const users = await rest.ok<Objects<{ id: string }>>("GET", "/v1/user");
  expect(users.objects.map(({ id }) => id)).toEqual([facade.owner.id]);
});

test("all parts of a scope count together", async () => {
  const rest = await narrowed(facade.owner, {
    permissions: ["read"],
    object_types: ["experiment"],
    objects: [{ type: "project", id: inside.project }],
  });
  expect(
    await statuses(
      rest,
      ["GET", `/v1/experiment/${inside.experiment}`],
      ["GET", `/v1/experiment/${outside.experiment}`],
      ["GET", `/v1/dataset/${inside.dataset}`],
      ["PATCH", `/v1/experiment/${inside.experiment}`, { description: "no" }],
    ),
  ).toEqual([200, 404, 404, 403]);
});

test("it never adds anything to what its holder may do", async () => {
  const rest = await narrowed(facade.newcomer, { permissions: ["read"] });
  expect(await statuses(rest, ["GET", `/v1/project/${inside.project}`], ["GET", "/v1/organization"])).toEqual(
    [404, 200],
  );
});

test("narrowed to creating it is not told what is in a group or role that has the name already", async () => {
  const { rest } = facade.owner;
  const rests = await narrowed(facade.owner, { permissions: ["create"] });
  for (const [path, more] of [
    ["/v1/group", { member_users: [facade.viewer.id] }],
    ["/v1/role", { member_permissions: [{ permission: "read" }] }],
  ] as const) {
    const body = { name: randomUUID(), ...more };
    const made = await rest.ok<{ id: string }>("POST", path, body);
    const told = await rests.request("POST", path, { name: body.name });
    expect([path, told.status]).toEqual([path, 403]);
    expect(JSON.stringify(told.body)).not.toContain(made.id);
    expect(await statuses(rests, ["POST", path, { name: randomUUID() }])).toEqual([200]);
  }
});

describe("a narrowed key can't be widened:", () => {
  test("no key is made, listed, rotated or revoked with it", async () => {
    const plain = await keyOf(facade.owner, null);
    const before = await positions(facade.system, facade.org.orgId);
    const rest = await narrowed(facade.owner, { objects: [{ type: "organization", id: facade.org.orgId }] });
    expect(
      await statuses(
        rest,
        ["POST", "/v1/api_key", { name: "wide" }],
        ["POST", "/v1/api_key", { name: "narrow", scope: { permissions: ["read"] } }],
        ["GET", "/v1/api_key"],
        ["POST", `/v1/access/api-keys/${plain.id}/rotate`],
        ["DELETE", `/v1/api_key/${plain.id}`],
        ["GET", "/v1/service_token"],
      ),
    ).toEqual([403, 403, 403, 403, 403, 403]);
    const after = await positions(facade.system, facade.org.orgId);
    // The key itself was made in between.
    expect(after.reduce((one, other) => one + other) - before.reduce((one, other) => one + other)).toBe(1);
  });

  test("nobody acts as somebody else with it", async () => {
    const { key } = await keyOf(facade.owner, { objects: [{ type: "organization", id: facade.org.orgId }] });
    const response = await fetch(`${facade.system.adminUrl}/v1/project/${inside.project}`, {
      headers: { authorization: `Bearer ${key}`, "x-bt-impersonate-user": facade.viewer.id },
    });
    expect(response.status).toBe(403);
  });

  test("a rotated key is as narrow", async () => {
    const made = await keyOf(facade.owner, { permissions: ["read"] });
    const next = await facade.owner.rest.ok<{ key: string; scope: unknown }>(
      "POST",
      `/v1/access/api-keys/${made.id}/rotate`,
      {},
    );
    expect(next.scope).toEqual({ permissions: ["read"], object_types: null, objects: null });
    const rest = restClient(facade.system.adminUrl, next.key);
    expect(
      await statuses(
        rest,
        ["GET", `/v1/project/${inside.project}`],
        ["PATCH", `/v1/project/${inside.project}`, {}],
      ),
    ).toEqual([200, 403]);
  });
});

test("of itself it is told what it may do; decision and lists agree", async () => {
  const scope = { permissions: ["read", "update"], objects: [{ type: "project", id: inside.project }] };
  const { key } = await keyOf(facade.owner, scope);
  const rest = restClient(facade.system.adminUrl, key);
  const { system, org, owner } = facade;
  for (const [things, allowed] of [
    [inside, true],
    [outside, false],
  ] as const) {
    const question = { permission: "read", object: { type: "experiment", id: things.experiment } };
    expect(await rest.ok("POST", "/v1/access/check", question)).toMatchObject({ allowed });
    expect(await rest.ok("POST", "/v1/access/check", { ...question, principal_id: owner.id })).toMatchObject({
      allowed,
    });
    expect(await rest.ok("POST", "/v1/access/permissions", { object: question.object })).toMatchObject({
      permissions: allowed ? ["read", "update"] : [],
    });
    const asked = {
      orgId: org.orgId,
      permission: "read",
      what: { $case: "object", value: question.object },
      consistency: { kind: { $case: "fullyConsistent", value: {} } },
    } as const;
    const byKey = { ...asked, who: { $case: "credential", value: key } } as const;
    expect(await system.decision.check(byKey)).toMatchObject({ allowed });
    expect(
      await system.decision.batchCheck({
        orgId: org.orgId,
        checks: [{ ...byKey, consistency: undefined }],
        consistency: asked.consistency,
      }),
    ).toMatchObject({ results: [{ allowed }] });
    expect(await system.decision.explain(byKey)).toMatchObject({
      allowed,
      reason: allowed ? "grant" : "outside_scope",
      sentence: expect.stringContaining(allowed ? "may read" : "not with this credential"),
    });
    const byPrincipal = { ...asked, who: { $case: "principalId", value: owner.id } } as const;
    expect(await system.decision.check(byPrincipal)).toMatchObject({ allowed: true });
  }
  for (const [permission, ids] of [
    ["read", [inside.experiment]],
    ["delete", []],
  ] as const) {
    expect(
      await rest.ok("POST", "/v1/access/list-objects", { permission, type: "experiment" }),
    ).toMatchObject({
      ids,
    });
  }
  expect(
    await rest.ok("POST", "/v1/access/list-objects", { permission: "read", type: "organization" }),
  ).toMatchObject({ ids: [] });
});

test("a service token can be narrowed too", async () => {
  const { owner, system } = facade;
  const { added_users: added } = await owner.rest.ok<{ added_users: { id: string }[] }>(
    "PATCH",
    "/v1/organization/members",
    { invite_users: { service_accounts: [{ name: randomUUID() }], group_ids: [facade.builtIn.viewers] } },
  );
  const body = { name: "narrow", service_account_id: added[0]?.id, scope: { object_types: ["dataset"] } };
  const { key } = await owner.rest.ok<{ key: string }>("POST", "/v1/service_token", body);
  const rest = restClient(system.adminUrl, key);
  expect(
    await statuses(
      rest,
      ["GET", `/v1/dataset/${inside.dataset}`],
      ["GET", `/v1/experiment/${inside.experiment}`],
    ),
  ).toEqual([200, 404]);
});

test("a bad scope names its field, and no key is made", async () => {
  const before = await positions(facade.system, facade.org.orgId);
  for (const [scope, error] of [
    [{}, "scope: must name permissions, object_types or objects"],
    [{ permissions: [] }, "scope.permissions: must not be empty"],
    [{ permissions: ["own"] }, /^scope\.permissions\[0\]: must be one of create, read/],
    [{ object_types: ["thing"] }, /^scope\.object_types\[0\]: must be one of organization/],
    [{ objects: [{ type: "project", id: "x" }] }, "scope.objects[0].id: must be a UUID"],
    [{ objects: [{ type: "project" }] }, "scope.objects[0].id: is required"],
    [{ objects: "all" }, "scope.objects: must be a list"],
    [{ everything: true }, "Extraneous key 'everything' at path [\"scope\"]"],
    ["read", "scope: must be an object"],
  ] as const) {
    const answer = await facade.owner.rest.request("POST", "/v1/api_key", { name: "x", scope });
    expect(answer).toMatchObject({
      status: 400,
      body: { error: typeof error === "string" ? error : expect.stringMatching(error) },
    });
  }
  expect(await positions(facade.system, facade.org.orgId)).toEqual(before);
});

describe("rotation", () => {
  test("both keys work for the overlap, then the new one alone", async () => {
    const old = await keyOf(facade.viewer, null);
    const made = await facade.viewer.rest.ok<{ id: string; key: string; expires_at: null }>(
      "POST",
      `/v1/access/api-keys/${old.id}/rotate`,
      { overlap_seconds: 2 },
    );
    const works = async (key: string) =>
      (await statuses(restClient(facade.system.adminUrl, key), ["GET", "/v1/organization"]))[0];
    expect([await works(old.key), await works(made.key)]).toEqual([200, 200]);
    const shown = await facade.viewer.rest.ok<{ expires_at: string; rotated_at: string }>(
      "GET",
      `/v1/api_key/${old.id}`,
    );
    expect(Date.parse(shown.expires_at) - Date.parse(shown.rotated_at)).toBe(2000);
    await expect.poll(() => works(old.key)).toBe(401);
    expect(await works(made.key)).toBe(200);
  });

  test("without an overlap the old key ends at once", async () => {
    const old = await keyOf(facade.viewer, null);
    await facade.viewer.rest.ok("POST", `/v1/access/api-keys/${old.id}/rotate`, { overlap_seconds: 0 });
    expect(await statuses(restClient(facade.system.adminUrl, old.key), ["GET", "/v1/organization"])).toEqual([
      401,
    ]);
  });

  test("is the holder's own, even from an Owner, who would get a key of somebody else", async () => {
    const { id } = await keyOf(facade.viewer, null);
    const path = `/v1/access/api-keys/${id}/rotate`;
    expect(await statuses(facade.owner.rest, ["POST", path])).toEqual([403]);
    expect(await statuses(facade.engineer.rest, ["POST", path])).toEqual([404]);
    expect(await statuses(facade.viewer.rest, ["POST", path], ["POST", path])).toEqual([200, 400]);
  });

  test.each([-1, 604_801, 1.5, "60"])("an overlap of %s is refused", async (overlap_seconds) => {
    const { id } = await keyOf(facade.viewer, null);
    const answer = await facade.viewer.rest.request("POST", `/v1/access/api-keys/${id}/rotate`, {
      overlap_seconds,
    });
    expect(answer).toMatchObject({ status: 400, body: { details: { field: "overlap_seconds" } } });
  });
});

describe("the last use of a credential", () => {
  const lastUsed = async (id: string) =>
    (await facade.viewer.rest.ok<{ last_used_at: string | null }>("GET", `/v1/api_key/${id}`)).last_used_at;

  test("is told after a request to the facade, with no event", async () => {
    const { id, key } = await keyOf(facade.viewer, null);
    expect(await lastUsed(id)).toBeNull();
    const before = await positions(facade.system, facade.org.orgId);
    const beganMs = Date.now();
    expect(await statuses(restClient(facade.system.adminUrl, key), ["GET", "/v1/organization"])).toEqual([
      200,
    ]);
    await expect.poll(() => lastUsed(id)).not.toBeNull();
    expect(Date.parse((await lastUsed(id)) ?? "")).toBeGreaterThanOrEqual(beganMs - 1000);
    expect(await positions(facade.system, facade.org.orgId)).toEqual(before);
  });

  test("is told after a Check about its holder", async () => {
    const { id, key } = await keyOf(facade.viewer, null);
    await facade.system.decision.check({
      orgId: "",
      who: { $case: "credential", value: key },
      permission: "read",
      what: { $case: "object", value: { type: "dataset", id: inside.dataset } },
      consistency: undefined,
    });
    await expect.poll(() => lastUsed(id)).not.toBeNull();
  });
});
