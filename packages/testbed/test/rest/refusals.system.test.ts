import { allRoutes } from "@portcullis/admin-service/routes";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { restClient } from "../../src/rest.ts";
import { publicOperations } from "./contract.ts";
import { type Facade, newEmail, type Person, positions, startFacade } from "./facade.ts";

// Who may not do a thing is refused, on every route there is: the list of routes itself drives these tests.

const nothing = undefined as never;
const routes = allRoutes({
  owners: { identity: nothing, groups: nothing, grants: nothing, tokens: nothing },
  logs: nothing,
  decision: nothing,
  access: nothing,
}).map(({ method, path }) => ({ method, path, name: `${method} ${path}` }));

/** What each route is called with: a correct request, about things of the first organisation. */
interface Case {
  readonly path: string;
  readonly body?: unknown;
  /** What a Viewer gets: 200 for what it may do. */
  readonly viewer: number;
  /** What an Owner of another organisation gets. */
  readonly stranger: number;
  /**
   * What a service account gets that may read the experiments of one project. When left out: the same as the stranger about
   * what it can't see, the same as the Viewer about all else.
   */
  readonly robot?: number;
  /** For lists that are not refused but empty to whom nothing may be shown. */
  readonly empty?: true;
}

let facade: Facade;
let robot: Person;
let expired: string;
let revoked: string;
/** A project and what is in it. */
const hidden: string[] = [];
let cases: Readonly<Record<string, Case>>;
beforeAll(async () => {
  facade = await startFacade();
  cases = await makeCases(facade);
  robot = await makeRobot(facade);
  expired = await expiredKey(facade);
  revoked = await revokedKey(facade);
});
afterAll(() => facade?.[Symbol.asyncDispose]());

test("every route has its refusals tested", () => {
  expect(Object.keys(cases).toSorted()).toEqual(routes.map((route) => route.name).toSorted());
});

test("every public operation is a route, but for the greeting, which needs no credential", () => {
  const names = new Set(routes.map((route) => route.name));
  expect(publicOperations().filter((name) => !names.has(name))).toEqual(["GET /v1"]);
});

describe.each(routes)("$name", ({ method, name }) => {
  const of = (): Case => {
    const found = cases[name];
    if (found === undefined) throw new Error(`no case for ${name}`);
    return found;
  };

  test("is refused without a credential, with a wrong one, an expired one and a revoked one", async () => {
    const { path, body } = of();
    const before = await positions(facade.system, facade.org.orgId);
    const url = facade.system.adminUrl;
    const keys = ["", expired, "sk-nonsense", `${facade.owner.key.slice(0, -1)}x`, revoked];
    for (const key of keys) {
      const answer = await restClient(url, key).request(method, path, body);
      expect({ key: key.length, status: answer.status }).toEqual({ key: key.length, status: 401 });
      expect(answer.headers.get("www-authenticate")).toBe("Bearer");
    }
    expect(await positions(facade.system, facade.org.orgId)).toEqual(before);
  });

  test("is refused to a Viewer who may not, and nothing is written", async () => {
    await expectStatus(facade.viewer, method, of(), of().viewer);
  });

  test("is refused to a service account that may only read the experiments of another project", async () => {
    const { path, body, viewer, stranger, robot: own } = of();
    const asked = `${path} ${JSON.stringify(body)}`;
    const unseen = hidden.some((id) => asked.includes(id));
    await expectStatus(robot, method, of(), own ?? (unseen ? stranger : viewer));
  });

  test("is refused to an Owner of another organisation, and nothing is written", async () => {
    await expectStatus(facade.stranger, method, of(), of().stranger);
  });
});

async function expectStatus(person: Person, method: string, { path, body, empty }: Case, status: number) {
  const before = await positions(facade.system, facade.org.orgId);
  const answer = await person.rest.request(method, path, body);
  expect({ status: answer.status, body: answer.body }).toMatchObject({ status });
  if (status === 200 && method !== "GET") return;
  expect(await positions(facade.system, facade.org.orgId)).toEqual(before);
  if (empty === true && person === facade.stranger) {
    const text = JSON.stringify(answer.body);
    expect(text).not.toContain(facade.org.orgId);
    expect(text).not.toContain(facade.owner.id);
  }
}

