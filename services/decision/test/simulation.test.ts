// Simulating is as good as doing it for real in a copy: on random organisations and proposals, the oracle says who may
// do what before the changes and after them, and the difference must be what was simulated.

import {
  type Acl,
  type AclId,
  type Change,
  type FactKey,
  type FactKind,
  type FactValues,
  type GroupId,
  type ObjectId,
  type ObjectRef,
  type OrgId,
  objectTypeRow,
  organizationFace,
  type Permission,
  type PrincipalId,
  permissions,
  type RoleId,
  systemRoles,
} from "@portcullis/policy";
import {
  judge,
  type ObjectText,
  type OrganizationFacts,
  objectText,
  questionsAbout,
  sampling,
  targetsIn,
  type WholeAccess,
  worlds,
} from "@portcullis/policy/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  compare,
  look,
  type Simulated,
  type SimulationLimits,
  type Surroundings,
} from "../src/simulation.ts";

const runs = sampling({ numRuns: 100 });
const wide: SimulationLimits = { acls: 1000, principals: 1000, objects: 1000, pairs: 100_000 };

type Pick = <Item>(items: readonly Item[]) => Item;

describe(`on ${runs.numRuns} worlds, seed ${runs.seed}`, () => {
  test("what is simulated is what doing it in a copy does", { timeout: 120_000 }, async () => {
    await onEveryProposal(async ({ facts, nowMs, changes }) => {
      const simulated = await simulatedOn(facts, { changes, nowMs, limits: wide });
      if (simulated === null) return;
      expect(simulated.cutOff).toEqual([]);
      expect(linesOf(simulated)).toEqual(differencesByOracle(facts, { changes, nowMs }));
    });
  });

  test("what a limit cuts off is told, and all that is said is true", { timeout: 120_000 }, async () => {
    let cut = 0;
    await onEveryProposal(async ({ facts, nowMs, changes, pick }) => {
      const limits = {
        acls: pick([1, 2, 1000]),
        principals: pick([1, 2, 1000]),
        objects: pick([1, 2, 5, 1000]),
        pairs: pick([1, 3, 10, 1000]),
      };
      const simulated = await simulatedOn(facts, { changes, nowMs, limits });
      if (simulated === null) return;
      const all = differencesByOracle(facts, { changes, nowMs });
      const told = linesOf(simulated);
      expect(all).toEqual(expect.arrayContaining(told));
      expect(simulated.pairsExamined).toBeLessThanOrEqual(limits.pairs);
      if (told.length < all.length) {
        cut += 1;
        expect(simulated.cutOff).not.toEqual([]);
      }
    });
    expect(cut).toBeGreaterThan(0);
  });
});

