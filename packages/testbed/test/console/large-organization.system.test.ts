import { randomUUID } from "node:crypto";
import pg from "pg";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ConsoleUnderTest, pick, settled, startConsole } from "./browser.ts";

// An organisation of 100,000 members and 10,000 groups, put into the databases directly: every page of it opens with what
// fits on a screen, what is looked for is found, and a page does not hold more than people can see.

const people = 100_000;
const groups = 10_000;
/** A page of a list, with headings. */
const rowsMax = 110;

let console: ConsoleUnderTest;
let everybody: string;
let project: string;
let page: Page;
let complaints: readonly string[];
beforeAll(async () => {
  console = await startConsole();
  const { owner, org } = console.facade;
  await put(
    "identity",
    `with made as (
       insert into principal (id, kind, email, email_key, given_name, family_name, created)
       select gen_random_uuid(), 'user', address, address, 'Ada', lpad(number::text, 6, '0'), now()
       from (select number, 'person-' || number || $2 as address from generate_series(1, $3::int) as number) as crowd
       returning id
     )
     insert into membership (org_id, principal_id, joined) select $1::uuid, id, now() from made`,
    [org.orgId, `@${randomUUID()}.example`, people],
  );
  const crowd = await put<{ id: string }>(
    "identity",
    "select principal_id as id from membership where org_id = $1",
    [org.orgId],
  );
  await put(
    "groups",
    `insert into permission_group (id, org_id, name, created)
     select gen_random_uuid(), $1, 'Team ' || lpad(number::text, 5, '0'), now() from generate_series(1, $2::int) as number`,
    [org.orgId, groups],
  );
  const make = async (path: string, body: object) =>
    (await owner.rest.ok<{ id: string }>("POST", path, body)).id;
  everybody = await make("/v1/group", { name: "Everybody", description: "All who work here" });
  await put(
    "groups",
    `insert into group_principal (org_id, group_id, principal_id)
     select $1, $2, unnest($3::uuid[]) on conflict do nothing`,
    [org.orgId, everybody, crowd.map(({ id }) => id)],
  );
  for (const owners of ["identity", "groups"] as const) await put(owners, "vacuum analyze", []);
  project = await make("/v1/project", { name: "Assistant" });
  const acl = { object_type: "project", object_id: project, group_id: everybody, permission: "read" };
  await make("/v1/acl", acl);
}, 240_000);
afterAll(() => console?.[Symbol.asyncDispose]());

async function put<Row extends pg.QueryResultRow>(
  service: "identity" | "groups",
  text: string,
  values: unknown[],
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: console.facade.system.databaseUrl(service) });
  await client.connect();
  try {
    return (await client.query<Row>(text, values)).rows;
  } finally {
    await client.end();
  }
}

interface Opened {
  readonly path: () => string;
  /** What somebody who opens it waits for. */
  readonly until: () => Promise<unknown>;
}

const rowheader = (name: string) => page.getByRole("rowheader", { name }).first().waitFor();
const rows = () => page.getByRole("row").nth(1).waitFor();

const pages: Readonly<Record<string, Opened>> = {
  members: { path: () => "/settings/members", until: () => rowheader("Ada") },
  "a member": { path: () => "/settings/members?q=person-77777", until: () => rowheader("077777") },
  groups: { path: () => "/settings/groups", until: () => rowheader("Everybody") },
  "a group that is looked for": {
    path: () => "/settings/groups?q=09999",
    until: () => rowheader("Team 09999"),
  },
  "a group with everybody": { path: () => `/settings/groups/${everybody}`, until: () => rowheader("Ada") },
  "the picture of the groups": {
    path: () => "/settings/groups/picture",
    until: () => page.getByText(/^10,00\d groups are too many to draw at once/).waitFor(),
  },
  permissions: {
    path: () => `/projects/${project}/configuration/permissions`,
    until: () => page.getByText("Everybody").first().waitFor(),
  },
  "who can access": {
    path: () => `/access/explorer?tab=who&type=project&object=${project}`,
    until: () => rowheader("Ada"),
  },
  "a review of a project": { path: () => `/access/review?project=${project}`, until: rows },
  "a review of a group": { path: () => `/access/review?group=${everybody}`, until: rows },
  "audit log": { path: () => "/access/audit-log", until: rows },
};

test("every page opens with what people can look through, and what they look for is found", async () => {
  ({ page, complaints } = await console.signedIn(console.facade.owner.key));
  const tooLong: Record<string, number> = {};
  for (const [name, { path, until }] of Object.entries(pages)) {
    await page.goto(`/console${path()}`);
    await until();
    await settled(page);
    const count = await page.getByRole("row").count();
    if (count > rowsMax) tooLong[name] = count;
  }
  expect(tooLong).toEqual({});
  expect(complaints).toEqual([]);
});

test("one of ten thousand groups is found where it is wanted, and a change for everybody says whom it concerns before it is saved", async () => {
  await page.goto(`/console/projects/${project}/configuration/permissions`);
  await pick(page, "Give access to", "Team 01234");
  await page.getByRole("dialog", { name: /Team 01234/ }).waitFor();
  await page.goto("/console/settings/groups/picture");
  await page.getByRole("combobox", { name: "Find a group" }).fill("Team 09876");
  await page.getByRole("option", { name: "Team 09876" }).click();
  await page.getByRole("region", { name: "Team 09876" }).waitFor();
  await page.goto(`/console/settings/groups?permissions=${everybody}`);
  await page.getByRole("checkbox", { name: "All projects: Update" }).check();
  await page.getByRole("button", { name: "Preview changes" }).click();
  await page.getByText("What that does").waitFor();
  await settled(page);
  await page.getByText("This reaches so far that not all of it was looked at").waitFor();
  expect(complaints).toEqual([]);
});
