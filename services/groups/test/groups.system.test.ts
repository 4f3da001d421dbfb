import { randomUUID } from "node:crypto";
import type { UpdateGroupRequest } from "@portcullis/proto/groups/v1/groups";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
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

const lastOwner = { kind: "refused", message: /without an active user in Owners/ };

describe("Provision", () => {
  test("makes the built-in groups with the first Owner, and repeating it changes nothing", async () => {
    const again = await running.groups.provision({ context, orgId: org.id, ownerId: randomUUID() });
    expect(again).toMatchObject({ ownersId: org.builtIn.owners, revision: { position: 1, owner: "groups" } });
    expect((await org.get(org.builtIn.owners)).group).toMatchObject({
      name: "Owners",
      builtIn: "owners",
      creatorId: "",
      principalIds: [org.owner],
    });
    expect(await org.lastEvent()).toMatchObject({ action: "groups_provisioned", position: 1 });
  });

  test("two at once make one set", async () => {
    const orgId = randomUUID();
    const made = await Promise.all(
      [1, 2, 3, 4].map(() => running.groups.provision({ context, orgId, ownerId: randomUUID() })),
    );
    expect(new Set(made.map(({ ownersId }) => ownersId)).size).toBe(1);
    expect((await running.groups.listGroups(all(orgId))).groups).toHaveLength(3);
  });
});

describe("CreateGroup", () => {
  test("makes a group with its members, as one event that touches their memberships", async () => {
    const [alice, bob] = [org.user(), org.user()].sort();
    const inner = await org.group();
    const { group, foundExisting, revision } = await running.groups.createGroup({
      context: { ...context, actor: { principalId: org.owner, credentialId: "", impersonatedId: "" } },
      orgId: org.id,
      name: "Reviewers",
      description: "they review",
      principalIds: [bob ?? "", alice ?? "", bob ?? ""],
      memberGroupIds: [inner.id],
      ownerId: org.owner,
    });
    expect(foundExisting).toBe(false);
    expect(revision).toMatchObject({ position: 3, orgId: org.id });
    expect(group).toMatchObject({
      name: "Reviewers",
      description: "they review",
      creatorId: org.owner,
      principalIds: [alice, bob],
      memberGroupIds: [inner.id],
      builtIn: "",
    });
    expect((await org.get(group?.id ?? "")).group).toEqual(group);
    const event = await org.lastEvent();
    expect(event).toMatchObject({ action: "group_created", subject: { type: "group", id: group?.id } });
    expect(JSON.parse(event?.afterJson ?? "")).toMatchObject({ name: group?.name, ownerId: org.owner });
    expect(event?.touches.map(({ kind }) => kind?.$case)).toEqual(["groups", "memberships", "memberships"]);
  });

  test("answers the group of that name unchanged", async () => {
    const first = await org.group();
    const before = await org.head();
    const again = await running.groups.createGroup({ ...content(org.id, first.name), description: "other" });
    expect(again).toMatchObject({ foundExisting: true, group: first, revision: { position: before } });
    expect(await org.head()).toBe(before);
  });

  test("tells names apart by case, and lets a deleted group's name be used again", async () => {
    const lower = await running.groups.createGroup(content(org.id, "staff"));
    const upper = await running.groups.createGroup(content(org.id, "Staff"));
    expect(upper.foundExisting).toBe(false);
    await running.groups.deleteGroup({ context, orgId: org.id, id: lower.group?.id ?? "" });
    const again = await running.groups.createGroup(content(org.id, "staff"));
    expect(again.foundExisting).toBe(false);
    expect(again.group?.id).not.toBe(lower.group?.id);
  });

  test("two at once of one name make one group", async () => {
    const made = await Promise.all(
      Array.from({ length: 6 }, () => running.groups.createGroup(content(org.id, "Same"))),
    );
    expect(new Set(made.map(({ group }) => group?.id)).size).toBe(1);
    expect(made.filter(({ foundExisting }) => !foundExisting)).toHaveLength(1);
    expect(await org.head()).toBe(2);
  });
});

