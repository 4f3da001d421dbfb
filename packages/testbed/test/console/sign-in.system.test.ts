import { afterAll, beforeAll, expect, test } from "vitest";
import { type ConsoleUnderTest, settled, signIn, startConsole } from "./browser.ts";

// Signing in and out of the console, and what becomes of a page when the session or a right is gone.

let console: ConsoleUnderTest;
beforeAll(async () => {
  console = await startConsole();
});
afterAll(() => console?.[Symbol.asyncDispose]());

test("who signs in with an API key, by keyboard alone, comes to the page that they wanted", async () => {
  const { page, complaints } = await console.visit();
  await page.goto("/console/settings/groups?q=Own");
  await page.getByRole("heading", { name: "Sign in to Portcullis" }).waitFor();
  await page.keyboard.press("Tab");
  await page.keyboard.type(console.facade.owner.key);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Permission groups" }).waitFor();
  await page.getByRole("link", { name: "Owners", exact: true }).waitFor();
  expect(new URL(page.url()).search).toBe("?q=Own");
  expect(await page.evaluate("document.activeElement.textContent")).toBe("Permission groups");
  expect(complaints).toEqual([]);
});

test("a wrong key is refused in words, and kept nowhere", async () => {
  const { page } = await console.visit();
  await page.goto("/console/");
  await page.getByRole("textbox", { name: "API key" }).fill("sk-nobody-has-this-one");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByText(/This key isn't known|not a well-formed|must be/).waitFor();
  expect(
    await page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie])"),
  ).not.toContain("sk-");
});

test("the session is out of reach of scripts, and outlives a reload", async () => {
  const { page, context } = await console.signedIn(console.facade.owner.key);
  const cookies = await context.cookies();
  expect(cookies.length).toBeGreaterThan(0);
  for (const cookie of cookies) expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Strict" });
  expect(await page.evaluate("document.cookie")).toBe("");
  await page.reload();
  await page.getByRole("heading", { level: 1, name: "Members" }).waitFor();
});

test("who signs out is out, or is told that they are not, and the way back leads to the sign-in page", async () => {
  const { page } = await console.signedIn(console.facade.owner.key);
  const everywhere = /\/v1\/access\/session\?everywhere=true$/;
  await page.route(everywhere, (route) => route.abort());
  await page.getByRole("button", { name: /Account/ }).click();
  await page.getByRole("menuitem", { name: "Sign out everywhere" }).click();
  await page.getByRole("status").getByText("You are still signed in").waitFor();
  await page.getByRole("button", { name: /Account/ }).click();
  await page.getByRole("menuitem", { name: "Sign out", exact: true }).click();
  await page.getByRole("heading", { name: "Sign in to Portcullis" }).waitFor();
  await page.goto("/console/settings/members");
  await page.getByRole("heading", { name: "Sign in to Portcullis" }).waitFor();
  expect(new URL(page.url()).pathname).toBe("/console/sign-in");
});

test("signing out everywhere ends the sessions in other browsers, which say so and lead back", async () => {
  const member = await console.facade.member([console.facade.builtIn.owners]);
  const here = await console.signedIn(member.key);
  const there = await console.signedIn(member.key, "/console/settings/roles");
  await here.page.getByRole("button", { name: /Account/ }).click();
  await here.page.getByRole("menuitem", { name: "Sign out everywhere" }).click();
  await here.page.getByRole("heading", { name: "Sign in to Portcullis" }).waitFor();
  await there.page.getByRole("link", { name: "Permission groups" }).click();
  await there.page.getByText("Your session has ended").waitFor();
  await signIn(there.page, member.key);
  await there.page.getByRole("heading", { level: 1, name: "Permission groups" }).waitFor();
  expect(new URL(there.page.url()).pathname).toBe("/console/settings/groups");
});

test("a right that is lost while the page is open shows as such", async () => {
  const { facade } = console;
  const member = await facade.member([facade.builtIn.owners]);
  const { page } = await console.signedIn(member.key, "/console/access/audit-log");
  await page.getByRole("table", { name: "Changes, newest first" }).waitFor();
  await facade.owner.rest.ok("PATCH", `/v1/group/${facade.builtIn.owners}`, {
    remove_member_users: [member.id],
  });
  await page.getByRole("link", { name: "Roles" }).click();
  await page.getByRole("heading", { level: 1, name: "Roles" }).waitFor();
  await page.getByRole("link", { name: "Audit log" }).click();
  await page.getByRole("alert").getByText("You don't have access to this").waitFor();
  expect(await page.getByRole("table").count()).toBe(0);
});

test("a part that is down shows as such, and trying again brings the page back", async () => {
  const { facade } = console;
  const { page } = await console.signedIn(facade.owner.key, "/console/projects");
  await facade.system.stop("groups");
  try {
    await page.getByRole("link", { name: "Permission groups" }).click();
    await page.getByRole("alert").getByText("Portcullis can't answer right now").waitFor({ timeout: 45_000 });
  } finally {
    await facade.system.start("groups");
  }
  await expect
    .poll(
      async () => {
        const retry = page.getByRole("button", { name: "Try again" });
        if ((await retry.count()) > 0) await retry.click();
        await settled(page);
        return page.getByRole("link", { name: "Engineers", exact: true }).count();
      },
      { timeout: 45_000, interval: 500 },
    )
    .toBe(1);
}, 120_000);
