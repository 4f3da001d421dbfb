import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Facade, newEmail, type Objects, type Person, startFacade } from "./facade.ts";
import { makeWrites } from "./writes.ts";

// What the public API promises of all its resources alike, whatever they hold.

let facade: Facade;
let project: string;
beforeAll(async () => {
  facade = await startFacade();
  project = (await facade.owner.rest.ok<Shown>("POST", "/v1/project", { name: randomUUID() })).id;
});
afterAll(() => facade?.[Symbol.asyncDispose]());

interface Shown {
  readonly id: string;
  readonly [field: string]: unknown;
}

interface Kind {
  readonly path: string;
  /** What tells one from the others of its kind, and what must be said beside that. */
  readonly identity: (name: string) => object;
  /** What may be left out. */
  readonly more: Readonly<Record<string, unknown>>;
  /** Holds whatever its user likes, and is merged. */
  readonly merged?: string;
}

const named = (name: string) => ({ name });
const inProject = (name: string) => ({ name, project_id: project });
const withSlug = (slug: string) => ({ name: "N", slug, project_id: project });
const kinds: readonly Kind[] = [
  { path: "/v1/project", identity: named, more: { description: "d" }, merged: "settings" },
  { path: "/v1/project_group", identity: named, more: { description: "d" } },
  { path: "/v1/ai_secret", identity: named, more: { type: "t", metadata: { a: 1 } }, merged: "metadata" },
  {
    path: "/v1/experiment",
    identity: inProject,
    more: { description: "d", metadata: { a: 1 }, tags: ["t"], repo_info: { commit: "c" } },
    merged: "metadata",
  },
  {
    path: "/v1/dataset",
    identity: inProject,
    more: { description: "d", metadata: { a: 1 } },
    merged: "metadata",
  },
  {
    path: "/v1/prompt",
    identity: withSlug,
    more: { description: "d", tags: ["t"], prompt_data: { options: { model: "m" } } },
    merged: "prompt_data",
  },
  {
    path: "/v1/function",
    identity: (slug) => ({ ...withSlug(slug), function_data: { type: "prompt" } }),
    more: { description: "d", tags: ["t"] },
    merged: "function_data",
  },
  { path: "/v1/group", identity: named, more: { description: "d" } },
  { path: "/v1/role", identity: named, more: { description: "d" } },
];

describe.each(kinds)("$path", ({ path, identity, more, merged }) => {
  const rest = () => facade.owner.rest;
  const send = async (method: string, at: string, body?: object) => {
    const { status, headers, body: answer } = await rest().request(method, at, body);
    expect([method, at, status]).toEqual([method, at, 200]);
    return { shown: answer as Shown, found: headers.get("x-bt-found-existing") };
  };

  test("POST of what is there shows it unchanged; names differ by their case", async () => {
    const name = `Name ${randomUUID()}`;
    const made = await send("POST", path, { ...identity(name), ...more });
    expect(made).toMatchObject({ found: null, shown: more });
    const again = await send("POST", path, { ...identity(name), description: undefined });
    expect(again).toEqual({ found: "true", shown: made.shown });
    const other = await send("POST", path, identity(name.toUpperCase()));
    expect(other.found).toBeNull();
    expect(other.shown.id).not.toBe(made.shown.id);
  });

  test("PUT makes, or replaces: it keeps the id, and resets what is not given", async () => {
    const name = randomUUID();
    const made = await send("PUT", path, { ...identity(name), ...more });
    expect(made).toMatchObject({ found: null, shown: more });
    const replaced = await send("PUT", path, identity(name));
    const reset = Object.fromEntries(Object.keys(more).map((field) => [field, null]));
    expect(replaced).toMatchObject({
      found: "true",
      shown: { id: made.shown.id, created: made.shown["created"], ...reset },
    });
    expect(await rest().ok("GET", `${path}/${made.shown.id}`)).toEqual(replaced.shown);
  });

  test("PATCH changes what is given, merges objects, and takes nothing away", async () => {
    const { shown } = await send("POST", path, { ...identity(randomUUID()), ...more });
    const one = `${path}/${shown.id}`;
    const described = "description" in more ? { description: "e" } : { type: "u" };
    expect((await send("PATCH", one, described)).shown).toMatchObject({ ...more, ...described });
    if (merged === undefined) return;
    await send("PATCH", one, { [merged]: { deep: { first: 1, second: [1, 2] } } });
    const changed = await send("PATCH", one, { [merged]: { deep: { second: [3], third: null } } });
    expect(changed.shown[merged]).toMatchObject({
      ...(more[merged] as object | undefined),
      deep: { first: 1, second: [3] },
    });
    expect((await send("PATCH", one, { [merged]: null })).shown).toEqual(changed.shown);
    expect((await send("PATCH", one, { [merged]: {} })).shown).toEqual(changed.shown);
  });

  test("DELETE shows it once more; then it is gone, and its name is free", async () => {
    const name = randomUUID();
    const { shown } = await send("POST", path, { ...identity(name), ...more });
    const gone = (await send("DELETE", `${path}/${shown.id}`)).shown;
    const deleted = "deleted_at" in shown ? { deleted_at: expect.any(String) } : {};
    expect(gone).toEqual({ ...shown, ...deleted });
    for (const method of ["GET", "PATCH", "DELETE"]) {
      const { status } = await rest().request(
        method,
        `${path}/${shown.id}`,
        method === "PATCH" ? {} : undefined,
      );
      expect([method, status]).toEqual([method, 404]);
    }
    const again = await send("POST", path, identity(name));
    expect(again.found).toBeNull();
    expect(again.shown.id).not.toBe(shown.id);
  });
});