describe("ReplaceGroup", () => {
  test("creates, then gives exactly this content, then changes nothing", async () => {
    const [alice, bob] = [org.user(), org.user()];
    const first = await running.groups.replaceGroup({
      ...content(org.id, "Staff"),
      description: "one",
      principalIds: [alice],
    });
    expect(first.foundExisting).toBe(false);
    const second = await running.groups.replaceGroup({ ...content(org.id, "Staff"), principalIds: [bob] });
    expect(second).toMatchObject({
      foundExisting: true,
      group: { id: first.group?.id, principalIds: [bob] },
    });
    expect(second.group?.description).toBeUndefined();
    const third = await running.groups.replaceGroup({ ...content(org.id, "Staff"), principalIds: [bob] });
    expect(third.revision).toEqual(second.revision);
    expect(await org.memberships(alice)).toEqual([]);
  });

  test("is of the one that the caller may replace, and never of another that has its name by now", async () => {
    const request = content(org.id, "Staff");
    const { group } = await running.groups.createGroup(request);
    const standingId = group?.id ?? "";
    expect(await running.groups.replaceGroup({ ...request, standingId })).toMatchObject({ group });
    await running.groups.deleteGroup({ context, orgId: org.id, id: standingId });
    const replacing = () =>
      running.groups.replaceGroup({ ...request, principalIds: [org.user()], standingId });
    await expect(replacing()).rejects.toMatchObject({ kind: "unavailable" });
    await running.groups.createGroup(request);
    const before = await org.head();
    await expect(replacing()).rejects.toMatchObject({ kind: "unavailable" });
    expect(await org.head()).toBe(before);
  });

  test("can't empty Owners", async () => {
    await expectRefusal(() => running.groups.replaceGroup(content(org.id, "Owners")), lastOwner);
  });
});

