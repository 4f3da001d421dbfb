import { randomUUID } from "node:crypto";
import { decodeRevision } from "@portcullis/facts/revision";
import { systemRoles } from "@portcullis/policy";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { restClient } from "../../src/rest.ts";
import {
  consoleOrigin,
  type Facade,
  newEmail,
  type Objects,
  type Person,
  positions,
  startFacade,
} from "./facade.ts";

// What an administrator does over REST, and what the people concerned then see.

let facade: Facade;
beforeAll(async () => {
  facade = await startFacade();
});
afterAll(() => facade?.[Symbol.asyncDispose]());

interface Named {
  readonly id: string;
  readonly name: string;
}

function create<T extends Named>(path: string, body: object = {}): Promise<T> {
  return facade.owner.rest.ok<T>("POST", path, { name: randomUUID(), ...body });
}

async function idsOf(person: Person, path: string): Promise<string[]> {
  const { objects } = await person.rest.ok<Objects<{ id: string }>>("GET", path);
  return objects.map((object) => object.id);
}

function grant(person: Person, type: string, id: string, permission: string, more: object = {}) {
  const body = { object_type: type, object_id: id, user_id: person.id, permission, ...more };
  return facade.owner.rest.ok<{ id: string }>("POST", "/v1/acl", body);
}

describe("what one sees", () => {
  test("a member without a grant sees itself and its organization, and nothing else", async () => {
    const { newcomer, org } = facade;
    expect(await idsOf(newcomer, "/v1/user")).toEqual([newcomer.id]);
    expect(await idsOf(newcomer, `/v1/user?ids=${facade.owner.id}`)).toEqual([]);
    expect(await idsOf(newcomer, "/v1/organization")).toEqual([org.orgId]);
    for (const list of ["group", "role", "project"]) expect(await idsOf(newcomer, `/v1/${list}`)).toEqual([]);
    expect(await newcomer.rest.request("GET", `/v1/user/${facade.owner.id}`)).toMatchObject({ status: 404 });
    expect(await newcomer.rest.request("GET", `/v1/user/${newcomer.id}`)).toMatchObject({ status: 200 });
    const group = `/v1/group/${facade.builtIn.owners}`;
    expect(await newcomer.rest.request("GET", group)).toMatchObject({ status: 404 });
    expect(await newcomer.rest.request("PATCH", group, { description: "x" })).toMatchObject({ status: 404 });
  });

  test("a single grant shows who else is there, and no object but the one", async () => {
    const person = await facade.member();
    const [shown, hidden] = [await create("/v1/project"), await create("/v1/project")];
    await grant(person, "project", shown.id, "read");
    expect(await idsOf(person, "/v1/user")).toContain(facade.owner.id);
    expect(await idsOf(person, "/v1/group")).toContain(facade.builtIn.owners);
    expect(await idsOf(person, "/v1/project")).toEqual([shown.id]);
    const readable = await person.rest.request("PATCH", `/v1/project/${shown.id}`, { name: "x" });
    expect(readable.status).toBe(403);
    const absent = await person.rest.request("GET", `/v1/project/${randomUUID()}`);
    for (const method of ["GET", "PATCH", "DELETE"]) {
      const body = method === "PATCH" ? { name: "x" } : undefined;
      const invisible = await person.rest.request(method, `/v1/project/${hidden.id}`, body);
      expect(invisible.status).toBe(404);
      expect(messageOf(invisible.body)).toBe(messageOf(absent.body));
    }
  });

  test("a public experiment is in everybody's list, and its project is not", async () => {
    const { id: project_id } = await create("/v1/project");
    const open = await create("/v1/experiment", { project_id, public: true });
    const shut = await create("/v1/experiment", { project_id });
    const { newcomer, stranger } = facade;
    expect(await idsOf(newcomer, `/v1/experiment?project_id=${project_id}`)).toEqual([open.id]);
    expect(await idsOf(stranger, `/v1/experiment?project_id=${project_id}`)).toEqual([]);
    expect(await idsOf(newcomer, "/v1/project")).toEqual([]);
    const path = `/v1/experiment/${open.id}`;
    expect(await newcomer.rest.ok("GET", path)).toMatchObject({ public: true });
    expect((await newcomer.rest.request("PATCH", path, { public: false })).status).toBe(403);
    expect((await stranger.rest.request("GET", path)).status).toBe(404);
    await facade.owner.rest.ok("PATCH", path, { public: false });
    await facade.owner.rest.ok("PATCH", `/v1/experiment/${shut.id}`, { public: true });
    expect((await newcomer.rest.request("GET", path)).status).toBe(404);
    expect(await idsOf(newcomer, `/v1/experiment?project_id=${project_id}`)).toEqual([shut.id]);
  });

  test("lists are filtered and filled, page by page and in both directions", async () => {
    const person = await facade.member();
    const project = await create("/v1/project");
    const made: string[] = [];
    for (let index = 0; index < 12; index++) {
      const { id } = await create("/v1/dataset", { project_id: project.id });
      if (index % 4 === 0) await grant(person, "dataset", id, "read");
      made.unshift(id);
    }
    const [newest, middle, oldest] = [made[3], made[7], made[11]];
    const list = `/v1/dataset?project_id=${project.id}`;
    expect(await idsOf(person, list)).toEqual([newest, middle, oldest]);
    expect(await idsOf(person, `${list}&limit=2`)).toEqual([newest, middle]);
    expect(await idsOf(person, `${list}&limit=2&starting_after=${middle}`)).toEqual([oldest]);
    expect(await idsOf(person, `${list}&limit=2&starting_after=${oldest}`)).toEqual([]);
    expect(await idsOf(person, `${list}&limit=1&ending_before=${oldest}`)).toEqual([middle]);
    expect(await idsOf(person, `${list}&limit=0`)).toEqual([]);
    expect(await idsOf(person, `${list}&limit=`)).toHaveLength(3);
    const unseen = await person.rest.request("GET", `${list}&starting_after=${made[0]}`);
    expect(unseen).toMatchObject({ status: 400, body: { details: { field: "starting_after" } } });
  });

  test("both encodings of a list in the query mean the same", async () => {
    const ids = [(await create("/v1/group")).id, (await create("/v1/group")).id];
    const repeated = await idsOf(facade.owner, `/v1/group?ids=${ids[0]}&ids=${ids[1]}`);
    expect(repeated.toSorted()).toEqual(ids.toSorted());
    expect(await idsOf(facade.owner, `/v1/group?ids=${ids.join(",")}`)).toEqual(repeated);
    expect(await idsOf(facade.owner, `/v1/group?ids=${ids.join(",")}&ids=&colour=red`)).toEqual(repeated);
    expect(await idsOf(facade.owner, "/v1/group?ids=")).toHaveLength(
      (await idsOf(facade.owner, "/v1/group")).length,
    );
  });

  test("list_org shows the ACLs on whatever one may read the ACLs of", async () => {
    const person = await facade.member();
    const project = await create("/v1/project");
    await grant(person, "project", project.id, "read_acls");
    const acls = await person.rest.ok<{ object_id: string }[]>("GET", "/v1/acl/list_org");
    expect(acls).toHaveLength(2);
    expect(acls.every((acl) => acl.object_id === project.id)).toBe(true);
    const all = await facade.owner.rest.ok<{ id: string }[]>("GET", "/v1/acl/list_org");
    expect(all.length).toBeGreaterThan(acls.length);
    const paged: string[] = [];
    for (let cursor = ""; ; ) {
      const page = await facade.owner.rest.ok<{ id: string }[]>("GET", `/v1/acl/list_org?limit=2${cursor}`);
      if (page.length === 0) break;
      paged.push(...page.map((acl) => acl.id));
      cursor = `&starting_after=${page.at(-1)?.id}`;
    }
    expect(paged).toEqual(all.map((acl) => acl.id));
  });
});