describe("groups and roles", () => {
  test("show their members in every answer, permissions in the order in which they were given", async () => {
    const { rest } = facade.owner;
    const make = (noun: string) => rest.ok<Shown>("POST", `/v1/${noun}`, { name: randomUUID() });
    const [group, role] = [await make("group"), await make("role")];
    const granted = ["update", "read", "delete_acls", "create"].map((permission, index) => ({
      permission,
      restrict_object_type: index % 2 === 0 ? null : "dataset",
    }));
    for (const [noun, members] of [
      ["group", { member_users: [facade.viewer.id], member_groups: [group.id] }],
      ["role", { member_permissions: granted, member_roles: [role.id] }],
    ] as const) {
      const name = randomUUID();
      const path = `/v1/${noun}`;
      const made = await rest.ok<Shown>("POST", path, { name, ...members });
      const one = `${path}/${made.id}`;
      const found = await rest.ok<Objects<Shown>>("GET", `${path}?${noun}_name=${name}`);
      const answers = [
        made,
        await rest.ok("POST", path, { name }),
        await rest.ok("PUT", path, { name, ...members }),
        await rest.ok("PATCH", one, { description: "d" }),
        await rest.ok("GET", one),
        found.objects[0],
        await rest.ok("DELETE", one),
      ];
      for (const answer of answers) expect(answer).toMatchObject(members);
    }
  });
});

