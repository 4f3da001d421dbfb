import { afterAll, beforeAll, expect, test } from "vitest";
import { newEmail, type Objects } from "../rest/facade.ts";
import { type ConsoleUnderTest, expectAnnounced, settled, startConsole } from "./browser.ts";

// Settings > Members, as an administrator uses it.

let console: ConsoleUnderTest;
beforeAll(async () => {
  console = await startConsole();
});
afterAll(() => console?.[Symbol.asyncDispose]());

interface User {
  readonly id: string;
  readonly email: string | null;
  readonly given_name: string | null;
}

async function usersBy(query: string): Promise<readonly User[]> {
  return (await console.facade.owner.rest.ok<Objects<User>>("GET", `/v1/user?${query}`)).objects;
}

async function membersOf(groupId: string): Promise<readonly string[]> {
  const group = await console.facade.owner.rest.ok<{ member_users: string[] }>("GET", `/v1/group/${groupId}`);
  return group.member_users;
}

test("people are invited by e-mail, one per line, into groups", async () => {
  const { facade } = console;
  const { page, complaints } = await console.signedIn(facade.owner.key);
  const [ada, bob] = [newEmail(), newEmail()];
  await page.getByRole("button", { name: "Invite members" }).click();
  const dialog = page.getByRole("dialog", { name: "Invite members" });
  await dialog.getByLabel("E-mail addresses").fill(`${ada}\nnot an address\n`);
  await dialog.getByRole("button", { name: "Invite" }).click();
  await dialog.getByText("Line 2 is no e-mail address").waitFor();
  await dialog.getByLabel("E-mail addresses").fill(`${ada}\n\n${bob}\n`);
  await dialog.getByLabel("Permission groups").click();
  await page.getByRole("option", { name: "Viewers" }).click();
  await page.keyboard.press("Escape");
  await dialog.getByRole("button", { name: "Invite" }).click();
  await expectAnnounced(page, "2 members invited");
  await dialog.waitFor({ state: "detached" });
  const users = [...(await usersBy(`email=${ada}`)), ...(await usersBy(`email=${bob}`))];
  expect(users.map((user) => user.email)).toEqual([ada, bob]);
  expect(await membersOf(facade.builtIn.viewers)).toEqual(
    expect.arrayContaining(users.map((user) => user.id)),
  );
  await page.getByRole("rowheader", { name: ada }).waitFor();
  expect(complaints).toEqual([]);
});

test("a search finds members by a part of their address, and stands in the URL", async () => {
  const { facade } = console;
  const member = await facade.member();
  const [user] = await usersBy(`ids=${member.id}`);
  const part = user?.email?.slice(0, 8) ?? "";
  const { page } = await console.signedIn(facade.owner.key);
  await page.getByRole("searchbox", { name: "Search people" }).fill(part.toUpperCase());
  await expect.poll(() => page.getByRole("rowheader").count()).toBe(1);
  await page.reload();
  await page.getByRole("rowheader", { name: user?.email ?? "" }).waitFor();
  expect(await page.getByRole("searchbox", { name: "Search people" }).inputValue()).toBe(part.toUpperCase());
  await page.getByRole("searchbox", { name: "Search people" }).fill("nobody is called this");
  await page.getByText("Nobody found for").waitFor();
});

test("service accounts have their own tab, and their first token is shown once", async () => {
  const { facade } = console;
  const { page } = await console.signedIn(facade.owner.key, "/console/settings/members?tab=service-accounts");
  await page.getByRole("button", { name: "Create service account" }).click();
  const dialog = page.getByRole("dialog", { name: "Create service account" });
  await dialog.getByLabel("Name").fill("deploy pipeline");
  await dialog.getByLabel("Create a first service token").check();
  await dialog.getByRole("button", { name: "Create" }).click();
  const secret = page.getByRole("dialog", { name: "Copy it now" });
  const token = (await secret.getByTestId("secret").textContent()) ?? "";
  expect(token).toMatch(/^bt-st-/);
  const answer = await fetch(`${facade.system.adminUrl}/v1/organization`, {
    headers: { authorization: `Bearer ${token}` },
  });
  expect(answer.status).toBe(200);
  await secret.getByRole("button", { name: "I have copied it" }).click();
  await page.getByRole("rowheader", { name: "deploy pipeline" }).waitFor();
  expect(await page.content()).not.toContain(token);
  expect(page.url()).not.toContain(token);
  await page.getByRole("button", { name: "Create service account" }).click();
  await dialog.getByLabel("Name").fill("deploy pipeline");
  await dialog.getByLabel("Create a first service token").uncheck();
  await dialog.getByRole("button", { name: "Create" }).click();
  await expectAnnounced(page, "Service account deploy pipeline was there already");
});

