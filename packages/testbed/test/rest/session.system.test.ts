import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Answered, Browser } from "../../src/browser.ts";
import { consoleOrigin, type Facade, type Person, positions, startFacade } from "./facade.ts";

// A session stands in a browser for somebody who signed in: it is worth what the key was worth, for our own pages alone.

let facade: Facade;
let origin: string;
beforeAll(async () => {
  facade = await startFacade();
  origin = facade.system.adminUrl;
});
afterAll(() => facade?.[Symbol.asyncDispose]());

const cookieName = "portcullis-session";

interface Session {
  readonly principal_id: string;
  readonly csrf_token: string;
  readonly expires_at: string;
}

/** A browser with a session, and its token. */
interface SignedIn {
  readonly browser: Browser;
  readonly session: Session;
  /** A request of a console page. */
  readonly ask: (
    method: string,
    path: string,
    body?: unknown,
  ) => Promise<Answered & { readonly json: unknown }>;
}

async function signIn(apiKey: string, browser = new Browser()): Promise<SignedIn> {
  const page = `${origin}/console/`;
  const answer = await browser.send(`${origin}/v1/access/session`, {
    method: "POST",
    from: page,
    body: { api_key: apiKey },
  });
  expect(answer).toMatchObject({ status: 200 });
  const session = JSON.parse(answer.text) as Session;
  return {
    browser,
    session,
    async ask(method, path, body) {
      const got = await browser.send(`${origin}${path}`, {
        method,
        from: page,
        headers: { "x-portcullis-csrf": session.csrf_token },
        body,
      });
      return { ...got, json: JSON.parse(got.text) as unknown };
    },
  };
}

/** A member who has a key that can be ended, expire, or be narrow. */
async function memberWithKey(
  more: object = {},
  groups: readonly string[] = [facade.builtIn.engineers],
): Promise<{ readonly person: Person; readonly keyId: string; readonly key: string }> {
  const person = await facade.member(groups);
  const made = await person.rest.ok<{ id: string; key: string }>("POST", "/v1/api_key", {
    name: randomUUID(),
    ...more,
  });
  return { person, keyId: made.id, key: made.key };
}

async function isOver({ ask }: SignedIn): Promise<boolean> {
  const [own, other] = [await ask("GET", "/v1/access/session"), await ask("GET", "/v1/organization")];
  expect(own.status).toBe(other.status);
  return own.status === 401;
}