/** It holds a grant, so it knows who and what groups and roles there are, and sees nothing else that the cases are about. */
async function makeRobot({ owner, system }: Facade): Promise<Person> {
  const { added_users: added } = await owner.rest.ok<{ added_users: { id: string }[] }>(
    "PATCH",
    "/v1/organization/members",
    { invite_users: { service_accounts: [{ name: "reader of experiments" }] } },
  );
  const id = added[0]?.id ?? "";
  const { key } = await owner.rest.ok<{ key: string }>("POST", "/v1/service_token", {
    name: "reader",
    service_account_id: id,
  });
  const project = await owner.rest.ok<{ id: string }>("POST", "/v1/project", { name: "another" });
  await owner.rest.ok("POST", "/v1/acl", {
    object_type: "project",
    object_id: project.id,
    user_id: id,
    permission: "read",
    restrict_object_type: "experiment",
  });
  return { id, key, rest: restClient(system.adminUrl, key) };
}

async function expiredKey({ owner, system }: Facade): Promise<string> {
  const expiresAt = new Date(Date.now() + 500).toISOString();
  const { key } = await owner.rest.ok<{ key: string }>("POST", "/v1/api_key", {
    name: "short-lived",
    expires_at: expiresAt,
  });
  await vi.waitFor(async () => {
    const { status } = await restClient(system.adminUrl, key).request("GET", "/v1/organization");
    expect(status).toBe(401);
  }, 5000);
  return key;
}

/** Of an Owner, who might do everything with it. */
async function revokedKey(made: Facade): Promise<string> {
  const { builtIn, owner } = made;
  const person = await made.member([builtIn.owners]);
  const { objects } = await person.rest.ok<{ objects: { id: string }[] }>("GET", "/v1/api_key");
  for (const { id } of objects) await owner.rest.ok("DELETE", `/v1/api_key/${id}`);
  return person.key;
}

