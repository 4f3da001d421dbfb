import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { publicDescription } from "./contract.ts";
import { type Facade, newEmail, type Objects, startFacade } from "./facade.ts";
import { makeWrites, type Writes } from "./writes.ts";

// What programs in use really send, each in its own way of writing a request.

/** What the requests are about. */
interface World {
  readonly orgId: string;
  readonly orgName: string;
  readonly ada: User;
  readonly bob: User;
  readonly project: Named;
  readonly olderProject: Named;
  /** Holds Ada, and the inner group. */
  readonly group: Named;
  readonly innerGroup: Named;
  /** May read. */
  readonly role: Named;
  readonly innerRole: Named;
  /** Lets Ada read the project. */
  readonly acl: { readonly id: string };
}

interface Named {
  readonly id: string;
  readonly name: string;
}

interface User {
  readonly id: string;
  readonly email: string;
}

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** As text when the way it is written matters. */
  readonly body?: unknown;
  readonly status?: number;
  /** What the answer must hold. */
  readonly answer: unknown;
}

interface Case {
  readonly client: string;
  readonly sends: string;
  readonly request: (world: World) => Sent;
}

const json = { "content-type": "application/json" };
const idsOf = (...objects: { readonly id: string }[]) => ({ objects: objects.map(({ id }) => ({ id })) });
const onProject = ({ project }: World) => ({ object_type: "project", object_id: project.id });

/** Clients that a generator made from the API's description, in several languages. */
const generated: readonly Case[] = [
  {
    client: "a generated client",
    sends: "a list in the query joined by commas",
    request: ({ ada, bob }) => ({
      method: "GET",
      path: `/v1/user?${new URLSearchParams({ ids: `${ada.id},${bob.id}`, limit: "2" })}`,
      headers: { accept: "application/json", "user-agent": "Braintrust/JS 0.1.1", "x-stainless-lang": "js" },
      answer: idsOf(bob, ada),
    }),
  },
  {
    client: "a generated client",
    sends: "a list in the query one by one",
    request: ({ ada, bob }) => ({
      method: "GET",
      path: `/v1/user?email=${encodeURIComponent(ada.email)}&email=${encodeURIComponent(bob.email)}`,
      headers: { accept: "*/*", "accept-encoding": "gzip, deflate", "user-agent": "python-requests/2.32.3" },
      answer: idsOf(bob, ada),
    }),
  },
  {
    client: "a generated client",
    sends: "a list of one",
    request: ({ project }) => ({
      method: "GET",
      path: `/v1/project?ids=${project.id}`,
      answer: idsOf(project),
    }),
  },
  {
    client: "a generated client",
    sends: "the batch of ACLs to the path with a hyphen",
    request: (world) => ({
      method: "POST",
      path: "/v1/acl/batch-update",
      body: { add_acls: [{ ...onProject(world), user_id: world.bob.id, permission: "read" }] },
      answer: { added_acls: [{ user_id: world.bob.id }], removed_acls: [] },
    }),
  },
  {
    client: "a generated client",
    sends: "a batch of ACLs that only removes, its other half null",
    request: (world) => ({
      method: "POST",
      path: "/v1/acl/batch_update",
      body: {
        add_acls: null,
        remove_acls: [{ ...onProject(world), user_id: world.ada.id, permission: "read" }],
      },
      answer: { added_acls: [], removed_acls: [{ id: world.acl.id }] },
    }),
  },
  {
    client: "a generated client",
    sends: "an ACL for a group, every other choice null",
    request: (world) => ({
      method: "POST",
      path: "/v1/acl",
      body: {
        ...onProject(world),
        user_id: null,
        group_id: world.group.id,
        permission: null,
        restrict_object_type: null,
        role_id: world.role.id,
      },
      answer: { user_id: null, group_id: world.group.id, permission: null, role_id: world.role.id },
    }),
  },
  {
    client: "a generated client",
    sends: "a DELETE with a body",
    request: (world) => ({
      method: "DELETE",
      path: "/v1/acl",
      body: {
        ...onProject(world),
        user_id: world.ada.id,
        group_id: null,
        permission: "read",
        restrict_object_type: null,
        role_id: null,
      },
      answer: { id: world.acl.id },
    }),
  },
  {
    client: "a generated client",
    sends: "a body over several lines",
    request: ({ bob }) => ({
      method: "POST",
      path: "/v1/group",
      body: JSON.stringify({ name: randomUUID(), member_users: [bob.id] }, null, 2),
      answer: { member_users: [bob.id] },
    }),
  },
  {
    client: "a generated client",
    sends: "a change of nothing",
    request: ({ group, ada, innerGroup }) => ({
      method: "PATCH",
      path: `/v1/group/${group.id}`,
      body: {},
      answer: { name: group.name, member_users: [ada.id], member_groups: [innerGroup.id] },
    }),
  },
  {
    client: "a generated client",
    sends: "an invitation to one group by the older word",
    request: () => ({
      method: "PATCH",
      path: "/v1/organization/members",
      body: {
        invite_users: { emails: [newEmail()], group_name: "Viewers", send_invite_emails: false },
        remove_users: null,
        org_name: null,
        org_id: null,
      },
      answer: { status: "success", added_users: [{ api_key: null }] },
    }),
  },
  {
    client: "a generated client",
    sends: "for how long a first token is good",
    request: () => ({
      method: "PATCH",
      path: "/v1/organization/members",
      body: {
        invite_users: {
          service_accounts: [
            { name: randomUUID(), token_name: "t", token_expires_in_seconds: 3600 },
            { name: randomUUID(), token_name: null, token_expires_in_seconds: null },
          ],
        },
      },
      answer: {
        added_users: [
          { api_key: expect.stringMatching(/^bt-st-/), token_name: "t" },
          { api_key: null, token_name: null },
        ],
      },
    }),
  },
];

