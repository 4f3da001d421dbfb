import { Braintrust } from "@braintrust/api";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Facade, startFacade } from "./facade.ts";

// The public API's own client, pointed at us.

let facade: Facade;
let client: Braintrust;
beforeAll(async () => {
  facade = await startFacade();
  client = new Braintrust({ apiKey: facade.owner.key, baseURL: facade.system.adminUrl, maxRetries: 0 });
});
afterAll(() => facade?.[Symbol.asyncDispose]());

test("it greets", async () => {
  expect(await client.topLevel.helloWorld()).toContain("Hello");
});

describe("projects", () => {
  test("are created, found again, changed and deleted", async () => {
    const made = await client.project.create({ name: "Search" });
    expect(made).toMatchObject({
      name: "Search",
      org_id: facade.org.orgId,
      user_id: facade.owner.id,
      deleted_at: null,
    });
    const { data: again, response } = await client.project.create({ name: "Search" }).withResponse();
    expect(again).toEqual(made);
    expect(response.headers.get("x-bt-found-existing")).toBe("true");
    expect(await client.project.retrieve(made.id)).toEqual(made);
    const renamed = await client.project.update(made.id, { name: "Search 2" });
    expect(renamed).toMatchObject({ id: made.id, name: "Search 2" });
    expect(await client.project.replace({ name: "Search 2" })).toEqual(renamed);
    const deleted = await client.project.delete(made.id);
    expect(deleted.deleted_at).not.toBeNull();
    await expect(client.project.retrieve(made.id)).rejects.toMatchObject({ status: 404 });
    const reused = await client.project.create({ name: "Search 2" });
    expect(reused.id).not.toBe(made.id);
  });

  test("are listed page by page, in both directions", async () => {
    const made: string[] = [];
    for (let index = 0; index < 7; index++) {
      made.unshift((await client.project.create({ name: `paged ${index}` })).id);
    }
    const forwards: string[] = [];
    for await (const project of client.project.list({ limit: 3 })) forwards.push(project.id);
    expect(forwards.slice(0, 7)).toEqual(made);
    const all = (await client.project.list({})).objects.map((project) => project.id);
    expect(forwards).toEqual(all);
    const oldest = all.at(-1) ?? "";
    const backwards: string[] = [];
    let page = await client.project.list({ limit: 3, ending_before: oldest });
    for (;;) {
      backwards.unshift(...page.objects.map((project) => project.id));
      if (!page.hasNextPage()) break;
      page = await page.getNextPage();
    }
    expect([...backwards, oldest]).toEqual(all);
  });
});

describe("groups", () => {
  test("are created, replaced, changed, listed and deleted", async () => {
    const other = await facade.member();
    const nested = await client.group.create({ name: "nested" });
    const made = await client.group.create({
      name: "Team",
      description: "first",
      member_users: [facade.viewer.id],
      member_groups: [nested.id],
    });
    expect(made).toMatchObject({
      description: "first",
      member_users: [facade.viewer.id],
      member_groups: [nested.id],
      org_id: facade.org.orgId,
    });
    const changed = await client.group.update(made.id, {
      name: "Team 2",
      member_users: [other.id],
      member_groups: [],
    });
    expect(changed).toMatchObject({
      name: "Team 2",
      description: "first",
      member_users: [other.id],
      member_groups: [],
    });
    const replaced = await client.group.replace({ name: "Team 2", member_users: [facade.viewer.id] });
    expect(replaced).toMatchObject({ id: made.id, description: null, member_users: [facade.viewer.id] });
    const fresh = await client.group.replace({ name: "Team 3" });
    expect(fresh.id).not.toBe(made.id);
    const listed = [];
    for await (const group of client.group.list({ limit: 2 })) listed.push(group.name);
    expect(listed).toEqual(
      expect.arrayContaining(["Team 3", "Team 2", "nested", "Owners", "Engineers", "Viewers"]),
    );
    expect((await client.group.list({ group_name: "Team 2" })).objects).toEqual([replaced]);
    expect((await client.group.delete(made.id)).deleted_at).not.toBeNull();
    await expect(client.group.retrieve(made.id)).rejects.toMatchObject({ status: 404 });
  });
});