describe("UpdateGroup", () => {
  test("replaces, then adds, then removes", async () => {
    const [alice, bob, carol] = [org.user(), org.user(), org.user()];
    const group = await org.group([alice]);
    const { group: after } = await org.update(group.id, {
      replacePrincipalIds: { ids: [bob] },
      addPrincipalIds: [carol, alice],
      removePrincipalIds: [alice, randomUUID()],
    });
    expect(after?.principalIds).toEqual([bob, carol].sort());
  });

  test("leaves what is not given, and records nothing when nothing changes", async () => {
    const alice = org.user();
    const group = await org.group([alice]);
    const named = await org.update(group.id, { name: "Renamed" });
    expect(named.group).toMatchObject({ name: "Renamed", principalIds: [alice] });
    expect((await org.lastEvent())?.touches).toEqual([]);
    const again = await org.update(group.id, {
      name: "Renamed",
      addPrincipalIds: [alice],
      removePrincipalIds: [randomUUID()],
      removeMemberGroupIds: [randomUUID()],
    });
    expect(again.revision).toEqual(named.revision);
  });

  test("lets a built-in group's description and members change, and not its name", async () => {
    const alice = org.user();
    const { owners } = org.builtIn;
    const { group } = await org.update(owners, {
      description: "us",
      addPrincipalIds: [alice],
      name: "Owners",
    });
    expect(group).toMatchObject({ name: "Owners", description: "us", builtIn: "owners" });
    await expectRefusal(() => org.update(owners, { name: "Masters" }), { kind: "refused", field: "name" });
  });

  test("refuses a taken name", async () => {
    const group = await org.group();
    await expectRefusal(() => org.update(group.id, { name: "Viewers" }), { kind: "refused", field: "name" });
  });

  test("refuses cycles of any length", async () => {
    const c = await org.group();
    const b = await org.group([], [c.id]);
    const a = await org.group([], [b.id]);
    const cycle = { kind: "refused", message: /contain itself/ };
    await expectRefusal(() => org.update(c.id, { addMemberGroupIds: [a.id] }), cycle);
    await expectRefusal(() => org.update(c.id, { replaceMemberGroupIds: { ids: [c.id] } }), cycle);
    await expectRefusal(() => org.update(b.id, { addMemberGroupIds: [a.id] }), cycle);
  });

  test("refuses one of two edits that together close a cycle", async () => {
    for (let round = 0; round < 25; round++) {
      const [a, b] = [await org.group(), await org.group()];
      const outcomes = await Promise.allSettled([
        org.update(a.id, { addMemberGroupIds: [b.id] }),
        org.update(b.id, { addMemberGroupIds: [a.id] }),
      ]);
      expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    }
  });

  test("lets all groups together have so many member groups and no more, and lets go of what was too many", async () => {
    const [inner, other] = [await org.group(), await org.group()];
    const made = (name: string, count: number) =>
      running.database.query<{ id: string }>(
        `insert into permission_group (id, org_id, name, created)
         select gen_random_uuid(), $1::uuid, $2 || number, now() from generate_series(1, $3::int) as number
         returning id`,
        [org.id, name, count],
      );
    const [outer, nested] = [(await made("outer", 20)).rows, (await made("nested", 5000)).rows];
    await running.database.query(
      `insert into group_nesting (org_id, group_id, member_group_id)
       select $1::uuid, outer_id, nested_id from unnest($2::uuid[]) as outer_id, unnest($3::uuid[]) as nested_id`,
      [org.id, outer.map(({ id }) => id), nested.map(({ id }) => id)],
    );
    const nest = () => org.update(inner.id, { addMemberGroupIds: [other.id] });
    await expectRefusal(nest, { kind: "refused", field: "member_group_ids", message: /at most 100000/ });
    expect((await org.update(inner.id, { name: "still" })).group?.name).toBe("still");
    await org.update(outer[0]?.id ?? "", { removeMemberGroupIds: [nested[0]?.id ?? ""] });
    expect((await nest()).group?.memberGroupIds).toEqual([other.id]);
  });

  test("lets chains have 64 links and no more, wherever the last is added", async () => {
    let top = await org.group();
    const bottom = top;
    for (let link = 0; link < 63; link++) top = await org.group([], [top.id]);
    const above = await org.group();
    const tooDeep = { kind: "refused", message: /nested more than 64 deep/ };
    await org.update(above.id, { addMemberGroupIds: [top.id] });
    const oneMore = await org.group();
    await expectRefusal(() => org.update(oneMore.id, { addMemberGroupIds: [above.id] }), tooDeep);
    await expectRefusal(() => org.update(bottom.id, { addMemberGroupIds: [oneMore.id] }), tooDeep);
  });

  test("keeps an active user in Owners: no removed one, no service account, no reserved one", async () => {
    const { owners } = org.builtIn;
    const [left, robot, leaving] = [
      org.user(),
      running.identity.invite(org.id, "service_account"),
      org.user(),
    ];
    await org.update(owners, { addPrincipalIds: [left, robot, leaving] });
    await running.groups.reserveDeparture({
      orgId: org.id,
      principalIds: [leaving],
      reservationId: randomUUID(),
    });
    running.identity.remove(org.id, left);
    await expectRefusal(() => org.update(owners, { removePrincipalIds: [org.owner] }), lastOwner);
    const other = org.user();
    const nested = await org.group([other]);
    await org.update(owners, { addMemberGroupIds: [nested.id], removePrincipalIds: [org.owner] });
    await expectRefusal(() => org.update(nested.id, { removePrincipalIds: [other] }), lastOwner);
    await expectRefusal(
      () => running.groups.deleteGroup({ context, orgId: org.id, id: nested.id }),
      lastOwner,
    );
  });

  test("counts a principal again when its reservation has lapsed", async () => {
    const alice = org.user();
    const { owners } = org.builtIn;
    await org.update(owners, { addPrincipalIds: [alice] });
    await running.groups.reserveDeparture({
      orgId: org.id,
      principalIds: [alice],
      reservationId: randomUUID(),
    });
    await expectRefusal(
      () =>
        running.groups.reserveDeparture({
          orgId: org.id,
          principalIds: [org.owner],
          reservationId: randomUUID(),
        }),
      lastOwner,
    );
    await running.database.query(
      "update departure set until = until - interval '61 seconds' where org_id = $1",
      [org.id],
    );
    await org.update(owners, { removePrincipalIds: [org.owner] });
    expect((await org.get(owners)).group?.principalIds).toEqual([alice]);
  });

  test("counts a principal again when its reservation is released, but not by an earlier one's release", async () => {
    const [alice, bob] = [org.user(), org.user()];
    const { owners } = org.builtIn;
    await org.update(owners, { addPrincipalIds: [alice, bob], removePrincipalIds: [org.owner] });
    const [first, second, third] = [randomUUID(), randomUUID(), randomUUID()];
    const asked = (principal: string, reservationId: string) => ({
      orgId: org.id,
      principalIds: [principal],
      reservationId,
    });
    const head = await org.head();
    await running.groups.reserveDeparture(asked(alice, first));
    await running.groups.reserveDeparture(asked(alice, second));
    await running.groups.releaseDeparture(asked(alice, first));
    await running.groups.releaseDeparture(asked(bob, second));
    await expectRefusal(() => running.groups.reserveDeparture(asked(bob, third)), lastOwner);
    await running.groups.releaseDeparture(asked(alice, second));
    await running.groups.releaseDeparture(asked(alice, second));
    await running.groups.reserveDeparture(asked(bob, third));
    await expectRefusal(() => running.groups.reserveDeparture(asked(alice, first)), lastOwner);
    expect(await org.head()).toBe(head);
  });

  test("refuses when nobody can say whether an Owner is left", async () => {
    const alice = org.user();
    await org.update(org.builtIn.owners, { addPrincipalIds: [alice] });
    const before = await org.head();
    running.identity.onLoad = () => Promise.reject(new Error("identity is broken"));
    try {
      await expect(org.update(org.builtIn.owners, { removePrincipalIds: [alice] })).rejects.toThrow();
      await expect(
        running.groups.reserveDeparture({
          orgId: org.id,
          principalIds: [org.owner],
          reservationId: randomUUID(),
        }),
      ).rejects.toThrow();
      await expect(org.group([alice])).rejects.toThrow();
    } finally {
      running.identity.onLoad = async () => undefined;
    }
    expect(await org.head()).toBe(before);
  });
});

