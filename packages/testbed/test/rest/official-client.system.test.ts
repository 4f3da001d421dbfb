import { randomUUID } from "node:crypto";
import { Braintrust } from "@braintrust/api";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Facade, type Person, startFacade } from "./facade.ts";

// The public API's own client, pointed at us.

let facade: Facade;
let client: Braintrust;
beforeAll(async () => {
  facade = await startFacade();
  client = clientOf(facade.owner);
});
afterAll(() => facade?.[Symbol.asyncDispose]());

function clientOf({ key }: Pick<Person, "key">): Braintrust {
  return new Braintrust({ apiKey: key, baseURL: facade.system.adminUrl, maxRetries: 0 });
}

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

describe("what lies in a project", () => {
  let projectId: string;
  let projectName: string;
  beforeAll(async () => {
    projectName = randomUUID();
    projectId = (await client.project.create({ name: projectName })).id;
  });

  test("experiments are created, found again, made anew, changed, listed and deleted", async () => {
    const content = {
      project_id: projectId,
      name: "trial",
      description: "first",
      metadata: { model: { name: "m", size: 1 } },
      repo_info: { commit: "abc", branch: "main", dirty: false },
      dataset_id: null,
      base_exp_id: null,
      public: false,
    };
    const made = await client.experiment.create(content);
    expect(made).toMatchObject({ ...content, commit: "abc", user_id: facade.owner.id, deleted_at: null });
    const { data: again, response } = await client.experiment
      .create({ ...content, description: "other" })
      .withResponse();
    expect([again, response.headers.get("x-bt-found-existing")]).toEqual([made, "true"]);
    const fresh = await client.experiment.create({ ...content, ensure_new: true });
    expect(fresh.id).not.toBe(made.id);
    expect(fresh.name).toMatch(/^trial./);
    const unnamed = await client.experiment.create({ project_id: projectId });
    expect(new Set([made.name, fresh.name, unnamed.name]).size).toBe(3);
    const changed = await client.experiment.update(made.id, { metadata: { model: { size: 2 }, more: true } });
    expect(changed.metadata).toEqual({ model: { name: "m", size: 2 }, more: true });
    expect(await client.experiment.retrieve(made.id)).toEqual(changed);
    const listed = [];
    for await (const { id } of client.experiment.list({ project_name: projectName, limit: 1 }))
      listed.push(id);
    expect(listed).toEqual([unnamed.id, fresh.id, made.id]);
    const found = await client.experiment.list({ experiment_name: "trial", project_name: projectName });
    expect(found.objects).toEqual([changed]);
    const replaced = await client.experiment.replace({ project_id: projectId, name: "trial" });
    expect(replaced).toMatchObject({ id: made.id, description: null, metadata: null, repo_info: null });
    expect((await client.experiment.delete(fresh.id)).deleted_at).not.toBeNull();
    await expect(client.experiment.retrieve(fresh.id)).rejects.toMatchObject({ status: 404 });
  });

  test("datasets are created, found again, changed, listed and deleted", async () => {
    const made = await client.dataset.create({ project_id: projectId, name: "questions", description: "d" });
    expect(await client.dataset.create({ project_id: projectId, name: "questions" })).toEqual(made);
    const changed = await client.dataset.update(made.id, { name: "answers" });
    expect(changed).toMatchObject({ id: made.id, name: "answers", description: "d" });
    const later = await client.dataset.create({ project_id: projectId, name: "questions" });
    expect((await client.dataset.list({ project_name: projectName })).objects).toEqual([later, changed]);
    expect((await client.dataset.list({ dataset_name: "answers" })).objects).toEqual([changed]);
    expect((await client.dataset.list({ ids: [made.id, later.id] })).objects).toEqual([later, changed]);
    const replaced = await client.dataset.replace({ project_id: projectId, name: "answers" });
    expect(replaced).toMatchObject({ id: made.id, description: null });
    expect((await client.dataset.delete(made.id)).deleted_at).not.toBeNull();
    await expect(client.dataset.retrieve(made.id)).rejects.toMatchObject({ status: 404 });
  });

  test("prompts are created, found again, changed, listed and deleted", async () => {
    const content = {
      project_id: projectId,
      name: "Greeting",
      slug: "greeting",
      prompt_data: { options: { model: "m", params: { temperature: 0 } } },
      tags: ["a"],
    };
    const made = await client.prompt.create(content);
    expect(made).toMatchObject({ ...content, log_id: "p", org_id: facade.org.orgId });
    expect(await client.prompt.create({ ...content, name: "Other" })).toEqual(made);
    const data = { options: { params: { temperature: 1 } } };
    const changed = await client.prompt.update(made.id, { prompt_data: data, tags: ["b"] });
    expect(changed).toMatchObject({
      prompt_data: { options: { model: "m", params: { temperature: 1 } } },
      tags: ["b"],
    });
    expect(await client.prompt.retrieve(made.id)).toEqual(changed);
    const wanted = { project_name: projectName, slug: "greeting", prompt_name: "Greeting" };
    expect((await client.prompt.list(wanted)).objects).toEqual([changed]);
    const replaced = await client.prompt.replace({ project_id: projectId, name: "Hi", slug: "greeting" });
    expect(replaced).toMatchObject({ id: made.id, name: "Hi", prompt_data: null, tags: null });
    await client.prompt.delete(made.id);
    await expect(client.prompt.retrieve(made.id)).rejects.toMatchObject({ status: 404 });
  });

  test("of what is deleted all goes that lies in it", async () => {
    const project = await client.project.create({ name: randomUUID() });
    const dataset = await client.dataset.create({ project_id: project.id, name: "d" });
    await client.project.delete(project.id);
    await expect(client.dataset.retrieve(dataset.id)).rejects.toMatchObject({ status: 404 });
  });
});

