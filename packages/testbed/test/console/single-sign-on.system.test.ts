import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { type IncomingMessage, request, type ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";
import { createOrganization } from "@portcullis/admin-service/create-organization";
import { generate } from "selfsigned";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Account, type IdentityProvider, startIdentityProvider } from "../../src/identity-provider.ts";
import { restClient } from "../../src/rest.ts";
import { newEmail } from "../rest/facade.ts";
import { type ConsoleUnderTest, startConsole } from "./browser.ts";

// Signing in at an identity provider with a browser. To it the provider is another site than the console, as in life.

const accounts: Record<string, Account> = {};
const parts = new AsyncDisposableStack();
let provider: IdentityProvider;
let console: ConsoleUnderTest;
beforeAll(async () => {
  let admin = "";
  const front = parts.use(await startFront(() => admin));
  const clientSecret = "the client's secret, which nobody is told";
  provider = parts.use(
    await startIdentityProvider({
      clientId: "portcullis",
      clientSecret,
      redirectUris: [`${front.address}/v1/access/session/sso/callback`],
      accounts,
    }),
  );
  const environment = {
    NODE_EXTRA_CA_CERTS: provider.authority,
    PORTCULLIS_PUBLIC_URL: front.address,
    PORTCULLIS_OIDC_ISSUER: provider.issuer,
    PORTCULLIS_OIDC_CLIENT_ID: "portcullis",
    PORTCULLIS_OIDC_CLIENT_SECRET: clientSecret,
    PORTCULLIS_OIDC_NAME: "Acme's directory",
    PORTCULLIS_COOKIE_SECRET: "c".repeat(40),
  };
  console = parts.use(await startConsole({ environment, address: front.address }));
  admin = console.facade.system.adminUrl;
});
afterAll(() => parts.disposeAsync());

/** Speaks HTTPS before the facade, as sign-on asks of every installation. */
async function startFront(target: () => string): Promise<AsyncDisposable & { readonly address: string }> {
  const { private: key, cert } = await generate([{ name: "commonName", value: "localhost" }]);
  const server = createServer({ key, cert }, (asked, answered) => void pass(target(), asked, answered));
  server.listen(0, "localhost");
  await once(server, "listening");
  return {
    address: `https://localhost:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function pass(to: string, asked: IncomingMessage, answered: ServerResponse): Promise<void> {
  const { method = "GET", url = "/", headers } = asked;
  const passed = request(`${to}${url}`, { method, headers });
  passed.on("response", (response) => {
    answered.writeHead(response.statusCode ?? 502, response.headers);
    pipeline(response, answered).catch(() => answered.destroy());
  });
  await pipeline(asked, passed).catch(() => answered.destroy());
}

/** Somebody with an account at the provider, who is a member of the organisations of these keys. */
async function someone(ownerKeys: readonly string[]): Promise<string> {
  const email = newEmail();
  accounts[email] = { email, email_verified: true };
  for (const key of ownerKeys) {
    await restClient(console.facade.system.adminUrl, key).ok("PATCH", "/v1/organization/members", {
      invite_users: { emails: [email], group_names: ["Owners"] },
    });
  }
  return email;
}

async function signInAs(email: string, path: string) {
  const visit = await console.visit();
  const { page } = visit;
  await page.goto(path);
  await page.getByRole("link", { name: "Sign in with Acme's directory" }).click();
  await page.waitForURL(`${provider.issuer}/**`);
  await page.getByRole("link", { name: email }).click();
  return visit;
}

test("who signs in at the provider comes to the page that they wanted, and may work there", async () => {
  const email = await someone([console.facade.owner.key]);
  const { page, context, complaints } = await signInAs(email, "/console/settings/groups?q=Own");
  await page.getByRole("heading", { level: 1, name: "Permission groups" }).waitFor();
  expect(new URL(page.url()).search).toBe("?q=Own");
  await page.getByRole("button", { name: new RegExp(email) }).waitFor();
  await page.getByRole("button", { name: "Create permission group" }).click();
  const name = `Made by single sign-on ${randomUUID().slice(0, 8)}`;
  await page.getByRole("textbox", { name: "Name" }).fill(name);
  await page.getByRole("dialog").getByRole("button", { name: "Create", exact: true }).click();
  await expect
    .poll(async () => {
      const query = new URLSearchParams({ group_name: name });
      const list = await console.facade.owner.rest.ok<{ objects: object[] }>("GET", `/v1/group?${query}`);
      return list.objects.length;
    })
    .toBe(1);
  const [session] = (await context.cookies()).filter((cookie) => cookie.name.endsWith("portcullis-session"));
  expect(session).toMatchObject({ httpOnly: true, secure: true, sameSite: "Strict" });
  expect(complaints).toEqual([]);
});

test("who is a member of several organisations chooses one", async () => {
  const name = `Second ${randomUUID()}`;
  const { ownerKey } = await createOrganization(console.facade.system, {
    name,
    owner: { email: newEmail() },
  });
  const email = await someone([console.facade.owner.key, ownerKey]);
  const { page, complaints } = await signInAs(email, "/console/settings/members");
  await page.getByRole("heading", { level: 1, name: "Choose an organization" }).waitFor();
  await page.getByRole("button", { name }).click();
  await page.getByRole("heading", { level: 1, name: "Members" }).waitFor();
  await page.getByText(name).first().waitFor();
  expect(complaints).toEqual([]);
});

test("somebody whom nobody invited is told so, and is not signed in", async () => {
  const email = await someone([]);
  const { page, context } = await signInAs(email, "/console/");
  await page.getByRole("heading", { level: 1 }).waitFor();
  expect(page.url().startsWith(provider.issuer)).toBe(false);
  const names = (await context.cookies()).map((cookie) => cookie.name);
  expect(names.filter((name) => name.endsWith("portcullis-session"))).toEqual([]);
  await page.goto("/console/settings/members");
  await page.getByRole("heading", { level: 1, name: "Sign in to Portcullis" }).waitFor();
});
