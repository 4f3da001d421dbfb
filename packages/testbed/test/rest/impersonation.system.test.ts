import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { json } from "node:stream/consumers";
import { createOrganization } from "@portcullis/admin-service/create-organization";
import { afterAll, beforeAll, expect, test } from "vitest";
import { restClient } from "../../src/rest.ts";
import { type Facade, newEmail, type Objects, type Person, startFacade } from "./facade.ts";

// An Owner acts as one of the organisation's users, if that user could not see anything that the Owner couldn't: sees what
// that user sees, and both are named in the log.

let facade: Facade;
beforeAll(async () => {
  facade = await startFacade();
});
afterAll(() => facade?.[Symbol.asyncDispose]());

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

async function act(
  person: Person,
  as: string | readonly string[],
  method = "GET",
  path = "/api/self/me",
  body?: object,
): Promise<Answer> {
  const headers = {
    authorization: `Bearer ${person.key}`,
    "content-type": "application/json",
    "x-bt-impersonate-user": typeof as === "string" ? as : [...as],
  };
  // fetch would join several headers of one name.
  const asked = request(`${facade.system.adminUrl}${path}`, { method, headers });
  asked.end(body === undefined ? undefined : JSON.stringify(body));
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  return { status: response.statusCode ?? 0, body: await json(response) };
}

async function emailOf({ id }: Person): Promise<string> {
  return (await facade.owner.rest.ok<{ email: string }>("GET", `/v1/user/${id}`)).email;
}

const refusal = {
  status: 403,
  body: { error: expect.stringMatching(/^x-bt-impersonate-user: it takes a user of this organization/) },
};

test("an Owner sees and may do what the user may, named by id or address", async () => {
  const { owner, viewer, newcomer } = facade;
  const project = await owner.rest.ok<{ id: string }>("POST", "/v1/project", { name: randomUUID() });
  const email = await emailOf(viewer);
  for (const name of [viewer.id, viewer.id.toUpperCase(), email, ` ${email.toUpperCase()} `]) {
    expect(await act(owner, name)).toMatchObject({ status: 200, body: { id: viewer.id } });
  }
  const path = `/v1/project/${project.id}`;
  expect(await act(owner, viewer.id, "GET", path)).toMatchObject({ status: 200, body: { id: project.id } });
  expect((await act(owner, viewer.id, "PATCH", path, { name: "x" })).status).toBe(403);
  expect((await act(owner, newcomer.id, "GET", path)).status).toBe(404);
  expect((await act(owner, viewer.id, "GET", "/v1/service_token")).status).toBe(403);
  const asNewcomer = await act(owner, newcomer.id, "GET", "/v1/user");
  expect((asNewcomer.body as Objects<{ id: string }>).objects.map(({ id }) => id)).toEqual([newcomer.id]);
});

test("what is done is in the log under both names, and belongs to the user", async () => {
  const { owner, engineer } = facade;
  const made = await act(owner, engineer.id, "POST", "/v1/project", { name: randomUUID() });
  const project = made.body as { id: string; user_id: string };
  expect(project.user_id).toBe(engineer.id);
  const query = new URLSearchParams({
    object_type: "project",
    object_id: project.id,
    action: "object_created",
  });
  const { events } = await owner.rest.ok<{ events: object[] }>("GET", `/v1/access/audit-log?${query}`);
  const actor = {
    principal_id: owner.id,
    credential_id: expect.any(String),
    impersonated_id: engineer.id,
  };
  expect(events).toMatchObject([{ actor }]);
  const grants = await owner.rest.ok<Objects<object>>(
    "GET",
    `/v1/acl?object_type=project&object_id=${project.id}`,
  );
  expect(grants.objects).toMatchObject([{ user_id: engineer.id }]);
  const user = await facade.member([facade.builtIn.owners]);
  for (const path of ["/v1/group", "/v1/role"]) {
    const { body } = await act(owner, user.id, "POST", path, { name: randomUUID() });
    expect([path, body]).toMatchObject([path, { user_id: user.id }]);
  }
});

