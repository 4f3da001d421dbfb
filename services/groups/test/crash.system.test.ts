import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, inject, test } from "vitest";
import { context, Organization, type RunningGroups, runGroups } from "./running-groups.ts";

let running: RunningGroups;
let org: Organization;
beforeAll(async () => {
  running = await runGroups({ databaseUrl: inject("databaseUrl"), redisUrl: inject("redisUrl") });
});
afterAll(() => running[Symbol.asyncDispose]());
beforeEach(async () => {
  org = await Organization.provisioned(running);
});

interface Write {
  readonly name: string;
  readonly write: (alice: string, group: string) => Promise<unknown>;
}

/** Each asks who is a member between its statements; there the database drops the connection. */
const writes: readonly Write[] = [
  { name: "CreateGroup", write: (alice) => org.group([alice]) },
  {
    name: "ReplaceGroup",
    write: (alice) =>
      running.groups.replaceGroup({
        context,
        orgId: org.id,
        name: "Viewers",
        description: "replaced",
        principalIds: [alice],
        memberGroupIds: [],
        ownerId: "",
      }),
  },
  {
    name: "UpdateGroup",
    write: (alice, group) =>
      org.update(org.builtIn.owners, { addPrincipalIds: [alice], removeMemberGroupIds: [group] }),
  },
  {
    name: "DeleteGroup",
    write: (_, group) => running.groups.deleteGroup({ context, orgId: org.id, id: group }),
  },
  {
    name: "AddPrincipals",
    write: (alice, group) =>
      running.groups.addPrincipals({ context, orgId: org.id, principalIds: [alice], groupIds: [group] }),
  },
  {
    name: "ReserveDeparture",
    write: () =>
      running.groups.reserveDeparture({
        orgId: org.id,
        principalIds: [org.owner],
        reservationId: randomUUID(),
      }),
  },
];

test.each(writes)("$name that loses its database in the middle leaves nothing behind", async ({ write }) => {
  const alice = org.user();
  const bob = org.user();
  const nested = await org.group([bob]);
  await org.update(org.builtIn.owners, { addMemberGroupIds: [nested.id] });
  const before = await everything();
  let killed = 0;
  running.identity.onLoad = async () => {
    if (killed > 0) return;
    const { rows } = await running.database.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and state = 'idle in transaction'`,
    );
    killed = rows.length;
  };
  try {
    await expect(write(alice, nested.id)).rejects.toMatchObject({ kind: "unavailable" });
  } finally {
    running.identity.onLoad = async () => undefined;
  }
  expect(killed).toBe(1);
  expect(await everything()).toEqual(before);
  await write(alice, nested.id);
});

/** All that this organization has in any table. */
async function everything(): Promise<unknown[]> {
  const tables = [
    "permission_group",
    "group_principal",
    "group_nesting",
    "departure",
    "event_log",
    "org_log",
  ];
  return Promise.all(
    tables.map(async (table) => {
      const columns = table === "org_log" ? "position" : "*";
      const { rows } = await running.database.query<object>(
        `select ${columns} from ${table} where org_id = $1 order by 1`,
        [org.id],
      );
      return rows;
    }),
  );
}
