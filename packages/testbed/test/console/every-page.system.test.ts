import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type ConsoleUnderTest,
  type Look,
  lookAt,
  looks,
  settled,
  startConsole,
  violationsOn,
} from "./browser.ts";

// Every page and dialog in light, in dark and on a narrow screen: axe finds nothing, browsers complain of nothing,
// nothing is wider than the screen. What they look like is left in .portcullis/tests/screenshots for people to judge.

const screenshots = join(import.meta.dirname, "../../../../.portcullis/tests/screenshots");

interface Shown {
  readonly name: string;
  readonly path: () => string;
  /** What somebody does there. */
  readonly act?: (page: Page) => Promise<void>;
}

let console: ConsoleUnderTest;
const ids = { project: "", experiment: "", group: "", key: "", token: "", member: "", role: "" };

beforeAll(async () => {
  mkdirSync(screenshots, { recursive: true });
  console = await startConsole();
  const { owner, org, builtIn } = console.facade;
  const make = async (path: string, body: object) =>
    (await owner.rest.ok<{ id: string }>("POST", path, body)).id;
  const people = ["ada.lovelace", "alan.turing", "barbara.liskov", "edsger.dijkstra", "grace.hopper"];
  const { added_users: added } = await owner.rest.ok<{ added_users: { id: string }[] }>(
    "PATCH",
    "/v1/organization/members",
    {
      invite_users: {
        emails: people.map((name) => `${name}@example.com`),
        service_accounts: [{ name: "nightly-import" }, { name: "gateway" }],
        group_ids: [builtIn.viewers],
      },
    },
  );
  const [ada = "", alan = "", barbara = ""] = added.map(({ id }) => id);
  ids.member = ada;
  const evaluation = await make("/v1/group", {
    name: "Evaluation",
    description: "Runs experiments",
    member_users: [ada, alan],
  });
  ids.group = await make("/v1/group", {
    name: "Research",
    description: "Everybody who works on quality",
    member_users: [barbara],
    member_groups: [evaluation],
  });
  ids.project = await make("/v1/project", { name: "Support assistant", description: "Answers customers" });
  const inProject = { project_id: ids.project };
  ids.experiment = await make("/v1/experiment", { name: "Baseline", ...inProject });
  await make("/v1/experiment", { name: "Longer context", ...inProject });
  ids.role = await make("/v1/role", {
    name: "Labeller",
    description: "Fills and corrects datasets",
    member_permissions: [{ permission: "update", restrict_object_type: "dataset" }],
  });
  const onProject = { object_type: "project", object_id: ids.project };
  await make("/v1/acl", { ...onProject, group_id: ids.group, permission: "read" });
  await make("/v1/acl", { ...onProject, group_id: evaluation, role_id: ids.role });
  await make("/v1/acl", {
    object_type: "organization",
    object_id: org.orgId,
    group_id: ids.group,
    permission: "create",
    restrict_object_type: "org_member",
  });
  ids.key = await make("/v1/api_key", { name: "laptop" });
  ids.token = await make("/v1/service_token", { name: "nightly", service_account_id: added.at(-1)?.id });
});
afterAll(() => console?.[Symbol.asyncDispose]());

const openDialog = (page: Page) => page.getByRole("dialog").first().waitFor();