describe("what one may", () => {
  test("create restricted to a type lets create that type in that project, and owns what it made", async () => {
    const person = await facade.member();
    const project = await create("/v1/project");
    await grant(person, "project", project.id, "create", { restrict_object_type: "experiment" });
    await grant(person, "project", project.id, "read", { restrict_object_type: "project" });
    const body = { name: "mine", project_id: project.id };
    const made = await person.rest.ok<Named>("POST", "/v1/experiment", body);
    expect((await person.rest.request("POST", "/v1/dataset", body)).status).toBe(403);
    expect(
      (await person.rest.request("POST", "/v1/experiment", { name: "x", project_id: randomUUID() })).status,
    ).toBe(400);
    await person.rest.ok("PATCH", `/v1/experiment/${made.id}`, { metadata: { a: { b: 1 } } });
    const merged = await person.rest.ok("PATCH", `/v1/experiment/${made.id}`, { metadata: { a: { c: 2 } } });
    expect(merged).toMatchObject({ metadata: { a: { b: 1, c: 2 } } });
    const again = await person.rest.request("POST", "/v1/experiment", body);
    expect(again.headers.get("x-bt-found-existing")).toBe("true");
    const fresh = await person.rest.ok<Named>("POST", "/v1/experiment", { ...body, ensure_new: true });
    expect(fresh.id).not.toBe(made.id);
    expect(fresh.name).not.toBe(made.name);
  });

  test("who creates what it may not read is told that it exists, and not what it is", async () => {
    const person = await facade.member();
    const project = await create("/v1/project");
    const taken = await create("/v1/dataset", { project_id: project.id, description: "private" });
    await grant(person, "project", project.id, "create");
    const body = { name: taken.name, project_id: project.id };
    for (const method of ["POST", "PUT"]) {
      const answer = await person.rest.request(method, "/v1/dataset", body);
      expect(answer.status).toBe(403);
      expect(JSON.stringify(answer.body)).not.toContain(taken.id);
    }
  });

  test("PUT keeps the id and resets what is not given; without update it is refused", async () => {
    const person = await facade.member();
    const project = await create("/v1/project");
    await grant(person, "project", project.id, "create");
    await grant(person, "project", project.id, "read");
    const body = { project_id: project.id, name: "greeting", slug: "greeting" };
    const made = await create("/v1/prompt", { ...body, description: "first", prompt_data: { a: 1 } });
    const replaced = await facade.owner.rest.request("PUT", "/v1/prompt", { ...body, name: "hello" });
    expect(replaced.body).toMatchObject({ id: made.id, name: "hello", description: null, prompt_data: null });
    expect(replaced.headers.get("x-bt-found-existing")).toBe("true");
    expect((await person.rest.request("PUT", "/v1/prompt", body)).status).toBe(403);
    const own = await person.rest.request("PUT", "/v1/prompt", { ...body, slug: "own" });
    expect(own).toMatchObject({ status: 200, body: { slug: "own" } });
    expect((await facade.owner.rest.request("GET", `/v1/prompt/${made.id}?version=7`)).status).toBe(400);
  });

  test("playgrounds can be registered, and granted", async () => {
    const person = await facade.member();
    const project = await create("/v1/project");
    const playground = await create("/v1/access/playground", { project_id: project.id });
    const path = `/v1/access/playground/${playground.id}`;
    expect((await person.rest.request("GET", path)).status).toBe(404);
    await grant(person, "prompt_session", playground.id, "read");
    expect(await person.rest.ok("GET", path)).toEqual(playground);
    expect(await facade.owner.rest.ok("DELETE", path)).toMatchObject({ deleted_at: expect.any(String) });
    expect((await person.rest.request("GET", path)).status).toBe(404);
  });

  test("who may not grant on a project can't list it in a project group either", async () => {
    const person = await facade.member();
    await grant(person, "organization", facade.org.orgId, "create", {
      restrict_object_type: "project_group",
    });
    const project = await create("/v1/project");
    await grant(person, "project", project.id, "read");
    const listing = { member_projects: [project.id] };
    const { id } = await person.rest.ok<Named>("POST", "/v1/project_group", { name: "mine" });
    const refused = { status: 403 };
    expect(
      await person.rest.request("POST", "/v1/project_group", { name: "yours", ...listing }),
    ).toMatchObject(refused);
    expect(await person.rest.request("PUT", "/v1/project_group", { name: "mine", ...listing })).toMatchObject(
      refused,
    );
    const add = { add_member_projects: [project.id] };
    expect(await person.rest.request("PATCH", `/v1/project_group/${id}`, add)).toMatchObject(refused);
    await grant(person, "project", project.id, "create_acls");
    expect(await person.rest.ok("PATCH", `/v1/project_group/${id}`, add)).toMatchObject(listing);
    expect((await person.rest.request("DELETE", `/v1/project/${project.id}`)).status).toBe(200);
    expect(await person.rest.ok("GET", `/v1/project_group/${id}`)).toMatchObject({ member_projects: [] });
  });

  test("ACLs take their own permissions, and an ACL that may not be read is not there", async () => {
    const person = await facade.member();
    const project = await create("/v1/project");
    await grant(person, "project", project.id, "read");
    const acl = await grant(facade.viewer, "project", project.id, "update");
    expect((await person.rest.request("GET", `/v1/acl/${acl.id}`)).status).toBe(404);
    expect((await person.rest.request("DELETE", `/v1/acl/${acl.id}`)).status).toBe(404);
    await grant(person, "project", project.id, "read_acls");
    expect((await person.rest.request("GET", `/v1/acl/${acl.id}`)).status).toBe(200);
    expect((await person.rest.request("DELETE", `/v1/acl/${acl.id}`)).status).toBe(403);
    await grant(person, "project", project.id, "delete_acls");
    expect((await person.rest.request("DELETE", `/v1/acl/${acl.id}`)).status).toBe(200);
    const content = {
      object_type: "project",
      object_id: project.id,
      group_id: facade.builtIn.viewers,
      permission: "update",
    };
    expect((await person.rest.request("POST", "/v1/acl", content)).status).toBe(403);
    await grant(person, "project", project.id, "create_acls");
    expect((await person.rest.request("POST", "/v1/acl", content)).status).toBe(200);
  });

  test("who sees no groups and roles learns of none by trying to replace it", async () => {
    const { rest } = facade.newcomer;
    for (const [path, taken] of [
      ["/v1/group", await create("/v1/group")],
      ["/v1/role", await create("/v1/role")],
      ["/v1/role", { name: "Owner" }],
    ] as const) {
      const [standing, free] = [
        await rest.request("PUT", path, { name: taken.name }),
        await rest.request("PUT", path, { name: randomUUID() }),
      ];
      expect([path, standing.status, messageOf(standing.body)]).toEqual([path, 403, messageOf(free.body)]);
    }
  });

  test("settings are changed with update on the organization, and only then", async () => {
    const person = await facade.member();
    const path = `/v1/organization/${facade.org.orgId}`;
    expect((await person.rest.request("PATCH", path, { api_url: "https://a.example" })).status).toBe(403);
    await grant(person, "organization", facade.org.orgId, "update", { restrict_object_type: "organization" });
    expect(await person.rest.ok("PATCH", path, { api_url: "https://a.example" })).toMatchObject({
      name: facade.org.name,
      api_url: "https://a.example",
    });
    const changed = await person.rest.ok("PATCH", path, {
      is_universal_api: true,
      image_rendering_mode: "blocked",
    });
    expect(changed).toMatchObject({ api_url: "https://a.example", is_universal_api: true });
    expect(await person.rest.ok("GET", path)).toEqual(changed);
  });
});