const terraform: readonly Case[] = [
  {
    client: "the Terraform provider",
    sends: "the organisation's id with a new group",
    request: ({ orgId, ada }) => ({
      method: "POST",
      path: "/v1/group",
      headers: { "accept-encoding": "gzip", "user-agent": "terraform-provider-braintrustdata/0.1.0" },
      body: { name: randomUUID(), org_id: orgId, description: "d", member_users: [ada.id] },
      answer: { org_id: orgId, description: "d", member_users: [ada.id], member_groups: [] },
    }),
  },
  {
    client: "the Terraform provider",
    sends: "parameters of a list that the API does not know",
    request: ({ orgId }) => ({
      method: "GET",
      path: `/v1/group?org_id=${orgId}&limit=1&cursor=abc`,
      answer: { objects: [expect.objectContaining({ org_id: orgId })] },
    }),
  },
  {
    client: "the Terraform provider",
    sends: "the whole list of a group's members",
    request: ({ group, bob, innerGroup }) => ({
      method: "PATCH",
      path: `/v1/group/${group.id}`,
      body: { name: group.name, member_users: [bob.id] },
      answer: { id: group.id, member_users: [bob.id], member_groups: [innerGroup.id] },
    }),
  },
  {
    client: "the Terraform provider",
    sends: "the whole list of a group's groups",
    request: ({ group, ada, innerGroup }) => ({
      method: "PATCH",
      path: `/v1/group/${group.id}`,
      body: { member_groups: [innerGroup.id] },
      answer: { id: group.id, member_users: [ada.id], member_groups: [innerGroup.id] },
    }),
  },
  {
    client: "the Terraform provider",
    sends: "permissions of a new role as bare words",
    request: ({ innerRole }) => ({
      method: "POST",
      path: "/v1/role",
      body: { name: randomUUID(), member_permissions: ["read", "create_acls"], member_roles: [innerRole.id] },
      answer: {
        member_permissions: [
          { permission: "read", restrict_object_type: null },
          { permission: "create_acls", restrict_object_type: null },
        ],
        member_roles: [innerRole.id],
      },
    }),
  },
  {
    client: "the Terraform provider",
    sends: "permissions to add and to remove as bare words",
    request: ({ role }) => ({
      method: "PATCH",
      path: `/v1/role/${role.id}`,
      body: { add_member_permissions: ["update"], remove_member_permissions: ["read"] },
      answer: { member_permissions: [{ permission: "update", restrict_object_type: null }] },
    }),
  },
  {
    client: "the Terraform provider",
    sends: "the whole lists of a role",
    request: ({ role, innerRole }) => ({
      method: "PATCH",
      path: `/v1/role/${role.id}`,
      body: { member_permissions: ["delete"], member_roles: [innerRole.id] },
      answer: {
        member_permissions: [{ permission: "delete", restrict_object_type: null }],
        member_roles: [innerRole.id],
      },
    }),
  },
  {
    client: "the Terraform provider",
    sends: "a DELETE of what is gone, and knows that by 404",
    request: () => ({
      method: "DELETE",
      path: `/v1/acl/${randomUUID()}`,
      status: 404,
      answer: { error: expect.any(String), message: expect.any(String), details: expect.any(Object) },
    }),
  },
];

