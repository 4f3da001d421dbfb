import { randomUUID } from "node:crypto";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Facade, newEmail, positions, startFacade } from "./facade.ts";

// Every field of every write, wrong in every way: the error names the field, and nothing is written.

let facade: Facade;
let things: Things;
beforeAll(async () => {
  facade = await startFacade();
  things = await makeThings(facade);
});
afterAll(() => facade?.[Symbol.asyncDispose]());

interface Things {
  readonly project: string;
  readonly projectGroup: string;
  readonly group: string;
  readonly role: string;
  readonly robot: string;
  /** Things of the other organisation. */
  readonly foreign: { readonly project: string; readonly group: string; readonly role: string };
}

async function makeThings({ owner, stranger }: Facade): Promise<Things> {
  const create = async (person: typeof owner, noun: string, name: string) =>
    (await person.rest.ok<{ id: string }>("POST", `/v1/${noun}`, { name })).id;
  const { added_users: added } = await owner.rest.ok<{ added_users: { id: string }[] }>(
    "PATCH",
    "/v1/organization/members",
    { invite_users: { service_accounts: [{ name: "robot" }] } },
  );
  return {
    project: await create(owner, "project", "project"),
    projectGroup: await create(owner, "project_group", "projects"),
    group: await create(owner, "group", "group"),
    role: await create(owner, "role", "role"),
    robot: added[0]?.id ?? "",
    foreign: {
      project: await create(stranger, "project", "project"),
      group: await create(stranger, "group", "group"),
      role: await create(stranger, "role", "role"),
    },
  };
}

/** Sends it as the Owner: 400 whose error is this text, and no log has moved. */
async function expectRefused(
  method: string,
  path: string,
  body: unknown,
  error: string | RegExp,
): Promise<void> {
  const before = await positions(facade.system, facade.org.orgId);
  const answer = await facade.owner.rest.request(method, path, body);
  expect({ body: answer.body, status: answer.status }).toMatchObject({
    status: 400,
    body: { error: typeof error === "string" ? error : expect.stringMatching(error) },
  });
  expect(await positions(facade.system, facade.org.orgId)).toEqual(before);
}

type Kind =
  | "cursor"
  | "page size"
  | "name"
  | "text"
  | "id"
  | "ids"
  | "names"
  | "flag"
  | "json"
  | "permissions"
  | "word"
  | "time";

/** Wrong values of each kind of field, and what is said of them. */
const wrong: Readonly<Record<Kind, readonly (readonly [unknown, string | RegExp])[]>> = {
  name: [
    [7, "must be a string"],
    [["a"], "must be a string"],
    [{}, "must be a string"],
    ["", "must not be empty"],
    ["x".repeat(256), "is 256 characters long; at most 255 are allowed"],
    ["a\u0000b", /control characters/],
    ["\ud800", /well-formed/],
  ],
  cursor: [
    [7, "must be a string"],
    ["x".repeat(10_001), "is 10001 characters long; at most 10000 are allowed"],
    ["next", "is not one that a page ended with"],
    [randomUUID(), "is not one that a page ended with"],
  ],
  "page size": [
    ["7", "must be a number"],
    [1.5, "must be a whole number from 1 to 1000"],
    [0, "must be a whole number from 1 to 1000"],
    [1001, "must be a whole number from 1 to 1000"],
  ],
  text: [
    [7, "must be a string"],
    ["x".repeat(10_001), "is 10001 characters long; at most 10000 are allowed"],
    ["a\u0007b", /control characters/],
  ],
  id: [
    [7, "must be a string"],
    ["", "must be a UUID"],
    ["project", "must be a UUID"],
    [`${randomUUID()} `, "must be a UUID"],
  ],
  ids: [
    ["x", "must be a list"],
    [{}, "must be a list"],
  ],
  names: [
    ["x", "must be a list"],
    [[""], "must not be empty"],
    [[null], "is required"],
  ],
  flag: [
    ["true", "must be true or false"],
    [1, "must be true or false"],
  ],
  json: [
    ["x", "must be an object"],
    [["a"], "must be an object"],
    [{ a: "\u0000" }, /without NUL/],
  ],
  permissions: [
    [7, "must be a list"],
    [["fly"], /must be one of create, read/],
    [[{ permission: "read", restrict_object_type: "moon" }], /must be one of organization/],
    [[{ permission: "read", extra: 1 }], "Extraneous key 'extra' at path"],
    [[{}], "is required"],
  ],
  word: [
    ["fly", /must be one of/],
    [7, /must be one of/],
    ["constructor", /must be one of/],
  ],
  time: [
    ["tomorrow", "must be a time of RFC 3339"],
    [7, "must be a string"],
  ],
};

