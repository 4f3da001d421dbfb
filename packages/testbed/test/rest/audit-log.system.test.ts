import { createHash, randomUUID } from "node:crypto";
import { allRoutes } from "@portcullis/admin-service/routes";
import { type Owner, owners } from "@portcullis/policy";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Facade, type Person, startFacade } from "./facade.ts";
import { makeWrites, type Write, type Writes } from "./writes.ts";

// Everything that is changed over REST is found in the audit log, under the name of whoever changed it.

/** POST, because what is asked is too large for an address. */
const questions: readonly string[] = [
  "POST /v1/access/check",
  "POST /v1/access/batch-check",
  "POST /v1/access/permissions",
  "POST /v1/access/explain",
  "POST /v1/access/list-objects",
  "POST /v1/access/simulate",
  "POST /v1/access/list-principals",
  "POST /v1/access/review",
  "POST /api/apikey/login",
  "POST /api/self/me",
  "POST /api/self/get_object_info",
  "POST /api/project/get",
  "POST /api/experiment/get",
  "POST /api/dataset/get",
  "POST /api/base_experiment/get_id",
  "POST /scim/v2/Users/.search",
  "POST /scim/v2/Groups/.search",
];

const nothing = undefined as never;
const writingRoutes = allRoutes({
  owners: { identity: nothing, groups: nothing, grants: nothing, tokens: nothing },
  logs: nothing,
  decision: nothing,
  access: nothing,
})
  .filter((route) => route.method !== "GET")
  .map(({ method, path }) => `${method} ${path}`)
  .filter((name) => !questions.includes(name));

let facade: Facade;
beforeAll(async () => {
  facade = await startFacade();
});
afterAll(() => facade?.[Symbol.asyncDispose]());

interface Entry {
  readonly owner: Owner;
  readonly position: number;
  readonly at: string;
  readonly actor: { readonly principal_id: string; readonly credential_id: string | null } | null;
  readonly action: string;
  readonly subject: { readonly type: string; readonly id: string };
  readonly before: unknown;
  readonly after: unknown;
  readonly request_id: string;
  readonly source_address: string | null;
  readonly hash: string | null;
}

interface Page {
  readonly events: readonly Entry[];
  readonly next_cursor: string | null;
}

function pageOf(query: Readonly<Record<string, string>> = {}, person: Person = facade.owner): Promise<Page> {
  return person.rest.ok<Page>("GET", `/v1/access/audit-log?${new URLSearchParams(query)}`);
}

function create(path: string, body: object = {}): Promise<{ id: string }> {
  return facade.owner.rest.ok("POST", path, { name: randomUUID(), ...body });
}

async function invite(invited: object): Promise<string> {
  const { added_users: added } = await facade.owner.rest.ok<{ added_users: { id: string }[] }>(
    "PATCH",
    "/v1/organization/members",
    { invite_users: invited },
  );
  return added[0]?.id ?? "";
}

const nameOf = ({ owner, position }: Entry) => `${owner} ${position}`;