const directorySync: readonly Case[] = [
  {
    client: "a directory sync",
    sends: "a content type with a GET, which has no content",
    request: ({ project }) => ({
      method: "GET",
      path: `/v1/project?project_name=${encodeURIComponent(project.name)}`,
      headers: json,
      answer: idsOf(project),
    }),
  },
  {
    client: "a directory sync",
    sends: "a content type with a DELETE, which has no content",
    request: ({ group }) => ({
      method: "DELETE",
      path: `/v1/group/${group.id}`,
      headers: json,
      answer: { id: group.id, deleted_at: expect.any(String) },
    }),
  },
  {
    client: "a directory sync",
    sends: "a group to replace, as it read it before",
    request: ({ group, ada, bob, innerGroup }) => ({
      method: "PUT",
      path: "/v1/group",
      body: {
        name: group.name,
        description: null,
        member_users: [ada.id, bob.id],
        member_groups: [innerGroup.id],
      },
      answer: { id: group.id, description: null, member_users: expect.arrayContaining([ada.id, bob.id]) },
    }),
  },
  {
    client: "a directory sync",
    sends: "both whole lists of a group",
    request: ({ group }) => ({
      method: "PATCH",
      path: `/v1/group/${group.id}`,
      body: { member_users: [], member_groups: [] },
      answer: { member_users: [], member_groups: [] },
    }),
  },
  {
    client: "a directory sync",
    sends: "an invitation by e-mail, and the names of groups",
    request: ({ group }) => ({
      method: "PATCH",
      path: "/v1/organization/members",
      body: {
        invite_users: {
          emails: [newEmail()],
          group_names: [group.name, "Viewers"],
          send_invite_emails: true,
        },
      },
      answer: {
        status: "success",
        send_email_error: expect.any(String),
        added_users: [{ id: expect.any(String) }],
      },
    }),
  },
  {
    client: "a directory sync",
    sends: "the removal of a member by e-mail",
    request: ({ bob }) => ({
      method: "PATCH",
      path: "/v1/organization/members",
      body: { remove_users: { emails: [bob.email] } },
      answer: { status: "success", added_users: [] },
    }),
  },
];

const migration: readonly Case[] = [
  {
    client: "a migration tool",
    sends: "a page of a thousand ACLs of the organisation, and takes a bare list",
    request: ({ acl }) => ({
      method: "GET",
      path: "/v1/acl/list_org?limit=1000",
      headers: { "user-agent": "python-httpx/0.28.1" },
      answer: expect.arrayContaining([expect.objectContaining({ id: acl.id })]),
    }),
  },
  {
    client: "a migration tool",
    sends: "a question whose organisation the key is of",
    request: ({ orgId }) => ({ method: "GET", path: "/ping", answer: { org_id: orgId } }),
  },
  {
    client: "a migration tool",
    sends: "the e-mail address of whom it has just invited",
    request: ({ ada }) => ({
      method: "GET",
      path: `/v1/user?email=${encodeURIComponent(ada.email)}&limit=100`,
      answer: { objects: [{ id: ada.id, email: ada.email }] },
    }),
  },
  {
    client: "a migration tool",
    sends: "views of a project by its type and id",
    request: (world) => ({
      method: "GET",
      path: `/v1/view?${new URLSearchParams({ ...onProject(world), limit: "1000" })}`,
      answer: { objects: [] },
    }),
  },
];