describe("who creates something", () => {
  const settings = "/v1/access/settings";
  afterEach(() => facade.owner.rest.ok("PATCH", settings, { creator_owner_grant: true }));

  /** Somebody who may create everything in the organization, and do nothing with it. */
  async function maker(): Promise<Person> {
    const person = await facade.member();
    await grant(person, "organization", facade.org.orgId, "create");
    return person;
  }

  const shared = ["group", "role", "project", "project_group", "ai_secret"];

  test("has the Owner role on it at once, as an ACL like any other", async () => {
    const person = await maker();
    for (const method of ["POST", "PUT"]) {
      for (const kind of shared) {
        const made = await person.rest.ok<Named>(method, `/v1/${kind}`, { name: randomUUID() });
        const on = `object_type=${kind}&object_id=${made.id}`;
        const { objects } = await person.rest.ok<Objects<{ id: string }>>("GET", `/v1/acl?${on}`);
        expect(objects).toMatchObject([{ user_id: person.id, role_id: systemRoles.owner.id }]);
        const renamed = await person.rest.ok("PATCH", `/v1/${kind}/${made.id}`, { name: randomUUID() });
        expect(renamed).toMatchObject({ id: made.id });
        await facade.owner.rest.ok("DELETE", `/v1/acl/${objects[0]?.id}`);
        const refused = await person.rest.request("DELETE", `/v1/${kind}/${made.id}`);
        expect([403, 404]).toContain(refused.status);
      }
    }
  });

  test("has nothing on what stood there before", async () => {
    const [person, other] = [await maker(), await maker()];
    for (const kind of ["group", "role"]) {
      const made = await other.rest.ok<Named>("POST", `/v1/${kind}`, { name: randomUUID() });
      const again = await person.rest.request("POST", `/v1/${kind}`, { name: made.name });
      expect(again.headers.get("x-bt-found-existing")).toBe("true");
      expect((await person.rest.request("DELETE", `/v1/${kind}/${made.id}`)).status).toBe(403);
    }
  });

  test("has nothing on it where the organization has turned that off", async () => {
    const person = await maker();
    expect(await person.rest.ok("GET", settings)).toMatchObject({ creator_owner_grant: true });
    expect((await person.rest.request("PATCH", settings, { creator_owner_grant: false })).status).toBe(403);
    await grant(person, "organization", facade.org.orgId, "update", { restrict_object_type: "organization" });
    const off = await person.rest.ok("PATCH", settings, { creator_owner_grant: false });
    expect(off).toEqual({ creator_owner_grant: false, grant_cap: false });
    // Other settings are changed without touching it.
    await person.rest.ok("PATCH", `/v1/organization/${facade.org.orgId}`, { api_url: "https://a.example" });
    expect(await person.rest.ok("PATCH", settings, {})).toEqual(off);
    for (const method of ["POST", "PUT"]) {
      for (const kind of shared) {
        const made = await person.rest.ok<Named>(method, `/v1/${kind}`, { name: randomUUID() });
        const on = `object_type=${kind}&object_id=${made.id}`;
        expect(await facade.owner.rest.ok("GET", `/v1/acl?${on}`)).toEqual({ objects: [] });
        expect([403, 404]).toContain((await person.rest.request("DELETE", `/v1/${kind}/${made.id}`)).status);
      }
    }
  });
});

