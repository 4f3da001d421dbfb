import { randomUUID } from "node:crypto";
import {
  type BraintrustState,
  FailedHTTPResponse,
  init,
  initDataset,
  initExperiment,
  initLogger,
  loadPrompt,
  loginToState,
} from "braintrust";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RestAnswer, restClient } from "../../src/rest.ts";
import { type Facade, type Objects, type Person, startFacade } from "./facade.ts";

// The SDK that applications use, pointed at us: it logs in, and finds or makes what it is told by name.

let facade: Facade;
beforeAll(async () => {
  facade = await startFacade();
});
afterAll(() => facade?.[Symbol.asyncDispose]());

function login(person: Person, orgName?: string): Promise<BraintrustState> {
  return loginToState({
    apiKey: person.key,
    appUrl: facade.system.adminUrl,
    noExitFlush: true,
    ...(orgName !== undefined && { orgName }),
  });
}

describe("login", () => {
  test("tells the organisation of the key and where to go with it", async () => {
    const state = await login(facade.viewer);
    expect(state).toMatchObject({
      loggedIn: true,
      orgId: facade.org.orgId,
      orgName: facade.org.name,
      apiUrl: facade.system.adminUrl,
      proxyUrl: facade.system.adminUrl,
    });
    expect((await login(facade.viewer, facade.org.name)).orgId).toBe(facade.org.orgId);
    await expect(login(facade.viewer, "another")).rejects.toThrow(/not found/);
  });

  test("tells the addresses that the organisation has set", async () => {
    const { owner, org } = facade;
    const own = await facade.stranger.rest.ok<Objects<{ id: string }>>("GET", "/v1/organization");
    const path = `/v1/organization/${own.objects[0]?.id}`;
    await facade.stranger.rest.ok("PATCH", path, { api_url: "https://data.example" });
    const state = await login(facade.stranger);
    expect(state).toMatchObject({ apiUrl: "https://data.example", proxyUrl: facade.system.adminUrl });
    expect((await login(owner)).orgId).toBe(org.orgId);
  });

  test("with a wrong key fails as the SDK knows it", async () => {
    const wrong = { ...facade.viewer, key: `${facade.viewer.key.slice(0, -1)}x` };
    const failure = await login(wrong).catch((thrown: unknown) => thrown);
    expect(failure).toBeInstanceOf(FailedHTTPResponse);
    expect(failure).toMatchObject({ status: 401 });
  });

  test("the version and the greeting need no key", async () => {
    const { body } = await restClient(facade.system.adminUrl, "").request("GET", "/version");
    expect(body).toEqual({ version: expect.stringMatching(/^\d+\.\d+\.\d+$/), universal: true });
  });

  test.each(["GET", "POST"])("%s /api/self/me tells who asks", async (method) => {
    const me = await facade.viewer.rest.ok<object>(method, "/api/self/me");
    const shown = await facade.viewer.rest.ok<object>("GET", `/v1/user/${facade.viewer.id}`);
    expect(me).toEqual({ ...shown, organizations: [{ id: facade.org.orgId, name: facade.org.name }] });
  });
});

describe("experiments", () => {
  test("begin in a project that is made if need be, each with a name of its own", async () => {
    const state = await login(facade.owner);
    const project = `project ${randomUUID()}`;
    const begin = () =>
      init(project, {
        state,
        experiment: "trial",
        description: "d",
        metadata: { a: 1 },
        tags: ["t"],
        gitMetadataSettings: { collect: "none" },
        setCurrent: false,
      });
    const [first, second] = [begin(), begin()];
    expect(await first.name).toBe("trial");
    expect(await second.name).toMatch(/^trial./);
    const projectId = (await first.project).id;
    expect((await second.project).id).toBe(projectId);
    expect(await facade.owner.rest.ok("GET", `/v1/experiment/${await first.id}`)).toMatchObject({
      project_id: projectId,
      name: "trial",
      description: "d",
      metadata: { a: 1 },
      tags: ["t"],
      public: false,
    });
    const again = init(project, { state, experiment: "trial", update: true, setCurrent: false });
    expect(await again.id).toBe(await first.id);
    const opened = init(project, { state, experiment: "trial", open: true, setCurrent: false });
    expect(await opened.id).toBe(await first.id);
    const missing = init(project, { state, experiment: "none", open: true, setCurrent: false });
    await expect(missing.id).rejects.toThrow(/not found/);
  });

  test("are compared with another one of the project, or with none if there is none", async () => {
    const state = await login(facade.owner);
    const project = `project ${randomUUID()}`;
    const begin = (experiment: string, baseExperiment?: string) =>
      initExperiment(project, {
        state,
        experiment,
        setCurrent: false,
        gitMetadataSettings: { collect: "none" },
        ...(baseExperiment !== undefined && { baseExperiment }),
      });
    const base = begin("base");
    expect(await base.name).toBe("base");
    expect(await base.fetchBaseExperiment()).toBeNull();
    const next = begin("next", "base");
    expect(await next.name).toBe("next");
    expect(await next.fetchBaseExperiment()).toEqual({ id: await base.id, name: "base" });
    const lost = begin("lost", "nobody");
    expect(await lost.name).toBe("lost");
    expect(await lost.fetchBaseExperiment()).toBeNull();
  });
});