async function makeCases(made: Facade): Promise<Readonly<Record<string, Case>>> {
  const { owner, org, viewer, builtIn } = made;
  const create = (path: string, body: unknown) => owner.rest.ok<{ id: string }>("POST", path, body);
  const project = await create("/v1/project", { name: "secret" });
  hidden.push(project.id);
  const group = await create("/v1/group", { name: "secret" });
  const role = await create("/v1/role", { name: "secret" });
  const content = {
    object_type: "project",
    object_id: project.id,
    user_id: owner.id,
    permission: "read",
  };
  const acl = await create("/v1/acl", content);
  const account = await owner.rest.ok<{ added_users: { id: string }[] }>(
    "PATCH",
    "/v1/organization/members",
    {
      invite_users: { service_accounts: [{ name: "robot" }] },
    },
  );
  const robot = account.added_users[0]?.id;
  const token = await create("/v1/service_token", { name: "robot", service_account_id: robot });
  const key = await create("/v1/api_key", { name: "mine" });

  const organization = `/v1/organization/${org.orgId}`;
  const cases: Record<string, Case> = {
    "DELETE /v1/ai_secret": { path: "/v1/ai_secret", body: { name: "secret" }, viewer: 404, stranger: 404 },
    // Who shows another credential has no session.
    "GET /v1/access/session": { path: "/v1/access/session", viewer: 401, stranger: 401 },
    "DELETE /v1/access/session": { path: "/v1/access/session", viewer: 401, stranger: 401 },
    "DELETE /v1/access/members/:user_id/sessions": {
      path: `/v1/access/members/${owner.id}/sessions`,
      viewer: 403,
      stranger: 404,
    },
    "POST /v1/access/check": {
      path: "/v1/access/check",
      body: { principal_id: owner.id, permission: "read", object: { type: "project", id: project.id } },
      viewer: 403,
      stranger: 404,
    },
    "POST /v1/access/explain": {
      path: "/v1/access/explain",
      body: { principal_id: owner.id, permission: "read", object: { type: "project", id: project.id } },
      viewer: 403,
      stranger: 404,
    },
    "POST /v1/access/list-objects": {
      path: "/v1/access/list-objects",
      body: { principal_id: owner.id, permission: "read", type: "project" },
      viewer: 403,
      stranger: 200,
      empty: true,
    },
    "POST /v1/access/simulate": {
      path: "/v1/access/simulate",
      body: { changes: [{ add_principal: { group_id: group.id, principal_id: owner.id } }] },
      viewer: 403,
      // In its own organisation, where there is no such group.
      stranger: 400,
    },
    "POST /v1/access/list-principals": {
      path: "/v1/access/list-principals",
      body: { permission: "read", object: { type: "project", id: project.id } },
      viewer: 403,
      stranger: 404,
    },
    "POST /v1/access/review": {
      path: "/v1/access/review",
      body: { object: { type: "project", id: project.id } },
      viewer: 403,
      stranger: 404,
    },
    "GET /v1/access/directory": {
      path: "/v1/access/directory?q=e",
      viewer: 200,
      stranger: 200,
      empty: true,
    },
    "GET /v1/access/members": { path: "/v1/access/members", viewer: 200, stranger: 200, empty: true },
    "GET /v1/access/groups": { path: "/v1/access/groups", viewer: 200, stranger: 200, empty: true },
    "GET /v1/access/groups/:group_id/members": {
      path: `/v1/access/groups/${builtIn.owners}/members`,
      viewer: 200,
      stranger: 404,
    },
    // Each question in it is refused alone.
    "POST /v1/access/batch-check": {
      path: "/v1/access/batch-check",
      body: {
        checks: [{ principal_id: owner.id, permission: "read", object: { type: "project", id: project.id } }],
      },
      viewer: 200,
      stranger: 200,
      empty: true,
    },
    "POST /v1/access/permissions": {
      path: "/v1/access/permissions",
      body: { principal_id: owner.id, object: { type: "project", id: project.id } },
      viewer: 403,
      stranger: 404,
    },
    "GET /v1/organization": { path: "/v1/organization", viewer: 200, stranger: 200, empty: true },
    "GET /v1/organization/:organization_id": { path: organization, viewer: 200, stranger: 404 },
    "PATCH /v1/organization/:organization_id": {
      path: organization,
      body: { name: "Mine" },
      viewer: 403,
      stranger: 404,
    },
    "GET /v1/access/settings": { path: "/v1/access/settings", viewer: 200, stranger: 200, empty: true },
    "PATCH /v1/access/settings": {
      path: "/v1/access/settings",
      body: { creator_owner_grant: false, org_name: org.name },
      viewer: 403,
      stranger: 403,
    },
    "PATCH /v1/organization/members": {
      path: "/v1/organization/members",
      body: { org_id: org.orgId, invite_users: { emails: [newEmail()] }, remove_users: { ids: [owner.id] } },
      viewer: 403,
      stranger: 403,
    },
    "GET /v1/user": { path: "/v1/user", viewer: 200, stranger: 200, empty: true },
    "GET /v1/user/:user_id": { path: `/v1/user/${owner.id}`, viewer: 200, stranger: 404 },
    "GET /v1/acl": {
      path: `/v1/acl?object_type=project&object_id=${project.id}`,
      viewer: 403,
      stranger: 404,
    },
    "GET /v1/acl/list_org": { path: "/v1/acl/list_org", viewer: 200, stranger: 200, empty: true },
    "POST /v1/acl": { path: "/v1/acl", body: content, viewer: 403, stranger: 400 },
    "PUT /v1/acl": { path: "/v1/acl", body: content, viewer: 403, stranger: 400 },
    "DELETE /v1/acl": { path: "/v1/acl", body: content, viewer: 403, stranger: 404 },
    "GET /v1/acl/:acl_id": { path: `/v1/acl/${acl.id}`, viewer: 404, stranger: 404 },
    "DELETE /v1/acl/:acl_id": { path: `/v1/acl/${acl.id}`, viewer: 404, stranger: 404 },
    "GET /v1/access/audit-log": {
      path: `/v1/access/audit-log?object_type=project&object_id=${project.id}`,
      viewer: 403,
      stranger: 200,
      robot: 403,
      empty: true,
    },
    "GET /v1/access/watch": { path: `/v1/access/watch?org_id=${org.orgId}`, viewer: 403, stranger: 403 },
    "GET /v1/api_key": { path: "/v1/api_key?scope=organization", viewer: 403, stranger: 200, empty: true },
    "POST /v1/api_key": {
      path: "/v1/api_key",
      body: { name: "x", org_name: org.name },
      viewer: 200,
      stranger: 403,
      robot: 403,
    },
    "GET /v1/api_key/:api_key_id": { path: `/v1/api_key/${key.id}`, viewer: 404, stranger: 404 },
    "DELETE /v1/api_key/:api_key_id": { path: `/v1/api_key/${key.id}`, viewer: 404, stranger: 404 },
    "POST /v1/access/api-keys/:api_key_id/rotate": {
      path: `/v1/access/api-keys/${key.id}/rotate`,
      viewer: 404,
      stranger: 404,
    },
    "POST /v1/access/service-tokens/:service_token_id/rotate": {
      path: `/v1/access/service-tokens/${token.id}/rotate`,
      viewer: 404,
      stranger: 404,
    },
    "GET /v1/service_token": { path: "/v1/service_token", viewer: 403, stranger: 200, empty: true },
    "DELETE /v1/service_token": {
      path: "/v1/service_token",
      body: { id: token.id },
      viewer: 403,
      stranger: 404,
    },
    "GET /v1/service_token/:service_token_id": {
      path: `/v1/service_token/${token.id}`,
      viewer: 404,
      stranger: 404,
    },
    "DELETE /v1/service_token/:service_token_id": {
      path: `/v1/service_token/${token.id}`,
      viewer: 404,
      stranger: 404,
    },
  };
  for (const method of ["POST", "PUT"]) {
    cases[`${method} /v1/service_token`] = {
      path: "/v1/service_token",
      body: { name: "x", service_account_id: robot },
      viewer: 403,
      stranger: 400,
    };
  }
  for (const path of ["/v1/acl/batch_update", "/v1/acl/batch-update"]) {
    cases[`POST ${path}`] = {
      path,
      body: { add_acls: [{ ...content, user_id: viewer.id }], remove_acls: [content] },
      viewer: 403,
      stranger: 400,
    };
  }
  for (const [noun, id] of [["group", group.id] as const, ["role", role.id] as const]) {
    const path = `/v1/${noun}`;
    cases[`GET ${path}`] = { path, viewer: 200, stranger: 200, empty: true };
    // In its own organisation the stranger may, and that changes nothing in this one.
    for (const method of ["POST", "PUT"]) {
      cases[`${method} ${path}`] = {
        path,
        body: { name: "secret", org_name: org.name },
        viewer: 403,
        stranger: 403,
      };
    }
    cases[`GET ${path}/:${noun}_id`] = { path: `${path}/${id}`, viewer: 200, stranger: 404 };
    cases[`PATCH ${path}/:${noun}_id`] = {
      path: `${path}/${id}`,
      body: { name: "mine" },
      viewer: 403,
      stranger: 404,
    };
    cases[`DELETE ${path}/:${noun}_id`] = { path: `${path}/${id}`, viewer: 403, stranger: 404 };
  }
  const kinds = [
    { path: "/v1/project", noun: "project", body: { name: "secret", org_name: org.name } },
    { path: "/v1/project_group", noun: "project_group", body: { name: "secret", org_name: org.name } },
    { path: "/v1/ai_secret", noun: "ai_secret", body: { name: "secret", org_name: org.name } },
    { path: "/v1/experiment", noun: "experiment", body: { name: "secret", project_id: project.id } },
    { path: "/v1/dataset", noun: "dataset", body: { name: "secret", project_id: project.id } },
    { path: "/v1/prompt", noun: "prompt", body: { name: "secret", slug: "secret", project_id: project.id } },
    {
      path: "/v1/function",
      noun: "function",
      body: { name: "secret", slug: "code", project_id: project.id, function_data: { type: "prompt" } },
    },
    { path: "/v1/access/playground", noun: "playground", body: { name: "secret", project_id: project.id } },
  ];
  for (const { path, noun, body } of kinds) {
    const { id } = noun === "project" ? project : await create(path, body);
    if ("project_id" in body) hidden.push(id);
    const one = `${path}/:${noun}_id`;
    cases[`GET ${path}`] = { path, viewer: 200, stranger: 200, empty: true };
    for (const method of ["POST", "PUT"]) {
      cases[`${method} ${path}`] = { path, body, viewer: 403, stranger: "project_id" in body ? 400 : 403 };
    }
    // Viewers see projects and what is in them.
    const [seen, known] = noun === "project_group" || noun === "ai_secret" ? [404, 404] : [200, 403];
    cases[`GET ${one}`] = { path: `${path}/${id}`, viewer: seen, stranger: 404 };
    cases[`PATCH ${one}`] = { path: `${path}/${id}`, body: { name: "mine" }, viewer: known, stranger: 404 };
    cases[`DELETE ${one}`] = { path: `${path}/${id}`, viewer: known, stranger: 404 };
  }
  // Whoever asks is told of itself, or of what it may see; what is to be made is refused.
  for (const method of ["GET", "POST"]) {
    cases[`${method} /api/self/me`] = { path: "/api/self/me", viewer: 200, stranger: 200, empty: true };
  }
  cases["GET /ping"] = { path: "/ping", viewer: 200, stranger: 200, empty: true };
  cases["POST /api/apikey/login"] = {
    path: "/api/apikey/login",
    viewer: 200,
    stranger: 200,
    empty: true,
  };
  cases["POST /api/self/get_object_info"] = {
    path: "/api/self/get_object_info",
    body: { object_type: "project", object_ids: [project.id] },
    viewer: 200,
    stranger: 200,
    empty: true,
  };
  cases["GET /api/project"] = { path: `/api/project?id=${project.id}`, viewer: 200, stranger: 404 };
  const compared = await create("/v1/experiment", { name: "compared", project_id: project.id });
  hidden.push(compared.id);
  const based = await create("/v1/experiment", {
    name: "based",
    project_id: project.id,
    base_exp_id: compared.id,
  });
  hidden.push(based.id);
  cases["POST /api/base_experiment/get_id"] = {
    path: "/api/base_experiment/get_id",
    body: { id: based.id },
    viewer: 200,
    stranger: 404,
  };
  for (const noun of ["project", "experiment", "dataset"]) {
    const path = `/api/${noun}`;
    const body = { id: project.id, project_name: "secret" };
    cases[`POST ${path}/get`] = { path: `${path}/get`, body, viewer: 200, stranger: 200, empty: true };
    cases[`POST ${path}/register`] = {
      path: `${path}/register`,
      body: { project_name: noun === "project" ? "new" : "secret", org_id: org.orgId },
      viewer: 403,
      stranger: 403,
    };
  }
  const ofProject = { object_type: "project", object_id: project.id };
  const attachments = [
    {
      path: "/v1/view",
      noun: "view",
      body: { name: "secret", view_type: "logs", ...ofProject },
      change: { name: "mine", ...ofProject },
      named: ofProject,
    },
    { path: "/v1/env_var", noun: "env_var", body: { name: "secret", ...ofProject } },
    {
      path: "/v1/project_score",
      noun: "project_score",
      body: { name: "secret", score_type: "slider", project_id: project.id },
    },
    { path: "/v1/project_tag", noun: "project_tag", body: { name: "secret", project_id: project.id } },
    {
      path: "/environment",
      noun: "environment",
      body: { name: "secret", slug: "secret", org_name: org.name },
    },
  ];
  for (const { path, noun, body, change, named } of attachments) {
    const { id } = await create(path, body);
    if (noun !== "environment") hidden.push(id);
    const one = `${path}/:${noun}_id`;
    const query = named === undefined ? "" : `?${new URLSearchParams(named)}`;
    cases[`GET ${path}`] = { path: `${path}${query}`, viewer: 200, stranger: 200, empty: true };
    for (const method of noun === "environment" ? ["POST"] : ["POST", "PUT"]) {
      cases[`${method} ${path}`] = { path, body, viewer: 403, stranger: noun === "environment" ? 403 : 400 };
    }
    cases[`GET ${one}`] = { path: `${path}/${id}${query}`, viewer: 200, stranger: 404 };
    cases[`PATCH ${one}`] = {
      path: `${path}/${id}`,
      body: change ?? { name: "mine" },
      viewer: 403,
      stranger: 404,
    };
    cases[`DELETE ${one}`] = { path: `${path}/${id}`, body: named, viewer: 403, stranger: 404 };
  }
  expect(builtIn.owners).not.toBe("");
  return { ...cases, ...(await scimCases(made, group.id)) };
}