const commandLine: readonly Case[] = [
  {
    client: "the command line",
    sends: "a login with a content type and no content",
    request: ({ orgId, orgName }) => ({
      method: "POST",
      path: "/api/apikey/login",
      headers: { ...json, accept: "*/*", "user-agent": "bt-cli/0.12.0" },
      answer: { org_info: [{ id: orgId, name: orgName }] },
    }),
  },
  {
    client: "the command line",
    sends: "the organisation's name with a new dataset",
    request: ({ orgName, project }) => ({
      method: "POST",
      path: "/v1/dataset",
      body: { description: "d", name: "questions", org_name: orgName, project_id: project.id },
      answer: { name: "questions", description: "d", project_id: project.id },
    }),
  },
  {
    client: "the command line",
    sends: "the organisation's name with a new experiment",
    request: ({ orgName, project }) => ({
      method: "POST",
      path: "/v1/experiment",
      body: { name: "trial", org_name: orgName, project_id: project.id },
      answer: { name: "trial", project_id: project.id },
    }),
  },
  {
    client: "the command line",
    sends: "another organisation's name with a new dataset",
    request: ({ project }) => ({
      method: "POST",
      path: "/v1/dataset",
      body: { name: "questions", org_name: "Another", project_id: project.id },
      status: 403,
      answer: { code: "PERMISSION_DENIED" },
    }),
  },
  {
    client: "an older command line",
    sends: "a project's name in the plain word, and takes the first that comes",
    request: ({ orgName, olderProject }) => ({
      method: "GET",
      path: `/v1/project?${new URLSearchParams({ org_name: orgName, name: olderProject.name })}`,
      answer: idsOf(olderProject),
    }),
  },
];

const others: readonly Case[] = [
  {
    client: "a shell script",
    sends: "parameters that are empty",
    request: ({ ada }) => ({
      method: "GET",
      path: `/v1/user?ids=${ada.id}&limit=&starting_after=&ending_before=&email=&org_name=`,
      answer: idsOf(ada),
    }),
  },
  {
    client: "a shell script",
    sends: "a blank in a name as a plus",
    request: ({ project }) => ({
      method: "GET",
      path: `/v1/project?project_name=${project.name.replaceAll(" ", "+")}`,
      answer: idsOf(project),
    }),
  },
  {
    client: "a shell script",
    sends: "a character set with the content type",
    request: () => ({
      method: "POST",
      path: "/v1/project",
      headers: { "content-type": "application/json; charset=utf-8" },
      body: '{"name": "Größe 😀"}',
      answer: { name: "Größe 😀" },
    }),
  },
  {
    client: "a client that writes ids in capitals",
    sends: "them in the path, the query and the body",
    request: ({ group, bob, innerGroup, ada }) => ({
      method: "PATCH",
      path: `/v1/group/${group.id.toUpperCase()}`,
      body: {
        add_member_users: [bob.id.toUpperCase()],
        remove_member_users: [ada.id.toUpperCase()],
        remove_member_groups: [innerGroup.id.toUpperCase()],
      },
      answer: { id: group.id, member_users: [bob.id], member_groups: [] },
    }),
  },
  {
    client: "a client that writes ids in capitals",
    sends: "a list of them",
    request: ({ ada, bob }) => ({
      method: "GET",
      path: `/v1/user?ids=${ada.id.toUpperCase()},${bob.id.toUpperCase()}`,
      answer: idsOf(bob, ada),
    }),
  },
];

const cases = [...generated, ...terraform, ...directorySync, ...migration, ...commandLine, ...others];

