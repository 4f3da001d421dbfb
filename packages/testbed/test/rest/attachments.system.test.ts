import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Facade, type Objects, type Person, positions, startFacade } from "./facade.ts";

// What is kept with an object and has no ACLs of its own: whoever may read the object may read it, whoever may update the
// object may change it, and it goes with the object.

let facade: Facade;
beforeAll(async () => {
  facade = await startFacade();
});
afterAll(() => facade?.[Symbol.asyncDispose]());

interface Kept {
  readonly id: string;
  readonly name: string;
  readonly [field: string]: unknown;
}

interface Kind {
  readonly path: string;
  readonly at: (project: string) => object;
  readonly content: object;
  /** Where the public API asks for the object again. */
  readonly repeats?: true;
}

const byObject = (project: string) => ({ object_type: "project", object_id: project });
const byProject = (project: string) => ({ project_id: project });
const kinds: readonly Kind[] = [
  {
    path: "/v1/view",
    at: byObject,
    content: { view_type: "logs", view_data: { search: { filter: ["a"] } }, options: { a: 1 } },
    repeats: true,
  },
  { path: "/v1/env_var", at: byObject, content: { metadata: { a: 1 }, secret_type: "token" } },
  {
    path: "/v1/project_score",
    at: byProject,
    content: { score_type: "categorical", categories: [{ name: "good", value: 1 }], config: { a: 1 } },
  },
  { path: "/v1/project_tag", at: byProject, content: { color: "red", description: "d" } },
];

async function newProject(person: Person = facade.owner): Promise<string> {
  const { id } = await person.rest.ok<Kept>("POST", "/v1/project", { name: randomUUID() });
  return id;
}

function list(kind: Kind, project: string, person: Person = facade.owner, more: object = {}) {
  const query = new URLSearchParams({ ...kind.at(project), ...more });
  return person.rest.ok<Objects<Kept>>("GET", `${kind.path}?${query}`).then(({ objects }) => objects);
}

/** The address of one, with the object where the kind wants it said again. */
function one(kind: Kind, project: string, { id }: Kept): string {
  return `${kind.path}/${id}${kind.repeats ? `?${new URLSearchParams({ ...kind.at(project) })}` : ""}`;
}

test.each(kinds)("$path: made, found, replaced, changed, deleted", async (kind) => {
  const { rest } = facade.owner;
  const project = await newProject();
  const body = { ...kind.at(project), name: "one", ...kind.content };
  const made = await rest.request("POST", kind.path, body);
  expect(made).toMatchObject({ status: 200, body });
  expect(made.headers.get("x-bt-found-existing")).toBeNull();
  expect(made.headers.get("x-portcullis-revision")).toMatch(/./);
  const first = made.body as Kept;

  const again = await rest.request("POST", kind.path, {
    ...body,
    ...(kind.path === "/v1/view" && { options: {} }),
  });
  expect(again.body).toEqual(first);
  expect(again.headers.get("x-bt-found-existing")).toBe("true");
  expect(await rest.ok("GET", one(kind, project, first))).toEqual(first);

  const bare = {
    ...kind.at(project),
    name: "one",
    ...(kind.path === "/v1/view" && { view_type: "logs" }),
    ...(kind.path === "/v1/project_score" && { score_type: "slider" }),
  };
  const replaced = await rest.request("PUT", kind.path, bare);
  expect(replaced.headers.get("x-bt-found-existing")).toBe("true");
  expect(replaced.body).toMatchObject({ id: first.id, created: first["created"] });
  for (const field of Object.keys(kind.content).filter(
    (field) => !field.endsWith("_type") || field === "secret_type",
  )) {
    expect((replaced.body as Kept)[field]).toBeNull();
  }

  await rest.ok("PUT", kind.path, body);
  const change = { ...(kind.repeats && kind.at(project)), name: "two" };
  const changed = await rest.ok<Kept>("PATCH", `${kind.path}/${first.id}`, change);
  expect(changed).toMatchObject({ ...body, id: first.id, name: "two" });
  const other = await rest.ok<Kept>("POST", kind.path, body);
  expect(other.id).not.toBe(first.id);
  const taken = await rest.request("PATCH", `${kind.path}/${other.id}`, change);
  expect(taken).toMatchObject({ status: 400, body: { error: expect.stringMatching(/^name: is taken/) } });

  expect((await list(kind, project)).map(({ id }) => id)).toEqual([other.id, first.id]);
  expect(await list(kind, project, facade.owner, { limit: "1", starting_after: other.id })).toEqual([
    changed,
  ]);
  expect(await list(kind, project, facade.owner, { ids: first.id })).toEqual([changed]);
  const noun = kind.path.slice("/v1/".length);
  expect(await list(kind, project, facade.owner, { [`${noun}_name`]: "two" })).toEqual([changed]);
  expect(await list(kind, await newProject())).toEqual([]);

  const gone = await rest.ok<Kept>("DELETE", `${kind.path}/${first.id}`, kind.repeats && kind.at(project));
  expect(gone).toMatchObject({ id: first.id, name: "two" });
  expect((await rest.request("GET", one(kind, project, first))).status).toBe(404);
  expect(
    (await rest.request("DELETE", `${kind.path}/${first.id}`, kind.repeats && kind.at(project))).status,
  ).toBe(404);
  expect((await list(kind, project)).map(({ id }) => id)).toEqual([other.id]);
});

