import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { newUser, Organization, type RunningIdentity, runIdentity } from "./running-identity.ts";

let running: RunningIdentity;
beforeAll(async () => {
  running = await runIdentity({ databaseUrl: inject("databaseUrl"), redisUrl: inject("redisUrl") });
});
afterAll(() => running[Symbol.asyncDispose]());

/** Ends the transactions that are waiting for somebody, once; answers how many it ended. */
function killOnce(): () => Promise<number> {
  let killed: number | null = null;
  return async () => {
    if (killed !== null) return killed;
    const { rows } = await running.database.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and state = 'idle in transaction'`,
    );
    killed = rows.length;
    return killed;
  };
}

test("a removal that loses its database behind the reservation leaves nothing behind, and can be repeated", async () => {
  const org = await Organization.made(running);
  const ada = await org.user();
  const before = await everything(org);
  const kill = killOnce();
  running.others.onDeparture = async () => void (await kill());
  try {
    await expect(org.remove([ada])).rejects.toMatchObject({ kind: "unavailable" });
  } finally {
    running.others.onDeparture = async () => undefined;
  }
  expect(await kill()).toBe(1);
  expect(await everything(org)).toEqual(before);
  expect((await org.remove([ada])).removed).toHaveLength(1);
});

test("an invitation that loses its database in the middle leaves nothing behind, and can be repeated", async () => {
  const org = await Organization.made(running);
  const ada = await org.user();
  await org.remove([ada]);
  const before = await everything(org);
  const kill = killOnce();
  running.others.onQuestion = async () => void (await kill());
  const invitation = { userIds: [ada], users: [newUser()], serviceAccounts: [{ name: "deploy" }] };
  try {
    await expect(org.invite(invitation)).rejects.toMatchObject({ kind: "unavailable" });
  } finally {
    running.others.onQuestion = async () => undefined;
  }
  expect(await kill()).toBe(1);
  expect(await everything(org)).toEqual(before);
  expect((await org.invite(invitation)).members).toHaveLength(3);
});

/** All that there is of an organization in any table, and all principals. */
async function everything(org: Organization): Promise<unknown[]> {
  const queries = [
    "select * from organization where id = $1",
    "select * from membership where org_id = $1 order by principal_id",
    "select count(*), $1::uuid from principal",
    "select * from event_log where org_id = $1 order by position",
    "select position from org_log where org_id = $1",
  ];
  return Promise.all(
    queries.map(async (query) => (await running.database.query<object>(query, [org.id])).rows),
  );
}