describe("ACLs", () => {
  const content = (more: object = {}) => ({
    object_type: "project",
    object_id: project,
    user_id: facade.newcomer.id,
    permission: "create",
    ...more,
  });
  const batch = (body: object) =>
    facade.owner.rest.ok<{ added_acls: Shown[]; removed_acls: Shown[] }>(
      "POST",
      "/v1/acl/batch_update",
      body,
    );

  test("are deleted by exactly their content", async () => {
    const { rest } = facade.owner;
    const narrow = { restrict_object_type: "experiment" };
    const made = await rest.ok("POST", "/v1/acl", content(narrow));
    for (const other of [{}, { restrict_object_type: "dataset" }, { ...narrow, permission: "read" }]) {
      expect((await rest.request("DELETE", "/v1/acl", content(other))).status).toBe(404);
    }
    expect(await rest.ok("DELETE", "/v1/acl", content(narrow))).toEqual(made);
    expect((await rest.request("DELETE", "/v1/acl", content(narrow))).status).toBe(404);
  });

  test("of a batch are told: those added, found or not, and those really removed; twice is once", async () => {
    const { rest } = facade.owner;
    const standing = await rest.ok<Shown>("POST", "/v1/acl", content({ permission: "read" }));
    const body = {
      add_acls: [content({ permission: "read" }), content({ permission: "update" })],
      remove_acls: [content({ permission: "delete" })],
    };
    const first = await batch(body);
    expect(first).toMatchObject({
      added_acls: [standing, { permission: "update" }],
      removed_acls: [],
    });
    expect(await batch(body)).toEqual(first);
    const undo = { remove_acls: body.add_acls };
    expect(await batch(undo)).toEqual({ added_acls: [], removed_acls: first.added_acls });
    expect(await batch(undo)).toEqual({ added_acls: [], removed_acls: [] });
    expect(await batch({})).toEqual({ added_acls: [], removed_acls: [] });
  });

  test("of a batch are all refused with a bad one, which is named", async () => {
    const { rest } = facade.owner;
    const before = await rest.ok("GET", "/v1/acl/list_org");
    const bad = content({ object_id: randomUUID() });
    for (const [field, body] of [
      ["add_acls", { add_acls: [content(), bad] }],
      ["remove_acls", { add_acls: [content()], remove_acls: [content(), bad] }],
    ] as const) {
      expect(await rest.request("POST", "/v1/acl/batch_update", body)).toMatchObject({
        status: 400,
        body: { error: `${field}[1].object_id: no such object`, details: { field: `${field}[1].object_id` } },
      });
    }
    expect(await rest.ok("GET", "/v1/acl/list_org")).toEqual(before);
  });

  test("that name something unknown, or of another organisation, are refused in one text", async () => {
    const foreign = async (noun: string) =>
      (await facade.stranger.rest.ok<Shown>("POST", `/v1/${noun}`, { name: randomUUID() })).id;
    const others = { user_id: undefined, permission: undefined };
    for (const [field, id, more] of [
      ["object_id", await foreign("project"), {}],
      ["user_id", facade.stranger.id, {}],
      ["group_id", await foreign("group"), { user_id: others.user_id }],
      ["role_id", await foreign("role"), { permission: others.permission }],
    ] as const) {
      const texts = await Promise.all(
        [id, randomUUID()].map(async (one) => {
          const body = content({ ...more, [field]: one });
          const answer = await facade.owner.rest.request("POST", "/v1/acl", body);
          return [answer.status, (answer.body as { error: string }).error.replaceAll(one, "ID")];
        }),
      );
      expect(texts[0]).toEqual([400, expect.stringMatching(new RegExp(`^${field}: no such`))]);
      expect(texts[1]).toEqual(texts[0]);
    }
  });
});

describe("service tokens", () => {
  test("may share a name, and die with their account", async () => {
    const { rest } = facade.owner;
    const { added_users: added } = await rest.ok<{ added_users: { id: string; api_key: string }[] }>(
      "PATCH",
      "/v1/organization/members",
      { invite_users: { service_accounts: [{ name: randomUUID(), token_name: "first" }] } },
    );
    const [account] = added;
    const body = { name: "same", service_account_id: account?.id };
    const tokens = [
      await rest.ok<Shown>("POST", "/v1/service_token", body),
      await rest.ok<Shown>("POST", "/v1/service_token", body),
    ];
    expect(tokens[0]?.id).not.toBe(tokens[1]?.id);
    const keys = [account?.api_key, ...tokens.map(({ key }) => key)].map(String);
    const standing = () =>
      Promise.all(keys.map(async (key) => (await ask("GET", "/v1/project", key)).status));
    expect(await standing()).toEqual([200, 200, 200]);
    await rest.ok("PATCH", "/v1/organization/members", { remove_users: { ids: [account?.id] } });
    expect(await standing()).toEqual([401, 401, 401]);
  });
});

/** Every list, and an object that is of none of them but the one. */
const lists: readonly (readonly [string, string?])[] = [
  ["/v1/project"],
  ["/v1/project_group"],
  ["/v1/ai_secret"],
  ["/v1/experiment"],
  ["/v1/dataset"],
  ["/v1/prompt"],
  ["/v1/function"],
  ["/v1/access/playground"],
  ["/v1/group"],
  ["/v1/role"],
  ["/v1/user"],
  ["/v1/organization"],
  ["/v1/api_key"],
  ["/v1/service_token"],
  ["/v1/env_var"],
  ["/v1/view", "object"],
  ["/v1/project_score"],
  ["/v1/project_tag"],
  ["/environment"],
  ["/v1/acl", "object"],
  ["/v1/acl/list_org"],
];