describe("signing in", () => {
  test("tells who it is, and leaves a cookie that no script sees and no other site makes use of", async () => {
    const { browser, session, ask } = await signIn(facade.owner.key);
    expect(session).toMatchObject({
      principal_id: facade.owner.id,
      org_id: facade.org.orgId,
      org_name: facade.org.name,
      name: null,
      email: expect.stringContaining("@example.com"),
      kind: "user",
      owner: true,
      has_grant: true,
      csrf_token: expect.stringMatching(/^[\w-]{43}$/),
    });
    const life = Date.parse(session.expires_at) - Date.now();
    expect(life).toBeGreaterThan(12 * 3_600_000 - 60_000);
    expect(life).toBeLessThanOrEqual(12 * 3_600_000);
    const cookie = browser.cookie(origin, cookieName);
    expect(cookie?.value).toMatch(/^ps-/);
    expect(Object.fromEntries(cookie?.attributes ?? [])).toEqual({
      "max-age": expect.stringMatching(/^43\d{3}$/),
      path: "/",
      httponly: "",
      samesite: "Strict",
    });
    expect((await ask("GET", "/v1/access/session")).json).toEqual(session);
  });

  test("by plain http from another machine is refused: everybody on the way would have the cookie", async () => {
    const asked = request(`${origin}/v1/access/session`, {
      method: "POST",
      // Nobody is trusted here to say that it was https.
      headers: { "content-type": "application/json", host: "access.example", "x-forwarded-proto": "https" },
    });
    asked.end(JSON.stringify({ api_key: facade.owner.key }));
    const [answer] = (await once(asked, "response")) as [IncomingMessage];
    expect(answer.statusCode).toBe(400);
    expect(answer.headers["set-cookie"]).toBeUndefined();
    expect(await text(answer)).toContain("signing in takes https, or the machine itself by plain http");
  });

  test.each([
    ["unknown", "sk-nonsense"],
    ["no key at all", "open sesame"],
    ["with a wrong character", "CHANGED"],
    ["empty", ""],
  ])("with a key that is %s is 401, and nothing is written", async (_, key) => {
    const before = await positions(facade.system, facade.org.orgId);
    const browser = new Browser();
    const answer = await browser.send(`${origin}/v1/access/session`, {
      method: "POST",
      body: { api_key: key === "CHANGED" ? `${facade.owner.key.slice(0, -1)}!` : key },
      headers: { "sec-fetch-site": "same-origin" },
    });
    expect(answer).toMatchObject({ status: 401 });
    expect(JSON.parse(answer.text)).toMatchObject({
      error: "the credential is unknown, expired or revoked",
    });
    expect(browser.cookie(origin, cookieName)).toBeUndefined();
    expect(await positions(facade.system, facade.org.orgId)).toEqual(before);
  });

  test("with another session, or with a service token, is no way in", async () => {
    const { browser } = await signIn(facade.owner.key);
    const session = browser.cookie(origin, cookieName)?.value ?? "";
    const { added_users: added } = await facade.owner.rest.ok<{ added_users: { id: string }[] }>(
      "PATCH",
      "/v1/organization/members",
      { invite_users: { service_accounts: [{ name: randomUUID() }] } },
    );
    const { key: token } = await facade.owner.rest.ok<{ key: string }>("POST", "/v1/service_token", {
      name: "token",
      service_account_id: added[0]?.id,
    });
    const post = (api_key: string) =>
      new Browser().send(`${origin}/v1/access/session`, {
        method: "POST",
        from: `${origin}/console/`,
        body: { api_key },
      });
    expect((await post(session)).status).toBe(401);
    const answer = await post(token);
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.text)).toMatchObject({ error: "api_key: must be an API key" });
  });

  test.each([
    ["nothing", undefined, "body: is required"],
    ["no key", {}, "api_key: is required"],
    ["a key of another type", { api_key: 1 }, "api_key: must be a string"],
    ["something more", { api_key: "sk-", colour: "red" }, "Extraneous key 'colour' at path []"],
  ])("with %s is one clear error", async (_, body, error) => {
    const answer = await new Browser().send(`${origin}/v1/access/session`, {
      method: "POST",
      from: `${origin}/console/`,
      body,
    });
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.text)).toMatchObject({ error });
  });

  test("is not for other sites, which would sign somebody in as somebody else", async () => {
    for (const from of ["https://evil.example/", `${consoleOrigin}/`]) {
      const browser = new Browser();
      const answer = await browser.send(`${origin}/v1/access/session`, {
        method: "POST",
        from,
        body: { api_key: facade.owner.key },
      });
      expect(answer.status).toBe(403);
      expect(browser.cookie(origin, cookieName)).toBeUndefined();
    }
  });

  test("is offered without single sign-on where there is none", async () => {
    const options = await new Browser().send(`${origin}/v1/access/session/options`);
    expect(JSON.parse(options.text)).toEqual({ single_sign_on: null });
    const page = await new Browser().goTo(`${origin}/v1/access/session/sso`);
    expect(page.status).toBe(404);
    expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(page.text).toContain("single sign-on is not set up here");
  });
});