describe("in a small organisation, of which the law can't be silent", () => {
  const id = <Id extends string>(number: number) => `20000000-0000-4000-8000-00000000000${number}` as Id;
  const nowMs = 1_800_000_000_000;
  const org = "a0000000-0000-4000-8000-00000000000a" as OrgId;
  const root = organizationFace("organization", org);
  const [ada, bob] = [id<PrincipalId>(1), id<PrincipalId>(2)];
  const [inner, outer, others] = [id<GroupId>(3), id<GroupId>(4), id<GroupId>(5)];
  const [reviewer, editor] = [id<RoleId>(6), id<RoleId>(7)];
  const lone = id<GroupId>(8);
  const listing: ObjectRef = { type: "project_group", id: id(1) };
  const project: ObjectRef = { type: "project", id: id(2) };
  const dataset: ObjectRef = { type: "dataset", id: id(3) };
  const allProjects = organizationFace("org_project", org);
  const read = { permission: "read", restrictObjectType: null } as const;
  const granted: Acl = {
    id: id(9),
    subject: { kind: "group", id: outer },
    grant: { kind: "role", id: reviewer },
    expiresAtMs: null,
  };
  const facts: OrganizationFacts = {
    org,
    members: new Map([
      [ada, { kind: "user" }],
      [bob, { kind: "user" }],
    ]),
    memberships: new Map([
      [ada, [inner]],
      [bob, [others]],
    ]),
    groups: new Map([
      [inner, { memberGroups: [], builtIn: null }],
      [outer, { memberGroups: [inner], builtIn: null }],
      [others, { memberGroups: [], builtIn: null }],
      [lone, { memberGroups: [], builtIn: null }],
    ]),
    roles: new Map([
      [reviewer, { permissions: [read], memberRoles: [editor] }],
      [editor, { permissions: [{ ...read, permission: "update" }], memberRoles: [] }],
    ]),
    access: new Map([
      [objectText(root), { parent: null, alsoUnder: [], acls: [granted] }],
      [objectText(listing), { parent: root, alsoUnder: [], acls: [] }],
      [objectText(project), { parent: allProjects, alsoUnder: [listing], acls: [] }],
      [objectText(dataset), { parent: project, alsoUnder: [], acls: [] }],
    ]),
  };
  const on = root;
  const acl = {
    ...granted,
    subject: { kind: "group", id: inner },
    grant: { kind: "permission", ...read },
  } as const;
  const create = { ...read, permission: "create" } as const;
  const examples: readonly (readonly [Change, PrincipalId, string])[] = [
    [{ kind: "add_acl", on, acl: { ...acl, grant: { kind: "permission", ...create } } }, ada, "gains create"],
    [{ kind: "remove_acl", on, acl: granted }, ada, "loses update"],
    [{ kind: "add_principal", group: inner, principal: bob }, bob, "gains update"],
    [{ kind: "remove_principal", group: inner, principal: ada }, ada, "loses update"],
    [{ kind: "add_member_group", group: inner, memberGroup: others }, bob, "gains update"],
    [{ kind: "remove_member_group", group: outer, memberGroup: inner }, ada, "loses update"],
    [{ kind: "add_role_permission", role: editor, permission: create }, ada, "gains create"],
    [{ kind: "remove_role_permission", role: reviewer, permission: read }, ada, "loses read"],
    [{ kind: "add_member_role", role: editor, memberRole: systemRoles.engineer.id }, ada, "gains delete"],
    [{ kind: "remove_member_role", role: reviewer, memberRole: editor }, ada, "loses update"],
    [{ kind: "remove_member", principal: ada }, ada, "loses update"],
  ];

  test("there is an example of every kind of change", () => {
    expect(examples.map(([{ kind }]) => kind).toSorted()).toEqual(kinds.toSorted());
  });

  test.each(examples.map(([change, ...rest]) => [change.kind, change, ...rest] as const))(
    "%s",
    async (_kind, change, principal, moved) => {
      expect(await lines([change])).toContain(`${principal} ${moved} on ${objectText(root)}`);
    },
  );

  test("who is put into a group has what that group is granted beside it", async () => {
    const granting = { kind: "add_acl", on, acl: { ...acl, subject: { kind: "group", id: lone } } } as const;
    const gain = `${bob} gains read on ${objectText(root)}`;
    expect(await lines([granting, { kind: "add_principal", group: lone, principal: bob }])).toContain(gain);
    const nesting = { kind: "add_member_group", group: lone, memberGroup: others } as const;
    expect(await lines([granting, nesting])).toContain(gain);
    expect(await lines([nesting, granting])).toContain(gain);
    expect(await lines([granting])).toEqual([]);
  });

  test("what is granted on a project group reaches what it lists, and all below", async () => {
    const gains = await lines([
      { kind: "add_acl", on: listing, acl: { ...acl, grant: { kind: "permission", ...create } } },
    ]);
    expect(gains).toEqual(
      [listing, project, dataset].map((object) => `${ada} gains create on ${objectText(object)}`).toSorted(),
    );
  });

  async function lines(changes: readonly Change[]): Promise<readonly string[]> {
    const simulated = await simulatedOn(facts, { changes, nowMs, limits: wide });
    const after = changes.reduce((copy, change) => madeIn(copy, change, nowMs), facts);
    const expected = differencesBetween(facts, after, { principals: [ada, bob], nowMs });
    expect(simulated === null ? null : linesOf(simulated)).toEqual(expected);
    expect(simulated?.cutOff).toEqual([]);
    return expected;
  }
});

interface Case {
  readonly facts: OrganizationFacts;
  readonly nowMs: number;
  readonly changes: readonly Change[];
  readonly pick: Pick;
}

async function onEveryProposal(holds: (each: Case) => Promise<void>): Promise<void> {
  await fc.assert(
    fc.asyncProperty(worlds(), fc.infiniteStream(fc.nat()), async ({ nowMs, organizations }, numbers) => {
      const pick: Pick = (items) => {
        const item = items[(numbers.next().value ?? 0) % items.length];
        if (item === undefined) throw new Error("nothing to pick from");
        return item;
      };
      for (const facts of organizations) {
        for (let times = 0; times < 10; times += 1) {
          const changes = Array.from({ length: pick([1, 1, 1, 2, 4]) }, () => anyChange(facts, nowMs, pick));
          await holds({ facts, nowMs, changes, pick });
        }
      }
    }),
    runs,
  );
}

