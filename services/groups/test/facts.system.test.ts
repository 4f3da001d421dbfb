import { randomUUID } from "node:crypto";
import { factFromWire, factKeyFromWire, factKeyText, factKeyToWire } from "@portcullis/facts/wire";
import type { FactKey, OrgId, PrincipalId } from "@portcullis/policy";
import fc from "fast-check";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { context, Organization, type RunningGroups, runGroups } from "./running-groups.ts";

let running: RunningGroups;
beforeAll(async () => {
  running = await runGroups({ databaseUrl: inject("databaseUrl"), redisUrl: inject("redisUrl") });
});
afterAll(() => running[Symbol.asyncDispose]());

/** A write chosen by numbers, each of which picks one of the principals or groups that there are. */
interface Act {
  readonly what: "create" | "edit" | "replace" | "delete" | "add" | "rename";
  readonly picks: readonly number[];
}

const act: fc.Arbitrary<Act> = fc.record({
  what: fc.constantFrom("create", "edit", "edit", "replace", "delete", "add", "rename"),
  picks: fc.array(fc.nat(1000), { minLength: 6, maxLength: 6 }),
});

test("every fact whose value changes is touched by the event that changed it, and no refused write changes any", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 5, maxLength: 14 }), async (acts) => {
      const org = await Organization.provisioned(running);
      const principals = [org.owner, org.user(), org.user(), org.user()];
      const keys: FactKey[] = [
        { kind: "groups", org: org.id as OrgId },
        ...principals.map(
          (principal): FactKey => ({
            kind: "memberships",
            org: org.id as OrgId,
            principal: principal as PrincipalId,
          }),
        ),
      ];
      let before = await load(keys);
      for (const each of acts) {
        const head = await org.head();
        const done = await perform(org, principals, each);
        const after = await load(keys);
        const event = await org.lastEvent();
        if (!done) expect(await org.head()).toBe(head);
        const touched = new Set(
          (event?.touches ?? []).map((key) => factKeyText(factKeyFromWire(key, "key"))),
        );
        for (const [index, key] of keys.entries()) {
          const [old, fresh] = [before[index], after[index]];
          if (old === undefined || fresh === undefined) throw new Error("a fact is missing");
          expect(fresh.hi).toBe(await org.head());
          if (old.text === fresh.text) continue;
          expect(await org.head()).toBe(head + 1);
          expect(touched).toContain(factKeyText(key));
          expect(fresh.lo).toBe(head + 1);
        }
        before = after;
      }
    }),
    { numRuns: 12, endOnFailure: true },
  );
});

test("facts ignore rows that can't be: of other organizations, of deleted groups, on cycles", async () => {
  const [org, other] = [await Organization.provisioned(running), await Organization.provisioned(running)];
  const [alice, a, b, deleted] = [org.user(), await org.group(), await org.group(), await org.group()];
  await running.groups.deleteGroup({ context, orgId: org.id, id: deleted.id });
  const put = async (table: string, ...values: string[]) => {
    const places = values.map((_, index) => `$${index + 1}`).join(", ");
    await running.database.query(`insert into ${table} values (${places})`, values);
  };
  await put("group_principal", org.id, other.builtIn.owners, alice);
  await put("group_principal", other.id, org.builtIn.owners, alice);
  await put("group_principal", org.id, deleted.id, alice);
  await put("group_nesting", org.id, a.id, other.builtIn.owners);
  await put("group_nesting", other.id, org.builtIn.owners, a.id);
  await put("group_nesting", org.id, a.id, deleted.id);
  await put("group_nesting", org.id, a.id, b.id);
  await put("group_nesting", org.id, b.id, a.id);
  expect(await org.memberships(alice)).toEqual([]);
  const [groups] = await load([{ kind: "groups", org: org.id as OrgId }]);
  const nodes = groups?.value as ReadonlyMap<string, { memberGroups: readonly string[] }>;
  expect(nodes.get(a.id)?.memberGroups).toEqual([b.id]);
  expect(nodes.get(org.builtIn.owners)?.memberGroups).toEqual([]);
  expect(nodes.has(deleted.id)).toBe(false);
  // A cycle that got in neither hangs a write nor spreads, and can be taken out.
  await expect(org.update(a.id, { description: "on a cycle" })).rejects.toMatchObject({ kind: "refused" });
  await org.update(org.builtIn.viewers, { description: "elsewhere" });
  await org.update(b.id, { removeMemberGroupIds: [a.id] });
});

test("nobody is in no group, in an organization that nobody knows too", async () => {
  const org = randomUUID() as OrgId;
  const facts = await load([
    { kind: "groups", org },
    { kind: "memberships", org, principal: randomUUID() as PrincipalId },
  ]);
  expect(facts.map(({ lo, hi, value }) => ({ lo, hi, value }))).toEqual([
    { lo: 0, hi: 0, value: new Map() },
    { lo: 0, hi: 0, value: [] },
  ]);
});

async function load(keys: readonly FactKey[]) {
  const { facts } = await running.facts.load({ keys: keys.map(factKeyToWire) });
  return facts.map((fact) => {
    return { ...factFromWire(fact), text: JSON.stringify(fact.value) };
  });
}

/** Answers whether the write was done. */
async function perform(
  org: Organization,
  principals: readonly string[],
  { what, picks }: Act,
): Promise<boolean> {
  const { groups } = await running.groups.listGroups({ orgId: org.id, page: undefined, ids: [], names: [] });
  const principal = (pick = 0) => principals[pick % principals.length] ?? "";
  const group = (pick = 0) => groups[pick % groups.length] ?? groups[0];
  const [first, second, third, fourth, fifth, sixth] = picks;
  const id = group(first)?.id ?? "";
  try {
    switch (what) {
      case "create":
        await org.group([principal(second), principal(third)], [group(fourth)?.id ?? ""]);
        break;
      case "edit":
        await org.update(id, {
          addPrincipalIds: (second ?? 0) % 2 === 0 ? [principal(third)] : [],
          removePrincipalIds: [principal(fourth)],
          addMemberGroupIds: (second ?? 0) % 3 === 0 ? [group(fifth)?.id ?? ""] : [],
          removeMemberGroupIds: (second ?? 0) % 3 === 1 ? [group(sixth)?.id ?? ""] : [],
        });
        break;
      case "replace":
        await running.groups.replaceGroup({
          context,
          orgId: org.id,
          name: group(first)?.name ?? "",
          description: "replaced",
          principalIds: [principal(second)],
          memberGroupIds: (third ?? 0) % 2 === 0 ? [group(fourth)?.id ?? ""] : [],
          ownerId: "",
        });
        break;
      case "delete":
        await running.groups.deleteGroup({ context, orgId: org.id, id });
        break;
      case "add":
        await running.groups.addPrincipals({
          context,
          orgId: org.id,
          principalIds: [principal(second), principal(third)],
          groupIds: [id, group(fourth)?.id ?? ""],
        });
        break;
      case "rename":
        await org.update(id, { name: randomUUID() });
        break;
    }
    return true;
  } catch (error) {
    expect(error).toMatchObject({ kind: expect.stringMatching(/^(refused|invalid|absent)$/) as string });
    return false;
  }
}