describe("a session", () => {
  test("is good for all that the key is good for", async () => {
    const { ask } = await signIn(facade.owner.key);
    const made = await ask("POST", "/v1/project", { name: randomUUID() });
    expect(made.status).toBe(200);
    const { id } = made.json as { id: string };
    expect((await ask("GET", `/v1/project/${id}`)).json).toMatchObject({ id });
    expect((await ask("POST", "/v1/api_key", { name: "from the console" })).status).toBe(200);
    expect((await ask("DELETE", `/v1/project/${id}`)).status).toBe(200);
  });

  test("of a Viewer is refused what a Viewer is refused", async () => {
    const { ask, session } = await signIn(facade.viewer.key);
    expect(session).toMatchObject({ owner: false, has_grant: true });
    expect((await ask("POST", "/v1/group", { name: "x" })).status).toBe(403);
    expect((await ask("GET", "/v1/service_token")).status).toBe(403);
  });

  test("follows the change feed until it ends", async () => {
    const signedIn = await signIn(facade.owner.key);
    const { browser } = signedIn;
    const cookie = `${cookieName}=${browser.cookie(origin, cookieName)?.value}`;
    const feed = await fetch(`${origin}/v1/access/watch`, {
      headers: { cookie, "sec-fetch-site": "same-origin" },
    });
    expect(feed.status).toBe(200);
    await signedIn.ask("DELETE", "/v1/access/session");
    expect(await feed.text()).toContain("event: problem");
  });

  test("stands in the log with the person and the session, and its beginning with the key", async () => {
    const { person, key, keyId } = await memberWithKey();
    const { ask } = await signIn(key);
    const { json: project } = await ask("POST", "/v1/project", { name: randomUUID() });
    const { events } = await facade.owner.rest.ok<{
      events: { action: string; subject: { id: string }; actor: object; after: object }[];
    }>("GET", `/v1/access/audit-log?actor_id=${person.id}&limit=50`);
    const begun = events.find(({ action }) => action === "session_created");
    expect(begun).toMatchObject({
      actor: { principal_id: person.id, credential_id: keyId },
      after: { kind: "session", madeFrom: keyId, principal: person.id },
    });
    expect(events.find(({ subject }) => subject.id === (project as { id: string }).id)).toMatchObject({
      actor: { principal_id: person.id, credential_id: begun?.subject.id },
    });
    expect(JSON.stringify(events)).not.toContain("ps-A");
  });

  test("does not show among API keys and service tokens, nor can it be revoked as one", async () => {
    const { person, key } = await memberWithKey();
    await signIn(key);
    const { objects: own } = await person.rest.ok<{ objects: { preview_name: string }[] }>(
      "GET",
      "/v1/api_key",
    );
    const { objects: all } = await facade.owner.rest.ok<{ objects: { preview_name: string }[] }>(
      "GET",
      "/v1/api_key?scope=organization",
    );
    expect([...own, ...all].filter(({ preview_name: shown }) => !shown.startsWith("sk-"))).toEqual([]);
    const { events } = await facade.owner.rest.ok<{ events: { subject: { id: string } }[] }>(
      "GET",
      `/v1/access/audit-log?actor_id=${person.id}&action=session_created`,
    );
    const id = events[0]?.subject.id ?? "";
    for (const path of [`/v1/api_key/${id}`, `/v1/service_token/${id}`]) {
      expect((await facade.owner.rest.request("DELETE", path)).status).toBe(404);
    }
  });

  test("is no bearer token, and a key is no cookie", async () => {
    const { browser } = await signIn(facade.owner.key);
    const secret = browser.cookie(origin, cookieName)?.value ?? "";
    const answer = await fetch(`${origin}/v1/organization`, {
      headers: { authorization: `Bearer ${secret}` },
    });
    expect(answer.status).toBe(401);
    browser.plant(origin, cookieName, facade.owner.key);
    const planted = await browser.send(`${origin}/v1/organization`, { from: `${origin}/console/` });
    expect(planted.status).toBe(401);
  });

  test("under another cookie's name is none", async () => {
    const { browser } = await signIn(facade.owner.key);
    const secret = browser.cookie(origin, cookieName)?.value ?? "";
    for (const name of [`__Host-${cookieName}`, "portcullis-choice", "session"]) {
      const answer = await fetch(`${origin}/v1/organization`, { headers: { cookie: `${name}=${secret}` } });
      expect(answer.status).toBe(401);
    }
  });

  test("beside an authorization header is not even looked at", async () => {
    const { browser, session } = await signIn(facade.owner.key);
    const as = (authorization: string) =>
      browser.send(`${origin}/v1/access/session`, {
        from: `${origin}/console/`,
        headers: { authorization, "x-portcullis-csrf": session.csrf_token },
      });
    expect((await as("Bearer sk-nonsense")).status).toBe(401);
    expect((await as("")).status).toBe(401);
    // It is the key that asks, and a key has no session to show.
    const answer = await as(`Bearer ${facade.viewer.key}`);
    expect(JSON.parse(answer.text)).toMatchObject({ error: "this takes a session, and no other credential" });
    // And what a key may do needs no token.
    const made = await browser.send(`${origin}/v1/project`, {
      method: "POST",
      from: "https://elsewhere.example/",
      headers: { authorization: `Bearer ${facade.owner.key}` },
      body: { name: randomUUID() },
    });
    expect(made.status).toBe(200);
  });
});