const everyKind: Readonly<Record<Change["kind"], true>> = {
  add_acl: true,
  remove_acl: true,
  add_principal: true,
  remove_principal: true,
  add_member_group: true,
  remove_member_group: true,
  add_role_permission: true,
  remove_role_permission: true,
  add_member_role: true,
  remove_member_role: true,
  remove_member: true,
};
const kinds = Object.keys(everyKind) as readonly Change["kind"][];

const nobodysGroup = "10000000-0000-4000-8000-000000000009" as GroupId;

/** Mostly one that can be made: about what is there. */
function anyChange(facts: OrganizationFacts, nowMs: number, pick: Pick): Change {
  const principal = pick(principalsOf(facts, nowMs));
  const acls = [...facts.access.values()].flatMap((fact) => fact.acls);
  const group = pick([
    ...acls.flatMap(({ subject }) => (subject.kind === "group" ? [subject.id] : [])),
    ...facts.groups.keys(),
    nobodysGroup,
  ]);
  const role = pick([
    ...acls.flatMap(({ grant }) => (grant.kind === "role" ? [grant.id] : [])),
    ...facts.roles.keys(),
    systemRoles.viewer.id,
  ]);
  const permission = {
    permission: pick<Permission>(["create", "read", "update"]),
    restrictObjectType: pick([null, null, "experiment"] as const),
  };
  const kind = pick(kinds);
  switch (kind) {
    case "add_acl": {
      const acl = {
        subject: pick([{ kind: "principal", id: principal } as const, { kind: "group", id: group } as const]),
        grant: pick([{ kind: "permission", ...permission } as const, { kind: "role", id: role } as const]),
        expiresAtMs: pick([null, null, nowMs + 1]),
      };
      return { kind, on: pick(objectsOf(facts)), acl };
    }
    case "remove_acl": {
      const placed = [...facts.access].flatMap(([text, { acls }]) =>
        acls.map((acl) => ({ on: objectOf(text, facts), acl })),
      );
      if (placed.length === 0) return { kind: "remove_principal", group, principal };
      const { on, acl } = pick(placed);
      return { kind, on, acl };
    }
    case "add_principal":
      return { kind, group, principal };
    case "remove_principal":
      return { kind, group: pick([group, ...(facts.memberships.get(principal) ?? [])]), principal };
    case "add_member_group":
      return { kind, group, memberGroup: pick([group, ...facts.memberships.values()].flat()) };
    case "remove_member_group":
      return { kind, group, memberGroup: pick([group, ...(facts.groups.get(group)?.memberGroups ?? [])]) };
    case "add_role_permission":
      return { kind, role, permission };
    case "remove_role_permission":
      return { kind, role, permission: pick([permission, ...(facts.roles.get(role)?.permissions ?? [])]) };
    case "add_member_role":
      return { kind, role, memberRole: pick([...facts.roles.keys(), systemRoles.engineer.id]) };
    case "remove_member_role":
      return { kind, role, memberRole: pick([role, ...(facts.roles.get(role)?.memberRoles ?? [])]) };
    case "remove_member":
      return { kind, principal };
  }
}

/** Null: one of the changes can't be made. */
async function simulatedOn(
  facts: OrganizationFacts,
  { changes, nowMs, limits }: { changes: readonly Change[]; nowMs: number; limits: SimulationLimits },
): Promise<Simulated | null> {
  const scene = await look(facts.org, changes, surroundings(facts), { limits, nowMs });
  return scene.kind === "refused" ? null : compare(scene, { limits, nowMs });
}

function linesOf({ differences }: Simulated): string[] {
  return differences
    .flatMap(({ principal, object, gained, lost }) => [
      ...gained.map((permission) => `${principal} gains ${permission} on ${objectText(object)}`),
      ...lost.map((permission) => `${principal} loses ${permission} on ${objectText(object)}`),
    ])
    .toSorted();
}

function differencesByOracle(
  facts: OrganizationFacts,
  { changes, nowMs }: { changes: readonly Change[]; nowMs: number },
): string[] {
  const after = changes.reduce((copy, change) => madeIn(copy, change, nowMs), facts);
  return differencesBetween(facts, after, { principals: principalsOf(facts, nowMs), nowMs });
}

