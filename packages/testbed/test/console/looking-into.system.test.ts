import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Objects } from "../rest/facade.ts";
import { type ConsoleUnderTest, expectAnnounced, pick, settled, startConsole } from "./browser.ts";

// Roles, and the pages that show who has what and why: explorer, audit log, review.

let console: ConsoleUnderTest;
let project: string;
let experiment: string;
let research: string;
beforeAll(async () => {
  console = await startConsole();
  const { owner, engineer } = console.facade;
  const make = async (path: string, body: object) =>
    (await owner.rest.ok<{ id: string }>("POST", path, body)).id;
  project = await make("/v1/project", { name: "Assistant" });
  experiment = await make("/v1/experiment", { name: "Baseline", project_id: project });
  const evaluation = await make("/v1/group", { name: "Evaluation", member_users: [engineer.id] });
  research = await make("/v1/group", { name: "Research", member_groups: [evaluation] });
  await make("/v1/acl", {
    object_type: "project",
    object_id: project,
    group_id: research,
    permission: "create_acls",
  });
});
afterAll(() => console?.[Symbol.asyncDispose]());

async function emailOf(id: string): Promise<string> {
  return (await console.facade.owner.rest.ok<{ email: string }>("GET", `/v1/user/${id}`)).email;
}

test("a role is created with what it gives and includes, edited, and deleted", async () => {
  const { owner } = console.facade;
  const name = `Labeller ${randomUUID()}`;
  const { page, complaints } = await console.signedIn(owner.key, "/console/settings/roles");
  await page.getByRole("button", { name: "Create role" }).click();
  const dialog = page.getByRole("dialog", { name: "Create role" });
  await dialog.getByLabel("Name").fill(name);
  await dialog.getByRole("checkbox", { name: "Datasets: Update" }).check();
  await dialog.getByLabel("Includes these roles").click();
  await page.getByRole("option", { name: "Viewer" }).click();
  await page.keyboard.press("Escape");
  await dialog.getByRole("button", { name: "Create", exact: true }).click();
  await expectAnnounced(page, `Role ${name} created`);
  const find = async () =>
    (
      await owner.rest.ok<Objects<{ id: string; member_permissions: object[]; member_roles: string[] }>>(
        "GET",
        `/v1/role?role_name=${encodeURIComponent(name)}`,
      )
    ).objects;
  const [made] = await find();
  expect(made?.member_permissions).toEqual([{ permission: "update", restrict_object_type: "dataset" }]);
  expect(made?.member_roles).toHaveLength(1);
  await page
    .getByRole("row", { name: new RegExp(name) })
    .getByText("Viewer")
    .waitFor();
  await page.getByRole("button", { name: `Actions for ${name}` }).click();
  await page.getByRole("menuitem", { name: "Edit" }).click();
  const edit = page.getByRole("dialog", { name: `Edit ${name}` });
  await edit.getByRole("checkbox", { name: "Datasets: Update" }).uncheck();
  await edit.getByRole("checkbox", { name: "Experiments: Read" }).check();
  // What somebody else changes meanwhile is not taken back.
  await owner.rest.ok("PATCH", `/v1/role/${made?.id}`, {
    add_member_permissions: [{ permission: "read", restrict_object_type: "prompt" }],
    remove_member_roles: made?.member_roles,
  });
  await edit.getByRole("button", { name: "Save" }).click();
  await expectAnnounced(page, `Role ${name} saved`);
  const [saved] = await find();
  expect(saved?.member_permissions).toEqual([
    { permission: "read", restrict_object_type: "prompt" },
    { permission: "read", restrict_object_type: "experiment" },
  ]);
  expect(saved?.member_roles).toEqual([]);
  await page.getByRole("button", { name: `Actions for ${name}` }).click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expectAnnounced(page, `Role ${name} deleted`);
  expect(await find()).toEqual([]);
  expect(complaints).toEqual([]);
});

test("the built-in roles are shown, and can't be changed", async () => {
  const { page } = await console.signedIn(console.facade.viewer.key, "/console/settings/roles");
  for (const name of ["Owner", "Engineer", "Viewer"]) {
    await page.getByRole("rowheader", { name: new RegExp(`^${name} ?Built in`) }).waitFor();
    expect(await page.getByRole("button", { name: `Actions for ${name}` }).count()).toBe(0);
  }
});

test("who can access this: everybody, how, and sorted either way", async () => {
  const { owner, engineer } = console.facade;
  const { page } = await console.signedIn(owner.key, "/console/access/explorer");
  await page
    .getByRole("combobox", { name: "Project" })
    .or(page.getByLabel("Project", { exact: true }))
    .first()
    .click();
  await page.getByRole("option", { name: "Assistant" }).click();
  await page.getByLabel("May").first().click();
  await page.getByRole("option", { name: "Give access" }).click();
  const row = page.getByRole("row", { name: new RegExp(await emailOf(engineer.id)) });
  await row.getByText("As a member of Evaluation, in Research: Give access on project Assistant").waitFor();
  const names = () => page.getByRole("rowheader").allTextContents();
  const ascending = await names();
  await page.getByRole("columnheader", { name: "Who" }).getByRole("button").click();
  await expect.poll(names).toEqual(ascending.toReversed());
  await page.reload();
  await settled(page);
  expect(await names()).toEqual(ascending.toReversed());
});