describe("what a browser sends along", () => {
  let signedIn: SignedIn;
  beforeAll(async () => {
    signedIn = await signIn(facade.owner.key);
  });
  const create = (from: string | null, headers: Readonly<Record<string, string>>) =>
    signedIn.browser.send(`${origin}/v1/project`, {
      method: "POST",
      from,
      headers,
      body: { name: randomUUID() },
    });

  test("is good with the token of this session", async () => {
    const answer = await create(`${origin}/console/`, { "x-portcullis-csrf": signedIn.session.csrf_token });
    expect(answer.status).toBe(200);
  });

  test("is refused without the token, with a wrong one, and with that of another session", async () => {
    const other = await signIn(facade.owner.key);
    const before = await positions(facade.system, facade.org.orgId);
    const tokens = ["", "x", other.session.csrf_token, `${signedIn.session.csrf_token}x`];
    for (const headers of [{}, ...tokens.map((token) => ({ "x-portcullis-csrf": token }))]) {
      const answer = await create(`${origin}/console/`, headers);
      expect(answer.status).toBe(403);
      expect(JSON.parse(answer.text)).toMatchObject({
        error: "x-portcullis-csrf: must be the csrf_token of this session",
        details: { field: "x-portcullis-csrf" },
      });
    }
    expect(await positions(facade.system, facade.org.orgId)).toEqual(before);
  });

  test("of another site, or nobody's page, is refused though the token is right", async () => {
    const cookie = `${cookieName}=${signedIn.browser.cookie(origin, cookieName)?.value}`;
    const token = { cookie, "x-portcullis-csrf": signedIn.session.csrf_token };
    const right = { "sec-fetch-site": "same-origin", origin };
    const wrong = [
      { ...right, "sec-fetch-site": "cross-site" },
      { ...right, "sec-fetch-site": "same-site" },
      { ...right, "sec-fetch-site": "none" },
      { ...right, origin: "https://evil.example" },
      { ...right, origin: consoleOrigin },
      { ...right, origin: "null" },
      { ...right, origin: `${origin}.evil.example` },
      { ...right, origin: origin.replace("http:", "https:") },
      {},
    ];
    const send = (method: string, headers: Readonly<Record<string, string>>) =>
      fetch(`${origin}/v1/project`, {
        method,
        headers: { ...token, ...headers, "content-type": "application/json" },
        ...(method === "POST" && { body: JSON.stringify({ name: randomUUID() }) }),
      });
    const before = await positions(facade.system, facade.org.orgId);
    for (const headers of wrong) {
      expect({ headers, status: (await send("POST", headers)).status }).toEqual({ headers, status: 403 });
    }
    for (const headers of wrong.slice(0, -1)) {
      expect({ headers, status: (await send("GET", headers)).status }).toEqual({ headers, status: 403 });
    }
    expect(await positions(facade.system, facade.org.orgId)).toEqual(before);
    expect((await send("POST", right)).status).toBe(200);
    expect((await send("POST", { origin })).status).toBe(200);
  });

  test("is not there at all when another site asks", async () => {
    for (const from of ["https://evil.example/", `${consoleOrigin}/`]) {
      const answer = await signedIn.browser.send(`${origin}/v1/access/session`, { from });
      expect(answer.status).toBe(401);
    }
  });

  test("no origin, not even a configured one, may have credentials sent along", async () => {
    for (const method of ["GET", "OPTIONS"]) {
      const answer = await fetch(`${origin}/v1/organization`, {
        method,
        headers: {
          origin: consoleOrigin,
          authorization: `Bearer ${facade.owner.key}`,
          "access-control-request-method": "POST",
        },
      });
      expect(answer.headers.get("access-control-allow-origin")).toBe(consoleOrigin);
      expect(answer.headers.get("access-control-allow-credentials")).toBeNull();
    }
  });
});

