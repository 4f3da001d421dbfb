import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Person } from "../rest/facade.ts";
import { type ConsoleUnderTest, expectAnnounced, pick, startConsole } from "./browser.ts";

// Project > Configuration > Permissions and an object's own dialog: what is ticked is what Check then answers.

let console: ConsoleUnderTest;
let project: string;
const objects = new Map<string, string>();
beforeAll(async () => {
  console = await startConsole();
  const { rest } = console.facade.owner;
  const make = async (path: string, body: object) => (await rest.ok<{ id: string }>("POST", path, body)).id;
  project = await make("/v1/project", { name: "Search ranking" });
  const inProject = { project_id: project };
  objects.set("project", project);
  objects.set("project_log", project);
  objects.set("experiment", await make("/v1/experiment", { name: "Tuned", ...inProject }));
  objects.set("dataset", await make("/v1/dataset", { name: "Golden", ...inProject }));
  objects.set("prompt", await make("/v1/prompt", { name: "Greeting", slug: "greeting", ...inProject }));
  objects.set("prompt_session", await make("/v1/access/playground", { name: "Trying", ...inProject }));
});
afterAll(() => console?.[Symbol.asyncDispose]());

async function allowed(who: Person, permission: string, type: string): Promise<boolean> {
  const { allowed } = await console.facade.owner.rest.ok<{ allowed: boolean }>("POST", "/v1/access/check", {
    principal_id: who.id,
    permission,
    object: { type, id: objects.get(type) },
    consistency: { fully_consistent: {} },
  });
  return allowed;
}

async function emailOf(who: Person): Promise<string> {
  return (await console.facade.owner.rest.ok<{ email: string }>("GET", `/v1/user/${who.id}`)).email;
}

/** Which types somebody may do something with. */
async function allowedOn(who: Person, permission: string): Promise<readonly string[]> {
  const types = [...objects.keys()];
  const answers = await Promise.all(types.map((type) => allowed(who, permission, type)));
  return types.filter((_type, index) => answers[index]);
}

function permissionsPath(): string {
  return `/console/projects/${project}/configuration/permissions`;
}

test("a tick of a project's row gives that permission on that kind alone", async () => {
  const { page, complaints } = await console.signedIn(console.facade.owner.key, permissionsPath());
  for (const [tick, permission, types] of [
    ["Project: Read", "read", ["project"]],
    ["Experiments: Delete", "delete", ["experiment"]],
    ["Logs: Read", "read", ["project_log"]],
    ["Playgrounds: Manage access", "create_acls", ["prompt_session"]],
    ["Everything: Read", "read", [...objects.keys()]],
  ] as const) {
    const member = await console.facade.member();
    const email = await emailOf(member);
    await pick(page, "Give access to", email);
    const dialog = page.getByRole("dialog", { name: `Permissions of ${email} on Search ranking` });
    await dialog.getByRole("checkbox", { name: tick }).check();
    await dialog.getByRole("button", { name: "Preview changes" }).click();
    await dialog.getByText("1 member gains access").waitFor();
    await dialog.getByRole("button", { name: "Save" }).click();
    await expectAnnounced(page, `Permissions of ${email} saved`);
    expect(await allowedOn(member, permission)).toEqual(types);
    await page.getByRole("button", { name: `Permissions of ${email}` }).waitFor();
  }
  expect(complaints).toEqual([]);
});