test("whoever is no Owner acts as nobody, itself included", async () => {
  const { viewer, engineer } = facade;
  for (const user of [facade.newcomer.id, viewer.id, engineer.id, randomUUID()]) {
    expect(await act(viewer, user)).toMatchObject(refusal);
    expect(await act(engineer, user)).toMatchObject(refusal);
  }
});

test("nobody acts as whom nobody knows, a stranger, a service account or who has left: one answer for all", async () => {
  const { owner, stranger } = facade;
  const invited = await owner.rest.ok<{ added_users: { id: string }[] }>(
    "PATCH",
    "/v1/organization/members",
    {
      invite_users: { service_accounts: [{ name: randomUUID() }] },
    },
  );
  const left = await facade.member([facade.builtIn.viewers]);
  expect((await act(owner, left.id)).status).toBe(200);
  await owner.rest.ok("PATCH", "/v1/organization/members", { remove_users: { ids: [left.id] } });
  const robot = invited.added_users[0]?.id ?? "";
  for (const user of [robot, left.id, stranger.id, randomUUID(), newEmail(), "nobody", "1"]) {
    expect([user, await act(owner, user)]).toMatchObject([user, refusal]);
  }
});

test("a user of another organisation too is out of reach, until the Owner is one there as well", async () => {
  const { owner, viewer, system } = facade;
  const ownerEmail = await emailOf(owner);
  const other = await createOrganization(system, { name: randomUUID(), owner: { email: newEmail() } });
  const rest = restClient(system.adminUrl, other.ownerKey);
  const members = (body: object) => rest.ok("PATCH", "/v1/organization/members", body);
  const { objects } = await rest.ok<Objects<{ id: string; name: string }>>("GET", "/v1/group");
  const idOf = (name: string) => objects.find((group) => group.name === name)?.id ?? "";
  expect((await act(owner, viewer.id)).status).toBe(200);
  await members({ invite_users: { emails: [await emailOf(viewer)] } });
  expect(await act(owner, viewer.id)).toMatchObject(refusal);
  await members({ invite_users: { emails: [ownerEmail], group_ids: [idOf("Engineers")] } });
  expect(await act(owner, viewer.id)).toMatchObject(refusal);
  await rest.ok("PATCH", `/v1/group/${idOf("Owners")}`, { add_member_users: [owner.id] });
  expect((await act(owner, viewer.id)).status).toBe(200);
  await members({ remove_users: { ids: [owner.id] } });
  expect(await act(owner, viewer.id)).toMatchObject(refusal);
  await members({ remove_users: { ids: [viewer.id] } });
  expect((await act(owner, viewer.id)).status).toBe(200);
});

test("no key of the user's is made, and nobody watches under another name", async () => {
  const { owner, engineer } = facade;
  const keys = () => engineer.rest.ok("GET", "/v1/api_key");
  const before = await keys();
  expect(await act(owner, engineer.id, "POST", "/v1/api_key", { name: "mine now" })).toMatchObject({
    status: 403,
    body: { error: "not allowed: nobody makes API keys of a user but that user" },
  });
  const second = await facade.member([facade.builtIn.owners]);
  expect((await act(owner, second.id, "GET", "/v1/access/watch")).status).toBe(403);
  expect((await act(owner, second.id)).status).toBe(200);
  expect(await keys()).toEqual(before);
});

test("names nobody, or several: refused", async () => {
  const { owner, viewer, newcomer } = facade;
  for (const name of ["", " "]) {
    expect(await act(owner, name)).toMatchObject({
      status: 400,
      body: { error: "x-bt-impersonate-user: must be an id or an e-mail address" },
    });
  }
  expect(await act(owner, [viewer.id, newcomer.id])).toMatchObject({
    status: 400,
    body: { error: "x-bt-impersonate-user: was sent more than once" },
  });
  expect((await act({ ...owner, key: "sk-nonsense" }, viewer.id)).status).toBe(401);
});