describe("every writing route", () => {
  let writes: Writes;
  beforeAll(async () => {
    writes = await makeWrites(facade);
  });

  async function send(person: Person, method: string, { path, body, session }: Write) {
    const requestId = `audited-${randomUUID()}`;
    const { status } = await fetch(`${facade.system.adminUrl}${path}`, {
      method,
      headers: {
        ...(session !== undefined && person === facade.owner
          ? session
          : { authorization: `Bearer ${person.key}` }),
        "x-request-id": requestId,
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const { events } = await pageOf({ limit: "20" });
    return { status, events: events.filter((event) => event.request_id === requestId) };
  }

  test("has its write here", () => {
    expect(Object.keys(writes).toSorted()).toEqual(writingRoutes.toSorted());
  });

  test.each(writingRoutes)(
    "%s is in the log with who, from where and what; refused, it is not",
    async (name) => {
      const method = name.slice(0, name.indexOf(" "));
      const write = await writes[name]?.();
      if (write === undefined) throw new Error(`no write for ${name}`);
      const refused = await send(facade.newcomer, method, write);
      if (name !== "POST /v1/api_key") {
        expect(refused.status).toBeGreaterThanOrEqual(400);
        expect(refused.events).toEqual([]);
      }
      const { status, events } = await send(facade.owner, method, write);
      expect([200, 201, 204]).toContain(status);
      expect(events).not.toEqual([]);
      for (const event of events.filter(({ actor }) => actor !== null)) {
        expect(event).toMatchObject({
          actor: { principal_id: facade.owner.id, credential_id: expect.any(String), impersonated_id: null },
          source_address: expect.stringMatching(/^(127\.0\.0\.1|::1|::ffff:127\.0\.0\.1)$/),
          hash: expect.stringMatching(/^[0-9a-f]{64}$/),
        });
        expect(event.before ?? event.after).not.toBeNull();
        if (/_(created|added)$/.test(event.action)) expect(event.after).not.toBeNull();
        if (/_(updated|deleted|removed|revoked)$/.test(event.action) && event.action !== "acls_updated") {
          expect(event.before).not.toBeNull();
        }
      }
      // What follows by itself is the system's doing, under the same request id.
      expect(events.filter(({ actor }) => actor !== null)).not.toEqual([]);
    },
  );
});

test("a change shows what was before and what is after", async () => {
  const { id } = await create("/v1/group", { name: "One", member_users: [facade.viewer.id] });
  const change = { name: "Two", remove_member_users: [facade.viewer.id] };
  await facade.owner.rest.ok("PATCH", `/v1/group/${id}`, change);
  const { events } = await pageOf({ object_type: "group", object_id: id, action: "group_updated" });
  expect(events).toMatchObject([
    {
      owner: "groups",
      subject: { type: "group", id },
      before: { name: "One", principals: [facade.viewer.id] },
      after: { name: "Two", principals: [] },
    },
  ]);
});

test("page by page, each event comes once and newest first, while others come in", async () => {
  const { events: all } = await pageOf({ limit: "1000", to: new Date().toISOString() });
  expect(new Set(all.map((event) => event.owner))).toEqual(new Set(owners));
  const times = all.map((event) => Date.parse(event.at));
  expect(times).toEqual(times.toSorted((one, other) => other - one));
  for (const limit of ["7", "40"]) {
    const seen: string[] = [];
    let cursor = "";
    do {
      const page: Page = await pageOf({ limit, cursor });
      expect(page.events.length).toBeLessThanOrEqual(Number(limit));
      seen.push(...page.events.map(nameOf));
      cursor = page.next_cursor ?? "";
      if (seen.length < 100) await create("/v1/project");
    } while (cursor !== "");
    expect(new Set(seen).size).toBe(seen.length);
    const known = new Set(all.map(nameOf));
    expect(seen.filter((name) => known.has(name))).toEqual(all.map(nameOf));
  }
});

test("who acted, what was done, what it was done to, whom it concerned, and when", async () => {
  const [actor, concerned] = [await facade.member([facade.builtIn.engineers]), await facade.member()];
  const project = await actor.rest.ok<{ id: string }>("POST", "/v1/project", { name: randomUUID() });
  const [created] = (await pageOf({ actor_id: actor.id })).events;
  expect(created).toMatchObject({ action: "object_created", subject: { id: project.id } });
  const grant = { object_type: "project", object_id: project.id, user_id: concerned.id, permission: "read" };
  const acl = await facade.owner.rest.ok<{ id: string }>("POST", "/v1/acl", grant);
  const experiment = await create("/v1/experiment", { project_id: project.id });
  await facade.owner.rest.ok("DELETE", `/v1/project/${project.id}`);

  const actions = async (query: Record<string, string>) =>
    (await pageOf(query)).events.map((event) => event.action);
  const about = { object_type: "project", object_id: project.id };
  expect(await actions(about)).toEqual(["objects_deleted", "acls_updated", "object_created"]);
  expect(await actions({ object_type: "experiment", object_id: experiment.id })).toEqual([
    "objects_deleted",
    "object_created",
  ]);
  expect(await actions({ object_type: "acl", object_id: acl.id })).toEqual(["acls_updated"]);
  expect(await actions({ ...about, actor_id: actor.id })).toEqual(["object_created"]);
  expect(await actions({ ...about, action: "acls_updated" })).toEqual(["acls_updated"]);
  const concerning = await actions({ principal_id: concerned.id });
  expect(concerning.slice(0, 2)).toEqual(["objects_deleted", "acls_updated"]);
  expect(concerning).toEqual(expect.arrayContaining(["credential_created", "members_invited"]));
  expect(await actions({ ...about, from: created?.at ?? "" })).toHaveLength(3);
  expect(await actions({ ...about, to: created?.at ?? "" })).toEqual([]);
  expect(await actions({ ...about, object_id: randomUUID() })).toEqual([]);
});

test("whoever may read org_audit_logs may read it, and no other organization's", async () => {
  const auditor = await facade.member();
  expect((await auditor.rest.request("GET", "/v1/access/audit-log")).status).toBe(403);
  await facade.owner.rest.ok("POST", "/v1/acl", {
    object_type: "org_audit_logs",
    object_id: facade.org.orgId,
    user_id: auditor.id,
    permission: "read",
  });
  const { events } = await pageOf({ limit: "1" }, auditor);
  expect(events).toHaveLength(1);
  const { next_cursor: cursor } = await pageOf({ limit: "5" });
  const foreign = await pageOf({ limit: "1000" }, facade.stranger);
  const behind = await pageOf({ limit: "1000", cursor: cursor ?? "" }, facade.stranger);
  for (const page of [foreign, behind]) {
    expect(JSON.stringify(page)).not.toContain(facade.org.orgId);
    expect(page.events.length).toBeGreaterThan(0);
  }
});

test("no secret is in it, nor what would let one be recognised", async () => {
  const robot = await invite({ service_accounts: [{ name: randomUUID() }] });
  const { key } = await facade.owner.rest.ok<{ key: string }>("POST", "/v1/api_key", { name: randomUUID() });
  const { key: token } = await facade.owner.rest.ok<{ key: string }>("POST", "/v1/service_token", {
    name: randomUUID(),
    service_account_id: robot,
  });
  const secrets = [key, token, facade.owner.key, facade.viewer.key, facade.system.serviceCredential];
  for (const secret of secrets) expect(secret.length).toBeGreaterThan(20);
  const traces = secrets.flatMap((secret) => {
    const digest = createHash("sha256").update(secret).digest();
    return [secret, digest.toString("hex"), digest.toString("base64"), digest.toString("base64url")];
  });
  let cursor = "";
  do {
    const page = await pageOf({ limit: "1000", cursor });
    const text = JSON.stringify(page);
    for (const trace of traces) expect(text.includes(trace)).toBe(false);
    cursor = page.next_cursor ?? "";
  } while (cursor !== "");
});

test("bad input names its field", async () => {
  const id = randomUUID();
  const wrong: [string, string | RegExp][] = [
    ["actor_id=x", "actor_id: must be a UUID"],
    ["principal_id=x", "principal_id: must be a UUID"],
    ["object_type=project", "object_id: is required beside object_type"],
    [`object_id=${id}`, "object_type: is required beside object_id"],
    ["object_type=project&object_id=x", "object_id: must be a UUID"],
    [`object_type=${"x".repeat(129)}&object_id=${id}`, /^object_type: is 129 characters long/],
    [`action=${"x".repeat(256)}`, /^action: is 256 characters long/],
    ["from=yesterday", "from: must be a time such as 2026-01-31T12:00:00Z"],
    ["from=1969-12-31T23:59:59Z", "from: must be a time from 1970 to 9999"],
    ["to=2026-01-31", "to: must be a time such as 2026-01-31T12:00:00Z"],
    ["limit=0", "limit: must be a whole number from 1 to 1000"],
    ["limit=1001", "limit: must be a whole number from 1 to 1000"],
    ["limit=-1", "limit: must be a whole number from 1 to 1000"],
    ["cursor=x", "cursor: is no cursor of this list"],
    [`cursor=${Buffer.from("1.groups.7'; drop table event_log").toString("base64url")}`, /^cursor: /],
    [
      `cursor=${Buffer.from("999999999999999.groups.7").toString("base64url")}`,
      "cursor: must be a time from 1970 to 9999",
    ],
    ["acter_id=x", "Extraneous key 'acter_id' at path []"],
  ];
  for (const [query, error] of wrong) {
    const answer = await facade.owner.rest.request("GET", `/v1/access/audit-log?${query}`);
    expect({ query, status: answer.status, body: answer.body }).toMatchObject({
      status: 400,
      body: { error: typeof error === "string" ? error : expect.stringMatching(error) },
    });
  }
});

test("an owner that is down is told as such: a log with holes is never shown", async () => {
  await facade.system.stop("tokens");
  try {
    const answer = await facade.owner.rest.request("GET", "/v1/access/audit-log");
    expect(answer.status).toBe(503);
  } finally {
    await facade.system.start("tokens");
  }
});