describe("DeleteGroup", () => {
  test("ends the group, its memberships and its nestings, and touches them", async () => {
    const alice = org.user();
    const inner = await org.group([alice]);
    const outer = await org.group([], [inner.id]);
    const { group } = await running.groups.deleteGroup({ context, orgId: org.id, id: inner.id });
    expect(group).toMatchObject({ id: inner.id, principalIds: [alice], deletedAt: expect.any(Date) });
    await expect(org.get(inner.id)).rejects.toMatchObject({ kind: "absent" });
    expect((await org.get(outer.id)).group?.memberGroupIds).toEqual([]);
    expect(await org.memberships(alice)).toEqual([]);
    const event = await org.lastEvent();
    expect(event?.action).toBe("group_deleted");
    expect(JSON.parse(event?.beforeJson ?? "")).toMatchObject({ memberOf: [outer.id] });
    await expectRefusal(() => running.groups.deleteGroup({ context, orgId: org.id, id: inner.id }), {
      kind: "absent",
    });
  });

  test("refuses built-in groups", async () => {
    for (const id of Object.values(org.builtIn)) {
      await expectRefusal(() => running.groups.deleteGroup({ context, orgId: org.id, id }), {
        kind: "refused",
        message: /built-in/,
      });
    }
  });
});

describe("AddPrincipals", () => {
  test("adds all to all as one event, and nothing when all are in", async () => {
    const [alice, bob] = [org.user(), org.user()];
    const groups = [await org.group([alice]), await org.group()];
    const request = {
      context,
      orgId: org.id,
      principalIds: [alice, bob],
      groupIds: groups.map(({ id }) => id),
    };
    const { revision } = await running.groups.addPrincipals(request);
    for (const each of [alice, bob]) {
      expect(await org.memberships(each)).toEqual(groups.map(({ id }) => id).sort());
    }
    expect(await org.lastEvent()).toMatchObject({
      action: "group_members_added",
      position: revision?.position,
    });
    expect((await running.groups.addPrincipals(request)).revision).toEqual(revision);
  });

  test("adds none if one is wrong", async () => {
    const alice = org.user();
    const group = await org.group();
    const add = (principalIds: string[], groupIds: string[]) => () =>
      running.groups.addPrincipals({ context, orgId: org.id, principalIds, groupIds });
    await expectRefusal(add([alice, randomUUID()], [group.id]), {
      kind: "invalid",
      field: "principal_ids[1]",
    });
    await expectRefusal(add([alice], [group.id, randomUUID()]), { kind: "invalid", field: "group_ids[1]" });
    const many = Array.from({ length: 1000 }, () => randomUUID());
    await expectRefusal(add(many, many), { kind: "invalid", field: "principal_ids" });
    expect(await org.memberships(alice)).toEqual([]);
  });

  test("takes some thousand members at once", async () => {
    const group = await org.group();
    const principalIds = Array.from({ length: 3001 }, () => org.user());
    await running.groups.addPrincipals({ context, orgId: org.id, principalIds, groupIds: [group.id] });
    expect((await org.get(group.id)).group?.principalIds).toEqual(principalIds.sort());
    expect((await org.lastEvent())?.touchedKinds).toEqual(["memberships"]);
  });
});