function differencesBetween(
  facts: OrganizationFacts,
  after: OrganizationFacts,
  { principals, nowMs }: { principals: readonly PrincipalId[]; nowMs: number },
): string[] {
  const targets = objectsOf(facts).map((object) => ({ kind: "object", object }) as const);
  const had = judge(facts, { targets, nowMs });
  const has = judge(after, { targets, nowMs });
  const lines: string[] = [];
  for (const target of targets) {
    for (const principal of principals) {
      for (const permission of permissions) {
        const [before, now] = [had(principal, permission, target), has(principal, permission, target)];
        if (before === now) continue;
        lines.push(`${principal} ${now ? "gains" : "loses"} ${permission} on ${objectText(target.object)}`);
      }
    }
  }
  return lines.toSorted();
}

/** A copy in which a change that can be made is made. */
function madeIn(facts: OrganizationFacts, change: Change, nowMs: number): OrganizationFacts {
  switch (change.kind) {
    case "add_acl":
    case "remove_acl": {
      const text = objectText(change.on);
      const { subject, grant } = change.acl;
      const says = JSON.stringify([subject.kind, subject.id, sortedEntries(grant)]);
      const isSame = (acl: Acl) =>
        JSON.stringify([acl.subject.kind, acl.subject.id, sortedEntries(acl.grant)]) === says;
      const fact = factOn(change.on, facts);
      const others = fact.acls.filter((acl) => !isSame(acl));
      const added: Acl[] = [];
      if (change.kind === "add_acl") {
        const { expiresAtMs } = change.acl;
        const standing = fact.acls.find(isSame);
        const keeps =
          standing !== undefined && (standing.expiresAtMs === null || standing.expiresAtMs > nowMs);
        added.push({
          ...change.acl,
          id: "new" as AclId,
          expiresAtMs: keeps ? (expiresAtMs ?? standing.expiresAtMs) : expiresAtMs,
        });
      }
      return {
        ...facts,
        access: new Map([...facts.access, [text, { ...fact, acls: [...others, ...added] }]]),
      };
    }
    case "add_principal":
    case "remove_principal": {
      const { group, principal } = change;
      const others = (facts.memberships.get(principal) ?? []).filter((one) => one !== group);
      const direct = change.kind === "add_principal" ? [...others, group] : others;
      return { ...facts, memberships: new Map([...facts.memberships, [principal, direct]]) };
    }
    case "add_member_group":
    case "remove_member_group": {
      const { group, memberGroup } = change;
      const node = facts.groups.get(group) ?? { memberGroups: [], builtIn: null };
      const others = node.memberGroups.filter((one) => one !== memberGroup);
      const memberGroups = change.kind === "add_member_group" ? [...others, memberGroup] : others;
      return { ...facts, groups: new Map([...facts.groups, [group, { ...node, memberGroups }]]) };
    }
    case "add_role_permission":
    case "remove_role_permission": {
      const node = facts.roles.get(change.role) ?? { permissions: [], memberRoles: [] };
      const { permission, restrictObjectType } = change.permission;
      const others = node.permissions.filter(
        (one) => one.permission !== permission || one.restrictObjectType !== restrictObjectType,
      );
      const all = change.kind === "add_role_permission" ? [...others, change.permission] : others;
      return { ...facts, roles: new Map([...facts.roles, [change.role, { ...node, permissions: all }]]) };
    }
    case "add_member_role":
    case "remove_member_role": {
      const { role, memberRole } = change;
      const node = facts.roles.get(role) ?? { permissions: [], memberRoles: [] };
      const others = node.memberRoles.filter((one) => one !== memberRole);
      const memberRoles = change.kind === "add_member_role" ? [...others, memberRole] : others;
      return { ...facts, roles: new Map([...facts.roles, [role, { ...node, memberRoles }]]) };
    }
    case "remove_member": {
      const { principal } = change;
      const members = new Map([...facts.members].filter(([one]) => one !== principal));
      const memberships = new Map([...facts.memberships].filter(([one]) => one !== principal));
      return { ...facts, members, memberships };
    }
  }
}

function sortedEntries(grant: Acl["grant"]): readonly (readonly [string, unknown])[] {
  return Object.entries(grant).toSorted(([one], [other]) => (one < other ? -1 : 1));
}