describe("questions about access", () => {
  interface Answer {
    readonly allowed: boolean;
    readonly revision: string;
  }
  interface Batch {
    readonly results: readonly {
      readonly allowed: boolean;
      readonly error: { readonly code: string } | null;
    }[];
  }

  test("about oneself anybody may ask, about others who may read the ACLs", async () => {
    const { owner, viewer, newcomer } = facade;
    const project = await create("/v1/project");
    const object = { type: "project", id: project.id };
    const ask = (person: Person, more: object) =>
      person.rest.request("POST", "/v1/access/check", { permission: "read", object, ...more });
    expect(await viewer.rest.ok<Answer>("POST", "/v1/access/check", { permission: "read", object })).toEqual({
      allowed: true,
      revision: expect.stringMatching(/^v1\./),
    });
    expect(await ask(newcomer, {})).toMatchObject({ status: 200, body: { allowed: false } });
    expect(await ask(newcomer, { object: { type: "project", id: randomUUID() } })).toMatchObject({
      body: { allowed: false },
    });
    expect(await ask(owner, { principal_id: viewer.id })).toMatchObject({ body: { allowed: true } });
    expect(await ask(owner, { principal_id: newcomer.id })).toMatchObject({ body: { allowed: false } });
    expect(await ask(owner, { principal_id: viewer.id, permission: "update" })).toMatchObject({
      body: { allowed: false },
    });
    expect((await ask(viewer, { principal_id: owner.id })).status).toBe(403);
    expect((await ask(newcomer, { principal_id: owner.id })).status).toBe(404);
    const place = { object: undefined, place: { type: "dataset", parent: object }, permission: "create" };
    expect(await ask(viewer, place)).toMatchObject({ status: 200, body: { allowed: false } });
    expect(await ask(owner, place)).toMatchObject({ status: 200, body: { allowed: true } });
    expect((await ask(viewer, { ...place, principal_id: owner.id })).status).toBe(403);
    expect((await ask(viewer, { org_id: facade.stranger.orgId })).status).toBe(403);

    const held = (person: Person, more: object) =>
      person.rest.request("POST", "/v1/access/permissions", { object, ...more });
    expect(await held(viewer, {})).toMatchObject({ status: 200, body: { permissions: ["read"] } });
    expect(await held(owner, { principal_id: newcomer.id })).toMatchObject({ body: { permissions: [] } });
    expect((await held(viewer, { principal_id: owner.id })).status).toBe(403);
  });

  test("a bad question of a batch fails alone, and what may not be asked about tells nothing", async () => {
    const { owner, viewer } = facade;
    const [readable, other] = [await create("/v1/project"), await create("/v1/project")];
    await grant(viewer, "project", readable.id, "read_acls");
    const about = (id: string, more: object = {}) => ({
      permission: "read",
      object: { type: "project", id },
      ...more,
    });
    const checks = [
      about(readable.id),
      about(readable.id, { permission: "fly" }),
      about(readable.id, { principal_id: owner.id }),
      7,
      about(other.id, { principal_id: owner.id }),
      about(randomUUID(), { principal_id: owner.id }),
      about(other.id, { permission: "delete" }),
      about(readable.id, { principal_id: owner.id, permission: "delete" }),
    ];
    const { results } = await viewer.rest.ok<Batch>("POST", "/v1/access/batch-check", { checks });
    expect(results.map(({ allowed, error }) => error?.code ?? allowed)).toEqual([
      true,
      "INVALID_ARGUMENT",
      true,
      "INVALID_ARGUMENT",
      "PERMISSION_DENIED",
      "PERMISSION_DENIED",
      false,
      true,
    ]);
    expect(results[4]).toEqual(results[5]);
    expect(results[1]?.error).toMatchObject({ message: expect.stringMatching(/^checks\[1\]\.permission: /) });
  });

  test("a question may carry the revision of a write", async () => {
    const person = await facade.member();
    const project = await create("/v1/project");
    const content = { object_type: "project", object_id: project.id, user_id: person.id, permission: "read" };
    const ask = async (revision: string | null) =>
      person.rest.ok<Answer>("POST", "/v1/access/check", {
        permission: "read",
        object: { type: "project", id: project.id },
        consistency: { at_least_as_fresh: revision ?? "" },
      });
    for (let round = 0; round < 3; round++) {
      const made = await facade.owner.rest.request("POST", "/v1/acl", content);
      expect((await ask(made.headers.get("x-portcullis-revision"))).allowed).toBe(true);
      const gone = await facade.owner.rest.request("DELETE", "/v1/acl", content);
      expect((await ask(gone.headers.get("x-portcullis-revision"))).allowed).toBe(false);
    }
  });
});