describe("ListGroups", () => {
  test("lists live groups, newest first, filtered and paged both ways", async () => {
    const made = [await org.group(), await org.group(), await org.group()];
    const deleted = await org.group();
    await running.groups.deleteGroup({ context, orgId: org.id, id: deleted.id });
    const { groups } = await running.groups.listGroups(all(org.id));
    const ids = groups.map(({ id }) => id);
    expect(ids.slice(0, 3)).toEqual(made.map(({ id }) => id).reverse());
    expect(ids).toHaveLength(6);
    const page = (more: object) =>
      running.groups.listGroups({
        ...all(org.id),
        page: { limit: 2, startingAfter: "", endingBefore: "", ...more },
      });
    expect((await page({ startingAfter: ids[1] })).groups.map(({ id }) => id)).toEqual(ids.slice(2, 4));
    expect((await page({ endingBefore: ids[3] })).groups.map(({ id }) => id)).toEqual(ids.slice(1, 3));
    expect((await page({ limit: 0 })).groups).toEqual([]);
    const named = await running.groups.listGroups({ ...all(org.id), names: ["Owners", "owners", "Viewers"] });
    expect(named.groups.map(({ name }) => name).sort()).toEqual(["Owners", "Viewers"]);
    const byId = await running.groups.listGroups({ ...all(org.id), ids: [made[0]?.id ?? "", randomUUID()] });
    expect(byId.groups.map(({ id }) => id)).toEqual([made[0]?.id]);
    const bare = await running.groups.listGroups({ ...all(org.id), withoutContents: true });
    expect(bare.groups).toEqual(groups.map((group) => ({ ...group, principalIds: [], memberGroupIds: [] })));
  });

  test("refuses cursors that are not of the list", async () => {
    const other = await Organization.provisioned(running);
    for (const startingAfter of [randomUUID(), other.builtIn.owners, "nonsense"]) {
      await expect(
        running.groups.listGroups({ ...all(org.id), page: { limit: 1, startingAfter, endingBefore: "" } }),
      ).rejects.toMatchObject({ kind: "invalid", field: "page.starting_after" });
    }
  });
});