test("the pencil opens what a group has; select all, then none, and nothing is left", async () => {
  const { owner } = console.facade;
  const member = await console.facade.member();
  const name = `Team ${randomUUID()}`;
  const { id } = await owner.rest.ok<{ id: string }>("POST", "/v1/group", {
    name,
    member_users: [member.id],
  });
  await owner.rest.ok("POST", "/v1/acl", {
    object_type: "project",
    object_id: project,
    group_id: id,
    permission: "update",
    restrict_object_type: "dataset",
  });
  const { page } = await console.signedIn(owner.key, permissionsPath());
  const dialog = page.getByRole("dialog", { name: `Permissions of ${name} on Search ranking` });
  const save = async () => {
    await dialog.getByRole("button", { name: "Preview changes" }).click();
    await dialog
      .getByText(/1 member (gains|loses) access/)
      .first()
      .waitFor();
    await dialog.getByRole("button", { name: "Save" }).click();
    await expectAnnounced(page, `Permissions of ${name} saved`);
    await dialog.waitFor({ state: "detached" });
  };
  await page.getByRole("button", { name: `Permissions of ${name}` }).click();
  await expect.poll(() => dialog.getByRole("checkbox", { name: "Datasets: Update" }).isChecked()).toBe(true);
  await dialog.getByRole("button", { name: "Select all" }).click();
  await save();
  expect(await allowedOn(member, "delete_acls")).toHaveLength(objects.size);
  await page.getByRole("button", { name: `Permissions of ${name}` }).click();
  await dialog.getByRole("button", { name: "Select none" }).click();
  await save();
  for (const permission of ["read", "update", "delete_acls"]) {
    expect(await allowedOn(member, permission)).toEqual([]);
  }
  expect(await page.getByRole("button", { name: `Permissions of ${name}` }).count()).toBe(0);
});

test("what somebody else takes away while a dialog is open is not given back by it", async () => {
  const { owner } = console.facade;
  const member = await console.facade.member();
  const email = await emailOf(member);
  const { id } = await owner.rest.ok<{ id: string }>("POST", "/v1/acl", {
    object_type: "project",
    object_id: project,
    user_id: member.id,
    permission: "delete",
  });
  const { page } = await console.signedIn(owner.key, permissionsPath());
  await page.getByRole("button", { name: `Permissions of ${email}` }).click();
  const dialog = page.getByRole("dialog", { name: `Permissions of ${email} on Search ranking` });
  await dialog.getByRole("checkbox", { name: "Everything: Read" }).check();
  expect(await dialog.getByRole("checkbox", { name: "Everything: Delete" }).isChecked()).toBe(true);
  await owner.rest.ok("DELETE", `/v1/acl/${id}`);
  // Whoever comes back to the page makes it look again.
  const looksAgain = page.waitForResponse((answer) => answer.url().includes(`user_id=${member.id}`));
  await page.evaluate("window.dispatchEvent(new Event('visibilitychange'))");
  await looksAgain;
  await dialog.getByRole("button", { name: "Preview changes" }).click();
  await dialog.getByText("1 member gains access").waitFor();
  await dialog.getByRole("button", { name: "Save" }).click();
  await expectAnnounced(page, `Permissions of ${email} saved`);
  expect(await allowed(member, "read", "project")).toBe(true);
  expect(await allowed(member, "delete", "project")).toBe(false);
});

test("saving what everybody has already is flagged", async () => {
  const { page } = await console.signedIn(
    console.facade.owner.key,
    `${permissionsPath()}?subject=group:${console.facade.builtIn.owners}`,
  );
  const dialog = page.getByRole("dialog", { name: "Permissions of Owners on Search ranking" });
  await dialog.getByRole("checkbox", { name: "Prompts: Read" }).check();
  await dialog.getByRole("button", { name: "Preview changes" }).click();
  const warning = dialog.getByRole("alert").getByText("Everybody whom this is for has it already");
  await warning.waitFor();
  expect(await dialog.getByText("Nobody gains or loses anything by this").count()).toBe(1);
});

test("who would lock themselves out is warned before it happens", async () => {
  const { owner } = console.facade;
  const member = await console.facade.member();
  const onProject = { object_type: "project", object_id: project, user_id: member.id };
  for (const permission of ["read", "create_acls", "read_acls", "update_acls", "delete_acls"]) {
    await owner.rest.ok("POST", "/v1/acl", { ...onProject, permission });
  }
  // Only who may see all access is shown a preview.
  await owner.rest.ok("POST", "/v1/acl", {
    object_type: "organization",
    object_id: console.facade.org.orgId,
    user_id: member.id,
    permission: "read_acls",
    restrict_object_type: "organization",
  });
  const email = await emailOf(member);
  const { page } = await console.signedIn(member.key, permissionsPath());
  await page.getByRole("button", { name: `Permissions of ${email}` }).click();
  const dialog = page.getByRole("dialog", { name: `Permissions of ${email} on Search ranking` });
  await dialog.getByRole("checkbox", { name: "Everything: Manage access" }).uncheck();
  await dialog.getByRole("button", { name: "Preview changes" }).click();
  await dialog.getByRole("alert").getByText("You take access away from yourself").waitFor();
  await dialog.getByRole("button", { name: "Back" }).click();
  expect(await allowed(member, "create_acls", "project")).toBe(true);
});

