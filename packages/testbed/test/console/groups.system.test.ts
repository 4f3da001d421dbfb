import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Objects } from "../rest/facade.ts";
import { type ConsoleUnderTest, expectAnnounced, pick, settled, startConsole } from "./browser.ts";

// Settings > Permission groups: the list, both of its dialogs, and who is in a group.

let console: ConsoleUnderTest;
beforeAll(async () => {
  console = await startConsole();
});
afterAll(() => console?.[Symbol.asyncDispose]());

interface Acl {
  readonly object_type: string;
  readonly object_id: string;
  readonly permission: string | null;
  readonly restrict_object_type: string | null;
  readonly role_id: string | null;
}

function owner() {
  return console.facade.owner.rest;
}

async function makeGroup(name: string, more: object = {}): Promise<string> {
  return (await owner().ok<{ id: string }>("POST", "/v1/group", { name, ...more })).id;
}

/** The ACLs of a group as sorted lines, without that of its creator. */
async function aclsOf(groupId: string): Promise<readonly string[]> {
  const acls = await owner().ok<Acl[]>("GET", `/v1/acl/list_org?group_id=${groupId}`);
  return acls
    .map((acl) => `${acl.object_type} ${acl.permission} ${acl.restrict_object_type ?? "-"}`)
    .toSorted();
}

async function emailOf(id: string): Promise<string> {
  return (await owner().ok<{ email: string }>("GET", `/v1/user/${id}`)).email;
}