async function scimCases({ owner, org }: Facade, group: string): Promise<Readonly<Record<string, Case>>> {
  const root = "/scim/v2";
  const { id: user } = await owner.rest.ok<{ id: string }>("POST", `${root}/Users`, { userName: newEmail() });
  const cases: Record<string, Case> = {};
  for (const path of ["ServiceProviderConfig", "ResourceTypes", "Schemas"]) {
    cases[`GET ${root}/${path}`] = { path: `${root}/${path}`, viewer: 200, stranger: 200, empty: true };
  }
  for (const path of ["ResourceTypes", "Schemas"]) {
    const id = path === "Schemas" ? "urn:ietf:params:scim:schemas:core:2.0:User" : "User";
    cases[`GET ${root}/${path}/:id`] = {
      path: `${root}/${path}/${id}`,
      viewer: 200,
      stranger: 200,
      empty: true,
    };
  }
  const kinds = [
    {
      kind: "Users",
      seen: { list: 403, one: 404 },
      id: user,
      body: { userName: newEmail() },
      change: { Operations: [{ op: "replace", path: "active", value: false }] },
    },
    {
      kind: "Groups",
      seen: { list: 200, one: 200 },
      id: group,
      body: { displayName: "theirs" },
      change: { Operations: [{ op: "replace", path: "displayName", value: "mine" }] },
    },
  ];
  for (const { kind, seen, id, body, change } of kinds) {
    const path = `${root}/${kind}`;
    const one = `${path}/:id`;
    cases[`GET ${path}`] = { path, viewer: seen.list, stranger: 200, empty: true };
    cases[`POST ${path}/.search`] = {
      path: `${path}/.search`,
      body: {},
      viewer: seen.list,
      stranger: 200,
      empty: true,
    };
    cases[`POST ${path}`] = { path, body: { ...body, org_id: org.orgId }, viewer: 403, stranger: 403 };
    cases[`GET ${one}`] = { path: `${path}/${id}`, viewer: seen.one, stranger: 404 };
    cases[`PUT ${one}`] = { path: `${path}/${id}`, body, viewer: 403, stranger: 404 };
    cases[`PATCH ${one}`] = { path: `${path}/${id}`, body: change, viewer: 403, stranger: 404 };
    cases[`DELETE ${one}`] = { path: `${path}/${id}`, viewer: 403, stranger: 404 };
  }
  return cases;
}