interface Write {
  readonly method: string;
  readonly path: () => string;
  readonly valid: () => Readonly<Record<string, unknown>>;
  readonly required: readonly string[];
  readonly fields: Readonly<Record<string, Kind>>;
}

const groupFields = { name: "name", description: "text", member_users: "ids", member_groups: "ids" } as const;
const roleFields = {
  name: "name",
  description: "text",
  member_permissions: "permissions",
  member_roles: "ids",
} as const;
const inProject = () => ({ project_id: things.project, name: randomUUID() });
const ofProject = () => ({ object_type: "project", object_id: things.project });
const experimentFields = {
  name: "name",
  description: "text",
  repo_info: "json",
  base_exp_id: "id",
  dataset_id: "id",
  dataset_version: "text",
  internal_metadata: "json",
  parameters_id: "id",
  parameters_version: "text",
  public: "flag",
  metadata: "json",
  tags: "names",
} as const;
const datasetFields = { name: "name", description: "text", tags: "names", metadata: "json" } as const;
const promptFields = {
  name: "name",
  slug: "name",
  description: "text",
  prompt_data: "json",
  tags: "names",
} as const;
const aclFields = {
  expires_at: "time",
  object_type: "word",
  object_id: "id",
  user_id: "id",
  group_id: "id",
  permission: "word",
  restrict_object_type: "word",
  role_id: "id",
} as const;
const aclContent = () => ({
  object_type: "project",
  object_id: things.project,
  user_id: facade.viewer.id,
  permission: "read",
});