test("a permission group is created with name and description, by keyboard alone", async () => {
  const { page, complaints } = await console.signedIn(console.facade.owner.key, "/console/settings/groups");
  const name = `Reviewers ${randomUUID()}`;
  await page.getByRole("button", { name: "Create permission group" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog", { name: "Create permission group" }).waitFor();
  await expect.poll(() => page.evaluate("document.activeElement.tagName")).toBe("INPUT");
  await page.keyboard.type(name);
  await page.keyboard.press("Tab");
  await page.keyboard.type("They look at every change");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await expectAnnounced(page, `Permission group ${name} created`);
  const { objects } = await owner().ok<Objects<{ name: string; description: string }>>(
    "GET",
    `/v1/group?group_name=${encodeURIComponent(name)}`,
  );
  expect(objects).toMatchObject([{ name, description: "They look at every change" }]);
  expect(complaints).toEqual([]);
});

test("each tick writes its ACLs, and taking it away removes them", async () => {
  const member = await console.facade.member();
  const name = `Ticked ${randomUUID()}`;
  const group = await makeGroup(name, { member_users: [member.id] });
  const { page } = await console.signedIn(
    console.facade.owner.key,
    `/console/settings/groups?q=${encodeURIComponent(name)}`,
  );
  const dialog = page.getByRole("dialog", { name: `Permissions of ${name}` });
  const change = async (tick: string) => {
    await page.getByRole("button", { name: `Permissions of ${name}` }).click();
    await dialog.getByRole("checkbox", { name: tick, exact: true }).click();
    await dialog.getByRole("button", { name: "Preview changes" }).click();
    await dialog.getByText(/1 member (gains|loses) access/).waitFor();
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.waitFor({ state: "detached" });
  };
  const access = ["create_acls", "delete_acls", "read_acls", "update_acls"];
  // What the other ticks stand for is tested beside their table.
  for (const [tick, acls] of [
    ["Manage settings", ["organization update organization"]],
    ["Manage members", ["organization create org_member"]],
    ["Manage access", access.map((permission) => `organization ${permission} -`)],
    ["Read audit logs", ["org_audit_logs read -"]],
    ["All projects: Create", ["org_project create -"]],
  ] as const) {
    await change(tick);
    expect(await aclsOf(group)).toEqual(acls);
    await change(tick);
    expect(await aclsOf(group)).toEqual([]);
  }
});

test("Manage access warns that it makes super-users, and what is no tick is left alone", async () => {
  const name = `Mixed ${randomUUID()}`;
  const group = await makeGroup(name);
  const { orgId } = console.facade.org;
  const { objects: roles } = await owner().ok<Objects<{ id: string; name: string }>>(
    "GET",
    "/v1/role?role_name=Viewer",
  );
  await owner().ok("POST", "/v1/acl", {
    object_type: "org_project",
    object_id: orgId,
    group_id: group,
    role_id: roles[0]?.id,
  });
  const { page } = await console.signedIn(
    console.facade.owner.key,
    `/console/settings/groups?permissions=${group}`,
  );
  const dialog = page.getByRole("dialog", { name: `Permissions of ${name}` });
  await dialog.getByRole("region", { name: "Other grants" }).getByText("Role Viewer").waitFor();
  await dialog.getByRole("checkbox", { name: "Manage access", exact: true }).check();
  await dialog.getByText("makes super-users").waitFor();
  await dialog.getByRole("button", { name: "Select none" }).click();
  await dialog.getByRole("checkbox", { name: "Read audit logs" }).check();
  await dialog.getByRole("button", { name: "Preview changes" }).click();
  await dialog.getByText(`${name} has no members`).waitFor();
  await dialog.getByRole("button", { name: "Save" }).click();
  await expectAnnounced(page, `Permissions of ${name} saved`);
  expect(await aclsOf(group)).toEqual(["org_audit_logs read -", "org_project null -"]);
});

test("members, service accounts and groups join a group and leave it, each after a look at what that does", async () => {
  const { facade } = console;
  const [name, inner] = [`Crew ${randomUUID()}`, `Inner ${randomUUID()}`];
  const [group, nested] = [await makeGroup(name), await makeGroup(inner)];
  await owner().ok("POST", "/v1/acl", {
    object_type: "org_project",
    object_id: facade.org.orgId,
    group_id: group,
    permission: "read",
  });
  await owner().ok("POST", "/v1/project", { name: `Seen by ${name}` });
  const member = await facade.member();
  const email = await emailOf(member.id);
  const account = `robot ${randomUUID()}`;
  await owner().ok("PATCH", "/v1/organization/members", {
    invite_users: { service_accounts: [{ name: account }] },
  });
  const { page } = await console.signedIn(facade.owner.key, `/console/settings/groups/${group}`);
  const add = async (who: string, expected: string | RegExp) => {
    await pick(page, "Add to this group", who);
    const dialog = page.getByRole("dialog", { name: `Add ${who} to ${name}?` });
    await dialog.getByText(expected).first().waitFor();
    await dialog.getByRole("button", { name: "Add", exact: true }).click();
    await expectAnnounced(page, `${who} is now in ${name}`);
    await page.getByRole("table").getByText(who).waitFor();
  };
  await add(email, /gains Read/);
  await add(account, /gains Read/);
  await add(inner, "Nobody gains or loses anything");
  const shown = await owner().ok<{ member_users: string[]; member_groups: string[] }>(
    "GET",
    `/v1/group/${group}`,
  );
  expect(shown.member_users).toContain(member.id);
  expect(shown.member_users).toHaveLength(2);
  expect(shown.member_groups).toEqual([nested]);
  await page.getByRole("button", { name: `Remove ${email} from ${name}` }).click();
  const dialog = page.getByRole("dialog", { name: `Remove ${email} from ${name}?` });
  await dialog
    .getByText(/loses Read/)
    .first()
    .waitFor();
  await dialog.getByRole("button", { name: "Remove", exact: true }).click();
  await expectAnnounced(page, `${email} is no longer in ${name}`);
  const left = await owner().ok<{ member_users: string[] }>("GET", `/v1/group/${group}`);
  expect(left.member_users).not.toContain(member.id);
});

test("Group access lets somebody add members to one group and nothing else", async () => {
  const { facade } = console;
  const name = `Kept ${randomUUID()}`;
  const group = await makeGroup(name);
  const keeper = await facade.member();
  const email = await emailOf(keeper.id);
  const { page } = await console.signedIn(
    facade.owner.key,
    `/console/settings/groups?q=${encodeURIComponent(name)}`,
  );
  await page.getByRole("link", { name: `Group access of ${name}` }).click();
  await pick(page, "Give access to", email);
  const dialog = page.getByRole("dialog", { name: `Permissions of ${email} on ${name}` });
  await dialog.getByRole("checkbox", { name: "This group: Update" }).check();
  await dialog.getByRole("button", { name: "Preview changes" }).click();
  await dialog.getByText(/gains Update on Permission group/).waitFor();
  await dialog.getByRole("button", { name: "Save" }).click();
  await expectAnnounced(page, `Permissions of ${email} saved`);
  const joins = { add_member_users: [keeper.id] };
  expect((await keeper.rest.request("PATCH", `/v1/group/${group}`, joins)).status).toBe(200);
  expect((await keeper.rest.request("DELETE", `/v1/group/${group}`)).status).toBe(403);
});

test("a group is renamed and deleted, after saying what that ends; a built-in one is not", async () => {
  const name = `Short-lived ${randomUUID()}`;
  const group = await makeGroup(name);
  const { page } = await console.signedIn(console.facade.owner.key, `/console/settings/groups/${group}`);
  await page.getByRole("button", { name: `Actions for ${name}` }).click();
  await page.getByRole("menuitem", { name: "Edit name and description" }).click();
  await page.getByRole("dialog").getByLabel("Name").fill(`${name}!`);
  await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await page.getByRole("heading", { level: 1, name: `${name}!` }).waitFor();
  await page.getByRole("button", { name: `Actions for ${name}!` }).click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  await page.getByRole("dialog").getByText("can't be undone").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expectAnnounced(page, `${name}! deleted`);
  expect((await owner().request("GET", `/v1/group/${group}`)).status).toBe(404);
  await page.getByRole("searchbox").fill("Owners");
  await page.getByRole("button", { name: "Actions for Owners" }).click();
  expect(await page.getByRole("menuitem", { name: "Delete" }).count()).toBe(0);
});

test("what was begun for one group is not gone on with for another", async () => {
  const [outer, inner] = [`Outer ${randomUUID()}`, `Inner ${randomUUID()}`];
  const outerId = await makeGroup(outer);
  await owner().ok("PATCH", `/v1/group/${outerId}`, { add_member_groups: [await makeGroup(inner)] });
  const { page } = await console.signedIn(console.facade.owner.key, `/console/settings/groups/${outerId}`);
  const name = page.getByRole("dialog").getByLabel("Name");
  const edit = async (group: string) => {
    await page.getByRole("button", { name: `Actions for ${group}` }).click();
    await page.getByRole("menuitem", { name: "Edit name and description" }).click();
    await name.waitFor();
  };
  await page.getByRole("link", { name: inner }).click();
  await page.getByRole("heading", { level: 1, name: inner }).waitFor();
  await page.goBack();
  await edit(outer);
  await name.fill("Something else");
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
  await name.waitFor({ state: "detached" });
  await edit(outer);
  await expect.poll(() => name.inputValue()).toBe(outer);
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
  await name.waitFor({ state: "detached" });
  await page.getByRole("link", { name: inner }).click();
  await edit(inner);
  await expect.poll(() => name.inputValue()).toBe(inner);
});

test("the picture shows which groups lie in which, at 200 groups too, and who is in one", async () => {
  const { facade } = console;
  const inner: string[] = [];
  for (let from = 0; from < 160; from += 20) {
    const names = Array.from({ length: 20 }, (_, index) => `Picture inner ${from + index}`);
    inner.push(...(await Promise.all(names.map((name) => makeGroup(name)))));
  }
  for (let from = 0; from < 40; from += 20) {
    const places = Array.from({ length: 20 }, (_, index) => from + index);
    await Promise.all(
      places.map((place) =>
        makeGroup(`Picture middle ${place}`, { member_groups: inner.slice(place * 4, place * 4 + 3) }),
      ),
    );
  }
  const outer = await makeGroup("Picture outer", { member_groups: inner.slice(3, 4) });
  await makeGroup("Picture team", { member_users: [facade.engineer.id], member_groups: [outer] });
  const { page, complaints } = await console.signedIn(facade.owner.key, "/console/settings/groups/picture");
  await expect.poll(() => page.locator(".react-flow__node").count()).toBeGreaterThan(200);
  await page
    .getByRole("combobox", { name: "Find a group" })
    .or(page.getByLabel("Find a group"))
    .first()
    .fill("Picture team");
  await page.getByRole("option", { name: "Picture team" }).click();
  const card = page.getByRole("region", { name: "Picture team" });
  await card.getByText(await emailOf(facade.engineer.id)).waitFor();
  await card.getByRole("button", { name: "Picture outer" }).click();
  await page
    .getByRole("region", { name: "Picture outer" })
    .getByRole("button", { name: "Picture team" })
    .waitFor();
  await settled(page);
  expect(new URL(page.url()).searchParams.get("group")).toBe(outer);
  expect(complaints).toEqual([]);
});