describe("signing out", () => {
  test("ends this session and no other, and the browser forgets it", async () => {
    const [one, other] = [await signIn(facade.viewer.key), await signIn(facade.viewer.key)];
    const secret = one.browser.cookie(origin, cookieName)?.value ?? "";
    expect((await one.ask("DELETE", "/v1/access/session")).json).toEqual({ ended: 1 });
    expect(one.browser.cookie(origin, cookieName)).toBeUndefined();
    one.browser.plant(origin, cookieName, secret);
    expect(await isOver(one)).toBe(true);
    expect(await isOver(other)).toBe(false);
  });

  test("needs the token", async () => {
    const { browser } = await signIn(facade.viewer.key);
    const answer = await browser.send(`${origin}/v1/access/session`, {
      method: "DELETE",
      from: `${origin}/console/`,
    });
    expect(answer.status).toBe(403);
  });

  test("says what is wrong with the request", async () => {
    const { ask } = await signIn(facade.viewer.key);
    const answer = await ask("DELETE", "/v1/access/session?everywhere=perhaps");
    expect(answer).toMatchObject({
      status: 400,
      json: { error: "everywhere: must be one of true, false" },
    });
    const malformed = await facade.owner.rest.request("DELETE", "/v1/access/members/alice/sessions");
    expect(malformed).toMatchObject({ status: 400, body: { error: "user_id: must be a UUID" } });
    const unknown = await facade.owner.rest.request("DELETE", `/v1/access/members/${randomUUID()}/sessions`);
    expect(unknown.status).toBe(404);
  });

  test("everywhere ends all of that person's in one change, and nobody else's", async () => {
    const { key } = await memberWithKey();
    const all = [await signIn(key), await signIn(key), await signIn(key)];
    const others = await signIn(facade.viewer.key);
    const before = await positions(facade.system, facade.org.orgId);
    const { json } = await (all[0] as SignedIn).ask("DELETE", "/v1/access/session?everywhere=true");
    expect(json).toEqual({ ended: 3 });
    const after = await positions(facade.system, facade.org.orgId);
    expect(after.reduce((sum, n) => sum + n, 0) - before.reduce((sum, n) => sum + n, 0)).toBe(1);
    for (const session of all) expect(await isOver(session)).toBe(true);
    expect(await isOver(others)).toBe(false);
  });

  test("of a member is for Owners, and for the member itself", async () => {
    const { person, key } = await memberWithKey();
    const path = `/v1/access/members/${person.id}/sessions`;
    const one = await signIn(key);
    expect((await facade.viewer.rest.request("DELETE", path)).status).toBe(403);
    expect((await facade.newcomer.rest.request("DELETE", path)).status).toBe(404);
    expect((await facade.stranger.rest.request("DELETE", path)).status).toBe(404);
    expect(await isOver(one)).toBe(false);
    expect(await facade.owner.rest.ok("DELETE", path)).toEqual({ ended: 1 });
    expect(await isOver(one)).toBe(true);
    await signIn(key);
    expect(await person.rest.ok("DELETE", path)).toEqual({ ended: 1 });
    expect(await person.rest.ok("DELETE", path)).toEqual({ ended: 0 });
  });

  test("is not done as somebody else", async () => {
    const { browser, session } = await signIn(facade.owner.key);
    const headers = {
      "x-portcullis-csrf": session.csrf_token,
      "x-bt-impersonate-user": facade.viewer.id,
    };
    const page = `${origin}/console/`;
    const shown = await browser.send(`${origin}/v1/access/session`, { from: page, headers });
    expect(JSON.parse(shown.text)).toMatchObject({ principal_id: facade.viewer.id, owner: false });
    for (const query of ["", "?everywhere=true"]) {
      const answer = await browser.send(`${origin}/v1/access/session${query}`, {
        method: "DELETE",
        from: page,
        headers,
      });
      expect(answer.status).toBe(403);
    }
  });
});