describe.each(lists)("the list %s", (path, needs) => {
  const at = (query: Readonly<Record<string, string>>): string => {
    const object = { object_type: "project", object_id: project };
    return `${path}?${new URLSearchParams({ ...(needs === "object" && object), ...query })}`;
  };

  test("of none is empty, and of another organisation refused", async () => {
    const { rest } = facade.owner;
    const none = await rest.ok("GET", at({ limit: "0" }));
    expect(none).toEqual(path === "/v1/acl/list_org" ? [] : { objects: [] });
    const elsewhere = await rest.request("GET", at({ org_name: "Another" }));
    expect(elsewhere).toMatchObject({ status: 403, body: { code: "PERMISSION_DENIED" } });
  });

  test("takes one cursor at a time, and one of its own", async () => {
    const id = path === "/v1/group" ? facade.builtIn.owners : randomUUID();
    const both = await facade.owner.rest.request("GET", at({ starting_after: id, ending_before: id }));
    expect(both).toMatchObject({
      status: 400,
      body: { error: "ending_before: can't be given together with starting_after" },
    });
    const foreign = path === "/v1/group" ? project : facade.builtIn.owners;
    for (const cursor of ["starting_after", "ending_before"]) {
      const answer = await facade.owner.rest.request("GET", at({ [cursor]: foreign, limit: "1" }));
      expect(answer).toMatchObject({ status: 400, body: { error: `${cursor}: is no object of this list` } });
    }
  });
});

test("a cursor of a narrower list must be in that, and there still", async () => {
  const { rest } = facade.owner;
  const make = (path: string, body: object) => rest.ok<Shown>("POST", path, { name: randomUUID(), ...body });
  const other = await make("/v1/project", {});
  const slug = { slug: randomUUID(), project_id: other.id };
  for (const [list, path, body] of [
    [`/v1/experiment?project_id=${project}`, "/v1/experiment", { project_id: other.id }],
    [`/v1/experiment?experiment_name=none`, "/v1/experiment", { project_id: other.id }],
    [`/v1/project_tag?project_id=${project}`, "/v1/project_tag", { project_id: other.id }],
    ["/v1/group?group_name=none", "/v1/group", {}],
    ["/v1/prompt?limit=1", "/v1/function", { ...slug, function_data: {} }],
    [
      "/v1/project_score?score_type=maximum",
      "/v1/project_score",
      { project_id: other.id, score_type: "slider" },
    ],
    ["/v1/ai_secret?ai_secret_type=one", "/v1/ai_secret", { type: "two" }],
  ] as const) {
    const { id } = await make(path, body);
    const outside = await rest.request("GET", `${list}&starting_after=${id}`);
    expect([list, outside]).toMatchObject([
      list,
      { status: 400, body: { error: expect.stringContaining("is no object") } },
    ]);
    await rest.ok("DELETE", `${path}/${id}`);
    const gone = await rest.request("GET", `${path}?starting_after=${id}`);
    expect([path, gone]).toMatchObject([path, { status: 400 }]);
  }
});