const writes: Readonly<Record<string, Write>> = {
  ...both("group", groupFields, () => ({ name: randomUUID() }), ["name"]),
  "PATCH group": {
    method: "PATCH",
    path: () => `/v1/group/${things.group}`,
    valid: () => ({}),
    required: [],
    fields: {
      ...groupFields,
      add_member_users: "ids",
      remove_member_users: "ids",
      add_member_groups: "ids",
      remove_member_groups: "ids",
    },
  },
  ...both("role", roleFields, () => ({ name: randomUUID() }), ["name"]),
  "PATCH role": {
    method: "PATCH",
    path: () => `/v1/role/${things.role}`,
    valid: () => ({}),
    required: [],
    fields: {
      ...roleFields,
      add_member_permissions: "permissions",
      remove_member_permissions: "permissions",
      add_member_roles: "ids",
      remove_member_roles: "ids",
    },
  },
  ...both("project", { name: "name", description: "text" }, () => ({ name: randomUUID() }), ["name"]),
  "PATCH project": {
    method: "PATCH",
    path: () => `/v1/project/${things.project}`,
    valid: () => ({}),
    required: [],
    fields: { name: "name", description: "text", settings: "json" },
  },
  ...both(
    "project_group",
    { name: "name", description: "text", member_projects: "ids" },
    () => ({ name: randomUUID() }),
    ["name"],
  ),
  ...both("ai_secret", { name: "name", type: "name", metadata: "json" }, () => ({ name: randomUUID() }), [
    "name",
  ]),
  "DELETE ai_secret": {
    method: "DELETE",
    path: () => "/v1/ai_secret",
    valid: () => ({ name: randomUUID() }),
    required: ["name"],
    fields: { name: "name" },
  },
  "PATCH project_group": {
    method: "PATCH",
    path: () => `/v1/project_group/${things.projectGroup}`,
    valid: () => ({}),
    required: [],
    fields: { name: "name", description: "text", add_member_projects: "ids", remove_member_projects: "ids" },
  },
  ...both("experiment", { project_id: "id", ensure_new: "flag", ...experimentFields }, inProject, [
    "project_id",
  ]),
  ...both("dataset", { project_id: "id", ...datasetFields }, inProject, ["project_id", "name"]),
  ...both(
    "prompt",
    { project_id: "id", function_type: "word", ...promptFields },
    () => ({ ...inProject(), slug: randomUUID() }),
    ["project_id", "name", "slug"],
  ),
  ...both(
    "access/playground",
    { project_id: "id", name: "name", description: "text", metadata: "json" },
    inProject,
    ["project_id", "name"],
  ),
  ...both(
    "function",
    {
      project_id: "id",
      function_type: "word",
      function_data: "json",
      function_schema: "json",
      ...promptFields,
    },
    () => ({ ...inProject(), slug: randomUUID(), function_data: {} }),
    ["project_id", "name", "slug", "function_data"],
  ),
  ...both(
    "view",
    { object_type: "word", object_id: "id", view_type: "word", name: "name", user_id: "id" },
    () => ({ ...ofProject(), view_type: "logs", name: randomUUID() }),
    ["object_type", "object_id", "name"],
  ),
  ...both(
    "env_var",
    {
      object_type: "word",
      object_id: "id",
      name: "name",
      metadata: "json",
      secret_type: "name",
      secret_category: "word",
    },
    () => ({ ...ofProject(), name: randomUUID() }),
    ["object_type", "object_id", "name"],
  ),
  ...both(
    "project_score",
    { project_id: "id", name: "name", score_type: "word", description: "text" },
    () => ({ ...inProject(), score_type: "slider" }),
    ["project_id", "name", "score_type"],
  ),
  ...both("project_tag", { project_id: "id", name: "name", description: "text", color: "name" }, inProject, [
    "project_id",
    "name",
  ]),
  "POST environment": {
    method: "POST",
    path: () => "/environment",
    valid: () => ({ name: randomUUID(), slug: randomUUID() }),
    required: ["name", "slug"],
    fields: { name: "name", slug: "name", description: "text" },
  },
  ...both("acl", aclFields, aclContent, ["object_type", "object_id"]),
  "DELETE acl": {
    method: "DELETE",
    path: () => "/v1/acl",
    valid: aclContent,
    required: ["object_type", "object_id"],
    fields: aclFields,
  },
  "POST access/check": {
    method: "POST",
    path: () => "/v1/access/check",
    valid: () => ({ permission: "read", object: { type: "project", id: things.project } }),
    required: ["permission", "object"],
    fields: { principal_id: "id", permission: "word" },
  },
  "POST access/explain": {
    method: "POST",
    path: () => "/v1/access/explain",
    valid: () => ({ permission: "read", object: { type: "project", id: things.project } }),
    required: ["permission", "object"],
    fields: { principal_id: "id", permission: "word" },
  },
  "POST access/list-objects": {
    method: "POST",
    path: () => "/v1/access/list-objects",
    valid: () => ({ permission: "read", type: "project" }),
    required: ["permission", "type"],
    fields: { principal_id: "id", permission: "word", type: "word", cursor: "cursor", limit: "page size" },
  },
  "POST access/simulate": {
    method: "POST",
    path: () => "/v1/access/simulate",
    valid: () => ({ changes: [{ remove_acl: { id: randomUUID() } }] }),
    required: ["changes"],
    fields: {},
  },
  "POST access/list-principals": {
    method: "POST",
    path: () => "/v1/access/list-principals",
    valid: () => ({ permission: "read", object: { type: "project", id: things.project } }),
    required: ["permission", "object"],
    fields: { permission: "word", cursor: "cursor", limit: "page size" },
  },
  "POST access/review": {
    method: "POST",
    path: () => "/v1/access/review",
    valid: () => ({ object: { type: "project", id: things.project } }),
    required: ["object"],
    fields: { group_id: "id", cursor: "cursor", limit: "page size" },
  },
  "POST access/permissions": {
    method: "POST",
    path: () => "/v1/access/permissions",
    valid: () => ({ object: { type: "project", id: things.project } }),
    required: ["object"],
    fields: { principal_id: "id" },
  },
  "POST access/batch-check": {
    method: "POST",
    path: () => "/v1/access/batch-check",
    valid: () => ({ checks: [{}] }),
    required: ["checks"],
    fields: {},
  },
  "POST api_key": {
    method: "POST",
    path: () => "/v1/api_key",
    valid: () => ({ name: "x" }),
    required: ["name"],
    fields: { name: "name", expires_at: "time" },
  },
  ...both(
    "service_token",
    { name: "name", service_account_id: "id" },
    () => ({ name: "x", service_account_id: things.robot }),
    ["name", "service_account_id"],
  ),
  "DELETE service_token": {
    method: "DELETE",
    path: () => "/v1/service_token",
    valid: () => ({ id: randomUUID() }),
    required: ["id"],
    fields: { id: "id" },
  },
  "PATCH settings": {
    method: "PATCH",
    path: () => "/v1/access/settings",
    valid: () => ({}),
    required: [],
    fields: { creator_owner_grant: "flag", grant_cap: "flag" },
  },
  "PATCH organization": {
    method: "PATCH",
    path: () => `/v1/organization/${facade.org.orgId}`,
    valid: () => ({}),
    required: [],
    fields: {
      name: "name",
      api_url: "name",
      proxy_url: "name",
      realtime_url: "name",
      is_universal_api: "flag",
      is_dataplane_private: "flag",
      image_rendering_mode: "word",
    },
  },
};

