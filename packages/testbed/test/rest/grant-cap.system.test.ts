import { randomUUID } from "node:crypto";
import { systemRoles } from "@portcullis/policy";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { restClient } from "../../src/rest.ts";
import { type Facade, type Person, positions, startFacade } from "./facade.ts";

// Whoever may grant may grant anything, unless the organisation lets nobody grant more than they hold.

let facade: Facade;
let project: string;
let granter: Person;
let friend: Person;
beforeAll(async () => {
  facade = await startFacade();
  await cap(true);
});
afterAll(() => facade?.[Symbol.asyncDispose]());

/** May read and grant on a project, and nothing else there. */
beforeEach(async () => {
  project = await make("/v1/project");
  granter = await facade.member();
  friend = await facade.member();
  for (const permission of ["read", "create_acls", "read_acls"]) await grant(granter, { permission });
});

async function cap(grant_cap: boolean): Promise<void> {
  expect(await facade.owner.rest.ok("PATCH", "/v1/access/settings", { grant_cap })).toMatchObject({
    grant_cap,
  });
}

async function make(path: string, body: object = {}): Promise<string> {
  return (await facade.owner.rest.ok<{ id: string }>("POST", path, { name: randomUUID(), ...body })).id;
}

const onProject = () => ({ object_type: "project", object_id: project });

/** As the Owner does. */
function grant({ id }: Person, given: object): Promise<unknown> {
  return facade.owner.rest.ok("POST", "/v1/acl", { ...onProject(), user_id: id, ...given });
}

async function grantsTo(body: object, who = granter): Promise<number> {
  const before = await positions(facade.system, facade.org.orgId);
  const answer = await who.rest.request("POST", "/v1/acl", { ...onProject(), user_id: friend.id, ...body });
  if (answer.status !== 200) {
    expect(answer.body).toMatchObject({ error: expect.stringContaining("more than you hold") });
    expect(await positions(facade.system, facade.org.orgId)).toEqual(before);
  }
  return answer.status;
}

test("what is held may be granted, and nothing else", async () => {
  expect(await grantsTo({ permission: "read" })).toBe(200);
  expect(await grantsTo({ permission: "create_acls" })).toBe(200);
  expect(await grantsTo({ permission: "update" })).toBe(403);
  expect(await grantsTo({ permission: "delete_acls" })).toBe(403);
  expect(await grantsTo({ permission: "update" }, facade.owner)).toBe(200);
});

test("nobody grants to themself what they don't hold", async () => {
  const itself = { user_id: granter.id };
  expect(await grantsTo({ permission: "update", ...itself })).toBe(403);
  expect(await grantsTo({ role_id: systemRoles.owner.id, ...itself })).toBe(403);
});

test("a role is granted by whoever holds all of it", async () => {
  const [reader, writer] = [
    await make("/v1/role", { member_permissions: [{ permission: "read" }] }),
    await make("/v1/role", { member_permissions: [{ permission: "read" }, { permission: "update" }] }),
  ];
  const around = await make("/v1/role", { member_roles: [writer] });
  expect(await grantsTo({ role_id: reader })).toBe(200);
  expect(await grantsTo({ role_id: systemRoles.viewer.id })).toBe(200);
  expect(await grantsTo({ role_id: writer })).toBe(403);
  expect(await grantsTo({ role_id: around })).toBe(403);
  await grant(granter, { permission: "update" });
  expect(await grantsTo({ role_id: around })).toBe(200);
});

test("what is held on one type is granted on that type", async () => {
  await grant(granter, { permission: "update", restrict_object_type: "dataset" });
  expect(await grantsTo({ permission: "update", restrict_object_type: "dataset" })).toBe(200);
  expect(await grantsTo({ permission: "update", restrict_object_type: "prompt" })).toBe(403);
  expect(await grantsTo({ permission: "update" })).toBe(403);
});

test("what is held of a part of the tree is granted below it, and not above", async () => {
  const dataset = { object_type: "dataset", object_id: await make("/v1/dataset", { project_id: project }) };
  expect(await grantsTo({ permission: "read", ...dataset })).toBe(200);
  await facade.owner.rest.ok("POST", "/v1/acl", { ...dataset, user_id: granter.id, permission: "update" });
  expect(await grantsTo({ permission: "update", ...dataset })).toBe(200);
  expect(await grantsTo({ permission: "update" })).toBe(403);
});

test("what is held for a while is not granted for longer", async () => {
  const inAnHour = new Date(Date.now() + 3_600_000).toISOString();
  const inHalfAnHour = new Date(Date.now() + 1_800_000).toISOString();
  await grant(granter, { permission: "update", expires_at: inAnHour });
  expect(await grantsTo({ permission: "update" })).toBe(403);
  expect(
    await grantsTo({ permission: "update", expires_at: new Date(Date.now() + 7_200_000).toISOString() }),
  ).toBe(403);
  expect(await grantsTo({ permission: "update", expires_at: inHalfAnHour })).toBe(200);
});