test("every write is answered 200, with its revision, uncached, in one way of writing times and ids", async () => {
  const writes = await makeWrites(facade);
  // SCIM has rules of its own, and what takes a session is no part of the contract.
  for (const [name, make] of Object.entries(writes).filter(([each]) => !each.includes(" /scim/"))) {
    const { path, body, session } = await make();
    if (session !== undefined) continue;
    const { status, headers, text } = await ask(name.split(" ")[0] ?? "", path, facade.owner.key, body);
    expect([name, status, text]).toEqual([name, 200, text]);
    expect([name, headers["x-portcullis-revision"]]).toEqual([name, expect.stringMatching(/^\S+$/)]);
    expect([name, headers["cache-control"], headers["x-request-id"]]).toEqual([name, "no-store", "same"]);
    expect([name, headers["x-bt-found-existing"]]).toEqual([name, undefined]);
    const answer = JSON.parse(text) as Record<string, unknown>;
    if ("id" in answer)
      expect([name, headers["etag"]]).toEqual([name, expect.stringMatching(/^W\/"[\w-]{22}"$/)]);
    for (const [key, value] of leaves(answer)) {
      if (typeof value !== "string") continue;
      if (/(^|_)(created|deleted_at|updated_at)$/.test(key)) {
        expect([name, key, value]).toEqual([
          name,
          key,
          expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        ]);
      }
      if (/(^|_)id$/.test(key) && key !== "log_id" && key !== "_xact_id") {
        expect([name, key, value]).toEqual([
          name,
          key,
          expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
        ]);
      }
    }
  }
});

function leaves(value: unknown, key = ""): (readonly [string, unknown])[] {
  if (Array.isArray(value)) return value.flatMap((item) => leaves(item, key));
  if (typeof value !== "object" || value === null) return [[key, value]];
  return Object.entries(value).flatMap(([name, inner]) => leaves(inner, name));
}

test("every error has one shape", async () => {
  const { owner, viewer } = facade;
  const group = await owner.rest.ok<Shown>("POST", "/v1/group", { name: randomUUID() });
  for (const [status, code, key, method, path, body, more] of [
    [400, "INVALID_ARGUMENT", owner.key, "POST", "/v1/group", { name: "" }, {}],
    [400, "FAILED_PRECONDITION", owner.key, "PATCH", `/v1/group/${group.id}`, { name: "Owners" }, {}],
    [401, "UNAUTHENTICATED", "sk-wrong", "GET", "/v1/group", undefined, {}],
    [403, "PERMISSION_DENIED", viewer.key, "POST", "/v1/group", { name: "x" }, {}],
    [404, "NOT_FOUND", owner.key, "GET", `/v1/group/${randomUUID()}`, undefined, {}],
    [404, "NOT_FOUND", owner.key, "GET", "/v1/nothing", undefined, {}],
    [409, "ABORTED", owner.key, "PATCH", `/v1/group/${group.id}`, {}, { "if-match": 'W/"stale"' }],
  ] as const) {
    const answer = await ask(method, path, key, body, more);
    const { error, ...others } = JSON.parse(answer.text) as Record<string, unknown>;
    expect(answer).toMatchObject({
      status,
      headers: { "content-type": expect.stringContaining("application/json"), "cache-control": "no-store" },
    });
    expect(error).toMatch(/./);
    const details = status === 400 ? { field: "name", request_id: "same" } : { request_id: "same" };
    expect(others).toEqual({ message: error, code, details });
  }
});