test("a removal says what it ends, and ends it; the focus comes back to the page", async () => {
  const { facade } = console;
  const project = await facade.owner.rest.ok<{ id: string }>("POST", "/v1/project", { name: "Voice" });
  const member = await facade.member([facade.builtIn.viewers]);
  const [user] = await usersBy(`ids=${member.id}`);
  const email = user?.email ?? "";
  const { page } = await console.signedIn(facade.owner.key, `/console/settings/members?q=${email}`);
  const actions = page.getByRole("button", { name: `Actions for ${email}` });
  const dialog = page.getByRole("dialog", { name: `Remove ${email}?` });
  await actions.click();
  await page.getByRole("menuitem", { name: "Remove from the organization" }).click();
  await dialog.getByText(/loses Read on Project Voice/).waitFor();
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await dialog.waitFor({ state: "detached" });
  await expect
    .poll(() => page.evaluate("document.activeElement.getAttribute('aria-label')"))
    .toBe(`Actions for ${email}`);
  expect(await usersBy(`ids=${member.id}`)).toHaveLength(1);
  await actions.click();
  await page.getByRole("menuitem", { name: "Remove from the organization" }).click();
  await dialog.getByRole("button", { name: "Remove" }).click();
  await expectAnnounced(page, `${email} was removed`);
  expect(await usersBy(`ids=${member.id}`)).toHaveLength(0);
  const check = await facade.owner.rest.ok<{ allowed: boolean }>("POST", "/v1/access/check", {
    principal_id: member.id,
    permission: "read",
    object: { type: "project", id: project.id },
    consistency: { fully_consistent: {} },
  });
  expect(check.allowed).toBe(false);
});

test("the last Owner can't be removed, and is told why", async () => {
  const { facade } = console;
  const [user] = await usersBy(`ids=${facade.owner.id}`);
  const { page } = await console.signedIn(
    facade.owner.key,
    `/console/settings/members?remove=${facade.owner.id}`,
  );
  const dialog = page.getByRole("dialog", { name: `Remove ${user?.email}?` });
  await dialog.getByText("There is no preview").waitFor();
  await dialog.getByRole("button", { name: "Remove" }).click();
  await dialog.getByText("This was not done").waitFor();
  expect(await usersBy(`ids=${facade.owner.id}`)).toHaveLength(1);
});

test("long lists come in pages, which stand in the URL", async () => {
  const { facade } = console;
  const emails = Array.from(
    { length: 120 },
    (_, index) => `crowd-${String(index).padStart(3, "0")}@example.com`,
  );
  await facade.owner.rest.ok("PATCH", "/v1/organization/members", { invite_users: { emails } });
  const { page } = await console.signedIn(facade.owner.key, "/console/settings/members?q=crowd-");
  const seen = new Set<string>();
  for (let pages = 1; ; pages += 1) {
    await settled(page);
    for (const name of await page.getByRole("rowheader").allTextContents()) seen.add(name);
    const next = page.getByRole("link", { name: "Next page" });
    if ((await next.count()) === 0) break;
    expect(pages).toBeLessThan(5);
    const first = page.getByRole("rowheader").first();
    const before = await first.textContent();
    await next.click();
    await expect.poll(() => first.textContent()).not.toBe(before);
  }
  expect(seen.size).toBe(120);
  await page.getByRole("link", { name: "First page" }).click();
  await expect.poll(() => new URL(page.url()).search).toBe("?q=crowd-");
});

test("a member without any access sees only themself, and no page breaks", async () => {
  const { facade } = console;
  const { page, complaints } = await console.signedIn(facade.newcomer.key);
  expect(await page.getByRole("rowheader").count()).toBe(1);
  await page.getByRole("link", { name: "Audit log" }).click();
  await page.getByRole("alert").getByText("You don't have access to this").waitFor();
  await page.getByRole("link", { name: "Permission groups" }).click();
  await page.getByText("No permission groups that you can see").waitFor();
  expect(complaints).toEqual([]);
});
