import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { createOrganization } from "@portcullis/admin-service/create-organization";
import { sealing } from "@portcullis/admin-service/sealed";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { z } from "zod";
import { type Answered, Browser } from "../../src/browser.ts";
import { type Account, type IdentityProvider, startIdentityProvider } from "../../src/identity-provider.ts";
import { type Rest, restClient } from "../../src/rest.ts";
import { type System, startSystem } from "../../src/system.ts";
import { newEmail } from "./facade.ts";

// Signing in at an identity provider: a real one, and a browser that keeps to the rules of cookies.

const url = "https://access.example";
const callback = `${url}/v1/access/session/sso/callback`;
const cookieSecret = "c".repeat(40);
const clientSecret = "the client's secret, which nobody is told";
const names = {
  session: "__Host-portcullis-session",
  signIn: "__Host-portcullis-sign-in",
  choice: "__Host-portcullis-choice",
};

const accounts: Record<string, Account> = {};
const parts = new AsyncDisposableStack();
let provider: IdentityProvider;
let system: System;
let organization: { readonly id: string; readonly name: string; readonly owner: Rest; readonly key: string };

beforeAll(async () => {
  provider = parts.use(
    await startIdentityProvider({ clientId: "portcullis", clientSecret, redirectUris: [callback], accounts }),
  );
  // This process plays the browser, which must believe the provider too.
  setDefaultCACertificates([...getCACertificates("default"), readFileSync(provider.authority, "utf8")]);
  system = parts.use(
    await startSystem({ databaseServerUrl: inject("databaseUrl"), environment: settings() }),
  );
  organization = await makeOrganization();
});
afterAll(() => parts.disposeAsync());

function settings(): Readonly<Record<string, string>> {
  return {
    NODE_EXTRA_CA_CERTS: provider.authority,
    PORTCULLIS_PUBLIC_URL: url,
    PORTCULLIS_OIDC_ISSUER: provider.issuer,
    PORTCULLIS_OIDC_CLIENT_ID: "portcullis",
    PORTCULLIS_OIDC_CLIENT_SECRET: clientSecret,
    PORTCULLIS_OIDC_NAME: "Acme's directory",
    PORTCULLIS_COOKIE_SECRET: cookieSecret,
  };
}

async function makeOrganization() {
  const name = `Acme ${randomUUID()}`;
  const { orgId, ownerKey } = await createOrganization(system, { name, owner: { email: newEmail() } });
  return { id: orgId, name, owner: restClient(system.adminUrl, ownerKey), key: ownerKey };
}

/** Somebody with an account at the provider, invited or not. */
async function someone(
  more: Account = { email_verified: true },
  { owners = [organization.owner], as = (email: string) => email } = {},
): Promise<{ readonly account: string; readonly email: string }> {
  const [account, email] = [randomUUID(), newEmail()];
  accounts[account] = { email: as(email), ...more };
  for (const owner of owners) {
    await owner.ok("PATCH", "/v1/organization/members", { invite_users: { emails: [email] } });
  }
  return { account, email };
}

function newBrowser(): Browser {
  return new Browser({ [url]: system.adminUrl });
}

/** As far as the provider's page, which offers its accounts. */
async function begin(browser: Browser, returnTo = "/console/groups?q=a#graph"): Promise<Answered> {
  const query = new URLSearchParams({ return_to: returnTo });
  const page = await browser.goTo(`${url}/v1/access/session/sso?${query}`, `${url}/console/sign-in`);
  expect(page.url).toMatch(new RegExp(`^${provider.issuer}/interaction/`));
  return page;
}

/** From the provider's page back to us; the last answer is where the browser stays. */
function choose(browser: Browser, page: Answered, account: string): Promise<Answered[]> {
  return browser.follow(`${page.url}?account=${account}`, page.url);
}

async function signIn(browser: Browser, account: string, returnTo?: string): Promise<Answered[]> {
  return choose(browser, await begin(browser, returnTo), account);
}