describe("datasets", () => {
  test("are found by name or made, and opened by id", async () => {
    const state = await login(facade.owner);
    const project = `project ${randomUUID()}`;
    const open = () => initDataset(project, { state, dataset: "questions", description: "d" });
    const made = await open().id;
    expect(await open().id).toBe(made);
    const byId = initDataset({ state, datasetId: made });
    expect([await byId.name, (await byId.project).name]).toEqual(["questions", project]);
    await expect(initDataset({ state, datasetId: randomUUID() }).id).rejects.toThrow(/not found/);
    const unnamed = await Promise.all([1, 2].map(() => initDataset(project, { state }).id));
    expect(new Set(unnamed).size).toBe(2);
  });
});

test("a logger finds its project, by name and by id", async () => {
  const state = await login(facade.owner);
  const projectName = `project ${randomUUID()}`;
  const byName = initLogger({ state, projectName, setCurrent: false });
  const { id } = await byName.project;
  const { objects } = await facade.owner.rest.ok<Objects<{ id: string }>>(
    "GET",
    `/v1/project?project_name=${encodeURIComponent(projectName)}`,
  );
  expect(objects.map((project) => project.id)).toEqual([id]);
  const byId = initLogger({ state, projectId: id, setCurrent: false });
  expect(await byId.project).toMatchObject({ id, name: projectName });
});

test("prompts are loaded by project and slug, and by id", async () => {
  const { rest, key } = facade.owner;
  const { id: projectId } = await rest.ok<{ id: string }>("POST", "/v1/project", { name: randomUUID() });
  const prompt = await rest.ok<{ id: string }>("POST", "/v1/prompt", {
    project_id: projectId,
    name: "Greeting",
    slug: "greeting",
    prompt_data: {
      options: { model: "m" },
      prompt: { type: "chat", messages: [{ role: "user", content: "Hello {{name}}" }] },
    },
  });
  const at = { apiKey: key, appUrl: facade.system.adminUrl };
  const loaded = [
    await loadPrompt({ ...at, projectId, slug: "greeting" }),
    await loadPrompt({ ...at, id: prompt.id }),
  ];
  for (const one of loaded) {
    expect(one.id).toBe(prompt.id);
    expect(one.build({ name: "Ada" })).toMatchObject({ messages: [{ role: "user", content: "Hello Ada" }] });
  }
});