test.each(kinds)("$path: follows the permissions of its object", async (kind) => {
  const { rest } = facade.owner;
  const [project, hidden] = [await newProject(), await newProject()];
  const make = (at: string) =>
    rest.ok<Kept>("POST", kind.path, { ...kind.at(at), name: "x", ...kind.content });
  const [seen, unseen] = [await make(project), await make(hidden)];
  const reader = await facade.member();
  const grant = { object_type: "project", object_id: project, user_id: reader.id, permission: "read" };
  expect((await reader.rest.request("GET", one(kind, project, seen))).status).toBe(404);
  await rest.ok("POST", "/v1/acl", grant);
  expect(await reader.rest.ok("GET", one(kind, project, seen))).toEqual(seen);
  expect((await reader.rest.request("GET", one(kind, hidden, unseen))).status).toBe(404);
  expect(await list(kind, project, reader)).toEqual([seen]);
  expect(await list(kind, hidden, reader)).toEqual([]);
  const change = { ...(kind.repeats && kind.at(project)), name: "y" };
  const before = await positions(facade.system, facade.org.orgId);
  expect((await reader.rest.request("PATCH", `${kind.path}/${seen.id}`, change)).status).toBe(403);
  const again = { ...kind.at(project), name: "x", ...kind.content };
  for (const method of ["POST", "PUT"]) {
    expect((await reader.rest.request(method, kind.path, again)).status).toBe(403);
  }
  expect(await positions(facade.system, facade.org.orgId)).toEqual(before);
  await rest.ok("POST", "/v1/acl", { ...grant, permission: "update" });
  expect(await reader.rest.ok("PATCH", `${kind.path}/${seen.id}`, change)).toMatchObject({ name: "y" });
  // It goes with its object.
  await rest.ok("DELETE", `/v1/project/${project}`);
  expect((await rest.request("GET", one(kind, project, seen))).status).toBe(404);
  expect(await list(kind, project)).toEqual([]);
});

test("a view is found under its object only", async () => {
  const { rest } = facade.owner;
  const [view] = kinds;
  if (view === undefined) throw new Error("no view");
  const [project, other] = [await newProject(), await newProject()];
  const made = await rest.ok<Kept>("POST", view.path, { ...view.at(project), name: "x", ...view.content });
  expect((await rest.request("GET", one(view, other, made))).status).toBe(404);
  const path = `${view.path}/${made.id}`;
  expect((await rest.request("PATCH", path, { ...view.at(other), name: "y" })).status).toBe(404);
  expect((await rest.request("DELETE", path, view.at(other))).status).toBe(404);
  expect(await list(view, project, facade.owner, { view_type: "logs" })).toEqual([made]);
  expect(await list(view, project, facade.owner, { view_type: "monitor" })).toEqual([]);
});

test("the value of an environment variable is taken, and is nowhere", async () => {
  const { rest } = facade.owner;
  const project = await newProject();
  const value = `value-${randomUUID()}`;
  const body = { ...byObject(project), name: "TOKEN", value };
  const made = await rest.ok<Kept>("POST", "/v1/env_var", body);
  expect(made).toMatchObject({
    name: "TOKEN",
    secret_category: "env_var",
    secret_updated_at: expect.any(String),
    secret_updated_by_user_id: facade.owner.id,
  });
  await rest.ok("PATCH", `/v1/env_var/${made.id}`, { value });
  const log = await rest.ok("GET", `/v1/access/audit-log?object_type=env_var&object_id=${made.id}`);
  for (const answer of [made, log, await rest.ok("GET", `/v1/env_var/${made.id}`)]) {
    expect(JSON.stringify(answer)).not.toContain(value);
  }
});

test("the value of an AI secret is taken, and is nowhere", async () => {
  const { rest } = facade.owner;
  const secret = `secret-${randomUUID()}`;
  const [name, type] = [randomUUID(), randomUUID()];
  const made = await rest.ok<Kept>("POST", "/v1/ai_secret", { name, type, secret });
  expect(made).toMatchObject({ name, type, secret_updated_at: expect.any(String), preview_secret: null });
  await rest.ok("PATCH", `/v1/ai_secret/${made.id}`, { secret });
  const log = await rest.ok("GET", `/v1/access/audit-log?object_type=ai_secret&object_id=${made.id}`);
  for (const answer of [made, log, await rest.ok("GET", `/v1/ai_secret/${made.id}`)]) {
    expect(JSON.stringify(answer)).not.toContain(secret);
  }
});