describe("members", () => {
  const members = (person: Person, body: object) =>
    person.rest.request("PATCH", "/v1/organization/members", body);
  const invite = (invite_users: object) => members(facade.owner, { invite_users });

  test("an invited address is a user at once, in the groups that were named", async () => {
    const email = newEmail();
    const group = await create("/v1/group");
    const first = await invite({ emails: [email], group_ids: [group.id], group_name: "Viewers" });
    expect(first).toMatchObject({ status: 200, body: { status: "success", send_email_error: null } });
    const [id] = await idsOf(facade.owner, `/v1/user?email=${encodeURIComponent(email)}`);
    expect(first.body).toMatchObject({ added_users: [{ id, email, api_key: null, token_name: null }] });
    for (const groupId of [group.id, facade.builtIn.viewers]) {
      const { member_users } = await facade.owner.rest.ok<{ member_users: string[] }>(
        "GET",
        `/v1/group/${groupId}`,
      );
      expect(member_users).toContain(id);
    }
    const before = await positions(facade.system, facade.org.orgId);
    const repeated = await invite({ emails: [email.toUpperCase()], group_id: group.id });
    expect(repeated.body).toMatchObject({ added_users: [] });
    expect(await positions(facade.system, facade.org.orgId)).toEqual(before);
  });

  test("mail that can't be sent is told, and does not fail the call", async () => {
    const answer = await invite({ emails: [newEmail()], send_invite_emails: true });
    expect(answer).toMatchObject({ status: 200, body: { send_email_error: expect.any(String) } });
  });

  test("a service account comes with its first token, for an Owner", async () => {
    const answer = await invite({
      service_accounts: [{ name: "deploy", token_name: "first" }, { name: "plain" }],
      group_ids: [facade.builtIn.viewers],
    });
    const { added_users: added } = answer.body as {
      added_users: { id: string; api_key: string; token_name: string }[];
    };
    expect(added).toMatchObject([
      { token_name: "first", api_key: expect.stringMatching(/^bt-st-/), email: null },
      { token_name: null, api_key: null },
    ]);
    const robot = restClient(facade.system.adminUrl, added[0]?.api_key ?? "");
    const { objects } = await robot.ok<Objects<Named>>("GET", "/v1/project");
    expect(objects.length).toBeGreaterThan(0);
    expect((await robot.request("POST", "/v1/api_key", { name: "x" })).status).toBe(403);
    await members(facade.owner, { remove_users: { ids: [added[0]?.id] } });
    expect((await robot.request("GET", "/v1/project")).status).toBe(401);
  });

  test("a first token may expire", async () => {
    const from = Date.now();
    const answer = await invite({
      service_accounts: [{ name: randomUUID(), token_name: "short", token_expires_in_seconds: 3600 }],
    });
    const { added_users: added } = answer.body as { added_users: { id: string }[] };
    const { credentials } = await facade.system.tokens.listCredentials({
      orgId: facade.org.orgId,
      page: undefined,
      kind: "service_token",
      principalId: added[0]?.id ?? "",
      ids: [],
      names: [],
    });
    const expires = credentials.map(({ expiresAt }) => expiresAt?.getTime() ?? 0);
    expect(expires).toEqual([expect.any(Number)]);
    expect(expires[0]).toBeGreaterThanOrEqual(from + 3_600_000);
    expect(expires[0]).toBeLessThanOrEqual(Date.now() + 3_600_000);
  });

  test("whoever may add members may invite, but neither make service accounts nor fill groups that it may not change", async () => {
    const person = await facade.member();
    const { orgId } = facade.org;
    await grant(person, "organization", orgId, "create", { restrict_object_type: "org_member" });
    const by = (body: object) => members(person, { invite_users: body });
    expect((await by({ emails: [newEmail()] })).status).toBe(200);
    const before = await positions(facade.system, orgId);
    for (const account of [{ name: "quiet" }, { name: "loud", token_name: "x" }]) {
      const { status, body } = await by({ service_accounts: [account] });
      expect([status, messageOf(body)]).toEqual([403, expect.stringContaining("only Owners may do this")]);
    }
    const group = await create("/v1/group");
    const afterGroup = await positions(facade.system, orgId);
    expect((await by({ emails: [newEmail()], group_ids: [group.id] })).status).toBe(403);
    expect((await by({ emails: [newEmail()], group_names: ["Owners"] })).status).toBe(403);
    expect((await members(person, { remove_users: { ids: [facade.viewer.id] } })).status).toBe(403);
    expect(await positions(facade.system, orgId)).toEqual(afterGroup);
    expect(afterGroup).not.toEqual(before);
    await grant(person, "group", group.id, "update");
    expect((await by({ emails: [newEmail()], group_ids: [group.id] })).status).toBe(200);
  });

  test("whoever may remove members removes people, but no service account", async () => {
    const [remover, stranger] = [await facade.member(), await facade.member()];
    const { orgId } = facade.org;
    await grant(remover, "organization", orgId, "delete", { restrict_object_type: "org_member" });
    const { body } = await invite({ service_accounts: [{ name: randomUUID() }] });
    const { added_users: added } = body as { added_users: { id: string }[] };
    const before = await positions(facade.system, orgId);
    const remove = (by: Person, ...ids: readonly (string | undefined)[]) =>
      members(by, { remove_users: { ids } });
    const refusal = async (by: Person, id: string | undefined) => {
      const { status, body: answer } = await remove(by, facade.viewer.id, id);
      return [status, messageOf(answer)];
    };
    expect(await refusal(remover, added[0]?.id)).toEqual([
      403,
      expect.stringContaining("only Owners may do this"),
    ]);
    // Who may remove nobody is not told what it is.
    expect(await refusal(stranger, added[0]?.id)).toEqual(await refusal(stranger, facade.engineer.id));
    expect(await positions(facade.system, orgId)).toEqual(before);
    expect((await remove(remover, stranger.id)).status).toBe(200);
    expect((await remove(facade.owner, added[0]?.id)).status).toBe(200);
  });

  test("nobody is invited who could not be put into the groups that were named", async () => {
    const before = await positions(facade.system, facade.org.orgId);
    const answer = await members(facade.owner, {
      invite_users: {
        emails: Array.from({ length: 9500 }, newEmail),
        service_accounts: Array.from({ length: 501 }, (_, index) => ({ name: `many ${index}` })),
        group_ids: [facade.builtIn.viewers],
      },
    });
    expect(answer.status).toBe(400);
    expect(messageOf(answer.body)).toBe(
      "invite_users.group_ids: at most 10000 can be put into groups at once, by at most 100000 memberships",
    );
    expect(await positions(facade.system, facade.org.orgId)).toEqual(before);
  });

  test("who is removed can do nothing from then on, and is no member", async () => {
    const person = await facade.member([facade.builtIn.engineers]);
    expect((await person.rest.request("GET", "/v1/project")).status).toBe(200);
    const removed = await members(facade.owner, { remove_users: { ids: [person.id] } });
    expect(removed.status).toBe(200);
    expect((await person.rest.request("GET", "/v1/project")).status).toBe(401);
    expect(await idsOf(facade.owner, `/v1/user?ids=${person.id}`)).toEqual([]);
  });

  test("a group that is emptied takes what it gave", async () => {
    const person = await facade.member();
    const inner = await create("/v1/group", { member_users: [person.id] });
    const outer = await create("/v1/group", { member_groups: [inner.id] });
    const role = await create("/v1/role", { member_permissions: [{ permission: "read" }] });
    const project = await create("/v1/project");
    await facade.owner.rest.ok("POST", "/v1/acl", {
      object_type: "project",
      object_id: project.id,
      group_id: outer.id,
      role_id: role.id,
    });
    expect((await person.rest.request("GET", `/v1/project/${project.id}`)).status).toBe(200);
    await facade.owner.rest.ok("PATCH", `/v1/group/${inner.id}`, { remove_member_users: [person.id] });
    expect((await person.rest.request("GET", `/v1/project/${project.id}`)).status).toBe(404);
  });
});