describe("roles", () => {
  test("are created, replaced, changed, listed and deleted", async () => {
    const made = await client.role.create({ name: "Reader", member_permissions: ["read", "create"] });
    expect(made.member_permissions).toEqual([
      { permission: "read", restrict_object_type: null },
      { permission: "create", restrict_object_type: null },
    ]);
    const outer = await client.role.create({ name: "Outer", member_roles: [made.id] });
    expect(outer.member_roles).toEqual([made.id]);
    const changed = await client.role.update(made.id, { member_permissions: ["update", "read"] });
    expect(changed).toMatchObject({ member_permissions: [{ permission: "update" }, { permission: "read" }] });
    const replaced = await client.role.replace({ name: "Reader", member_permissions: ["delete"] });
    expect(replaced).toMatchObject({ id: made.id, member_permissions: [{ permission: "delete" }] });
    const names = [];
    for await (const role of client.role.list({ limit: 2 })) names.push(role.name);
    expect(names.slice(0, 2)).toEqual(["Outer", "Reader"]);
    expect(names.slice(2).toSorted()).toEqual(["Engineer", "Owner", "Viewer"]);
    expect((await client.role.delete(outer.id)).deleted_at).not.toBeNull();
  });

  test("of the system are found and can't be changed", async () => {
    const { data: viewer, response } = await client.role.create({ name: "Viewer" }).withResponse();
    expect(viewer).toMatchObject({ org_id: null, member_permissions: [{ permission: "read" }] });
    expect(response.headers.get("x-bt-found-existing")).toBe("true");
    await expect(client.role.update(viewer.id, { name: "x" })).rejects.toMatchObject({ status: 403 });
    await expect(client.role.delete(viewer.id)).rejects.toMatchObject({ status: 403 });
    await expect(client.role.replace({ name: "Viewer" })).rejects.toMatchObject({ status: 403 });
  });
});

describe("ACLs", () => {
  test("are created, found again, listed and deleted", async () => {
    const project = await client.project.create({ name: "guarded" });
    const content = {
      object_type: "project",
      object_id: project.id,
      user_id: facade.newcomer.id,
      permission: "read",
    } as const;
    const made = await client.acl.create(content);
    expect(made).toMatchObject({
      ...content,
      group_id: null,
      role_id: null,
      _object_org_id: facade.org.orgId,
    });
    const { data: again, response } = await client.acl.create(content).withResponse();
    expect(again).toEqual(made);
    expect(response.headers.get("x-bt-found-existing")).toBe("true");
    const listed = [];
    for await (const acl of client.acl.list({ object_type: "project", object_id: project.id, limit: 1 })) {
      listed.push(acl.id);
    }
    expect(listed).toHaveLength(2);
    expect(listed[0]).toBe(made.id);
    expect(await client.acl.retrieve(made.id)).toEqual(made);
    expect(await client.acl.delete(made.id)).toEqual(made);
    await expect(client.acl.retrieve(made.id)).rejects.toMatchObject({ status: 404 });
    expect(await client.acl.replace(content)).toMatchObject(content);
  });
});

describe("users", () => {
  test("are listed by id and e-mail address, and fetched", async () => {
    const [ada, bob] = [await facade.member(), await facade.member()];
    const { objects } = await client.user.list({ ids: [ada.id, bob.id] });
    expect(objects.map((user) => user.id).toSorted()).toEqual([ada.id, bob.id].toSorted());
    const email = objects.find((user) => user.id === ada.id)?.email ?? "";
    expect((await client.user.list({ email })).objects.map((user) => user.id)).toEqual([ada.id]);
    expect(await client.user.retrieve(bob.id)).toMatchObject({ id: bob.id });
    const pages = [];
    for await (const user of client.user.list({ limit: 2 })) pages.push(user.id);
    expect(new Set(pages).size).toBe(pages.length);
    expect(pages).toEqual(expect.arrayContaining([facade.owner.id, ada.id, bob.id]));
  });
});
