import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { restClient } from "../../src/rest.ts";
import { type ServiceName, serviceNames } from "../../src/system.ts";
import { type Facade, newEmail, startFacade } from "./facade.ts";

// A part that is down is told as such; nothing is ever allowed because of it, and no secret gets out.

let facade: Facade;
let down: ServiceName | null = null;
beforeAll(async () => {
  facade = await startFacade();
});
afterEach(async () => {
  if (down !== null) await facade.system.start(down);
  down = null;
});
afterAll(() => facade?.[Symbol.asyncDispose]());

async function kill(service: ServiceName): Promise<void> {
  down = service;
  await facade.system.stop(service);
}

/** What needs each part, and answers 503 without it. */
const needs: Readonly<
  Record<Exclude<ServiceName, "admin">, readonly (readonly [string, string, unknown?])[]>
> = {
  identity: [
    ["GET", "/v1/user"],
    ["GET", "/v1/organization"],
    ["PATCH", "/v1/organization/members", { invite_users: { emails: [newEmail()] } }],
  ],
  groups: [
    ["GET", "/v1/group"],
    ["POST", "/v1/group", { name: "late" }],
  ],
  grants: [
    ["GET", "/v1/project"],
    ["GET", "/v1/role"],
    ["POST", "/v1/project", { name: "late" }],
  ],
  tokens: [
    ["GET", "/v1/api_key"],
    ["POST", "/v1/api_key", { name: "late" }],
  ],
  decision: [
    ["GET", "/v1/group"],
    ["POST", "/v1/group", { name: "late" }],
  ],
};

describe.each(Object.entries(needs))("with %s down", (service, requests) => {
  test("what needs it answers 503 with Retry-After, to everybody", async () => {
    await kill(service as ServiceName);
    for (const [method, path, body] of requests) {
      for (const person of [facade.owner, facade.viewer]) {
        const answer = await person.rest.request(method, path, body);
        expect({ path, status: answer.status }).toEqual({ path, status: 503 });
        expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
        expect(answer.body).toMatchObject({ code: "UNAVAILABLE" });
      }
    }
    expect((await fetch(`${facade.system.adminUrl}/healthz`)).status).toBe(200);
  });

  test("it works again as soon as the part is back", async () => {
    for (const [method, path] of requests.filter(([method]) => method === "GET")) {
      await expect.poll(async () => (await facade.owner.rest.request(method, path)).status).toBe(200);
    }
  });
});

test("an invitation that breaks off between its steps is completed by its repetition", async () => {
  const group = await facade.owner.rest.ok<{ id: string }>("POST", "/v1/group", { name: randomUUID() });
  const email = newEmail();
  const invite = () =>
    facade.owner.rest.request("PATCH", "/v1/organization/members", {
      invite_users: {
        emails: [email],
        service_accounts: [{ name: email, token_name: "first" }],
        group_ids: [group.id],
      },
    });
  await kill("tokens");
  const broken = await invite();
  expect(broken.status).toBe(503);
  await facade.system.start("tokens");
  down = null;
  await expect.poll(async () => (await invite()).status).toBe(200);
  const { member_users } = await facade.owner.rest.ok<{ member_users: string[] }>(
    "GET",
    `/v1/group/${group.id}`,
  );
  expect(member_users).toHaveLength(2);
});

test("secrets are in no log, no error and no list", async () => {
  const { system, owner } = facade;
  const wrongKey = `sk-${randomUUID()}`;
  const shown = await owner.rest.ok<{ key: string }>("POST", "/v1/api_key", { name: "planted" });
  const invited = await owner.rest.ok<{ added_users: { api_key: string }[] }>(
    "PATCH",
    "/v1/organization/members",
    {
      invite_users: { service_accounts: [{ name: "planted", token_name: "planted" }] },
    },
  );
  const token = invited.added_users[0]?.api_key ?? "";
  expect(token).toMatch(/^bt-st-/);
  const planted = [wrongKey, shown.key, token, owner.key, system.serviceCredential];
  const answers: string[] = [];
  for (const key of planted) {
    const rest = restClient(system.adminUrl, key);
    const sent = [
      await rest.request("GET", "/v1/organization"),
      await rest.request("GET", `/v1/group?group_name=${key}`),
      await rest.request("POST", "/v1/group", { name: 7, [key.slice(0, 5)]: 1 }),
      await rest.request("GET", "/v1/api_key"),
      await rest.request("GET", "/v1/service_token"),
    ];
    answers.push(...sent.map((answer) => JSON.stringify(answer.body)));
  }
  const outputs = serviceNames.map((service) => system.output(service));
  expect(outputs.join("").length).toBeGreaterThan(1000);
  for (const secret of planted) {
    for (const text of [...outputs, ...answers]) expect(text.includes(secret)).toBe(false);
  }
});

test("a facade that is asked to end finishes what it has begun", async () => {
  const { system, owner } = facade;
  system.signal("grants", "SIGSTOP");
  const begun = owner.rest
    .request("POST", "/v1/project", { name: randomUUID() })
    .catch((error: unknown) => error);
  await fetch(`${system.adminUrl}/healthz`);
  const ended = system.stop("admin", "SIGTERM");
  down = "admin";
  await expect.poll(() => system.output("admin")).toContain('"msg":"stopping"');
  system.signal("grants", "SIGCONT");
  // An answer, whatever it is by then, and not a connection that breaks.
  expect(await begun).toMatchObject({ status: expect.toBeOneOf([200, 503]) });
  await ended;
});