test("lists ask for several kinds at once, in both spellings", async () => {
  const { rest } = facade.owner;
  const project = await newProject();
  const make = (path: string, body: object) => rest.ok<Kept>("POST", path, { name: randomUUID(), ...body });
  const score = (score_type: string) => make("/v1/project_score", { project_id: project, score_type });
  const [slider, minimum] = [await score("slider"), await score("minimum")];
  await score("maximum");
  const secrets = [
    await make("/v1/ai_secret", { type: "one" }),
    await make("/v1/ai_secret", { type: "two" }),
    await make("/v1/ai_secret", { type: "three" }),
  ];
  const ids = async (path: string) => (await rest.ok<Objects<Kept>>("GET", path)).objects.map(({ id }) => id);
  const scores = `/v1/project_score?project_id=${project}`;
  for (const types of ["score_type=slider,minimum", "score_type=slider&score_type=minimum"]) {
    expect(await ids(`${scores}&${types}`)).toEqual([minimum.id, slider.id]);
  }
  expect(await ids(`${scores}&score_type=`)).toHaveLength(3);
  expect((await rest.request("GET", `${scores}&score_type=none`)).status).toBe(400);
  for (const types of ["ai_secret_type=one,two", "ai_secret_type=one&ai_secret_type=two"]) {
    expect(await ids(`/v1/ai_secret?${types}`)).toEqual([secrets[1]?.id, secrets[0]?.id]);
  }
});

test("environments belong to the organisation", async () => {
  const { owner, viewer, newcomer } = facade;
  const [slug, name] = [randomUUID(), randomUUID()];
  const made = await owner.rest.ok<Kept>("POST", "/environment", { name, slug, description: "d" });
  expect(made).toMatchObject({ name, slug, description: "d", org_id: facade.org.orgId, deleted_at: null });
  const found = await owner.rest.request("POST", "/environment", { name: "other", slug });
  expect(found.body).toEqual(made);
  expect(found.headers.get("x-bt-found-existing")).toBe("true");
  for (const { rest } of [viewer, newcomer]) {
    expect(await rest.ok("GET", `/environment/${made.id}`)).toEqual(made);
    expect(await rest.ok("GET", `/environment?name=${name}`)).toEqual({ objects: [made] });
    expect((await rest.request("DELETE", `/environment/${made.id}`)).status).toBe(403);
  }
  expect(await owner.rest.ok("PATCH", `/environment/${made.id}`, { description: "e" })).toMatchObject({
    name,
    slug,
    description: "e",
  });
  expect(await owner.rest.ok("DELETE", `/environment/${made.id}`)).toMatchObject({
    deleted_at: expect.any(String),
  });
  expect(await owner.rest.ok("GET", `/environment?ids=${made.id}`)).toEqual({ objects: [] });
});

test("functions and prompts share their slugs, and each is seen as what it is", async () => {
  const { rest } = facade.owner;
  const project = await newProject();
  const named = { project_id: project, name: "x" };
  const code = { type: "code", data: { type: "inline" } };
  const made = await rest.ok<Kept>("POST", "/v1/function", { ...named, slug: "f", function_data: code });
  expect(made).toMatchObject({ ...named, slug: "f", function_data: code, function_type: null });
  const prompt = await rest.ok<Kept>("POST", "/v1/prompt", { ...named, slug: "p" });
  const listed = async (noun: string) =>
    (await rest.ok<Objects<Kept>>("GET", `/v1/${noun}?project_id=${project}`)).objects.map(({ id }) => id);
  expect([await listed("function"), await listed("prompt")]).toEqual([[made.id], [prompt.id]]);
  for (const [noun, { id }] of [["prompt", made] as const, ["function", prompt] as const]) {
    for (const [method, body] of [["GET"], ["PATCH", { name: "y" }], ["DELETE"]] as const) {
      expect((await rest.request(method, `/v1/${noun}/${id}`, body)).status).toBe(404);
    }
  }
  const taken = { status: 400, body: { error: expect.stringMatching(/^slug: is taken/) } };
  for (const method of ["POST", "PUT"]) {
    expect(await rest.request(method, "/v1/prompt", { ...named, slug: "f" })).toMatchObject(taken);
    const body = { ...named, slug: "p", function_data: code };
    expect(await rest.request(method, "/v1/function", body)).toMatchObject(taken);
  }
  // To ACLs both are prompts.
  const reader = await facade.member();
  const grant = { object_type: "prompt", object_id: made.id, user_id: reader.id, permission: "read" };
  await rest.ok("POST", "/v1/acl", grant);
  expect(await reader.rest.ok("GET", `/v1/function/${made.id}`)).toEqual(made);
  expect((await reader.rest.request("GET", `/v1/prompt/${prompt.id}`)).status).toBe(404);
});