const shown: readonly Shown[] = [
  { name: "members", path: () => "/settings/members" },
  { name: "members-none-found", path: () => "/settings/members?q=nobody" },
  { name: "service-accounts", path: () => "/settings/members?tab=service-accounts" },
  { name: "invite", path: () => "/settings/members?invite=true", act: openDialog },
  {
    name: "service-account-create",
    path: () => "/settings/members?tab=service-accounts&invite=true",
    act: openDialog,
  },
  { name: "member-remove", path: () => `/settings/members?remove=${ids.member}`, act: openDialog },
  { name: "groups", path: () => "/settings/groups" },
  { name: "group-create", path: () => "/settings/groups?create=true", act: openDialog },
  { name: "group-permissions", path: () => `/settings/groups?permissions=${ids.group}`, act: openDialog },
  {
    name: "group-permissions-preview",
    path: () => `/settings/groups?permissions=${ids.group}`,
    async act(page) {
      await page.getByRole("checkbox", { name: "Manage access", exact: true }).check();
      await page.getByRole("checkbox", { name: "All projects: Update" }).check();
      await page.getByRole("button", { name: "Preview changes" }).click();
      await page.getByText("What that does").waitFor();
    },
  },
  { name: "group-delete", path: () => `/settings/groups?remove=${ids.group}`, act: openDialog },
  { name: "group", path: () => `/settings/groups/${ids.group}` },
  { name: "group-access", path: () => `/settings/groups/${ids.group}?tab=access` },
  {
    name: "groups-picture",
    path: () => `/settings/groups/picture?group=${ids.group}`,
    act: (page) => page.getByRole("region", { name: "Research" }).waitFor(),
  },
  { name: "roles", path: () => "/settings/roles" },
  { name: "role-edit", path: () => `/settings/roles?edit=${ids.role}`, act: openDialog },
  { name: "api-keys", path: () => "/settings/api-keys" },
  { name: "api-key-create", path: () => "/settings/api-keys?create=true", act: openDialog },
  { name: "api-key-rotate", path: () => `/settings/api-keys?rotate=${ids.key}`, act: openDialog },
  { name: "service-tokens", path: () => "/settings/service-tokens" },
  {
    name: "service-token-revoke",
    path: () => `/settings/service-tokens?revoke=${ids.token}`,
    act: openDialog,
  },
  { name: "access-settings", path: () => "/settings/access" },
  {
    name: "access-settings-change",
    path: () => "/settings/access?change=creator_owner_grant",
    act: openDialog,
  },
  { name: "projects", path: () => "/projects" },
  { name: "project", path: () => `/projects/${ids.project}` },
  { name: "project-nothing", path: () => `/projects/${ids.project}?tab=dataset` },
  { name: "project-permissions", path: () => `/projects/${ids.project}/configuration/permissions` },
  {
    name: "project-permissions-of",
    path: () => `/projects/${ids.project}/configuration/permissions?subject=group:${ids.group}`,
    act: openDialog,
  },
  { name: "object", path: () => `/projects/${ids.project}/experiment/${ids.experiment}` },
  {
    name: "object-permissions",
    path: () => `/projects/${ids.project}/experiment/${ids.experiment}?permissions=true`,
    act: openDialog,
  },
  { name: "explorer-start", path: () => "/access/explorer" },
  { name: "explorer-who", path: () => `/access/explorer?tab=who&type=project&object=${ids.project}` },
  { name: "explorer-what", path: () => `/access/explorer?tab=what&principal=${ids.member}` },
  {
    name: "explorer-why",
    path: () =>
      `/access/explorer?tab=why&principal=${ids.member}&type=experiment&project=${ids.project}&object=${ids.experiment}`,
  },
  {
    name: "explorer-why-not",
    path: () =>
      `/access/explorer?tab=why&permission=delete&principal=${ids.member}&type=experiment&project=${ids.project}&object=${ids.experiment}`,
  },
  { name: "review", path: () => `/access/review?project=${ids.project}` },
  { name: "audit-log", path: () => "/access/audit-log" },
  {
    name: "audit-log-entry",
    path: () => "/access/audit-log?action=group_created",
    async act(page) {
      await page.getByRole("link", { name: "Group created" }).first().click();
      await openDialog(page);
    },
  },
  { name: "nothing-here", path: () => "/settings/groups/00000000-0000-4000-8000-00000000dead" },
];

test.each(looks)("sign-in, %s", async (look) => {
  const { page, complaints } = await console.visit(look);
  await page.goto("/console/");
  await page.getByRole("button", { name: "Sign in", exact: true }).waitFor();
  await judge(page, `sign-in-${look}`);
  expect(complaints).toEqual([]);
});