describe("a session ends with", () => {
  test("the key that it was made from, when that is revoked", async () => {
    const { key, keyId } = await memberWithKey();
    const [one, other] = [await signIn(key), await signIn(key)];
    await facade.owner.rest.ok("DELETE", `/v1/api_key/${keyId}`);
    expect(await isOver(one)).toBe(true);
    expect(await isOver(other)).toBe(true);
  });

  test("the key that it was made from, when that is rotated away", async () => {
    const { person, key, keyId } = await memberWithKey();
    const one = await signIn(key);
    await person.rest.ok("POST", `/v1/access/api-keys/${keyId}/rotate`, { overlap_seconds: 0 });
    expect(await isOver(one)).toBe(true);
  });

  test("the key that it was made from, when that expires", async () => {
    const person = await facade.member();
    const expiresAt = new Date(Date.now() + 5000).toISOString();
    const { key } = await person.rest.ok<{ key: string }>("POST", "/v1/api_key", {
      name: "short-lived",
      expires_at: expiresAt,
    });
    const one = await signIn(key);
    expect(one.session.expires_at).toBe(expiresAt);
    await expect.poll(() => isOver(one), { timeout: 20_000 }).toBe(true);
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(expiresAt));
  });

  test("the membership of its principal", async () => {
    const { person, key } = await memberWithKey();
    const one = await signIn(key);
    await facade.owner.rest.ok("PATCH", "/v1/organization/members", { remove_users: { ids: [person.id] } });
    expect(await isOver(one)).toBe(true);
  });
});

test("a session made from a narrowed key is as narrow, and can't end others or make keys", async () => {
  const { key } = await memberWithKey({ scope: { permissions: ["read"] } }, [facade.builtIn.owners]);
  const { ask } = await signIn(key);
  expect((await ask("GET", "/v1/project")).status).toBe(200);
  expect((await ask("POST", "/v1/project", { name: randomUUID() })).status).toBe(403);
  expect((await ask("POST", "/v1/api_key", { name: "wider" })).status).toBe(403);
  expect((await ask("DELETE", "/v1/access/session?everywhere=true")).status).toBe(403);
  expect((await ask("DELETE", `/v1/access/members/${facade.viewer.id}/sessions`)).status).toBe(403);
  expect((await ask("DELETE", "/v1/access/session")).status).toBe(200);
});

test("no secret of a session stands in a log of any service, nor the key that was shown", async () => {
  const { key } = await memberWithKey();
  const { browser, session, ask } = await signIn(key);
  await ask("GET", "/v1/organization");
  const secret = browser.cookie(origin, cookieName)?.value ?? "";
  for (const service of ["admin", "tokens", "decision", "identity"] as const) {
    const output = facade.system.output(service);
    for (const hidden of [key, secret, session.csrf_token]) expect(output).not.toContain(hidden);
  }
});