function both(
  noun: string,
  fields: Write["fields"],
  valid: Write["valid"],
  required: Write["required"],
): Readonly<Record<string, Write>> {
  const path = () => `/v1/${noun}`;
  return {
    [`POST ${noun}`]: { method: "POST", path, valid, required, fields },
    [`PUT ${noun}`]: { method: "PUT", path, valid, required, fields },
  };
}

describe.each(Object.entries(writes))("%s", (_name, { method, path, valid, required, fields }) => {
  test.each(Object.entries(fields))("names %s when it is wrong", async (field, kind) => {
    for (const [value, reason] of wrong[kind]) {
      const start = `^(${field}[^:]*: )?`;
      const text =
        typeof reason === "string" ? reason.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&") : reason.source;
      await expectRefused(method, path(), { ...valid(), [field]: value }, new RegExp(`${start}.*${text}`));
    }
  });

  test("says which key it does not know", async () => {
    await expectRefused(method, path(), { ...valid(), colour: "red" }, "Extraneous key 'colour' at path []");
    await expectRefused(
      method,
      path(),
      { ...valid(), constructor: 1 },
      "Extraneous key 'constructor' at path []",
    );
  });

  test("takes an object only", async () => {
    for (const body of [[], "x", 7, null]) await expectRefused(method, path(), body, /^body: /);
  });

  test.each(required.map((field) => [field]))("requires %s", async (field) => {
    const { [field]: _left, ...rest } = valid();
    await expectRefused(method, path(), rest, new RegExp(`^${field}: (is required|must be one of)`));
    await expectRefused(
      method,
      path(),
      { ...rest, [field]: null },
      new RegExp(`^${field}: (is required|must be one of)`),
    );
  });
});

test.each([
  [{ object: { type: "moon", id: randomUUID() } }, /^object\.type: must be one of/],
  [{ object: { type: "project", id: "x" } }, "object.id: must be a UUID"],
  [{ place: { type: "project" } }, "place.parent: is required"],
  [{ consistency: {} }, /^consistency: must hold exactly one of/],
  [
    { consistency: { at_least_as_fresh: "v1.x", fully_consistent: {} } },
    /^consistency: must hold exactly one/,
  ],
  [
    { place: { type: "dataset", parent: { type: "project", id: randomUUID() } } },
    /^object: is required, or else/,
  ],
])("in a question about access: %j", async (wrongPart, error) => {
  const body = { permission: "read", object: { type: "project", id: things.project }, ...wrongPart };
  await expectRefused("POST", "/v1/access/check", body, error);
  await expectRefused("POST", "/v1/access/explain", body, error);
});

test.each([
  [{}, "changes[0]: must hold exactly one change"],
  [{ add_wings: {} }, /add_wings/],
  [{ remove_member: { principal_id: "x" } }, "changes[0].remove_member.principal_id: must be a UUID"],
  [{ add_principal: { group_id: randomUUID() } }, "changes[0].add_principal.principal_id: is required"],
  [{ remove_acl: {} }, /^changes\[0\]\.remove_acl\.id: is required, or else content/],
  [
    {
      add_acl: { object: { type: "moon", id: randomUUID() }, principal_id: randomUUID(), permission: "read" },
    },
    /^changes\[0\]\.add_acl\.object\.type: must be one of/,
  ],
  [
    { add_acl: { object: { type: "project", id: randomUUID() }, permission: "read" } },
    /^changes\[0\]\.add_acl\.principal_id: exactly one of/,
  ],
])("in a change that is only thought of: %j", async (change, error) => {
  await expectRefused("POST", "/v1/access/simulate", { changes: [change] }, error);
});

test("more changes than can be simulated at once, or none", async () => {
  const path = "/v1/access/simulate";
  await expectRefused("POST", path, { changes: [] }, "changes: must not be empty");
  const changes = Array.from({ length: 101 }, () => ({ remove_acl: { id: randomUUID() } }));
  await expectRefused("POST", path, { changes }, "changes: has 101 entries; at most 100 are allowed");
});

test("more questions than a batch may hold, or none", async () => {
  const path = "/v1/access/batch-check";
  await expectRefused("POST", path, { checks: [] }, "checks: must not be empty");
  const checks = Array.from({ length: 1001 }, () => ({}));
  await expectRefused("POST", path, { checks }, "checks: has 1001 entries; at most 1000 are allowed");
});