test("who may not see all access is told that there is no preview, and may save all the same", async () => {
  const { owner } = console.facade;
  const [keeper, other] = [await console.facade.member(), await console.facade.member()];
  const onProject = { object_type: "project", object_id: project, user_id: keeper.id };
  for (const permission of ["read", "create_acls", "read_acls", "delete_acls"]) {
    await owner.rest.ok("POST", "/v1/acl", { ...onProject, permission });
  }
  const email = await emailOf(other);
  const { page } = await console.signedIn(keeper.key, permissionsPath());
  await pick(page, "Give access to", email);
  const dialog = page.getByRole("dialog", { name: `Permissions of ${email} on Search ranking` });
  await dialog.getByRole("checkbox", { name: "Experiments: Read" }).check();
  await dialog.getByRole("button", { name: "Preview changes" }).click();
  await dialog.getByText("There is no preview").waitFor();
  await dialog.getByRole("button", { name: "Save" }).click();
  await expectAnnounced(page, `Permissions of ${email} saved`);
  expect(await allowed(other, "read", "experiment")).toBe(true);
});

test("what fails while saving is said, and nothing of it is done", async () => {
  const { owner } = console.facade;
  const [keeper, other] = [await console.facade.member(), await console.facade.member()];
  const onProject = { object_type: "project", object_id: project, user_id: keeper.id };
  const { id: mayGive } = await owner.rest.ok<{ id: string }>("POST", "/v1/acl", {
    ...onProject,
    permission: "create_acls",
  });
  for (const permission of ["read", "read_acls"]) {
    await owner.rest.ok("POST", "/v1/acl", { ...onProject, permission });
  }
  const email = await emailOf(other);
  const { page } = await console.signedIn(keeper.key, permissionsPath());
  await pick(page, "Give access to", email);
  const dialog = page.getByRole("dialog", { name: `Permissions of ${email} on Search ranking` });
  await dialog.getByRole("checkbox", { name: "Experiments: Read" }).check();
  await dialog.getByRole("button", { name: "Preview changes" }).click();
  await owner.rest.ok("DELETE", `/v1/acl/${mayGive}`);
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByText("This was not saved").waitFor();
  expect(await allowed(other, "read", "experiment")).toBe(false);
});

test("the menu of an object's page opens its permissions, which reach it alone", async () => {
  const member = await console.facade.member();
  const email = await emailOf(member);
  const { page } = await console.signedIn(console.facade.owner.key);
  const given: string[] = [];
  for (const [type, name, row] of [
    ["experiment", "Tuned", "This experiment"],
    ["dataset", "Golden", "This dataset"],
    ["prompt", "Greeting", "This prompt"],
    ["prompt_session", "Trying", "This playground"],
  ] as const) {
    await page.goto(`/console/projects/${project}/${type}/${objects.get(type)}`);
    await page.getByRole("button", { name: `Actions for ${name}` }).click();
    await page.getByRole("menuitem", { name: "Permissions" }).click();
    await pick(page, "Give access to", email);
    const dialog = page.getByRole("dialog", { name: `Permissions of ${email} on ${name}` });
    await dialog.getByRole("checkbox", { name: `${row}: Read` }).check();
    await dialog.getByRole("button", { name: "Preview changes" }).click();
    await dialog.getByText("1 member gains access").waitFor();
    await dialog.getByRole("button", { name: "Save" }).click();
    await expectAnnounced(page, `Permissions of ${email} saved`);
    given.push(type);
    expect(await allowedOn(member, "read")).toEqual(given);
  }
});
