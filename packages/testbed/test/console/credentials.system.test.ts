import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { restClient } from "../../src/rest.ts";
import type { Objects } from "../rest/facade.ts";
import { type ConsoleUnderTest, expectAnnounced, pick, startConsole } from "./browser.ts";

// API keys and service tokens: shown once, rotated, revoked.

let console: ConsoleUnderTest;
beforeAll(async () => {
  console = await startConsole();
});
afterAll(() => console?.[Symbol.asyncDispose]());

async function statusWith(key: string): Promise<number> {
  return (await restClient(console.facade.system.adminUrl, key).request("GET", "/v1/organization")).status;
}

test("an API key is created with an expiry and a scope, shown once with copy, and then only by its end", async () => {
  const [project, other] = await Promise.all(
    ["Compilers", "Looms"].map((name) =>
      console.facade.owner.rest.ok<{ id: string; name: string }>("POST", "/v1/project", { name }),
    ),
  );
  if (project === undefined || other === undefined) throw new Error("no projects");
  const { page, complaints } = await console.signedIn(console.facade.owner.key, "/console/settings/api-keys");
  await page.getByRole("button", { name: "Create API key" }).click();
  const dialog = page.getByRole("dialog", { name: "Create API key" });
  await dialog.getByLabel("Name").fill("laptop");
  await dialog.getByLabel("Only for these permissions").click();
  await page.getByRole("option", { name: "Read", exact: true }).click();
  await page.keyboard.press("Escape");
  await dialog.getByRole("combobox", { name: "Only within these projects" }).fill(project.name);
  await page.getByRole("option", { name: project.name }).click();
  await page.keyboard.press("Escape");
  await dialog.getByRole("button", { name: "Create", exact: true }).click();
  const secret = page.getByRole("dialog", { name: "Copy it now" });
  const key = (await secret.getByTestId("secret").textContent()) ?? "";
  expect(key).toMatch(/^sk-/);
  await secret.getByRole("button", { name: "Copy" }).click();
  expect(await page.evaluate("navigator.clipboard.readText()")).toBe(key);
  await secret.getByRole("button", { name: "I have copied it" }).click();
  await page.getByRole("rowheader", { name: /laptop/ }).waitFor();
  expect(await page.content()).not.toContain(key);
  await page.goBack();
  await page.goForward();
  expect(await page.content()).not.toContain(key);
  const asKey = restClient(console.facade.system.adminUrl, key);
  await page.getByText("Read, within Project Compilers").waitFor();
  expect((await asKey.request("GET", `/v1/project/${project.id}`)).status).toBe(200);
  expect((await asKey.request("GET", `/v1/project/${other.id}`)).status).toBe(404);
  expect((await asKey.request("PATCH", `/v1/project/${project.id}`, { name: randomUUID() })).status).toBe(
    403,
  );
  const { objects } = await console.facade.owner.rest.ok<Objects<{ expires_at: string | null }>>(
    "GET",
    "/v1/api_key?api_key_name=laptop",
  );
  const days = (new Date(objects[0]?.expires_at ?? 0).getTime() - Date.now()) / 86_400_000;
  expect(Math.round(days)).toBe(90);
  expect(complaints).toEqual([]);
});

test("an API key is rotated: the new one works, and the old one stops when it was said to", async () => {
  const { owner } = console.facade;
  const old = await owner.rest.ok<{ key: string }>("POST", "/v1/api_key", { name: "to rotate" });
  const { page } = await console.signedIn(owner.key, "/console/settings/api-keys");
  await page.getByRole("button", { name: "Actions for to rotate" }).click();
  await page.getByRole("menuitem", { name: "Rotate" }).click();
  const dialog = page.getByRole("dialog", { name: "Rotate to rotate?" });
  await dialog.getByLabel("The old one stops working").click();
  await page.getByRole("option", { name: "At once" }).click();
  await dialog.getByRole("button", { name: "Rotate" }).click();
  const key = (await page.getByTestId("secret").textContent()) ?? "";
  expect(key).not.toBe(old.key);
  expect(await statusWith(key)).toBe(200);
  await expect.poll(() => statusWith(old.key)).toBe(401);
});

test("an API key is revoked after a question, and works no more", async () => {
  const { owner } = console.facade;
  const made = await owner.rest.ok<{ key: string }>("POST", "/v1/api_key", { name: "to revoke" });
  const { page } = await console.signedIn(owner.key, "/console/settings/api-keys");
  await page.getByRole("button", { name: "Actions for to revoke" }).click();
  await page.getByRole("menuitem", { name: "Revoke" }).click();
  const dialog = page.getByRole("dialog", { name: "Revoke to revoke?" });
  await dialog.getByRole("button", { name: "Cancel" }).click();
  expect(await statusWith(made.key)).toBe(200);
  await page.getByRole("button", { name: "Actions for to revoke" }).click();
  await page.getByRole("menuitem", { name: "Revoke" }).click();
  await dialog.getByRole("button", { name: "Revoke" }).click();
  await expectAnnounced(page, "to revoke was revoked");
  await expect.poll(() => statusWith(made.key)).toBe(401);
});

test("an Owner sees everybody's API keys and revokes one; others see their own alone", async () => {
  const { owner, viewer } = console.facade;
  await viewer.rest.ok("POST", "/v1/api_key", { name: "of the viewer" });
  const others = await console.signedIn(viewer.key, "/console/settings/api-keys");
  await others.page.getByRole("rowheader", { name: /of the viewer/ }).waitFor();
  expect(await others.page.getByRole("tab", { name: "Everybody's" }).count()).toBe(0);
  const { page } = await console.signedIn(owner.key, "/console/settings/api-keys");
  await page.getByRole("tab", { name: "Everybody's" }).click();
  await page.getByRole("button", { name: "Actions for of the viewer" }).click();
  expect(await page.getByRole("menuitem", { name: "Rotate" }).count()).toBe(0);
  await page.getByRole("menuitem", { name: "Revoke" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await expectAnnounced(page, "of the viewer was revoked");
});

test("a service token is created for a service account, and only Owners see them", async () => {
  const { owner, viewer } = console.facade;
  const account = `importer ${randomUUID()}`;
  await owner.rest.ok("PATCH", "/v1/organization/members", {
    invite_users: { service_accounts: [{ name: account }] },
  });
  const { page } = await console.signedIn(owner.key, "/console/settings/service-tokens");
  await page.getByRole("button", { name: "Create service token" }).click();
  await pick(page, "Service account", account);
  const dialog = page.getByRole("dialog", { name: "Create service token" });
  await dialog.getByLabel("Name").fill("nightly");
  await dialog.getByRole("button", { name: "Create", exact: true }).click();
  const token = (await page.getByTestId("secret").textContent()) ?? "";
  expect(token).toMatch(/^bt-st-/);
  expect(await statusWith(token)).toBe(200);
  await page.getByRole("button", { name: "I have copied it" }).click();
  await page.getByRole("row", { name: new RegExp(account) }).waitFor();
  const others = await console.signedIn(viewer.key, "/console/settings/service-tokens");
  await others.page.getByRole("alert").getByText("You don't have access to this").waitFor();
  expect(await others.page.getByRole("link", { name: "Service tokens" }).count()).toBe(0);
});