test("every page, light, dark and narrow", async () => {
  const { page, complaints } = await console.signedIn(console.facade.owner.key);
  const found: Record<string, unknown> = {};
  for (const { name, path, act } of shown) {
    await lookAt(page, "light");
    await page.goto(`/console${path()}`);
    await page.getByRole("heading", { level: 1 }).or(page.getByRole("alert")).first().waitFor();
    await act?.(page);
    await settled(page);
    for (const look of looks) {
      await lookAt(page, look);
      let violations = await judge(page, `${name}-${look}`);
      // Chromium may be late with the colours of a look, and is not the second time.
      if (violations.length > 0) violations = await judge(page, `${name}-${look}`);
      if (violations.length > 0) found[`${name}-${look}`] = violations;
    }
  }
  expect(found).toEqual({});
  expect(complaints).toEqual([]);
}, 600_000);

test.each<Look>(["light", "dark"])("what is forbidden, %s", async (look) => {
  const { page, complaints } = await console.signedIn(
    console.facade.newcomer.key,
    "/console/access/audit-log",
    look,
  );
  await page.getByRole("alert").waitFor();
  expect(await judge(page, `forbidden-${look}`)).toEqual([]);
  expect(complaints).toEqual([]);
});

test("on a narrow screen the navigation opens, and closes when a page is chosen", async () => {
  const { page } = await console.signedIn(console.facade.owner.key, "/console/settings/members", "narrow");
  await page.getByRole("button", { name: "Open the navigation" }).click();
  await page.getByRole("link", { name: "Roles" }).click();
  await page.getByRole("heading", { level: 1, name: "Roles" }).waitFor();
  await page.getByRole("button", { name: "Open the navigation" }).waitFor();
  expect(new URL(page.url()).pathname).toBe("/console/settings/roles");
});

test("the first thing that the keyboard reaches leads past the navigation", async () => {
  const { page } = await console.signedIn(console.facade.owner.key);
  expect(await page.evaluate("document.querySelector('a[href], button, input').textContent")).toBe(
    "Skip to the page",
  );
  await page.getByRole("link", { name: "Skip to the page" }).focus();
  await page.keyboard.press("Enter");
  expect(await page.evaluate("document.activeElement.id")).toBe("main");
});

test("light and dark can be chosen, and stay", async () => {
  const { page } = await console.signedIn(console.facade.owner.key);
  await page.getByRole("button", { name: /Account/ }).click();
  await page.getByRole("menuitem", { name: "Dark" }).click();
  const scheme = () => page.evaluate("document.documentElement.dataset.mantineColorScheme");
  await expect.poll(scheme).toBe("dark");
  await page.reload();
  await expect.poll(scheme).toBe("dark");
});

test("pages do not jump while they load", async () => {
  const { page } = await console.signedIn(console.facade.owner.key);
  for (const path of ["/settings/members", "/settings/groups", "/settings/roles", "/access/audit-log"]) {
    await page.goto(`/console${path}`);
    await settled(page);
    const shift = await page.evaluate(`new Promise((resolve) => {
      let sum = 0;
      new PerformanceObserver((list) => { for (const entry of list.getEntries()) sum += entry.value; })
        .observe({ type: "layout-shift", buffered: true });
      setTimeout(() => resolve(sum), 100);
    })`);
    expect({ path, shift: Number(shift) < 0.1 ? "small" : shift }).toEqual({ path, shift: "small" });
  }
});

/** Takes a picture, and answers what stands in people's way. */
async function judge(page: Page, name: string): Promise<readonly string[]> {
  await page.screenshot({ path: join(screenshots, `${name}.png`) });
  const isTooWide = await page.evaluate("document.documentElement.scrollWidth > innerWidth + 1");
  return [...(await violationsOn(page)), ...(isTooWide === true ? ["it is wider than the screen"] : [])];
}