let facade: Facade;
beforeAll(async () => {
  facade = await startFacade();
});
afterAll(() => facade?.[Symbol.asyncDispose]());

test.each(cases)("$client sends $sends", async ({ request }) => {
  const world = await newWorld();
  const { method, path, headers, body, status = 200, answer } = request(world);
  const response = await fetch(`${facade.system.adminUrl}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${facade.owner.key}`,
      ...(body !== undefined && json),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  expect({ status: response.status, body: await response.json() }).toMatchObject({ status, body: answer });
});

describe("null is nothing", () => {
  let writes: Writes;
  beforeAll(async () => {
    writes = await makeWrites(facade);
  });

  test.each(bodies())("in every field that $name may do without", async ({ name, optional }) => {
    const { path, body } = (await writes[name]?.()) ?? { path: "" };
    const method = name.split(" ")[0] ?? "";
    const nulls = Object.fromEntries(optional.map((field) => [field, null]));
    const answer = await facade.owner.rest.request(method, path, { ...nulls, ...(body as object) });
    expect(answer).toMatchObject({ status: 200, body: expect.any(Object) });
  });
});

/** Every operation that takes a body, with the fields that it does not require. */
function bodies(): readonly { readonly name: string; readonly optional: readonly string[] }[] {
  return Object.entries(publicDescription.paths).flatMap(([path, operations]) =>
    Object.entries(operations).flatMap(([method, operation]) => {
      const schema = bodyOf(operation);
      if (schema === null) return [];
      const name = `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ":$1")}`;
      const required = (schema["required"] ?? []) as readonly string[];
      const optional = Object.keys(schema["properties"] ?? {}).filter((field) => !required.includes(field));
      return [{ name, optional }];
    }),
  );
}

function bodyOf(operation: object): Record<string, object> | null {
  const { requestBody } = operation as { requestBody?: { $ref?: string } };
  if (requestBody === undefined) return null;
  const content = resolve(requestBody) as { content?: Record<string, { schema?: object }> };
  return resolve(content.content?.["application/json"]?.schema ?? {}) as Record<string, object>;
}

function resolve(node: object): object {
  const { $ref } = node as { $ref?: string };
  if ($ref === undefined) return node;
  let found: unknown = publicDescription;
  for (const step of $ref.replace(/^#\//, "").split("/")) found = (found as Record<string, unknown>)[step];
  return resolve(found as object);
}

/** A world of its own for each case, so that none sees what another one did. */
async function newWorld(): Promise<World> {
  const { rest } = facade.owner;
  const create = (path: string, body: object = {}) =>
    rest.ok<Named>("POST", path, { name: `a ${randomUUID()}`, ...body });
  const [users, olderProject, innerGroup, innerRole, role] = await Promise.all([
    inviteTwo(),
    create("/v1/project"),
    create("/v1/group"),
    create("/v1/role"),
    create("/v1/role", { member_permissions: ["read"] }),
  ]);
  const [bob, ada] = users;
  const [project, group] = await Promise.all([
    create("/v1/project"),
    create("/v1/group", { member_users: [ada.id], member_groups: [innerGroup.id] }),
  ]);
  const acl = await rest.ok<{ id: string }>("POST", "/v1/acl", {
    object_type: "project",
    object_id: project.id,
    user_id: ada.id,
    permission: "read",
  });
  const { orgId, name: orgName } = facade.org;
  return { orgId, orgName, ada, bob, project, olderProject, group, innerGroup, role, innerRole, acl };
}

/** In the order of lists. */
async function inviteTwo(): Promise<readonly [User, User]> {
  const { rest } = facade.owner;
  const emails = [newEmail(), newEmail()];
  await rest.ok("PATCH", "/v1/organization/members", { invite_users: { emails } });
  const { objects } = await rest.ok<Objects<User>>("GET", `/v1/user?email=${emails.join()}`);
  const [later, earlier] = objects;
  if (later === undefined || earlier === undefined) throw new Error("they are not there");
  return [later, earlier];
}