describe("2,500 objects", () => {
  const count = 2500;
  let projectName: string;
  /** Newest first. */
  let all: readonly string[];
  beforeAll(async () => {
    projectName = randomUUID();
    const { id } = await client.project.create({ name: projectName });
    // Several of each millisecond, which then come by their ids.
    const made = Array.from({ length: count }, (_, index) => ({
      id: randomUUID(),
      created: new Date(Date.UTC(2026, 0, 1) + Math.floor(index / 3)).toISOString(),
    }));
    await putExperiments(id, made);
    const order = made
      .map((experiment) => `${experiment.created} ${experiment.id}`)
      .toSorted()
      .toReversed();
    all = order.map((key) => key.split(" ")[1] ?? "");
  });

  /** Puts them into the database: one after the other, they would take a minute. */
  async function putExperiments(projectId: string, made: readonly { id: string; created: string }[]) {
    const database = new pg.Client({ connectionString: facade.system.databaseUrl("grants") });
    await database.connect();
    try {
      await database.query(
        `insert into object (id, org_id, type, parent_type, parent_id, name, payload, created)
         select id, $1, 'experiment', 'project', $2, id::text, '{}', created
         from unnest($3::uuid[], $4::timestamptz[]) as made (id, created)`,
        [facade.org.orgId, projectId, made.map(({ id }) => id), made.map(({ created }) => created)],
      );
    } finally {
      await database.end();
    }
  }

  test.each([
    ["a hundred", 100],
    ["nearly a thousand", 999],
    ["all of them", count],
    ["as many as the API gives", undefined],
  ])("come each once and in order, %s a page", async (_, limit) => {
    const wanted = { project_name: projectName, ...(limit !== undefined && { limit }) };
    const forwards: string[] = [];
    for await (const { id } of client.experiment.list(wanted)) forwards.push(id);
    expect(forwards).toEqual(all);
    const [newest = "", oldest = ""] = [all[0], all.at(-1)];
    const backwards: string[][] = [];
    const pages = await client.experiment.list({ ...wanted, ending_before: oldest });
    for await (const page of pages.iterPages()) {
      backwards.unshift(page.getPaginatedItems().map(({ id }) => id));
    }
    expect([...backwards.flat(), oldest]).toEqual(all);
    const none = await client.experiment.list({ ...wanted, ending_before: newest });
    expect([none.objects, none.hasNextPage()]).toEqual([[], false]);
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

  test("of a role, and of a permission on one type, go with the group that has them", async () => {
    const project = await client.project.create({ name: randomUUID() });
    const group = await client.group.create({ name: randomUUID() });
    const role = await client.role.create({ name: randomUUID(), member_permissions: ["read"] });
    const on = { object_type: "project", object_id: project.id } as const;
    const whole = await client.acl.create({ ...on, group_id: group.id, role_id: role.id });
    const narrow = await client.acl.create({
      ...on,
      group_id: group.id,
      permission: "create",
      restrict_object_type: "experiment",
    });
    expect(narrow).toMatchObject({ restrict_object_type: "experiment", role_id: null });
    expect((await client.acl.list({ ...on, limit: 2 })).objects).toEqual([narrow, whole]);
    await client.group.delete(group.id);
    await expect.poll(async () => (await client.acl.list(on)).objects.length).toBe(1);
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

describe("what goes wrong is an error of the class", () => {
  const { BadRequestError, AuthenticationError, PermissionDeniedError, NotFoundError, ConflictError } =
    Braintrust;

  test("BadRequestError, with what is wrong, and nothing is tried again", async () => {
    const refused = client.group.create({ name: "" }, { maxRetries: 3 });
    await expect(refused).rejects.toBeInstanceOf(BadRequestError);
    await expect(refused).rejects.toMatchObject({ status: 400, message: "400 name: must not be empty" });
    const unknown = client.group.create({ name: "x", colour: "red" } as never);
    await expect(unknown).rejects.toMatchObject({ message: "400 Extraneous key 'colour' at path []" });
    const cycle = await client.group.create({ name: randomUUID() });
    await expect(client.group.update(cycle.id, { member_groups: [cycle.id] })).rejects.toBeInstanceOf(
      BadRequestError,
    );
    const elsewhere = client.project.list({ starting_after: randomUUID() });
    await expect(elsewhere).rejects.toBeInstanceOf(BadRequestError);
  });

  test("AuthenticationError", async () => {
    const wrong = clientOf({ key: "sk-wrong" });
    await expect(wrong.project.list({})).rejects.toBeInstanceOf(AuthenticationError);
  });

  test("PermissionDeniedError", async () => {
    const viewer = clientOf(facade.viewer);
    await expect(viewer.project.create({ name: "x" })).rejects.toBeInstanceOf(PermissionDeniedError);
    await expect(client.project.list({ org_name: "Another" })).rejects.toBeInstanceOf(PermissionDeniedError);
  });

  test("NotFoundError", async () => {
    await expect(client.acl.retrieve(randomUUID())).rejects.toBeInstanceOf(NotFoundError);
    const { id } = await client.project.create({ name: randomUUID() });
    await expect(clientOf(facade.newcomer).project.retrieve(id)).rejects.toBeInstanceOf(NotFoundError);
  });

  test("ConflictError, for who said which state it had seen", async () => {
    const { data: group, response } = await client.group.create({ name: randomUUID() }).withResponse();
    const seen = { headers: { "if-match": response.headers.get("etag") } };
    const changed = await client.group.update(group.id, { description: "first" }, seen);
    expect(changed.description).toBe("first");
    const late = client.group.update(group.id, { description: "second" }, seen);
    await expect(late).rejects.toBeInstanceOf(ConflictError);
    expect((await client.group.retrieve(group.id)).description).toBe("first");
  });
});

test("while a part is down the client waits as it is told, and succeeds once that is back", async () => {
  const { system, owner } = facade;
  await system.stop("groups");
  await expect(client.group.create({ name: "late" })).rejects.toBeInstanceOf(Braintrust.InternalServerError);
  let back: Promise<void> | undefined;
  const statuses: number[] = [];
  const patient = new Braintrust({
    apiKey: owner.key,
    baseURL: system.adminUrl,
    maxRetries: 30,
    fetch: async (...request) => {
      const response = await fetch(...(request as unknown as Parameters<typeof fetch>));
      statuses.push(response.status);
      if (response.status === 503) {
        expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
        back ??= system.start("groups");
      }
      return response as never;
    },
  });
  expect(await patient.group.create({ name: "late" })).toMatchObject({ name: "late" });
  await back;
  expect(statuses.length).toBeGreaterThan(1);
  expect(statuses).toEqual([...statuses.slice(0, -1).map(() => 503), 200]);
});