/** Of what is there without an access fact, or with one that puts it in a wrong place, the one that it would get. */
function factOn(object: ObjectRef, { org, access }: OrganizationFacts): WholeAccess {
  const fact = access.get(objectText(object));
  const root = organizationFace("organization", org);
  const isInOrganization = objectTypeRow(object.type).existsBy !== "access";
  if (fact !== undefined && (!isInOrganization || isSame(fact.parent, root))) return fact;
  return { parent: root, alsoUnder: [], acls: [] };
}

function isSame(one: ObjectRef | null, other: ObjectRef): boolean {
  return one !== null && objectText(one) === objectText(other);
}

/** The organisation as its owners would tell of it. */
function surroundings(facts: OrganizationFacts): Surroundings {
  const upTo = <Item>(items: readonly Item[], limit: number) => ({
    items: items.slice(0, limit),
    isCut: items.length > limit,
  });
  const all = objectsOf(facts);
  return {
    load: async (keys) => keys.map((key) => valueOf(key, facts)),
    principalsIn: async (groups, limit) =>
      upTo(
        [...facts.memberships]
          .filter(([, direct]) => direct.some((one) => groups.has(one)))
          .map(([one]) => one),
        limit,
      ),
    aclsNaming: async ({ principals, groups, roles }, limit) =>
      upTo(
        [...facts.access].flatMap(([text, { acls }]) =>
          acls.flatMap(({ subject, grant }) => {
            const role = grant.kind === "role" ? grant.id : null;
            const isNamed =
              subject.kind === "principal" ? principals.has(subject.id) : groups.has(subject.id);
            return isNamed || (role !== null && roles.has(role))
              ? [{ on: objectOf(text, facts), subject, role }]
              : [];
          }),
        ),
        limit,
      ),
    async objectsBelow(objects, limit) {
      const below = new Set(objects.map(objectText));
      for (const text of below) {
        for (const object of all) {
          const fact = facts.access.get(objectText(object));
          const above = [fact?.parent ?? null, ...(fact?.alsoUnder ?? [])];
          const isFace = objectTypeRow(object.type).existsBy === "organization";
          if (isFace) above.push(organizationFace("organization", facts.org));
          if (above.some((one) => one !== null && objectText(one) === text)) below.add(objectText(object));
        }
      }
      for (const object of objects) below.delete(objectText(object));
      return upTo(
        all.filter(
          ({ type, ...ref }) => !["group", "role"].includes(type) && below.has(objectText({ type, ...ref })),
        ),
        limit,
      );
    },
    publicObjects: async (limit) =>
      upTo(
        all.filter((object) => facts.access.get(objectText(object))?.publicRead === true),
        limit,
      ),
  };
}

function valueOf(key: FactKey, facts: OrganizationFacts): FactValues[FactKind] {
  switch (key.kind) {
    case "member":
      return facts.members.get(key.principal) ?? null;
    case "memberships":
      return facts.memberships.get(key.principal) ?? [];
    case "groups":
      return facts.groups;
    case "roles":
      return facts.roles;
    case "access": {
      const fact = facts.access.get(objectText(key.object)) ?? null;
      return fact !== null && fact.acls.length > 1 ? { ...fact, acls: null } : fact;
    }
    case "acls":
      return facts.access.get(objectText(key.object))?.acls ?? [];
    default:
      throw new Error(`no simulation needs the fact ${key.kind}`);
  }
}

function objectsOf(facts: OrganizationFacts): readonly ObjectRef[] {
  const all = [
    ...targetsIn(facts).flatMap((target) => (target.kind === "object" ? [target.object] : [])),
    ...Array.from(facts.groups.keys(), (id) => ({ type: "group", id: id as string as ObjectId }) as const),
    ...Array.from(facts.roles.keys(), (id) => ({ type: "role", id: id as string as ObjectId }) as const),
  ];
  return [...new Map(all.map((object) => [objectText(object), object])).values()];
}

function objectOf(text: ObjectText, facts: OrganizationFacts): ObjectRef {
  const found = objectsOf(facts).find((object) => objectText(object) === text);
  if (found === undefined) throw new Error(`no object ${text}`);
  return found;
}

function principalsOf(facts: OrganizationFacts, nowMs: number): readonly PrincipalId[] {
  const targets = targetsIn(facts).slice(0, 1);
  return [...new Set(Array.from(questionsAbout(facts, { targets, nowMs }), ({ principal }) => principal))];
}