describe("whoever may not", () => {
  test("make a project or an experiment is told so, and nothing is made", async () => {
    const state = await login(facade.viewer);
    const name = `project ${randomUUID()}`;
    const refused = { status: 403 };
    await expect(init(name, { state, setCurrent: false }).id).rejects.toMatchObject(refused);
    await expect(initLogger({ state, projectName: name, setCurrent: false }).id).rejects.toMatchObject(
      refused,
    );
    await facade.owner.rest.ok("POST", "/v1/project", { name });
    await expect(initDataset(name, { state, dataset: "d" }).id).rejects.toMatchObject(refused);
    // What is there it may find: a Viewer reads all projects.
    expect(await initLogger({ state, projectName: name, setCurrent: false }).project).toMatchObject({ name });
  });

  test("see a project is not told that there is one", async () => {
    const name = `project ${randomUUID()}`;
    const { id } = await facade.owner.rest.ok<{ id: string }>("POST", "/v1/project", { name });
    const { rest } = facade.newcomer;
    const absent = await rest.request("POST", "/api/project/register", { project_name: randomUUID() });
    const unseen = await rest.request("POST", "/api/project/register", { project_name: name });
    const said = ({ status, body }: RestAnswer) => [status, (body as { error: string }).error];
    expect(said(unseen)).toEqual(said(absent));
    const by = (project: string) =>
      rest.request("POST", "/api/experiment/register", { project_id: project, experiment_name: "x" });
    expect(said(await by(id))).toEqual(said(await by(randomUUID())));
    for (const noun of ["project", "experiment", "dataset"]) {
      expect(await rest.ok("POST", `/api/${noun}/get`, { project_name: name })).toEqual([]);
    }
    const info = { object_type: "project", object_ids: [id] };
    expect(await rest.ok("POST", "/api/self/get_object_info", info)).toEqual([]);
  });
});

test("object info tells what the caller may do, and where the object is", async () => {
  const { rest } = facade.owner;
  const project = await rest.ok<{ id: string; name: string }>("POST", "/v1/project", { name: randomUUID() });
  const dataset = await rest.ok<{ id: string }>("POST", "/v1/dataset", { name: "d", project_id: project.id });
  const ask = { object_type: "dataset", object_ids: [dataset.id, randomUUID()] };
  const place = {
    organization: { id: facade.org.orgId, name: facade.org.name },
    project: { id: project.id, name: project.name },
  };
  const info = { object_type: "dataset", object_id: dataset.id, object_name: "d", parent_cols: place };
  expect(await facade.viewer.rest.ok("POST", "/api/self/get_object_info", ask)).toEqual([
    { ...info, permissions: ["read"] },
  ]);
  const reader = await facade.member();
  for (const permission of ["read", "update"]) {
    const grant = { object_type: "dataset", object_id: dataset.id, user_id: reader.id, permission };
    await rest.ok("POST", "/v1/acl", grant);
  }
  // It may not see the project, so it is not told what that is called.
  expect(await reader.rest.ok("POST", "/api/self/get_object_info", ask)).toEqual([
    {
      ...info,
      parent_cols: { ...place, project: { id: project.id, name: project.id } },
      permissions: ["read", "update"],
    },
  ]);
  expect(await rest.ok("POST", "/api/self/get_object_info", { ...ask, object_ids: [] })).toEqual([]);
});

test("bad input names its field", async () => {
  const { rest } = facade.owner;
  for (const [path, body, error] of [
    ["/api/project/register", {}, "project_name: is required"],
    ["/api/project/register", { project_name: 7 }, "project_name: must be a string"],
    ["/api/project/register", { project_name: "" }, "project_name: must not be empty"],
    ["/api/experiment/register", {}, "project_name: is required, or project_id"],
    ["/api/experiment/register", { project_id: "x" }, "project_id: must be a UUID"],
    ["/api/experiment/register", { project_id: randomUUID() }, "project_id: no such object"],
    ["/api/dataset/register", { dataset_name: "d" }, "project_name: is required, or project_id"],
    ["/api/dataset/register", { project_name: "p", metadata: [] }, "metadata: must be an object"],
    ["/api/self/get_object_info", { object_type: "group", object_ids: [] }, /^object_type: must be one of/],
    [
      "/api/self/get_object_info",
      { object_type: "project", object_ids: ["x"] },
      "object_ids[0]: must be a UUID",
    ],
    ["/api/base_experiment/get_id", { id: "x" }, "id: must be a UUID"],
    ["/api/experiment/get", { id: 7 }, "id: must be a string"],
  ] as const) {
    const answer = await rest.request("POST", path, body);
    expect(answer).toMatchObject({
      status: 400,
      body: { error: typeof error === "string" ? error : expect.stringMatching(error) },
    });
  }
  // What another version of an SDK says beside that is no mistake.
  const more = { project_name: randomUUID(), telemetry: { sdk: "x" } };
  await rest.ok("POST", "/api/project/register", more);
});