test("what somebody can access, and why, drawn from them to the object", async () => {
  const { owner, engineer } = console.facade;
  const email = await emailOf(engineer.id);
  const { page } = await console.signedIn(owner.key, "/console/access/explorer?tab=what");
  await pick(page, "Who", email);
  await page.getByLabel("Which kind of objects").first().click();
  await page.getByRole("option", { name: "Experiments" }).click();
  await page.getByRole("rowheader", { name: "Experiment Baseline" }).waitFor();
  await page.getByRole("link", { name: "Why Experiment Baseline?" }).click();
  const ways = page.getByRole("region", { name: "Ways that allow it" });
  await ways.getByRole("listitem").first().waitFor();
  expect(await ways.getByRole("list").first().getByRole("listitem").allTextContents()).toEqual([
    email,
    "is ingroup Engineers",
    "has role Engineer onall projects",
    "which holdsproject Assistant",
    "which holdsexperiment Baseline",
  ]);
});

test("why not: where the way to it breaks", async () => {
  const { owner, viewer } = console.facade;
  const { page } = await console.signedIn(
    owner.key,
    `/console/access/explorer?tab=why&principal=${viewer.id}&permission=create_acls&type=experiment&project=${project}&object=${experiment}`,
  );
  await page.getByText("Denied").waitFor();
  const nearest = page.getByRole("region", { name: "What came nearest" });
  await nearest.getByRole("listitem").first().waitFor();
  expect(await nearest.getByRole("listitem").allTextContents()).toContain("is not ingroup Research");
});

test("the audit log is filtered, pages, and an entry opens with what was before and after", async () => {
  const { owner } = console.facade;
  const name = `Audited ${randomUUID()}`;
  const { id } = await owner.rest.ok<{ id: string }>("POST", "/v1/group", { name, description: "before" });
  await owner.rest.ok("PATCH", `/v1/group/${id}`, { description: "after" });
  const { page, complaints } = await console.signedIn(owner.key, "/console/access/audit-log");
  await page.getByLabel("What", { exact: true }).first().click();
  await page.getByRole("option", { name: "Group changed" }).click();
  // Rows that go move the others from under the mouse.
  await page.getByRole("link", { name: "Group created" }).first().waitFor({ state: "detached" });
  await settled(page);
  const row = page.getByRole("row", { name: new RegExp(name) });
  await row.getByRole("link", { name: "Group changed" }).click();
  const dialog = page.getByRole("dialog", { name: "Group changed" });
  await dialog.getByText("Changed: description").waitFor();
  await dialog.getByRole("region", { name: "Before", exact: true }).getByText('"before"').waitFor();
  await dialog.getByRole("region", { name: "After", exact: true }).getByText('"after"').waitFor();
  const address = page.url();
  await page.goto(address);
  await page.getByRole("dialog", { name: "Group changed" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  expect(new URL(page.url()).searchParams.get("action")).toBe("group_updated");
  await page.goto("/console/access/audit-log?from=2000-01-01&to=2000-01-02");
  await page.getByText("No changes found").waitFor();
  expect(complaints).toEqual([]);
});

test("a review lists who has what since when, marks what is stale, and is exported as CSV", async () => {
  const { owner, engineer } = console.facade;
  const email = await emailOf(engineer.id);
  const { page, complaints } = await console.signedIn(owner.key, `/console/access/review?project=${project}`);
  await page
    .getByRole("row", { name: new RegExp(email) })
    .first()
    .waitFor();
  const [saved] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Export as CSV" }).click(),
  ]);
  expect(saved.suggestedFilename()).toBe("Access review Assistant.csv");
  const csv = await readFile(await saved.path(), "utf8");
  expect(csv.split("\r\n")[0]).toBe("Who,E-mail,Kind,May,How,Since,Until,Last used a key,Marks");
  expect(csv).toContain(email);
  await page.goto(`/console/access/review?group=${research}`);
  await page.getByRole("rowheader").first().waitFor();
  expect(complaints).toEqual([]);
});

test("an access setting says what it means, is changed after a question, and holds", async () => {
  const { owner } = console.facade;
  const settings = () => owner.rest.ok<{ grant_cap: boolean }>("GET", "/v1/access/settings");
  const { page, complaints } = await console.signedIn(owner.key, "/console/settings/access");
  const cap = page.getByRole("region", { name: "Nobody grants more than they have" });
  await cap.getByText("Off", { exact: true }).waitFor();
  await cap.getByRole("button", { name: "Turn on" }).click();
  const dialog = page.getByRole("dialog", { name: "Turn on: Nobody grants more than they have" });
  await dialog.getByText("What was granted before stays.").waitFor();
  expect(await settings()).toMatchObject({ grant_cap: false });
  await dialog.getByRole("button", { name: "Turn on" }).click();
  await expectAnnounced(page, "The setting was changed");
  await cap.getByText("On", { exact: true }).waitFor();
  expect(await settings()).toMatchObject({ grant_cap: true });
  await page.goto("/console/settings/access?change=grant_cap");
  await page
    .getByRole("dialog", { name: "Turn off: Nobody grants more than they have" })
    .getByRole("button", { name: "Turn off" })
    .click();
  await cap.getByText("Off", { exact: true }).waitFor();
  expect(await settings()).toMatchObject({ grant_cap: false });
  expect(complaints).toEqual([]);
});

test("who may not change an access setting is told so, and it stays", async () => {
  const { owner, engineer } = console.facade;
  const { page } = await console.signedIn(
    engineer.key,
    "/console/settings/access?change=creator_owner_grant",
  );
  const dialog = page.getByRole("dialog", { name: "Turn off: Creators own what they create" });
  await dialog.getByRole("button", { name: "Turn off" }).click();
  await dialog.getByRole("alert").getByText("This was not done").waitFor();
  expect(await owner.rest.ok("GET", "/v1/access/settings")).toMatchObject({ creator_owner_grant: true });
});