/** The address at which the provider sends the browser back, without going there. */
async function answerOfProvider(browser: Browser, account: string, page?: Answered): Promise<string> {
  const at = page ?? (await begin(browser));
  let next = `${at.url}?account=${account}`;
  while (!next.startsWith(url)) {
    const { headers } = await browser.send(next, { navigates: true });
    next = new URL(headers.get("location") ?? "", next).href;
  }
  return next;
}

function comeBack(browser: Browser, answer: string): Promise<Answered> {
  return browser.send(answer, { from: `${provider.issuer}/`, navigates: true });
}

async function whoIs(browser: Browser) {
  const answer = await browser.send(`${url}/v1/access/session`, { from: `${url}/console/` });
  return { status: answer.status, body: JSON.parse(answer.text) as Record<string, unknown> };
}

function expectPage(answer: Answered, status: number, says: string): void {
  expect({ status: answer.status, text: answer.text }).toMatchObject({
    status,
    text: expect.stringContaining(says),
  });
  expect(answer.headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(answer.headers.get("content-security-policy")).toContain("default-src 'none'");
  const requestId = answer.headers.get("x-request-id");
  expect(requestId).not.toBeNull();
  expect(answer.text).toContain(requestId);
  expect(answer.text).not.toMatch(/node_modules|\.ts:|at \w+ \(|Error:/);
}

describe("signing in", () => {
  test("is offered under the provider's name", async () => {
    const { text } = await newBrowser().send(`${url}/v1/access/session/options`);
    expect(JSON.parse(text)).toEqual({
      single_sign_on: { name: "Acme's directory", url: "/v1/access/session/sso" },
    });
  });

  test("ends where it was begun, with a session that no other site makes use of", async () => {
    const { account, email } = await someone();
    const browser = newBrowser();
    const answers = await signIn(browser, account);
    expect(answers.at(-1)?.url).toBe(`${url}/console/groups?q=a#graph`);
    const cookie = browser.cookie(url, names.session);
    expect(Object.fromEntries(cookie?.attributes ?? [])).toEqual({
      "max-age": expect.stringMatching(/^43\d{3}$/),
      path: "/",
      httponly: "",
      secure: "",
      samesite: "Strict",
    });
    expect(browser.cookie(url, names.signIn)).toBeUndefined();
    expect(await whoIs(browser)).toMatchObject({
      status: 200,
      body: { email, org_id: organization.id, org_name: organization.name, kind: "user", owner: false },
    });
    const { events } = await organization.owner.ok<{ events: object[] }>(
      "GET",
      "/v1/access/audit-log?action=session_created",
    );
    expect(events[0]).toMatchObject({
      actor: { credential_id: null },
      after: { kind: "session", madeFrom: null, scope: null },
    });
  });

  test("asks the provider with a proof key, a state and a nonce, and sends the browser nowhere else", async () => {
    const answer = await newBrowser().send(`${url}/v1/access/session/sso`, {
      navigates: true,
      headers: { host: "evil.example", "x-forwarded-host": "evil.example" },
    });
    expect(answer.status).toBe(303);
    const asked = new URL(answer.headers.get("location") ?? "");
    expect(asked.origin).toBe(provider.issuer);
    expect(Object.fromEntries(asked.searchParams)).toEqual({
      client_id: "portcullis",
      response_type: "code",
      redirect_uri: callback,
      scope: "openid email",
      state: expect.stringMatching(/^[\w-]{43}$/),
      nonce: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: "S256",
    });
  });

  test("knows a person by the address whatever its case", async () => {
    const { account, email } = await someone(undefined, { as: (address) => address.toUpperCase() });
    const browser = newBrowser();
    await signIn(browser, account);
    expect((await whoIs(browser)).body).toMatchObject({ email });
  });

  test("in two pages of a browser at once is what was begun last", async () => {
    const { account } = await someone();
    const browser = newBrowser();
    const [first, last] = [
      await answerOfProvider(browser, account),
      await answerOfProvider(browser, account),
    ];
    expectPage(await comeBack(browser, first), 400, "begin again");
    expect((await comeBack(browser, last)).status).toBe(303);
    expect((await whoIs(browser)).status).toBe(200);
  });

  test.each([
    "https://evil.example/console/",
    "//evil.example/console/",
    "/console/../v1/group",
    "/",
    "/v1/group",
    `/console/${"x".repeat(1000)}`,
  ])("does not lead to `%s`", async (returnTo) => {
    const query = new URLSearchParams({ return_to: returnTo });
    const answer = await newBrowser().goTo(`${url}/v1/access/session/sso?${query}`);
    expectPage(answer, 400, "return_to: ");
  });
});

describe("nobody comes in", () => {
  /** Neither a session nor a word of who exists. */
  async function expectNobody(browser: Browser, answer: Answered, status: number, says: string) {
    expectPage(answer, status, says);
    expect(browser.cookie(url, names.session)).toBeUndefined();
    expect((await whoIs(browser)).status).toBe(401);
  }

  test("who was never invited, and is not made by trying; nor who has left; one text for both", async () => {
    const stranger = await someone(undefined, { owners: [] });
    const leaver = await someone();
    await organization.owner.ok("PATCH", "/v1/organization/members", {
      remove_users: { emails: [leaver.email] },
    });
    for (const { account, email } of [stranger, leaver]) {
      const browser = newBrowser();
      const answer = (await signIn(browser, account)).at(-1) as Answered;
      await expectNobody(browser, answer, 403, "your e-mail address is that of no member here");
      expect(answer.text).not.toContain(organization.name);
      expect(answer.text).not.toContain(email);
    }
    await expect(system.identity.findUser({ email: stranger.email })).rejects.toMatchObject({
      kind: "absent",
    });
  });

  test.each<[string, Account]>([
    ["is not verified", { email_verified: false }],
    ["is said to be verified in another way", { email_verified: "true" }],
    ["is not said to be verified", { email_verified: undefined }],
    ["is missing", { email: undefined as unknown as string, email_verified: true }],
    ["is none", { email: "ada", email_verified: true }],
    ["is longer than any", { email: `${"a".repeat(300)}@example.com`, email_verified: true }],
  ])("whose address %s", async (_, account) => {
    const browser = newBrowser();
    const answer = (await signIn(browser, (await someone(account)).account)).at(-1) as Answered;
    await expectNobody(browser, answer, 403, "Signing in did not work");
  });

  test("who does not sign in at the provider", async () => {
    const browser = newBrowser();
    const answer = (await signIn(browser, "")).at(-1) as Answered;
    await expectNobody(browser, answer, 403, "the identity provider did not sign you in");
  });

  test("with the answer to another sign-in", async () => {
    const { account } = await someone();
    const victim = newBrowser();
    await begin(victim);
    // The answer is the attacker's, whose account the victim would use without knowing.
    const answer = await answerOfProvider(newBrowser(), account);
    await expectNobody(victim, await comeBack(victim, answer), 400, "begin again");
  });

  test.each(["state", "code", "iss"])("with a changed %s", async (parameter) => {
    const { account } = await someone();
    const browser = newBrowser();
    const answer = new URL(await answerOfProvider(browser, account));
    expect(answer.searchParams.get(parameter)).not.toBeNull();
    answer.searchParams.set(parameter, `${answer.searchParams.get(parameter)}x`);
    await expectNobody(browser, await comeBack(browser, answer.href), 400, "begin again");
  });

  test.each([
    ["nothing", ""],
    ["two codes", "?code=a&code=b&state=x"],
    ["an error of nobody", "?error=access_denied&error_description=<script>alert(1)</script>"],
  ])("with %s", async (_, query) => {
    const browser = newBrowser();
    await begin(browser);
    const answer = await comeBack(browser, `${callback}${query}`);
    await expectNobody(browser, answer, 400, "begin again");
    expect(answer.text).not.toContain("<script>");
  });

  test("with a code that was used already", async () => {
    const { account } = await someone();
    const browser = newBrowser();
    const page = await begin(browser);
    const kept = browser.cookie(url, names.signIn)?.value ?? "";
    const answer = await answerOfProvider(browser, account, page);
    expect((await comeBack(browser, answer)).status).toBe(303);
    const thief = newBrowser();
    thief.plant(url, names.signIn, kept);
    await expectNobody(thief, await comeBack(thief, answer), 400, "begin again");
  });

  test("with an ID token that was made for another question", async () => {
    const { account } = await someone();
    const browser = newBrowser();
    const { headers } = await browser.send(`${url}/v1/access/session/sso`, { navigates: true });
    const asked = new URL(headers.get("location") ?? "");
    asked.searchParams.set("nonce", "another");
    const page = await browser.goTo(asked.href);
    const answer = await answerOfProvider(browser, account, page);
    await expectNobody(browser, await comeBack(browser, answer), 400, "begin again");
  });

  test("without the cookie of a sign-in, with a changed one, an old one, or one that was sealed for something else", async () => {
    const { account } = await someone();
    const browser = newBrowser();
    const answer = await answerOfProvider(browser, account);
    const sealed = browser.cookie(url, names.signIn)?.value ?? "";
    const shape = z.object({
      state: z.string(),
      nonce: z.string(),
      codeVerifier: z.string(),
      returnTo: z.string(),
    });
    const state = new URL(answer).searchParams.get("state") ?? "";
    const value = { state, nonce: "n", codeVerifier: "v".repeat(43), returnTo: "/console/" };
    const wrong = [
      "",
      `${sealed.slice(0, -2)}${sealed.endsWith("AA") ? "BB" : "AA"}`,
      await sealing(cookieSecret, "sign-in", shape).seal(value, -1),
      await sealing(cookieSecret, "choice of an organization", shape).seal(value, 60),
      await sealing("another secret of forty characters, or so", "sign-in", shape).seal(value, 60),
    ];
    for (const cookie of wrong) {
      const other = newBrowser();
      if (cookie !== "") other.plant(url, names.signIn, cookie);
      await expectNobody(other, await comeBack(other, answer), 400, "signing in took too long");
    }
    // All of it was right but for the cookie.
    expect((await comeBack(browser, answer)).status).toBe(303);
  });
});

describe("a member of several organisations", () => {
  let other: typeof organization;
  beforeAll(async () => {
    other = await makeOrganization();
  });
  const member = () => someone(undefined, { owners: [organization.owner, other.owner] });
  const organizations = async (browser: Browser, from = `${url}/console/choose-organization`) => {
    const answer = await browser.send(`${url}/v1/access/session/organizations`, { from });
    return { status: answer.status, body: JSON.parse(answer.text) as Record<string, unknown> };
  };
  const take = async (browser: Browser, body: unknown, from = `${url}/console/choose-organization`) => {
    const answer = await browser.send(`${url}/v1/access/session/organization`, {
      method: "POST",
      from,
      body,
    });
    return { status: answer.status, body: JSON.parse(answer.text) as Record<string, unknown> };
  };

  test("is asked which one, and then goes where it wanted", async () => {
    const { account, email } = await member();
    const browser = newBrowser();
    const answers = await signIn(browser, account, "/console/roles");
    expect(answers.at(-1)?.url).toBe(`${url}/console/choose-organization`);
    expect(browser.cookie(url, names.session)).toBeUndefined();
    const attributes = Object.fromEntries(browser.cookie(url, names.choice)?.attributes ?? []);
    expect(attributes).toMatchObject({ httponly: "", secure: "", samesite: "Strict", "max-age": "600" });
    const { body } = await organizations(browser);
    expect(body).toEqual({
      email,
      organizations: [organization, other]
        .map(({ id, name }) => ({ id, name }))
        .toSorted((one, two) => one.name.localeCompare(two.name)),
      return_to: "/console/roles",
    });
    const taken = await take(browser, { org_id: other.id });
    expect(taken).toMatchObject({ status: 200, body: { org_id: other.id, email } });
    expect(browser.cookie(url, names.choice)).toBeUndefined();
    expect((await whoIs(browser)).body).toEqual(taken.body);
    expect((await organizations(browser)).status).toBe(401);
  });

  test("gets into none that is not its own, and names one correctly", async () => {
    const { account } = await member();
    const browser = newBrowser();
    await signIn(browser, account);
    const foreign = await makeOrganization();
    for (const org_id of [foreign.id, randomUUID()]) {
      expect(await take(browser, { org_id })).toMatchObject({
        status: 400,
        body: { error: "org_id: is no organization of yours" },
      });
    }
    for (const body of [{}, { org_id: "x" }, { org_id: other.id, colour: "red" }]) {
      expect((await take(browser, body)).status).toBe(400);
    }
    expect(browser.cookie(url, names.session)).toBeUndefined();
    expect((await take(browser, { org_id: other.id })).status).toBe(200);
  });

  test("chooses on our own page", async () => {
    const { account } = await member();
    const browser = newBrowser();
    await signIn(browser, account);
    expect((await organizations(browser, "https://evil.example/")).status).toBe(403);
    expect((await take(browser, { org_id: other.id }, "https://evil.example/")).status).toBe(403);
    expect(browser.cookie(url, names.session)).toBeUndefined();
  });

  test("is nobody else for having chosen a cookie", async () => {
    const { account } = await member();
    const browser = newBrowser();
    await signIn(browser, account);
    const sealed = browser.cookie(url, names.choice)?.value ?? "";
    const shape = z.object({ principal: z.string(), email: z.string(), returnTo: z.string() });
    const value = { principal: randomUUID(), email: "ada@example.com", returnTo: "/console/" };
    for (const cookie of [
      `${sealed.slice(0, -2)}${sealed.endsWith("AA") ? "BB" : "AA"}`,
      await sealing(cookieSecret, "choice of an organization", shape).seal(value, -1),
      await sealing(cookieSecret, "sign-in", shape).seal(value, 60),
    ]) {
      browser.plant(url, names.choice, cookie);
      expect((await organizations(browser)).status).toBe(401);
      expect((await take(browser, { org_id: other.id })).status).toBe(401);
    }
  });

  test("who has left all but one meanwhile gets into that one", async () => {
    const { account, email } = await member();
    const browser = newBrowser();
    await signIn(browser, account);
    await other.owner.ok("PATCH", "/v1/organization/members", { remove_users: { emails: [email] } });
    expect((await organizations(browser)).body).toMatchObject({ organizations: [{ id: organization.id }] });
    expect((await take(browser, { org_id: other.id })).status).toBe(400);
    expect((await take(browser, { org_id: organization.id })).status).toBe(200);
  });
});

test("a session ends with the membership, and what the provider says later changes nothing", async () => {
  const { account, email } = await someone();
  const browser = newBrowser();
  await signIn(browser, account);
  expect((await whoIs(browser)).status).toBe(200);
  await organization.owner.ok("PATCH", "/v1/organization/members", { remove_users: { emails: [email] } });
  expect((await whoIs(browser)).status).toBe(401);
});

test("neither codes nor states nor secrets stand in the log", async () => {
  const { account } = await someone();
  const browser = newBrowser();
  const answer = new URL(await answerOfProvider(browser, account));
  const sealed = browser.cookie(url, names.signIn)?.value ?? "";
  await comeBack(browser, answer.href);
  await comeBack(browser, answer.href);
  const session = browser.cookie(url, names.session)?.value ?? "";
  const output = system.output("admin");
  const { searchParams } = answer;
  for (const hidden of [searchParams.get("code"), searchParams.get("state"), sealed, session]) {
    expect(hidden).toBeTruthy();
    expect(output).not.toContain(hidden);
  }
  expect(output).not.toContain(clientSecret);
  expect(output).not.toContain(cookieSecret);
});

// The last one: afterwards there is no provider any more.
test("while the provider is down people are told so, and an API key still opens", async () => {
  const { account } = await someone();
  const browser = newBrowser();
  const answer = await answerOfProvider(browser, account);
  await provider[Symbol.asyncDispose]();
  expectPage(await comeBack(browser, answer), 503, "the identity provider can&#39;t be asked now");
  await system.stop("admin");
  await system.start("admin");
  const page = await browser.goTo(`${url}/v1/access/session/sso`);
  expectPage(page, 503, "the identity provider can&#39;t be asked now");
  expect(page.headers.get("retry-after")).toBe("5");
  const opened = await browser.send(`${url}/v1/access/session`, {
    method: "POST",
    from: `${url}/console/sign-in`,
    body: { api_key: organization.key },
  });
  expect(opened.status).toBe(200);
  expect((await whoIs(browser)).body).toMatchObject({ org_id: organization.id, owner: true });
});
