import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Facade, positions, startFacade } from "./facade.ts";
import { makeWrites, type Writes } from "./writes.ts";

// Who says which state of an object it has seen changes no other one.

/** They are about no single object, or about what never changes. */
const unsupported: readonly string[] = [
  "PATCH /v1/organization/members",
  "PATCH /v1/access/settings",
  "DELETE /v1/access/session",
  "DELETE /v1/access/members/:user_id/sessions",
  "PUT /v1/acl",
  "DELETE /v1/acl",
  "PUT /v1/service_token",
];

/** What is one request there may be several writes. */
const isUnsupported = (name: string) => unsupported.includes(name) || name.includes(" /scim/");

let facade: Facade;
let writes: Writes;
beforeAll(async () => {
  facade = await startFacade();
  writes = await makeWrites(facade);
});
afterAll(() => facade?.[Symbol.asyncDispose]());

async function send(method: string, path: string, body?: unknown, ifMatch?: string) {
  const response = await fetch(`${facade.system.adminUrl}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${facade.owner.key}`,
      ...(ifMatch !== undefined && { "if-match": ifMatch }),
      ...(body !== undefined && { "content-type": "application/json" }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const etag = response.headers.get("etag") ?? "";
  return { status: response.status, etag, body: (await response.json()) as Record<string, unknown> };
}

const conflict = { status: 409, body: { error: "somebody else changed it meanwhile", code: "ABORTED" } };

function conditionalWrites(): string[] {
  return Object.keys(writes).filter((name) => /^(PUT|PATCH|DELETE) /.test(name));
}

/** The object that a write is about: where it is read, once it stands. */
async function readable(method: string, { path, body }: { path: string; body?: unknown }): Promise<string> {
  const content = body as Record<string, string> | undefined;
  if (path.startsWith("/v1/view/")) {
    const { object_type: type = "", object_id: id = "" } = content ?? {};
    return `${path}?${new URLSearchParams({ object_type: type, object_id: id })}`;
  }
  if (method === "PUT") return `${path}/${String((await send("PUT", path, body)).body["id"])}`;
  if (method !== "DELETE" || content === undefined) return path;
  if (content["id"] !== undefined) return `${path}/${content["id"]}`;
  const found = await send("GET", `${path}?${path.split("/").at(-1) ?? ""}_name=${content["name"] ?? ""}`);
  return `${path}/${(found.body["objects"] as { id: string }[])[0]?.id ?? ""}`;
}

test("every write but those that are about no single object", async () => {
  for (const name of conditionalWrites()) {
    const method = name.split(" ")[0] ?? "";
    const write = (await writes[name]?.()) ?? { path: "" };
    if (isUnsupported(name)) {
      const { status, body } = await send(method, write.path, write.body, `W/"x"`);
      expect([name, status, body["error"] ?? body["detail"]]).toEqual([
        name,
        400,
        "if-match: is not supported here",
      ]);
      continue;
    }
    const at = await readable(method, write);
    const { etag, status } = await send("GET", at);
    expect([name, status, etag]).toEqual([name, 200, expect.stringMatching(/^W\/"[\w-]{22}"$/)]);
    const before = await positions(facade.system, facade.org.orgId);
    for (const stale of [`W/"stale"`, `"stale", W/"other"`, "x", ""]) {
      expect([name, await send(method, write.path, write.body, stale)]).toMatchObject([name, conflict]);
    }
    expect(await positions(facade.system, facade.org.orgId)).toEqual(before);
    const strong = etag.replace("W/", "");
    const done = await send(method, write.path, write.body, `W/"other", ${strong}`);
    expect([name, done.status]).toEqual([name, 200]);
  }
});

test("what is not there is in no state", async () => {
  for (const path of ["/v1/group", "/v1/role", "/v1/project"]) {
    expect(await send("PUT", path, { name: randomUUID() }, "*")).toMatchObject(conflict);
  }
  expect((await send("PATCH", `/v1/group/${randomUUID()}`, { name: "x" }, "*")).status).toBe(404);
});

test("whatever stands is matched by an asterisk", async () => {
  const group = await send("POST", "/v1/group", { name: randomUUID() });
  const path = `/v1/group/${String(group.body["id"])}`;
  expect((await send("PATCH", path, { description: "d" }, "*")).status).toBe(200);
});

test("an ACL is removed only as it was seen, though somebody changes its end meanwhile", async () => {
  const project = await facade.owner.rest.ok<{ id: string }>("POST", "/v1/project", { name: randomUUID() });
  const content = {
    object_type: "project",
    object_id: project.id,
    user_id: facade.viewer.id,
    permission: "read",
  };
  let hours = 1;
  const change = () =>
    send("POST", "/v1/acl", {
      ...content,
      expires_at: new Date(Date.now() + hours++ * 3_600_000).toISOString(),
    });
  let { id } = (await change()).body;
  const over = new AbortController();
  const changing = (async () => {
    while (!over.signal.aborted) ({ id } = (await change()).body);
  })();
  const met = { conflict: 0, removal: 0 };
  const haveMet = () => met.conflict > 0 && met.removal > 0;
  for (let round = 0; round < 10 || (!haveMet() && round < 1000); round++) {
    const path = `/v1/acl/${String(id)}`;
    const seen = await send("GET", path);
    const removed = await send("DELETE", path, undefined, seen.etag);
    if (removed.status === 200) expect(removed.body).toEqual(seen.body);
    if (removed.status === 200) met.removal++;
    if (removed.status === 409) met.conflict++;
  }
  over.abort();
  await changing;
  expect(met).toSatisfy(haveMet);
});

test("one who may not change it is not told whether it changed", async () => {
  const { id } = await facade.owner.rest.ok<{ id: string }>("POST", "/v1/project", { name: randomUUID() });
  const headers = { authorization: `Bearer ${facade.viewer.key}`, "if-match": 'W/"x"' };
  const { status } = await fetch(`${facade.system.adminUrl}/v1/project/${id}`, { method: "DELETE", headers });
  expect(status).toBe(403);
});

describe("administrators who edit the same", () => {
  const editors = 12;
  const editsOfEach = 3;

  test.each([
    ["group", {}],
    ["role", {}],
    ["project", {}],
  ])("%s lose nothing", async (noun, more) => {
    const made = await send("POST", `/v1/${noun}`, { name: randomUUID(), description: "0", ...more });
    const path = `/v1/${noun}/${String(made.body["id"])}`;
    let conflicts = 0;
    const increment = async (): Promise<void> => {
      for (;;) {
        const { body, etag } = await send("GET", path);
        const description = String(Number(body["description"]) + 1);
        const { status } = await send("PATCH", path, { description }, etag);
        if (status === 200) return;
        expect(status).toBe(409);
        conflicts++;
      }
    };
    await Promise.all(
      Array.from({ length: editors }, async () => {
        for (let edit = 0; edit < editsOfEach; edit++) await increment();
      }),
    );
    expect((await send("GET", path)).body["description"]).toBe(String(editors * editsOfEach));
    // It would prove nothing if they had never met.
    expect(conflicts).toBeGreaterThan(0);
  });
});