describe("ids of things that are not there, or of another organisation", () => {
  const unknown = randomUUID();

  test("in project groups", async () => {
    for (const id of [unknown, things.foreign.project, things.group]) {
      const path = "/v1/project_group";
      const body = { name: randomUUID(), member_projects: [things.project, id] };
      const error = "member_projects[1]: no such object";
      await expectRefused("POST", path, body, error);
      await expectRefused("PUT", path, body, error);
      await expectRefused(
        "PATCH",
        `${path}/${things.projectGroup}`,
        { add_member_projects: [things.project, id] },
        `add_${error}`,
      );
    }
  });

  test("in groups", async () => {
    for (const id of [unknown, facade.stranger.id, things.foreign.group]) {
      const path = `/v1/group/${things.group}`;
      await expectRefused(
        "POST",
        "/v1/group",
        { name: "x", member_users: [id] },
        /^member_users\[0\]: no such/,
      );
      await expectRefused(
        "PUT",
        "/v1/group",
        { name: "x", member_users: [id] },
        /^member_users\[0\]: no such/,
      );
      await expectRefused("PATCH", path, { add_member_users: [id] }, /^add_member_users\[0\]: no such/);
      await expectRefused("PATCH", path, { member_users: [id] }, /^member_users\[0\]: no such/);
      await expectRefused(
        "POST",
        "/v1/group",
        { name: "x", member_groups: [id] },
        /^member_groups\[0\]: no such/,
      );
      await expectRefused("PATCH", path, { add_member_groups: [id] }, /^add_member_groups\[0\]: no such/);
    }
  });

  test("in roles", async () => {
    for (const id of [unknown, things.foreign.role, things.group]) {
      const path = `/v1/role/${things.role}`;
      await expectRefused(
        "POST",
        "/v1/role",
        { name: "x", member_roles: [id] },
        /^member_roles\[0\]: no such/,
      );
      await expectRefused("PATCH", path, { add_member_roles: [id] }, /^add_member_roles\[0\]: no such/);
    }
  });

  test("in ACLs, with one text for all", async () => {
    const content = aclContent();
    const one = (change: object) => ({ ...content, ...change });
    for (const id of [unknown, things.foreign.project]) {
      await expectRefused("POST", "/v1/acl", one({ object_id: id }), "object_id: no such object");
    }
    for (const id of [unknown, facade.stranger.id, things.group]) {
      await expectRefused("POST", "/v1/acl", one({ user_id: id }), /^user_id: no such/);
    }
    for (const id of [unknown, things.foreign.group, facade.viewer.id]) {
      await expectRefused("POST", "/v1/acl", one({ user_id: null, group_id: id }), /^group_id: no such/);
    }
    for (const id of [unknown, things.foreign.role]) {
      await expectRefused("POST", "/v1/acl", one({ permission: null, role_id: id }), /^role_id: no such/);
    }
  });

  test("as the project of something new", async () => {
    for (const id of [unknown, things.foreign.project, things.group]) {
      for (const noun of ["experiment", "dataset", "access/playground"]) {
        await expectRefused(
          "POST",
          `/v1/${noun}`,
          { name: "x", project_id: id },
          "project_id: no such object",
        );
      }
      await expectRefused(
        "PUT",
        "/v1/prompt",
        { name: "x", slug: "x", project_id: id },
        "project_id: no such object",
      );
      for (const noun of ["project_score", "project_tag"]) {
        const body = { name: "x", score_type: "slider", project_id: id };
        const { score_type: _, ...tag } = body;
        await expectRefused(
          "PUT",
          `/v1/${noun}`,
          noun === "project_tag" ? tag : body,
          "project_id: no such object",
        );
      }
      for (const noun of ["view", "env_var"]) {
        const body = { name: "x", object_type: "project", object_id: id };
        const view = { ...body, view_type: null };
        await expectRefused(
          "POST",
          `/v1/${noun}`,
          noun === "view" ? view : body,
          "object_id: no such object",
        );
      }
    }
  });

  test("as the account of a service token", async () => {
    for (const id of [unknown, facade.viewer.id, facade.stranger.id]) {
      const body = { name: "x", service_account_id: id };
      await expectRefused("POST", "/v1/service_token", body, "service_account_id: no such service account");
    }
  });

  test("among members", async () => {
    const invite = (invite_users: object) => ({ invite_users });
    const path = "/v1/organization/members";
    await expectRefused("PATCH", path, invite({ ids: [unknown] }), /^invite_users\.ids\[0\]: no such/);
    for (const id of [unknown, things.foreign.group]) {
      const error = new RegExp(`^invite_users\\.group_ids: no such group: \`${id}\``);
      await expectRefused("PATCH", path, invite({ emails: [newEmail()], group_ids: [id] }), error);
      await expectRefused("PATCH", path, invite({ emails: [newEmail()], group_id: id }), error);
    }
    const none = invite({ emails: [newEmail()], group_names: ["Nobody"] });
    await expectRefused("PATCH", path, none, "invite_users.group_names: no such group: `Nobody`");
    await expectRefused(
      "PATCH",
      path,
      invite({ emails: ["nobody"] }),
      /^invite_users\.emails\[0\]: must be an e-mail/,
    );
    await expectRefused(
      "PATCH",
      path,
      invite({ service_accounts: [{}] }),
      /^invite_users\.service_accounts\[0\]\.name: /,
    );
    const expiring = "invite_users.service_accounts[0].token_expires_in_seconds";
    for (const [token, error] of [
      [{ token_name: "t", token_expires_in_seconds: 0 }, "must be a whole number from 1 to 315360000"],
      [{ token_name: "t", token_expires_in_seconds: 1.5 }, "must be a whole number from 1 to 315360000"],
      [{ token_name: "t", token_expires_in_seconds: "1" }, "must be a number"],
      [{ token_expires_in_seconds: 1 }, "can only stand beside token_name"],
    ] as const) {
      const body = invite({ service_accounts: [{ name: "x", ...token }] });
      await expectRefused("PATCH", path, body, `${expiring}: ${error}`);
    }
    const extra = invite({ service_accounts: [{ name: "x", colour: 1 }] });
    await expectRefused(
      "PATCH",
      path,
      extra,
      `Extraneous key 'colour' at path ["invite_users","service_accounts",0]`,
    );
  });
});