describe("nothing tells more than it must", () => {
  test("credentials that are no good are refused alike", async () => {
    const { owner, system, org } = facade;
    const [revoked, removed] = [await facade.member(), await facade.member([facade.builtIn.owners])];
    const { objects } = await revoked.rest.ok<Objects<Shown>>("GET", "/v1/api_key");
    await revoked.rest.ok("DELETE", `/v1/api_key/${objects[0]?.id}`);
    await owner.rest.ok("PATCH", "/v1/organization/members", { remove_users: { ids: [removed.id] } });
    const { secret: expired } = await system.tokens.createCredential({
      context: { actor: undefined, requestId: "test", sourceAddress: "", unchangedSince: [] },
      orgId: org.orgId,
      kind: "api_key",
      principalId: owner.id,
      name: "short",
      expiresAt: new Date(Date.now() + 200),
      scope: undefined,
      replace: false,
    });
    await expect.poll(async () => (await ask("GET", "/v1/project", expired)).status).toBe(401);
    const wrong = owner.key.endsWith("x") ? "y" : "x";
    const credentials = {
      revoked: revoked.key,
      removed: removed.key,
      expired,
      unknown: `sk-${"0".repeat(owner.key.length - 3)}`,
      "with a wrong checksum": `${owner.key.slice(0, -1)}${wrong}`,
      "cut off": owner.key.slice(0, 20),
      "of the other kind": owner.key.replace("sk-", "bt-st-"),
      malformed: "?",
      "too long": "x".repeat(2000),
    };
    for (const [method, path] of [
      ["POST", "/api/apikey/login"],
      ["GET", `/v1/group/${facade.builtIn.owners}`],
      ["GET", "/v1/nothing"],
    ] as const) {
      const answers = await Promise.all(
        Object.entries(credentials).map(async ([what, key]) => [what, await ask(method, path, key)] as const),
      );
      const [first] = answers;
      for (const [what, answer] of answers) expect([path, what, answer]).toEqual([path, what, first?.[1]]);
      expect(first?.[1].status).toBe(path === "/v1/nothing" ? 404 : 401);
    }
  });

  test("what one may not see is answered as what is not there", async () => {
    const { owner } = facade;
    const make = async (path: string, body: object = {}) =>
      `${path}/${(await owner.rest.ok<Shown>("POST", path, { name: randomUUID(), ...body })).id}`;
    const at = { project_id: project };
    const on = { object_type: "project", object_id: project };
    const paths = [
      await make("/v1/project"),
      await make("/v1/project_group"),
      await make("/v1/ai_secret"),
      await make("/v1/experiment", at),
      await make("/v1/dataset", at),
      await make("/v1/prompt", { ...at, slug: randomUUID() }),
      await make("/v1/function", { ...at, slug: randomUUID(), function_data: {} }),
      await make("/v1/env_var", on),
      await make("/v1/project_score", { ...at, score_type: "slider" }),
      await make("/v1/project_tag", at),
      await make("/v1/group"),
      await make("/v1/role"),
      await make("/v1/api_key"),
      `/v1/user/${owner.id}`,
      `/v1/acl/${(await owner.rest.ok<Shown>("POST", "/v1/acl", { ...on, user_id: owner.id, permission: "read" })).id}`,
    ];
    const unseeing: readonly (readonly [string, Person])[] = [
      ["newcomer", facade.newcomer],
      ["stranger", facade.stranger],
    ];
    for (const path of paths) {
      const absent = path.replace(/[^/]*$/, randomUUID());
      for (const method of ["GET", "PATCH", "DELETE"]) {
        if (method !== "GET" && path.startsWith("/v1/user")) continue;
        if (method === "PATCH" && /^\/v1\/(acl|api_key)/.test(path)) continue;
        const body = method === "PATCH" ? {} : undefined;
        for (const [who, { key }] of unseeing) {
          const [unseen, missing] = [
            await ask(method, path, key, body),
            await ask(method, absent, key, body),
          ];
          expect([method, path, who, unseen]).toEqual([method, path, who, missing]);
          expect(unseen.status).toBe(404);
        }
      }
    }
  });

  test("an invitation is the same for an address that is known elsewhere", async () => {
    const { rest } = facade.owner;
    const known = newEmail();
    await facade.stranger.rest.ok("PATCH", "/v1/organization/members", { invite_users: { emails: [known] } });
    const invite = async (email: string) => {
      const body = { invite_users: { emails: [email] } };
      const answer = await rest.ok<object>("PATCH", "/v1/organization/members", body);
      const { objects } = await rest.ok<Objects<Shown>>("GET", `/v1/user?email=${encodeURIComponent(email)}`);
      const shown = JSON.stringify([answer, objects.map(({ created: _created, ...user }) => user)]);
      return shown.replaceAll(objects[0]?.id ?? "", "ID").replaceAll(email, "EMAIL");
    };
    expect(await invite(known)).toBe(await invite(newEmail()));
  });
});

/** An answer to the letter, but for the time that it bears. */
async function ask(
  method: string,
  path: string,
  key: string,
  body?: unknown,
  more: Readonly<Record<string, string>> = {},
) {
  const response = await fetch(`${facade.system.adminUrl}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      "x-request-id": "same",
      ...(body !== undefined && { "content-type": "application/json" }),
      ...more,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const headers = Object.fromEntries([...response.headers].filter(([name]) => name !== "date"));
  return { status: response.status, headers, text: await response.text() };
}