describe("what an identity provider calls a group", () => {
  const list = async (more: { externalId?: string; memberId?: string }) => {
    const { groups } = await running.groups.listGroups({
      orgId: org.id,
      page: undefined,
      ids: [],
      names: [],
      ...more,
    });
    return groups.map(({ id }) => id).sort();
  };

  test("is kept, changed and ended, each as one event; a change of anything else leaves it", async () => {
    const { group } = await running.groups.createGroup({
      context,
      orgId: org.id,
      name: "one",
      principalIds: [],
      memberGroupIds: [],
      ownerId: "",
      externalId: "X1",
    });
    const id = group?.id ?? "";
    expect(group?.externalId).toBe("X1");
    expect(await org.lastEvent()).toMatchObject({ action: "group_created" });
    expect((await org.update(id, { name: "two" })).group?.externalId).toBe("X1");
    expect((await org.update(id, { externalId: "X2" })).group?.externalId).toBe("X2");
    const head = await org.head();
    await org.update(id, { externalId: "X2" });
    expect(await org.head()).toBe(head);
    expect((await org.update(id, { externalId: "" })).group?.externalId).toBeUndefined();
    expect(await org.head()).toBe(head + 1);
  });

  test("finds it byte by byte, and a member finds the groups that hold it directly", async () => {
    const user = org.user();
    const [inner, outer] = [await org.group([user]), await org.group()];
    await org.update(outer.id, { addMemberGroupIds: [inner.id], externalId: "X" });
    await org.update(inner.id, { externalId: "x" });
    expect(await list({ externalId: "X" })).toEqual([outer.id]);
    expect(await list({ externalId: "" })).toEqual([]);
    expect(await list({ memberId: user })).toEqual([inner.id]);
    expect(await list({ memberId: inner.id })).toEqual([outer.id]);
    expect(await list({ memberId: randomUUID() })).toEqual([]);
    expect(await list({ memberId: user, externalId: "X" })).toEqual([]);
    const other = await Organization.provisioned(running);
    const foreign = await other.group([other.user()]);
    await other.update(foreign.id, { externalId: "foreign" });
    expect(await list({ externalId: "foreign" })).toEqual([]);
    expect(await list({ memberId: other.owner })).toEqual([]);
  });

  test("has 1 to 255 characters", async () => {
    const { id } = await org.group();
    const refused = { kind: "invalid", field: "external_id" };
    await expect(org.update(id, { externalId: "x".repeat(256) })).rejects.toMatchObject(refused);
    await expect(list({ externalId: "\u0000" })).rejects.toMatchObject(refused);
    await expect(list({ memberId: "x" })).rejects.toMatchObject({ kind: "invalid", field: "member_id" });
  });
});

describe("FindPrincipals", () => {
  const ids = async (groupIds: readonly string[], limit: number): Promise<string[]> => {
    const found: string[] = [];
    for (;;) {
      const after = found.at(-1) ?? "";
      const page = await running.groups.findPrincipals({
        orgId: org.id,
        groupIds: [...groupIds],
        after,
        limit,
      });
      found.push(...page.principalIds);
      expect(page.revision?.position).toBe((await org.lastEvent())?.position);
      if (!page.more) return found;
      expect(page.principalIds).toHaveLength(limit);
    }
  };

  test("finds whom the groups hold, over nested groups too, each once and in order", async () => {
    const people = [org.user(), org.user(), org.user(), org.user()];
    const [alice = "", bob = "", carol = "", dave = ""] = people;
    const inner = await org.group([alice, bob]);
    const outer = await org.group([bob, carol], [inner.id]);
    const gone = await org.group([dave], [inner.id]);
    await running.groups.deleteGroup({ context, orgId: org.id, id: gone.id });
    for (const limit of [1, 2, 1000]) {
      expect(await ids([outer.id, inner.id, randomUUID()], limit)).toEqual([alice, bob, carol].toSorted());
      expect(await ids([inner.id], limit)).toEqual([alice, bob].toSorted());
      expect(await ids([gone.id], limit)).toEqual([]);
      expect(await ids([], limit)).toEqual([]);
    }
    const other = await Organization.provisioned(running);
    const foreign = { orgId: other.id, groupIds: [outer.id], after: "", limit: 10 };
    expect((await running.groups.findPrincipals(foreign)).principalIds).toEqual([]);
  });

  test.each([
    ["org_id", { orgId: "Acme" }],
    ["group_ids[0]", { groupIds: ["staff"] }],
    ["group_ids", { groupIds: Array(10_001).fill(randomUUID()) }],
    ["after", { after: "alice" }],
    ["limit", { limit: 0 }],
    ["limit", { limit: 1001 }],
  ])("names the field that is wrong: %s", async (field, wrong) => {
    const request = { orgId: org.id, groupIds: [], after: "", limit: 10, ...wrong };
    await expectRefusal(() => running.groups.findPrincipals(request), { kind: "invalid", field });
  });
});