describe("keys", () => {
  test("are shown once, work, are listed by who may, and stop at once when revoked", async () => {
    const person = await facade.member();
    interface Made extends Named {
      readonly key: string;
      readonly last_used_at: string | null;
    }
    const made = await person.rest.ok<Made>("POST", "/v1/api_key", {
      name: "laptop",
      org_name: facade.org.name,
      org_id: facade.org.orgId,
    });
    expect(made.key).toMatch(/^sk-/);
    const { key, last_used_at: lastUse, ...shown } = made;
    expect(lastUse).toBeNull();
    const own = restClient(facade.system.adminUrl, key);
    expect((await own.request("GET", "/v1/organization")).status).toBe(200);
    const { objects } = await person.rest.ok<Objects<Named>>("GET", "/v1/api_key?api_key_name=laptop");
    expect(objects).toMatchObject([shown]);
    expect(JSON.stringify(objects)).not.toContain(key);
    const everybodys = await idsOf(facade.owner, "/v1/api_key?scope=organization");
    expect(everybodys).toContain(made.id);
    expect(await idsOf(facade.owner, "/v1/api_key")).not.toContain(made.id);
    expect((await facade.viewer.rest.request("DELETE", `/v1/api_key/${made.id}`)).status).toBe(404);
    expect(await facade.owner.rest.ok("DELETE", `/v1/api_key/${made.id}`)).toMatchObject(shown);
    expect((await own.request("GET", "/v1/organization")).status).toBe(401);
    expect((await person.rest.request("GET", `/v1/api_key/${made.id}`)).status).toBe(404);
  });

  test("expire when they said so", async () => {
    const expires_at = new Date(Date.now() + 5000).toISOString();
    const { key } = await facade.owner.rest.ok<{ key: string }>("POST", "/v1/api_key", {
      name: "brief",
      expires_at,
    });
    const brief = restClient(facade.system.adminUrl, key);
    expect((await brief.request("GET", "/v1/organization")).status).toBe(200);
    await expect.poll(async () => (await brief.request("GET", "/v1/organization")).status).toBe(401);
  });

  test("service tokens: PUT replaces those of the name, DELETE takes the id in the body too", async () => {
    const { added_users: added } = await facade.owner.rest.ok<{ added_users: { id: string }[] }>(
      "PATCH",
      "/v1/organization/members",
      { invite_users: { service_accounts: [{ name: "robot" }] } },
    );
    const body = { name: "ci", service_account_id: added[0]?.id };
    const first = await facade.owner.rest.ok<Named & { key: string }>("POST", "/v1/service_token", body);
    const second = await facade.owner.rest.request("PUT", "/v1/service_token", body);
    expect(second.headers.get("x-bt-found-existing")).toBe("true");
    const works = (key: string) => restClient(facade.system.adminUrl, key).request("GET", "/v1/organization");
    expect((await works(first.key)).status).toBe(401);
    const { id, key } = second.body as { id: string; key: string };
    expect((await works(key)).status).toBe(200);
    expect(second.body).toMatchObject({ service_account_name: "robot", org_id: facade.org.orgId });
    expect(await idsOf(facade.owner, "/v1/service_token?service_token_name=ci")).toEqual([id]);
    expect(await facade.owner.rest.ok("DELETE", "/v1/service_token", { id })).toMatchObject({ id });
    expect((await works(key)).status).toBe(401);
    expect((await facade.owner.rest.request("DELETE", "/v1/service_token", { id })).status).toBe(404);
  });
});

