import { randomUUID } from "node:crypto";
import { factKeyFromWire, factKeyText, factKeyToWire } from "@portcullis/facts/wire";
import type { FactKey, OrgId, PrincipalId } from "@portcullis/policy";
import fc from "fast-check";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { context, newUser, Organization, type RunningIdentity, runIdentity } from "./running-identity.ts";

let running: RunningIdentity;
beforeAll(async () => {
  running = await runIdentity({ databaseUrl: inject("databaseUrl"), redisUrl: inject("redisUrl") });
});
afterAll(() => running[Symbol.asyncDispose]());

const act = fc.record({
  what: fc.constantFrom(
    "invite",
    "invite",
    "remove",
    "remove",
    "rename",
    "robot",
    "provision",
    "deprovision",
  ),
  picks: fc.array(fc.nat(4), { minLength: 1, maxLength: 3 }),
});

test("every fact whose value changes is touched by the event that changed it", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 5, maxLength: 15 }), async (acts) => {
      const org = await Organization.made(running);
      const users = await Promise.all(
        [0, 1, 2, 3].map(async () => (await running.identity.ensureUser({ user: newUser() })).user?.id ?? ""),
      );
      const principals = [org.owner, ...users];
      const keys = principals.map(
        (principal): FactKey => ({
          kind: "member",
          org: org.id as OrgId,
          principal: principal as PrincipalId,
        }),
      );
      let before = await load(keys);
      for (const { what, picks } of acts) {
        const head = await org.head();
        const picked = picks.map((pick) => principals[pick] ?? "");
        if (what === "invite") await org.invite({ userIds: picked });
        else if (what === "remove") await org.remove(picked);
        else if (what === "robot") await org.serviceAccount("deploy");
        else if (what === "provision") await provision(org, picked[0] ?? "");
        else if (what === "deprovision") {
          await running.identity.deleteProvisionedUser({
            context,
            orgId: org.id,
            principalId: picked[0] ?? "",
          });
        } else await running.identity.updateOrganization({ context, id: org.id, name: randomUUID() });
        const after = await load(keys);
        const event = await org.lastEvent();
        const touched = new Set(
          (event?.touches ?? []).map((key) => factKeyText(factKeyFromWire(key, "key"))),
        );
        for (const [index, key] of keys.entries()) {
          const [old, fresh] = [before[index], after[index]];
          expect(fresh?.hi).toBe(await org.head());
          if (JSON.stringify(old?.value) === JSON.stringify(fresh?.value)) continue;
          expect(await org.head()).toBe(head + 1);
          expect(touched).toContain(factKeyText(key));
          expect(fresh?.lo).toBe(head + 1);
        }
        before = after;
      }
    }),
    { numRuns: 20, endOnFailure: true },
  );
});

function provision(org: Organization, principalId: string) {
  const record = {
    userName: randomUUID(),
    externalId: undefined,
    attributesJson: "{}",
    emails: [],
    created: undefined,
    updated: undefined,
  };
  return running.identity.putProvisionedUser({
    context,
    orgId: org.id,
    principalId,
    record,
    mustBeNew: false,
  });
}

test("facts ignore rows that can't be, and tables refuse most of them", async () => {
  const [org, other] = [await Organization.made(running), await Organization.made(running)];
  const account = await other.serviceAccount();
  await running.database.query("insert into membership values ($1, $2, now())", [org.id, account]);
  expect(await org.fact(account)).toMatchObject({ value: undefined });
  expect(await org.members()).toEqual([org.owner]);
  const impossible = [
    "insert into principal (id, kind, created) values (gen_random_uuid(), 'user', now())",
    "insert into principal (id, kind, created) values (gen_random_uuid(), 'service_account', now())",
    "insert into principal (id, kind, email, email_key, created) values (gen_random_uuid(), 'god', 'a', 'a', now())",
    "insert into membership values (gen_random_uuid(), gen_random_uuid(), now())",
  ];
  for (const row of impossible) await expect(running.database.query(row)).rejects.toThrow(/violates/);
});

test("the unknown, the foreign and the removed are absent alike", async () => {
  const [org, other] = [await Organization.made(running), await Organization.made(running)];
  const removed = await org.user();
  await org.remove([removed]);
  const facts = await Promise.all([randomUUID(), other.owner, removed].map((each) => org.fact(each)));
  expect(facts.map((fact) => fact?.value)).toEqual([undefined, undefined, undefined]);
});

async function load(keys: readonly FactKey[]) {
  const { facts } = await running.facts.load({ keys: keys.map(factKeyToWire) });
  return facts;
}