describe("bad input changes nothing and names the field", () => {
  const tooLong = "x".repeat(256);
  const contents: [string, object, string][] = [
    ["no context", { context: undefined }, "context"],
    ["no request id", { context: { ...context, requestId: "" } }, "context.request_id"],
    ["a malformed organization", { orgId: "Acme" }, "org_id"],
    ["an empty name", { name: "" }, "name"],
    ["a name that is too long", { name: tooLong }, "name"],
    ["control characters in the name", { name: "a\u0000b" }, "name"],
    ["a description that is too long", { description: "x".repeat(10_001) }, "description"],
    ["a malformed principal", { principalIds: ["alice"] }, "principal_ids[0]"],
    ["an unknown principal", { principalIds: [randomUUID()] }, "principal_ids[0]"],
    ["too many principals", { principalIds: Array(10_001).fill(randomUUID()) }, "principal_ids"],
    ["a malformed owner", { ownerId: "alice" }, "owner_id"],
    ["an unknown owner", { ownerId: randomUUID() }, "owner_id"],
    ["a malformed group", { memberGroupIds: ["staff"] }, "member_group_ids[0]"],
    ["an unknown group", { memberGroupIds: [randomUUID()] }, "member_group_ids[0]"],
  ];

  test.each(contents)("CreateGroup, ReplaceGroup: %s", async (_, wrong, field) => {
    const request = { ...content(org.id, "Staff"), ...wrong };
    await expectRefusal(() => running.groups.createGroup(request), { kind: "invalid", field });
    await expectRefusal(() => running.groups.replaceGroup(request), { kind: "invalid", field });
  });

  const edits: [string, Partial<UpdateGroupRequest>, string][] = [
    ["no context", { context: undefined }, "context"],
    ["a malformed organization", { orgId: "Acme" }, "org_id"],
    ["a malformed id", { id: "staff" }, "id"],
    ["an empty name", { name: "" }, "name"],
    ["a name that is too long", { name: tooLong }, "name"],
    ["a description that is too long", { description: "x".repeat(10_001) }, "description"],
    [
      "an unknown replacement",
      { replacePrincipalIds: { ids: [randomUUID()] } },
      "replace_principal_ids.ids[0]",
    ],
    [
      "an unknown replacing group",
      { replaceMemberGroupIds: { ids: [randomUUID()] } },
      "replace_member_group_ids.ids[0]",
    ],
    ["an unknown addition", { addPrincipalIds: [randomUUID()] }, "add_principal_ids[0]"],
    ["an unknown nested group", { addMemberGroupIds: [randomUUID()] }, "add_member_group_ids[0]"],
    ["a malformed removal", { removePrincipalIds: ["alice"] }, "remove_principal_ids[0]"],
    ["a malformed group removal", { removeMemberGroupIds: ["staff"] }, "remove_member_group_ids[0]"],
  ];

  test.each(edits)("UpdateGroup: %s", async (_, wrong, field) => {
    const group = await org.group();
    await expectRefusal(() => org.update(group.id, wrong), { kind: "invalid", field });
  });

  test("says the same of the unknown, the foreign and the removed", async () => {
    const other = await Organization.provisioned(running);
    const removed = org.user();
    running.identity.remove(org.id, removed);
    const said = await Promise.all(
      [randomUUID(), other.owner, removed].map((id) => refusalOf(() => org.group([id]))),
    );
    expect(new Set(said.map((fault) => JSON.stringify(fault))).size).toBe(1);
    const deleted = await org.group();
    await running.groups.deleteGroup({ context, orgId: org.id, id: deleted.id });
    const ofGroups = await Promise.all(
      [randomUUID(), other.builtIn.viewers, deleted.id].map((id) => refusalOf(() => org.group([], [id]))),
    );
    expect(new Set(ofGroups.map((fault) => JSON.stringify(fault))).size).toBe(1);
  });

  test("an unknown organization, or another one's group, is absent", async () => {
    const other = await Organization.provisioned(running);
    const id = other.builtIn.viewers;
    await expectRefusal(() => org.update(id, { description: "mine" }), { kind: "absent" });
    await expectRefusal(() => running.groups.deleteGroup({ context, orgId: org.id, id }), { kind: "absent" });
    await expectRefusal(() => org.get(id), { kind: "absent" });
    await expectRefusal(() => running.groups.createGroup(content(randomUUID(), "Staff")), { kind: "absent" });
  });

  test("Provision, DeleteGroup, AddPrincipals, ReserveDeparture", async () => {
    const { groups } = running;
    const orgId = org.id;
    const wrong: [() => Promise<unknown>, string][] = [
      [() => groups.provision({ context, orgId: "x", ownerId: randomUUID() }), "org_id"],
      [() => groups.provision({ context, orgId, ownerId: "" }), "owner_id"],
      [() => groups.provision({ context: undefined, orgId, ownerId: randomUUID() }), "context"],
      [() => groups.deleteGroup({ context: undefined, orgId, id: randomUUID() }), "context"],
      [() => groups.deleteGroup({ context, orgId: "", id: randomUUID() }), "org_id"],
      [() => groups.deleteGroup({ context, orgId, id: "" }), "id"],
      [() => groups.addPrincipals({ context: undefined, orgId, principalIds: [], groupIds: [] }), "context"],
      [() => groups.addPrincipals({ context, orgId: "", principalIds: [], groupIds: [] }), "org_id"],
      [() => groups.addPrincipals({ context, orgId, principalIds: ["a"], groupIds: [] }), "principal_ids[0]"],
      [() => groups.addPrincipals({ context, orgId, principalIds: [], groupIds: ["a"] }), "group_ids[0]"],
      [() => groups.reserveDeparture({ orgId: "", principalIds: [], reservationId: randomUUID() }), "org_id"],
      [
        () => groups.reserveDeparture({ orgId, principalIds: ["a"], reservationId: randomUUID() }),
        "principal_ids[0]",
      ],
      [() => groups.reserveDeparture({ orgId, principalIds: [], reservationId: "" }), "reservation_id"],
      [() => groups.releaseDeparture({ orgId: "", principalIds: [], reservationId: randomUUID() }), "org_id"],
      [
        () => groups.releaseDeparture({ orgId, principalIds: ["a"], reservationId: randomUUID() }),
        "principal_ids[0]",
      ],
      [() => groups.releaseDeparture({ orgId, principalIds: [], reservationId: "x" }), "reservation_id"],
    ];
    for (const [call, field] of wrong) await expectRefusal(call, { kind: "invalid", field });
  });
});

function content(orgId: string, name: string) {
  return { context, orgId, name, description: undefined, principalIds: [], memberGroupIds: [], ownerId: "" };
}

function all(orgId: string) {
  return { orgId, page: undefined, ids: [], names: [] };
}

interface Refusal {
  readonly kind: string;
  readonly field?: string;
  readonly message?: RegExp;
}

/** The call fails so, and leaves the log where it was. */
async function expectRefusal(call: () => Promise<unknown>, refusal: Refusal): Promise<void> {
  const before = await org.head();
  const { message, ...rest } = refusal;
  await expect(call()).rejects.toMatchObject({
    ...rest,
    ...(message && { message: expect.stringMatching(message) as string }),
  });
  expect(await org.head()).toBe(before);
}

async function refusalOf(call: () => Promise<unknown>): Promise<object> {
  const error: unknown = await call().then(
    () => new Error("nothing was refused"),
    (thrown: unknown) => thrown,
  );
  const { kind, field, message } = error as Refusal;
  return { kind, field, message };
}
