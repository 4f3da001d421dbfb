// A request for every route that changes something, as an Owner makes it.

import { randomUUID } from "node:crypto";
import { type Facade, newEmail } from "./facade.ts";

/** What a route is called with to change something. */
export interface Write {
  readonly path: string;
  readonly body?: unknown;
  /** What the Owner shows instead of a key. */
  readonly session?: Readonly<Record<string, string>>;
}

/** By the name of the route; each call makes what it needs, and another write. */
export type Writes = Readonly<Record<string, () => Promise<Write>>>;

export async function makeWrites(facade: Facade): Promise<Writes> {
  const create = (path: string, body: object = {}) =>
    facade.owner.rest.ok<{ id: string }>("POST", path, { name: randomUUID(), ...body });

  const { id: project } = await create("/v1/project");
  const { added_users: added } = await facade.owner.rest.ok<{ added_users: { id: string }[] }>(
    "PATCH",
    "/v1/organization/members",
    { invite_users: { service_accounts: [{ name: randomUUID() }] } },
  );
  const robot = added[0]?.id ?? "";
  const name = () => randomUUID();
  const content = async () => ({
    object_type: "project",
    object_id: project,
    user_id: (await facade.member()).id,
    permission: "read",
  });
  const addedAcl = async () => {
    const body = await content();
    const { id } = await facade.owner.rest.ok<{ id: string }>("POST", "/v1/acl", body);
    return { id, body };
  };
  const token = () => create("/v1/service_token", { service_account_id: robot });
  const batch = (path: string) => async (): Promise<Write> => {
    return { path, body: { add_acls: [await content()], remove_acls: [(await addedAcl()).body] } };
  };
  const one = (path: string, make: () => Promise<{ id: string }>) => async (): Promise<Write> => {
    return { path: `${path}/${(await make()).id}` };
  };
  const session = async () => {
    const signedIn = await fetch(`${facade.system.adminUrl}/v1/access/session`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ api_key: facade.owner.key }),
    });
    const { csrf_token: token } = (await signedIn.json()) as { csrf_token: string };
    const [cookie = ""] = signedIn.headers.getSetCookie()[0]?.split(";") ?? [];
    return { cookie, origin: facade.system.adminUrl, "x-portcullis-csrf": token };
  };
  const writes: Record<string, () => Promise<Write>> = {
    "DELETE /v1/access/session": async () => ({ path: "/v1/access/session", session: await session() }),
    "DELETE /v1/access/members/:user_id/sessions": async () => {
      await session();
      return { path: `/v1/access/members/${facade.owner.id}/sessions` };
    },
    "PATCH /v1/organization/:organization_id": async () => ({
      path: `/v1/organization/${facade.org.orgId}`,
      body: { api_url: `https://${randomUUID()}.example` },
    }),
    "PATCH /v1/access/settings": async () => {
      const path = "/v1/access/settings";
      const { creator_owner_grant: on } = await facade.owner.rest.ok<{ creator_owner_grant: boolean }>(
        "GET",
        path,
      );
      return { path, body: { creator_owner_grant: !on } };
    },
    "PATCH /v1/organization/members": async () => ({
      path: "/v1/organization/members",
      body: {
        invite_users: { emails: [newEmail()], group_ids: [facade.builtIn.viewers] },
        remove_users: { ids: [(await facade.member()).id] },
      },
    }),
    "POST /v1/acl": async () => ({ path: "/v1/acl", body: await content() }),
    "PUT /v1/acl": async () => ({ path: "/v1/acl", body: await content() }),
    "DELETE /v1/acl": async () => ({ path: "/v1/acl", body: (await addedAcl()).body }),
    "POST /v1/acl/batch_update": batch("/v1/acl/batch_update"),
    "POST /v1/acl/batch-update": batch("/v1/acl/batch-update"),
    "DELETE /v1/acl/:acl_id": one("/v1/acl", addedAcl),
    "POST /v1/api_key": async () => ({ path: "/v1/api_key", body: { name: name() } }),
    "DELETE /v1/api_key/:api_key_id": one("/v1/api_key", () => create("/v1/api_key")),
    "DELETE /v1/service_token": async () => ({ path: "/v1/service_token", body: { id: (await token()).id } }),
    "DELETE /v1/service_token/:service_token_id": one("/v1/service_token", token),
  };
  for (const [kind, make] of [
    ["api-keys/:api_key_id", () => create("/v1/api_key")],
    ["service-tokens/:service_token_id", token],
  ] as const) {
    writes[`POST /v1/access/${kind}/rotate`] = async () => ({
      path: `/v1/access/${kind.replace(/:.*/, (await make()).id)}/rotate`,
    });
  }
  for (const method of ["POST", "PUT"]) {
    const body = () => ({ name: name(), service_account_id: robot });
    writes[`${method} /v1/service_token`] = async () => ({ path: "/v1/service_token", body: body() });
  }
  const inProject = { project_id: project };
  const ofProject = { object_type: "project", object_id: project };
  const kinds: readonly (readonly [string, string, () => object])[] = [
    ["/v1/group", "group", () => ({ name: name(), member_users: [facade.viewer.id] })],
    ["/v1/role", "role", () => ({ name: name() })],
    ["/v1/project", "project", () => ({ name: name() })],
    ["/v1/project_group", "project_group", () => ({ name: name() })],
    ["/v1/ai_secret", "ai_secret", () => ({ name: name(), type: "provider" })],
    ["/v1/experiment", "experiment", () => ({ name: name(), ...inProject })],
    ["/v1/dataset", "dataset", () => ({ name: name(), ...inProject })],
    ["/v1/prompt", "prompt", () => ({ name: name(), slug: name(), ...inProject })],
    ["/v1/function", "function", () => ({ name: name(), slug: name(), function_data: {}, ...inProject })],
    ["/v1/env_var", "env_var", () => ({ name: name(), ...ofProject })],
    ["/v1/project_score", "project_score", () => ({ name: name(), score_type: "slider", ...inProject })],
    ["/v1/project_tag", "project_tag", () => ({ name: name(), ...inProject })],
    ["/v1/access/playground", "playground", () => ({ name: name(), ...inProject })],
  ];
  writes["DELETE /v1/ai_secret"] = async () => {
    const body = { name: name() };
    await create("/v1/ai_secret", body);
    return { path: "/v1/ai_secret", body };
  };
  for (const [path, noun, body] of kinds) {
    const id = async () => (await create(path, body())).id;
    writes[`POST ${path}`] = async () => ({ path, body: body() });
    writes[`PUT ${path}`] = async () => ({ path, body: body() });
    writes[`PATCH ${path}/:${noun}_id`] = async () => ({
      path: `${path}/${await id()}`,
      body: { name: name() },
    });
    writes[`DELETE ${path}/:${noun}_id`] = async () => ({ path: `${path}/${await id()}` });
  }
  for (const noun of ["project", "experiment", "dataset"]) {
    writes[`POST /api/${noun}/register`] = async () => ({
      path: `/api/${noun}/register`,
      body: { project_name: name(), [`${noun}_name`]: name() },
    });
  }
  const view = () => ({ name: name(), view_type: "logs", ...ofProject });
  const viewPath = async () => `/v1/view/${(await create("/v1/view", view())).id}`;
  writes["POST /v1/view"] = async () => ({ path: "/v1/view", body: view() });
  writes["PUT /v1/view"] = async () => ({ path: "/v1/view", body: view() });
  writes["PATCH /v1/view/:view_id"] = async () => ({
    path: await viewPath(),
    body: { ...ofProject, name: name() },
  });
  writes["DELETE /v1/view/:view_id"] = async () => ({ path: await viewPath(), body: ofProject });
  const environment = () => ({ name: name(), slug: name() });
  const environmentPath = async () => `/environment/${(await create("/environment", environment())).id}`;
  writes["POST /environment"] = async () => ({ path: "/environment", body: environment() });
  writes["PATCH /environment/:environment_id"] = async () => ({
    path: await environmentPath(),
    body: { description: name() },
  });
  writes["DELETE /environment/:environment_id"] = async () => ({ path: await environmentPath() });
  return { ...writes, ...scimWrites(facade) };
}

function scimWrites(facade: Facade): Writes {
  const made = (path: string, body: object) => facade.owner.rest.ok<{ id: string }>("POST", path, body);
  const user = () => ({ userName: newEmail() });
  const group = () => ({ displayName: randomUUID() });
  const kinds = [
    ["/scim/v2/Users", user, "title"],
    ["/scim/v2/Groups", group, "externalId"],
  ] as const;
  return Object.fromEntries(
    kinds.flatMap(([path, body, attribute]) => {
      const one = async () => `${path}/${(await made(path, body())).id}`;
      const Operations = [{ op: "replace", path: attribute, value: randomUUID() }];
      return [
        [`POST ${path}`, async () => ({ path, body: body() })],
        [`PUT ${path}/:id`, async () => ({ path: await one(), body: body() })],
        [`PATCH ${path}/:id`, async () => ({ path: await one(), body: { Operations } })],
        [`DELETE ${path}/:id`, async () => ({ path: await one() })],
      ] as const;
    }),
  );
}