test("a batch with one grant too many is refused whole, and names it", async () => {
  const item = (permission: string) => ({ ...onProject(), user_id: friend.id, permission });
  const before = await positions(facade.system, facade.org.orgId);
  const answer = await granter.rest.request("POST", "/v1/acl/batch_update", {
    add_acls: [item("read"), item("update")],
  });
  expect(answer).toMatchObject({ status: 403, body: { details: { field: "add_acls[1]" } } });
  expect(await positions(facade.system, facade.org.orgId)).toEqual(before);
});

describe("a role that others hold", () => {
  let role: string;
  beforeEach(async () => {
    role = await make("/v1/role", { member_permissions: [{ permission: "read" }] });
    await facade.owner.rest.ok("POST", "/v1/acl", {
      object_type: "role",
      object_id: role,
      user_id: granter.id,
      permission: "update",
    });
  });

  test.each([
    ["by adding a permission", () => ({ add_member_permissions: [{ permission: "update" }] })],
    ["by adding a bare word", () => ({ add_member_permissions: ["update"] })],
    ["by a whole list", () => ({ member_permissions: [{ permission: "read" }, { permission: "update" }] })],
    ["by a role in it", () => ({ add_member_roles: [systemRoles.owner.id] })],
    ["by a whole list of roles", () => ({ member_roles: [systemRoles.owner.id] })],
  ])("is not made to grant more than its editor holds: %s", async (_, change) => {
    const path = `/v1/role/${role}`;
    const answer = await granter.rest.request("PATCH", path, change());
    expect(answer).toMatchObject({
      status: 403,
      body: { error: expect.stringContaining("more than you hold") },
    });
    expect(await facade.owner.rest.ok("GET", path)).toMatchObject({
      member_permissions: [{ permission: "read" }],
      member_roles: [],
    });
    // What it grants already may stand in a whole list, and be taken away.
    await granter.rest.ok("PATCH", path, { member_permissions: ["read"], description: "kept" });
    await granter.rest.ok("PATCH", path, { remove_member_permissions: ["read"] });
  });

  test("is not replaced by one that grants more", async () => {
    const { name } = await facade.owner.rest.ok<{ name: string }>("GET", `/v1/role/${role}`);
    const answer = await granter.rest.request("PUT", "/v1/role", { name, member_permissions: ["delete"] });
    expect(answer.status).toBe(403);
  });
});

describe("a project group", () => {
  test("lists a project only if its maker would hold on it what it grants", async () => {
    await facade.owner.rest.ok("POST", "/v1/acl", {
      object_type: "organization",
      object_id: facade.org.orgId,
      user_id: granter.id,
      permission: "create",
      restrict_object_type: "project_group",
    });
    const name = randomUUID();
    // Whoever makes a group owns it, and so would own what it lists.
    const answer = await granter.rest.request("POST", "/v1/project_group", {
      name,
      member_projects: [project],
    });
    expect(answer).toMatchObject({ status: 403, body: { details: { field: "member_projects" } } });
    const { id } = await granter.rest.ok<{ id: string }>("POST", "/v1/project_group", { name });
    const path = `/v1/project_group/${id}`;
    const listed = await granter.rest.request("PATCH", path, { add_member_projects: [project] });
    expect(listed).toMatchObject({ status: 403, body: { details: { field: "add_member_projects" } } });
    const put = await granter.rest.request("PUT", "/v1/project_group", { name, member_projects: [project] });
    expect(put).toMatchObject({ status: 403, body: { details: { field: "member_projects" } } });
    await facade.owner.rest.ok("PATCH", path, { add_member_projects: [project] });
    // What it lists already is not listed anew.
    await granter.rest.ok("PUT", "/v1/project_group", { name, member_projects: [project] });
  });
});

test("a key with a scope grants no more than the scope holds", async () => {
  const { key } = await facade.owner.rest.ok<{ key: string }>("POST", "/v1/api_key", {
    name: randomUUID(),
    scope: { permissions: ["read", "create_acls"] },
  });
  const narrow: Person = { ...facade.owner, key, rest: restClient(facade.system.adminUrl, key) };
  expect(await grantsTo({ permission: "read" }, narrow)).toBe(200);
  expect(await grantsTo({ permission: "update" }, narrow)).toBe(403);
});

test("it is off unless it is set, and set by whoever may change the settings", async () => {
  expect(await facade.stranger.rest.ok("GET", "/v1/access/settings")).toMatchObject({ grant_cap: false });
  expect((await granter.rest.request("PATCH", "/v1/access/settings", { grant_cap: false })).status).toBe(403);
  await cap(false);
  expect(await grantsTo({ permission: "update" })).toBe(200);
  await cap(true);
  expect(await grantsTo({ permission: "delete" })).toBe(403);
});