describe("what contradicts itself, or the rules", () => {
  test("ACLs: both or neither, and a restriction where none can be", async () => {
    const content = aclContent();
    const both = { ...content, group_id: facade.builtIn.viewers };
    await expectRefused("POST", "/v1/acl", both, /exactly one of user_id and group_id/);
    await expectRefused(
      "POST",
      "/v1/acl",
      { ...content, user_id: null },
      /exactly one of user_id and group_id/,
    );
    await expectRefused(
      "POST",
      "/v1/acl",
      { ...content, role_id: things.role },
      /exactly one of permission and role_id/,
    );
    await expectRefused(
      "POST",
      "/v1/acl",
      { ...content, permission: null },
      /exactly one of permission and role_id/,
    );
    const beside = { ...content, permission: null, role_id: things.role, restrict_object_type: "experiment" };
    await expectRefused("POST", "/v1/acl", beside, /^restrict_object_type: /);
    await expectRefused(
      "POST",
      "/v1/acl",
      { ...content, restrict_object_type: "group" },
      /^restrict_object_type: /,
    );
  });

  test("a batch of ACLs names the bad one, and does nothing", async () => {
    const content = aclContent();
    const bad = { ...content, user_id: randomUUID() };
    for (const path of ["/v1/acl/batch_update", "/v1/acl/batch-update"]) {
      await expectRefused("POST", path, { add_acls: [content, bad] }, /^add_acls\[1\]\.user_id: no such/);
      const unseen = { ...content, object_id: randomUUID() };
      await expectRefused(
        "POST",
        path,
        { add_acls: [content, unseen] },
        "add_acls[1].object_id: no such object",
      );
      await expectRefused(
        "POST",
        path,
        { remove_acls: [unseen] },
        "remove_acls[0].object_id: no such object",
      );
      await expectRefused("POST", path, { add_acls: [content, {}] }, /^add_acls\[1\]\.object_type: /);
      const many = Array.from({ length: 1001 }, () => content);
      await expectRefused(
        "POST",
        path,
        { add_acls: many },
        "add_acls: has 1001 entries; at most 1000 are allowed",
      );
    }
  });

  test("a cycle of groups, and of roles", async () => {
    const create = (noun: string, body: object) =>
      facade.owner.rest.ok<{ id: string }>("POST", `/v1/${noun}`, { name: randomUUID(), ...body });
    const inner = await create("group", {});
    const outer = await create("group", { member_groups: [inner.id] });
    await expectRefused("PATCH", `/v1/group/${inner.id}`, { add_member_groups: [outer.id] }, /cycle|itself/);
    await expectRefused("PATCH", `/v1/group/${inner.id}`, { member_groups: [inner.id] }, /cycle|itself/);
    const innerRole = await create("role", {});
    const outerRole = await create("role", { member_roles: [innerRole.id] });
    await expectRefused(
      "PATCH",
      `/v1/role/${innerRole.id}`,
      { add_member_roles: [outerRole.id] },
      /cycle|itself/,
    );
  });

  test("the last Owner", async () => {
    const { owner, builtIn } = facade;
    const path = `/v1/group/${builtIn.owners}`;
    await expectRefused("PATCH", path, { remove_member_users: [owner.id] }, /Owner/);
    await expectRefused("PATCH", path, { member_users: [] }, /Owner/);
    await expectRefused("PUT", "/v1/group", { name: "Owners" }, /Owner/);
    await expectRefused("PATCH", "/v1/organization/members", { remove_users: { ids: [owner.id] } }, /Owner/);
  });

  test("built-in groups and taken names", async () => {
    await expectRefused("DELETE", `/v1/group/${facade.builtIn.viewers}`, undefined, /built-in/);
    await expectRefused("PATCH", `/v1/group/${facade.builtIn.viewers}`, { name: "x" }, /built-in/);
    await expectRefused("PATCH", `/v1/group/${things.group}`, { name: "Viewers" }, /taken/);
    await expectRefused("PATCH", `/v1/role/${things.role}`, { name: "Viewer" }, /taken/);
  });
});

