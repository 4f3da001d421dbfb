// A running system with two organisations, and the people whose keys the tests of the facade use.

import { randomUUID } from "node:crypto";
import { createOrganization, type OrganizationMade } from "@portcullis/admin-service/create-organization";
import { expect, inject } from "vitest";
import { type Rest, type RestAnswer, restClient } from "../../src/rest.ts";
import { type System, startSystem } from "../../src/system.ts";
import { wrongWith } from "./contract.ts";

/** Somebody with a key. */
export interface Person {
  readonly id: string;
  readonly key: string;
  readonly rest: Rest;
}

export interface Facade extends AsyncDisposable {
  readonly system: System;
  readonly org: OrganizationMade & { readonly name: string };
  /** The ids of the built-in groups. */
  readonly builtIn: { readonly owners: string; readonly engineers: string; readonly viewers: string };
  readonly owner: Person;
  readonly engineer: Person;
  readonly viewer: Person;
  /** A member of no group, without any grant. */
  readonly newcomer: Person;
  /** Owner of another organisation. */
  readonly stranger: Person & { readonly orgId: string };
  /** Makes a member, in these groups, with a key. */
  member(groupIds?: readonly string[]): Promise<Person>;
}

/** The one origin whose pages may call the facade. */
export const consoleOrigin = "https://console.example";

/** Starts one, with more environment for every service if wanted. */
export async function startFacade(environment: Readonly<Record<string, string>> = {}): Promise<Facade> {
  await using parts = new AsyncDisposableStack();
  const system = parts.use(
    await startSystem({
      databaseServerUrl: inject("databaseUrl"),
      environment: { PORTCULLIS_CORS_ORIGINS: consoleOrigin, ...environment },
    }),
  );
  const name = `Acme ${randomUUID()}`;
  const org = { ...(await createOrganization(system, { name, owner: { email: newEmail() } })), name };
  const other = await createOrganization(system, {
    name: `Other ${randomUUID()}`,
    owner: { email: newEmail() },
  });
  const person = (id: string, key: string): Person => ({ id, key, rest: judged(system.adminUrl, key) });
  const owner = person(org.ownerId, org.ownerKey);
  const { objects: groups } = await owner.rest.ok<Objects<{ id: string; name: string }>>("GET", "/v1/group");
  const named = (wanted: string) => groups.find((group) => group.name === wanted)?.id ?? "";
  const builtIn = { owners: named("Owners"), engineers: named("Engineers"), viewers: named("Viewers") };
  const member = async (groupIds: readonly string[] = []): Promise<Person> => {
    const made = await owner.rest.ok<{ added_users: { id: string }[] }>("PATCH", "/v1/organization/members", {
      invite_users: { emails: [newEmail()], group_ids: groupIds },
    });
    const id = made.added_users[0]?.id ?? "";
    const { secret } = await system.tokens.createCredential({
      context: { actor: undefined, requestId: "test", sourceAddress: "", unchangedSince: [] },
      orgId: org.orgId,
      kind: "api_key",
      principalId: id,
      name: "test",
      expiresAt: undefined,
      scope: undefined,
      replace: false,
    });
    return person(id, secret);
  };
  const engineer = await member([builtIn.engineers]);
  const viewer = await member([builtIn.viewers]);
  const newcomer = await member();
  const stranger = { ...person(other.ownerId, other.ownerKey), orgId: other.orgId };
  const running = parts.move();
  return {
    system,
    org,
    builtIn,
    owner,
    engineer,
    viewer,
    newcomer,
    stranger,
    member,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

export interface Objects<T> {
  readonly objects: readonly T[];
}

export function newEmail(): string {
  return `${randomUUID()}@example.com`;
}

/** How far every owner's log of an organisation has come: the same before and after means that nothing was written. */
export async function positions(system: System, orgId: string): Promise<readonly number[]> {
  const heads = await Promise.all(
    Object.values(system.facts).map((facts) => facts.heads({ orgIds: [orgId] })),
  );
  return heads.flatMap((head) => head.positions);
}

/** The REST facade, every successful answer of which is held against the public description. */
function judged(adminUrl: string, key: string): Rest {
  const plain = restClient(adminUrl, key);
  const judge = (method: string, path: string, answer: RestAnswer): void => {
    expect(answer.status).not.toBe(500);
    if (answer.status < 300) expect(wrongWith(method, path, answer.body)).toBeNull();
    else if (path.startsWith("/scim/")) {
      expect(answer.headers.get("content-type")).toBe("application/scim+json; charset=utf-8");
      const schemas = ["urn:ietf:params:scim:api:messages:2.0:Error"];
      expect(answer.body).toMatchObject({
        schemas,
        status: String(answer.status),
        detail: expect.any(String),
      });
    } else expect(answer.body).toMatchObject({ error: expect.any(String), code: expect.any(String) });
  };
  return {
    async request(method, path, body) {
      const answer = await plain.request(method, path, body);
      judge(method, path, answer);
      return answer;
    },
    async ok<Body>(method: string, path: string, body?: unknown): Promise<Body> {
      const answer = await plain.request(method, path, body);
      if (answer.status >= 300)
        throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
      judge(method, path, answer);
      return answer.body as Body;
    },
  };
}