describe("headers", () => {
  test("a write tells its revision, which names every log that it wrote to", async () => {
    const answer = await facade.owner.rest.request("PATCH", "/v1/organization/members", {
      invite_users: { emails: [newEmail()], group_ids: [facade.builtIn.viewers] },
    });
    const revision = decodeRevision(answer.headers.get("x-portcullis-revision") ?? "");
    expect(revision?.org).toBe(facade.org.orgId);
    expect(revision?.seen.map((seen) => seen.owner).toSorted()).toEqual(["groups", "identity"]);
  });

  test("request ids are kept when harmless, made when not, and never cached", async () => {
    const send = (id: string) =>
      fetch(`${facade.system.adminUrl}/v1/group`, {
        headers: { authorization: `Bearer ${facade.owner.key}`, "x-request-id": id },
      });
    const kept = await send("trace-7");
    expect(kept.headers.get("x-request-id")).toBe("trace-7");
    expect(kept.headers.get("cache-control")).toBe("no-store");
    expect((await send("no spaces")).headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("a single object has a weak tag that changes with it", async () => {
    const { id } = await create("/v1/group");
    const tag = async () => (await facade.owner.rest.request("GET", `/v1/group/${id}`)).headers.get("etag");
    const before = await tag();
    expect(before).toMatch(/^W\/"/);
    expect(await tag()).toBe(before);
    await facade.owner.rest.ok("PATCH", `/v1/group/${id}`, { description: "changed" });
    expect(await tag()).not.toBe(before);
  });

  test("the greeting and the health need no credential; other origins get no leave", async () => {
    const greeting = await fetch(`${facade.system.adminUrl}/v1`, {
      headers: { origin: "https://evil.example" },
    });
    expect(greeting.status).toBe(200);
    expect(greeting.headers.get("content-type")).toContain("text/plain");
    expect(greeting.headers.get("access-control-allow-origin")).toBeNull();
    expect((await fetch(`${facade.system.adminUrl}/healthz`)).status).toBe(200);
  });

  test("pages of a configured origin may call us, and read our headers", async () => {
    const preflight = await fetch(`${facade.system.adminUrl}/v1/group`, {
      method: "OPTIONS",
      headers: { origin: consoleOrigin, "access-control-request-method": "PATCH" },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-origin")).toBe(consoleOrigin);
    expect(preflight.headers.get("access-control-allow-methods")).toContain("PATCH");
    const refused = await fetch(`${facade.system.adminUrl}/v1/group`, { headers: { origin: consoleOrigin } });
    expect(refused.status).toBe(401);
    expect(refused.headers.get("access-control-expose-headers")).toContain("x-portcullis-revision");
  });
});

test("the actor, the request id and the caller's address stand in the event of a write", async () => {
  const response = await fetch(`${facade.system.adminUrl}/v1/group`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${facade.owner.key}`,
      "content-type": "application/json",
      "x-request-id": "audit-7",
    },
    body: JSON.stringify({ name: randomUUID() }),
  });
  expect(response.status).toBe(200);
  const [head = 0] = (await facade.system.facts.groups.heads({ orgIds: [facade.org.orgId] })).positions;
  const { events } = await facade.system.facts.groups.readLog({
    orgId: facade.org.orgId,
    after: head - 1,
    limit: 1,
  });
  expect(events[0]).toMatchObject({
    context: {
      requestId: "audit-7",
      sourceAddress: "127.0.0.1",
      actor: { principalId: facade.owner.id, credentialId: expect.stringMatching(/^[0-9a-f-]{36}$/) },
    },
  });
});

function messageOf(body: unknown): unknown {
  return (body as { message: unknown }).message;
}

describe("a grant that expires", () => {
  interface Shown {
    readonly id: string;
    readonly expires_at: string | null;
  }

  test("is in force to the instant, and not from then on, wherever it is cached", async () => {
    const person = await facade.member();
    const project = await create("/v1/project");
    const expires = Date.now() + 1500;
    const made = await grant(person, "project", project.id, "read", {
      expires_at: new Date(expires).toISOString(),
    });
    expect(made).toMatchObject({ expires_at: new Date(expires).toISOString() });
    const question = {
      orgId: facade.org.orgId,
      who: { $case: "principalId", value: person.id },
      permission: "read",
      what: { $case: "object", value: { type: "project", id: project.id } },
      consistency: undefined,
    } as const;
    const late: number[] = [];
    let allowed = 0;
    while (Date.now() < expires + 300) {
      const askedAt = Date.now();
      const answer = await facade.system.decision.check(question);
      if (answer.allowed) allowed += 1;
      if (answer.allowed && askedAt >= expires) late.push(askedAt - expires);
    }
    expect(allowed).toBeGreaterThan(0);
    expect(late).toEqual([]);
    expect((await person.rest.request("GET", `/v1/project/${project.id}`)).status).toBe(404);
  });

  test("shows when; adding it again changes that only if it says so", async () => {
    const person = await facade.member();
    const project = await create("/v1/project");
    const [first, second] = [3_600_000, 7_200_000].map((ms) => new Date(Date.now() + ms).toISOString());
    const add = (more: object) =>
      grant(person, "project", project.id, "update", more) as Promise<Named & Shown>;
    const made = await add({ expires_at: first });
    expect(await facade.owner.rest.ok("GET", `/v1/acl/${made.id}`)).toMatchObject({ expires_at: first });
    expect(await add({})).toEqual(made);
    expect(await add({ expires_at: null })).toEqual(made);
    expect(await add({ expires_at: second })).toEqual({ ...made, expires_at: second });
    const list = `/v1/acl?object_type=project&object_id=${project.id}`;
    const { objects } = await facade.owner.rest.ok<Objects<Shown>>("GET", list);
    expect(objects.find(({ id }) => id === made.id)?.expires_at).toBe(second);
    const content = {
      object_type: "project",
      object_id: project.id,
      user_id: person.id,
      permission: "update",
    };
    const changed = await facade.owner.rest.ok<{ removed_acls: Shown[]; added_acls: Shown[] }>(
      "POST",
      "/v1/acl/batch_update",
      {
        remove_acls: [content],
        add_acls: [{ ...content, permission: "delete", expires_at: first }],
      },
    );
    expect(changed).toMatchObject({ removed_acls: [{ id: made.id }], added_acls: [{ expires_at: first }] });
    expect((await add({})).expires_at).toBeNull();
  });

  test("ends no sooner by whoever may not remove it, and stays as it is where that is refused", async () => {
    const person = await facade.member();
    const project = await create("/v1/project");
    await grant(person, "project", project.id, "create_acls");
    const content = {
      object_type: "project",
      object_id: project.id,
      user_id: facade.viewer.id,
      permission: "update",
    };
    const { id } = await grant(facade.viewer, "project", project.id, "update");
    const [soon, later] = [3_600_000, 7_200_000].map((ms) => new Date(Date.now() + ms).toISOString());
    const ends = async () => (await facade.owner.rest.ok<Shown>("GET", `/v1/acl/${id}`)).expires_at;
    const add = (more: object) => person.rest.request("POST", "/v1/acl", { ...content, ...more });
    const refusals = async () => {
      const alone = await add({ expires_at: soon });
      const batch = { add_acls: [{ ...content, expires_at: soon }] };
      const inBatch = await person.rest.request("POST", "/v1/acl/batch_update", batch);
      expect(messageOf(inBatch.body)).toContain("add_acls[0].expires_at: not allowed");
      return [alone.status, inBatch.status, await ends()];
    };
    expect(await refusals()).toEqual([403, 403, null]);
    await grant(person, "project", project.id, "read_acls");
    expect(await refusals()).toEqual([403, 403, null]);
    await grant(person, "project", project.id, "delete_acls");
    expect(await add({ expires_at: soon })).toMatchObject({ status: 200, body: { id, expires_at: soon } });
    const adding = { user_id: person.id, object_type: "project", object_id: project.id };
    await facade.owner.rest.ok("DELETE", "/v1/acl", { ...adding, permission: "delete_acls" });
    expect(await add({ expires_at: later })).toMatchObject({ status: 200, body: { id, expires_at: later } });
    // Who may not even read it is told that it stands, and has not changed it.
    await facade.owner.rest.ok("DELETE", "/v1/acl", { ...adding, permission: "read_acls" });
    const latest = new Date(Date.now() + 9_000_000).toISOString();
    expect([(await add({ expires_at: latest })).status, await ends()]).toEqual([403, later]);
  });

  test("can't have expired already", async () => {
    const project = await create("/v1/project");
    const content = { object_type: "project", object_id: project.id, user_id: facade.owner.id };
    const item = { ...content, permission: "read", expires_at: new Date(Date.now() - 1).toISOString() };
    for (const [path, body, field] of [
      ["/v1/acl", item, "expires_at"],
      ["/v1/acl/batch_update", { add_acls: [item] }, "add_acls[0].expires_at"],
    ] as const) {
      const refused = await facade.owner.rest.request("POST", path, body);
      expect(refused.status).toBe(400);
      expect(messageOf(refused.body)).toContain(`${field}: must be in the future`);
    }
  });
});

test("the API describes itself, to programs and to people", async () => {
  const at = facade.system.adminUrl;
  const described = await (await fetch(`${at}/openapi.json`)).json();
  expect(described).toMatchObject({
    openapi: "3.1.0",
    paths: { "/v1/group/{group_id}": { patch: { operationId: "patchGroupGroup_id" } } },
  });
  const page = await fetch(`${at}/docs/`);
  expect(page.headers.get("content-type")).toContain("text/html");
  expect(page.headers.get("content-security-policy")).toContain("default-src 'self'");
  const html = await page.text();
  const assets = [...html.matchAll(/(?:src|href)="(\.?\/?[^"]+)"/g)].map(([, asset]) => asset ?? "");
  expect(assets.length).toBeGreaterThan(3);
  for (const asset of assets) {
    expect([asset, (await fetch(new URL(asset, `${at}/docs/`))).status]).toEqual([asset, 200]);
  }
  expect(await (await fetch(`${at}/docs/json`)).json()).toEqual(described);
});