describe("requests that are wrong as a whole", () => {
  const send = async (body: string | Uint8Array<ArrayBuffer>, contentType = "application/json") => {
    const before = await positions(facade.system, facade.org.orgId);
    const response = await fetch(`${facade.system.adminUrl}/v1/group`, {
      method: "POST",
      body,
      headers: { authorization: `Bearer ${facade.owner.key}`, "content-type": contentType },
    });
    expect(await positions(facade.system, facade.org.orgId)).toEqual(before);
    return { status: response.status, body: (await response.json()) as { error: string } };
  };

  test.each([
    ["no JSON", "{", /^body: must be JSON/],
    ["no UTF-8", Uint8Array.of(0x7b, 0xff, 0x7d), /^body: must be UTF-8/],
    ["too large", JSON.stringify({ name: "x".repeat(3_000_000) }), /^body: is larger than/],
    ["too deep", `${"[".repeat(100_000)}${"]".repeat(100_000)}`, /^body: is nested deeper than 64/],
    ["a prototype", '{"name":"x","__proto__":{"a":1}}', /^body: must be JSON/],
    ["nothing at all", "", /^body: is required/],
  ])("%s", async (_name, body, error) => {
    expect(await send(body)).toMatchObject({
      status: 400,
      body: { error: expect.stringMatching(error) },
    });
  });

  test("another content type", async () => {
    const answer = await send("name=x", "application/x-www-form-urlencoded");
    expect(answer).toMatchObject({ status: 400, body: { error: "content-type: must be application/json" } });
  });

  test("an address that can't be read, or has an id of any length, is refused like any other", async () => {
    for (const [path, status] of [
      ["/v1/group/%zz", 400],
      [`/v1/group/${"x".repeat(5000)}`, 400],
      [`/scim/v2/Users/${"x".repeat(5000)}`, 404],
    ] as const) {
      const response = await fetch(facade.system.adminUrl + path, {
        headers: { authorization: `Bearer ${facade.owner.key}`, "x-request-id": "broken-address" },
      });
      const body = (await response.json()) as object;
      expect({ path, status: response.status }).toEqual({ path, status });
      expect(body).toHaveProperty(path.startsWith("/scim") ? "detail" : "error");
      expect(response.headers.get("x-request-id")).toBe("broken-address");
    }
  });

  test("ids and cursors in paths and queries", async () => {
    await expectRefused("GET", "/v1/group/x", undefined, "group_id: must be a UUID");
    await expectRefused("GET", "/v1/group?limit=-1", undefined, /^limit: must be a whole number/);
    await expectRefused("GET", "/v1/group?limit=1e3", undefined, /^limit: must be a whole number/);
    await expectRefused("GET", "/v1/group?limit=10001", undefined, "limit: must be at most 10000");
    await expectRefused("GET", "/v1/group?starting_after=x", undefined, "starting_after: must be a UUID");
    const unknown = randomUUID();
    for (const list of ["group", "role", "user", "project", "api_key", "service_token", "acl/list_org"]) {
      for (const cursor of ["starting_after", "ending_before"]) {
        const path = `/v1/${list}?${cursor}=${unknown}`;
        await expectRefused("GET", path, undefined, `${cursor}: is no object of this list`);
        await expectRefused("GET", `${path}&limit=0`, undefined, `${cursor}: is no object of this list`);
      }
      const together = `/v1/${list}?starting_after=${unknown}&ending_before=${unknown}`;
      await expectRefused("GET", together, undefined, /can't be given together/);
    }
    for (const list of ["project", "group", "role"] as const) {
      const path = `/v1/${list}?starting_after=${things.foreign[list]}`;
      await expectRefused("GET", path, undefined, "starting_after: is no object of this list");
    }
    await expectRefused("GET", "/v1/acl", undefined, /^object_type: /);
  });

  test("names that nothing can have", async () => {
    for (const noun of ["api_key", "service_token", "group", "role"]) {
      const rule = `${noun}_name: must not contain control characters`;
      await expectRefused("GET", `/v1/${noun}?${noun}_name=%00`, undefined, rule);
    }
  });

  test.each([
    ["directory", 100],
    ["members", 1000],
    ["groups", 1000],
    ["groups/:group_id/members", 1000],
  ])("queries of the lists to look through: %s", async (list, limitMax) => {
    const path = `/v1/access/${list.replace(":group_id", things.group)}`;
    const rule = `limit: must be a whole number from 1 to ${limitMax}`;
    for (const limit of ["0", "-1", "1e3", `${limitMax + 1}`]) {
      await expectRefused("GET", `${path}?limit=${limit}`, undefined, rule);
    }
    await expectRefused("GET", `${path}?q=${"x".repeat(256)}`, undefined, /^q: is 256 characters long/);
    await expectRefused("GET", `${path}?q=%00`, undefined, /^q: must be well-formed text/);
    await expectRefused("GET", `${path}?query=x`, undefined, "Extraneous key 'query' at path []");
    for (const cursor of ["x", ".", "..", "x.x", "A".repeat(32), `${"A".repeat(32)}.`]) {
      if (cursor === "." && list === "directory") continue;
      await expectRefused("GET", `${path}?cursor=${cursor}`, undefined, /^cursor: /);
    }
    if (list === "directory") {
      await expectRefused("GET", `${path}?kind=robot`, undefined, /^kind\[0\]: must be one of/);
    } else if (list === "members") {
      await expectRefused("GET", `${path}?kind=group`, undefined, /^kind: must be one of/);
    } else {
      await expectRefused("GET", `${path}?kind=user`, undefined, "Extraneous key 'kind' at path []");
    }
  });

  test("a review of nothing, or of two things", async () => {
    const path = "/v1/access/review";
    const project = { type: "project", id: things.project };
    const rule = "object: is required, or else group_id, and not both";
    await expectRefused("POST", path, {}, rule);
    await expectRefused("POST", path, { object: project, group_id: things.group }, rule);
    await expectRefused("POST", path, { object: { type: "moon", id: things.project } }, /^object\.type: /);
    await expectRefused("POST", path, { object: { ...project, id: "x" } }, "object.id: must be a UUID");
    for (const cursor of ["x", "a", "i", "h", "m", "ax", "mx", `h${"A".repeat(32)}`]) {
      if (cursor.length > 1 || cursor === "x") {
        await expectRefused("POST", path, { object: project, cursor }, /^cursor: /);
        await expectRefused("POST", path, { group_id: things.group, cursor }, /^cursor: /);
      }
    }
  });

  test("paths that are no route of ours are not found, however they are spelled", async () => {
    for (const path of ["/v2/group", "//v1/group", "/v1/%67roup/x/y", "/V1/group", "/v1/group;a=b"]) {
      const answer = await facade.owner.rest.request("GET", path);
      expect({ path, status: answer.status }).toEqual({ path, status: 404 });
    }
  });

  test("nor raw ones that a client would have tidied up", async () => {
    for (const path of [
      "/v1/./group",
      "/x/../v1/group",
      "/v1/%2e%2e/v1/group",
      "/v1\\group",
      "/v1/group#x",
      "/v1/group%00",
      "/v1/group%ff",
      "/v1/group/%2e",
      "//127.0.0.1/v1/group",
    ]) {
      const bearer = `authorization: Bearer ${facade.owner.key}`;
      expect({ path, status: await rawStatus(path, [bearer]) }).toEqual({
        path,
        status: expect.toBeOneOf([400, 404]),
      });
    }
  });

  test("two credentials in one request are none, in whatever order", async () => {
    const owner = `authorization: Bearer ${facade.owner.key}`;
    const stranger = `Authorization: Bearer ${facade.stranger.key}`;
    expect(await rawStatus("/v1/group", [owner])).toBe(200);
    expect(await rawStatus("/v1/group", [owner, stranger])).toBe(401);
    expect(await rawStatus("/v1/group", [stranger, owner])).toBe(401);
    expect(await rawStatus("/v1/group", [owner, owner])).toBe(401);
  });
});

/** Sends a request line and headers just as they are; answers the status. */
async function rawStatus(path: string, headers: readonly string[]): Promise<number> {
  const { hostname, port } = new URL(facade.system.adminUrl);
  const socket = connect(Number(port), hostname);
  const lines = [`GET ${path} HTTP/1.1`, `host: ${hostname}`, "connection: close", ...headers];
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  let answer = "";
  for await (const chunk of socket) answer += String(chunk);
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]);
}
