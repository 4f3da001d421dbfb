// What decide promises, law by law, on random organisations.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Acl,
  decide,
  type Explanation,
  explain,
  type FactKey,
  type FactLookup,
  type Grant,
  type GrantPath,
  type GroupId,
  type GroupNode,
  grantPath,
  indexGroups,
  type Miss,
  type ObjectId,
  type ObjectRef,
  type OrgId,
  objectTypeRow,
  organizationFace,
  type PrincipalId,
  type Public,
  permissions,
  permissionsOn,
  type Question,
  type RoleId,
  type RoleNode,
  type Subject,
  systemRoles,
} from "../src/index.ts";
import { standingAccess } from "../src/tree.ts";
import {
  lookupOf,
  type ObjectText,
  type OrganizationFacts,
  objectOf,
  objectText,
  type WholeAccess,
} from "./organization-facts.ts";
import { sampling } from "./sampling.ts";
import { questionsAbout, targetsIn, type World, worlds } from "./worlds.ts";

const runs = sampling({ numRuns: 150 });

describe(`on ${runs.numRuns} worlds, seed ${runs.seed}`, () => {
  test("nothing granted and nothing public, nothing allowed", { timeout: 120_000 }, () => {
    forEveryOrganization(({ nowMs, facts }) => {
      const bare = withNothingPublic(withAcls(facts, () => []));
      expect(allowedIn(bare, { nowMs, asked: facts })).toEqual([]);
    });
  });

  test("public lets every member read, one experiment and nothing else", { timeout: 120_000 }, () => {
    forEveryOrganization(({ nowMs, facts }) => {
      const before = lookupOf(withNothingPublic(facts));
      const after = lookupOf(facts);
      for (const question of questionsAbout(facts, { targets: targetsIn(facts), nowMs })) {
        if (isAllowed(question, before) === isAllowed(question, after)) continue;
        const { principal, permission, target } = question;
        expect(isAllowed(question, after)).toBe(true);
        expect(permission).toBe("read");
        expect(target).toMatchObject({ kind: "object", object: { type: "experiment" } });
        expect(facts.members.has(principal)).toBe(true);
      }
    });
  });

  test("a non-member may do nothing", { timeout: 120_000 }, () => {
    forEveryOrganization(({ nowMs, facts }) => {
      expect(allowedIn({ ...facts, members: new Map() }, { nowMs, asked: facts })).toEqual([]);
    });
  });

  test("the order of facts does not matter", { timeout: 120_000 }, () => {
    forEveryOrganization(({ nowMs, facts }) => {
      expect(allowedIn(reversed(facts), { nowMs, asked: facts })).toEqual(allowedIn(facts, { nowMs }));
    });
  });

  test("repeating facts does not matter", { timeout: 120_000 }, () => {
    forEveryOrganization(({ nowMs, facts }) => {
      expect(allowedIn(repeated(facts), { nowMs, asked: facts })).toEqual(allowedIn(facts, { nowMs }));
    });
  });

  test("adding an ACL never removes access, removing one never adds it", { timeout: 120_000 }, () => {
    forEveryOrganization(({ nowMs, facts, pick }) => {
      const removed = pick([...facts.access.values()].flatMap(({ acls }) => acls));
      const without = withAcls(facts, (acls) => acls.filter((acl) => acl !== removed));
      const before = new Set(allowedIn(facts, { nowMs }));
      expect(allowedIn(without, { nowMs, asked: facts }).filter((text) => !before.has(text))).toEqual([]);
    });
  });

  test("an expired ACL is as good as none", { timeout: 120_000 }, () => {
    forEveryOrganization(({ nowMs, facts }) => {
      const isExpired = ({ expiresAtMs }: Acl) => expiresAtMs !== null && expiresAtMs <= nowMs;
      const without = withAcls(facts, (acls) => acls.filter((acl) => !isExpired(acl)));
      expect(allowedIn(without, { nowMs, asked: facts })).toEqual(allowedIn(facts, { nowMs }));
    });
  });

  test("a restriction only takes away", { timeout: 120_000 }, () => {
    forEveryOrganization(({ nowMs, facts }) => {
      const lifted = withAcls(facts, (acls) =>
        acls.map(({ grant, ...acl }) => ({
          ...acl,
          grant: grant.kind === "role" ? grant : { ...grant, restrictObjectType: null },
        })),
      );
      const unrestricted = new Set(allowedIn(lifted, { nowMs, asked: facts }));
      expect(allowedIn(facts, { nowMs }).filter((text) => !unrestricted.has(text))).toEqual([]);
    });
  });

  test("no ACL reaches across organisations", { timeout: 120_000 }, () => {
    forEveryOrganization(({ nowMs, facts }) => {
      const elsewhere = "b0000000-0000-4000-8000-000000000000" as OrgId;
      const foreign = (["organization", "org_project", "org_member", "org_audit_logs"] as const).map((face) =>
        organizationFace(face, elsewhere),
      );
      const everything: Acl[] = [...facts.members.keys()].map((id) => ({
        id: `all for ${id}` as Acl["id"],
        subject: { kind: "principal", id },
        grant: { kind: "role", id: systemRoles.owner.id },
        expiresAtMs: null,
      }));
      const placed = foreign.map((face): [ObjectText, WholeAccess] => [
        objectText(face),
        {
          parent: face.type === "organization" ? null : organizationFace("organization", elsewhere),
          alsoUnder: [],
          acls: everything,
        },
      ]);
      const project: ObjectRef = { type: "project", id: "abroad" as ObjectId };
      const below: [ObjectText, WholeAccess] = [
        objectText(project),
        { parent: organizationFace("org_project", elsewhere), alsoUnder: [], acls: everything },
      ];
      const mixed = { ...facts, access: new Map([...facts.access, ...placed, below]) };
      expect(allowedIn(mixed, { nowMs, asked: facts })).toEqual(allowedIn(facts, { nowMs }));
      for (const object of [...foreign, project]) {
        for (const principal of facts.members.keys()) {
          const question = { org: facts.org, principal, target: { kind: "object", object }, nowMs } as const;
          expect(permissionsOn(question, lookupOf(mixed))).toEqual({ kind: "decided", permissions: [] });
        }
      }
    });
  });

  test("two ways into a group are one membership", { timeout: 120_000 }, () => {
    forEveryOrganization(({ nowMs, facts }) => {
      const groups = indexGroups(facts.groups);
      const flat = new Map([...facts.memberships].map(([id, direct]) => [id, [...groups.holding(direct)]]));
      expect(allowedIn({ ...facts, memberships: flat }, { nowMs, asked: facts })).toEqual(
        allowedIn(facts, { nowMs }),
      );
    });
  });

  test("what may be made somewhere may be done to it when it stands there", { timeout: 120_000 }, () => {
    forEveryOrganization(({ nowMs, facts }) => {
      const lookup = lookupOf(facts);
      for (const question of questionsAbout(facts, { targets: targetsIn(facts), nowMs })) {
        const made = withObjectMade(question.target, facts);
        if (made === null) continue;
        expect(
          isAllowed({ ...question, target: { kind: "object", object: made.object } }, lookupOf(made.facts)),
        ).toBe(isAllowed(question, lookup));
      }
    });
  });

  test("the whole set of permissions agrees with each question", { timeout: 120_000 }, () => {
    forEveryOrganization(({ nowMs, facts }) => {
      const lookup = lookupOf(facts);
      for (const { permission, ...question } of questionsAbout(facts, { targets: targetsIn(facts), nowMs })) {
        if (permission !== "create") continue;
        expect(permissionsOn(question, lookup)).toEqual({
          kind: "decided",
          permissions: permissions.filter((one) => isAllowed({ ...question, permission: one }, lookup)),
        });
      }
    });
  });

  test("the path that is given, taken alone, still allows", { timeout: 120_000 }, () => {
    forEveryOrganization(({ nowMs, facts }) => {
      const lookup = lookupOf(facts);
      for (const question of questionsAbout(facts, { targets: targetsIn(facts), nowMs })) {
        const grant = reasonFor(question, lookup);
        if (grant === null || grant === "public") continue;
        const path = grantPath(question, grant, lookup);
        if (path === null) throw new Error("an allowed question has no path");
        expect(isAllowed(question, lookupOf(onlyThePath(path, { question, facts })))).toBe(true);
      }
    });
  });

  test("an explanation says allowed if and only if the decision does", { timeout: 120_000 }, () => {
    forEveryOrganization(({ nowMs, facts }) => {
      const lookup = lookupOf(facts);
      for (const question of questionsAbout(facts, { targets: targetsIn(facts), nowMs })) {
        const { decision, paths, misses } = explained(question, lookup);
        expect(decision).toEqual(decide(question, lookup));
        expect(decision.allowed ? misses : paths).toEqual([]);
        if (decision.allowed) expect(decision.because === "public" || paths.length > 0).toBe(true);
      }
    });
  });

  test("each path of an explanation, taken alone, still allows", { timeout: 120_000 }, () => {
    forEveryOrganization(({ nowMs, facts }) => {
      const lookup = lookupOf(facts);
      const unmarked = withNothingPublic(facts);
      for (const question of questionsAbout(facts, { targets: targetsIn(facts), nowMs })) {
        for (const path of explained(question, lookup).paths) {
          expect(isAllowed(question, lookupOf(onlyThePath(path, { question, facts: unmarked })))).toBe(true);
        }
      }
    });
  });

  test("every ACL that alone allows is on a path of the explanation, by each group through which it does", {
    timeout: 120_000,
  }, () => {
    forEveryOrganization(({ nowMs, facts, pick }) => {
      const lookup = lookupOf(facts);
      const questions = [...questionsAbout(facts, { targets: targetsIn(facts), nowMs })];
      const allowed = questions.filter((question) => isAllowed(question, lookup));
      const acls = [...facts.access].flatMap(([on, fact]) => fact.acls.map((acl) => ({ on, acl })));
      for (let times = 0; times < 20; times += 1) {
        const question = pick(allowed);
        if (question === undefined) return;
        const { paths, arePathsCut } = explained(question, lookup);
        expect(arePathsCut).toBe(false);
        for (const { on, acl } of acls) {
          const alone = withOnly({ on, acl }, withNothingPublic(facts));
          const direct = facts.memberships.get(question.principal) ?? [];
          const ways = acl.subject.kind === "principal" ? [null] : [...new Set(direct)];
          for (const way of ways) {
            const memberships = new Map([[question.principal, way === null ? [] : [way]]]);
            if (!isAllowed(question, lookupOf({ ...alone, memberships }))) continue;
            const isThere = paths.some(
              (path) =>
                path.acl === acl &&
                objectText(path.objects.at(-1) ?? organizationFace("organization", facts.org)) === on &&
                (path.groups[0] ?? null) === way,
            );
            expect(isThere).toBe(true);
          }
        }
      }
    });
  });

  test("what a nearest miss lacks, once supplied, makes it allowed", { timeout: 120_000 }, () => {
    let supplied = 0;
    forEveryOrganization(({ nowMs, facts }) => {
      const lookup = lookupOf(facts);
      for (const question of questionsAbout(facts, { targets: targetsIn(facts), nowMs })) {
        const { misses } = explained(question, lookup);
        expect(misses.map(({ missing }) => missing.length)).toEqual(
          misses.map(({ missing }) => missing.length).toSorted((one, other) => one - other),
        );
        for (const miss of misses) {
          const better = withSupplied(miss, { question, facts });
          if (better === null) continue;
          supplied += 1;
          expect(isAllowed(question, lookupOf(better))).toBe(true);
        }
      }
    });
    expect(supplied).toBeGreaterThan(0);
  });

  test("no ACL that one step would make grant is left out of the misses", { timeout: 120_000 }, () => {
    forEveryOrganization(({ nowMs, facts, pick }) => {
      const lookup = lookupOf(facts);
      const questions = [...questionsAbout(facts, { targets: targetsIn(facts), nowMs })].filter(
        (question) => {
          const decision = decide(question, lookup);
          return decision.kind === "decided" && !decision.allowed && decision.because === "no_grant";
        },
      );
      const acls = [...facts.access].flatMap(([on, fact]) => fact.acls.map((acl) => ({ on, acl })));
      for (let times = 0; times < 20; times += 1) {
        const question = pick(questions);
        if (question === undefined) return;
        const { misses, areMissesCut } = explained(question, lookup);
        for (const { on, acl } of acls) {
          const unexpired = withOnly({ on, acl: { ...acl, expiresAtMs: null } }, facts);
          if (areMissesCut || !isAllowed(question, lookupOf(unexpired))) continue;
          const miss = misses.find(({ grant }) => grant?.acl === acl && objectText(grant.on) === on);
          expect(miss?.missing).toEqual([{ kind: "in_force", expiredAtMs: acl.expiresAtMs }]);
        }
      }
    });
  });

  test("no explanation depends on a fact that was not loaded, and four rounds load enough", {
    timeout: 120_000,
  }, () => {
    forEveryOrganization(({ nowMs, facts, pick }) => {
      const questions = [...questionsAbout(facts, { targets: targetsIn(facts), nowMs })];
      const full = lookupOf(facts, pick([Infinity, 0, 1]));
      for (let times = 0; times < 50; times += 1) {
        const question = pick(questions);
        if (question === undefined) return;
        const loaded = new Set(everyName(facts).filter(() => pick([true, true, false])));
        let answer = explain(question, onlyLoaded(loaded, full));
        for (let round = 0; answer.kind === "needs"; round += 1) {
          expect(round).toBeLessThan(4);
          expect(answer.keys.length).toBeGreaterThan(0);
          for (const key of answer.keys) {
            expect(loaded).not.toContain(nameOf(key));
            loaded.add(nameOf(key));
          }
          answer = explain(question, onlyLoaded(loaded, full));
        }
        expect(answer).toEqual(explained(question, full));
      }
    });
  });

  test("no answer depends on a fact that was not loaded, and four rounds load enough", {
    timeout: 120_000,
  }, () => {
    forEveryOrganization(({ nowMs, facts, pick }) => {
      const questions = [...questionsAbout(facts, { targets: targetsIn(facts), nowMs })];
      const full = lookupOf(facts, pick([Infinity, 0, 1]));
      for (let times = 0; times < 50; times += 1) {
        const question = pick(questions);
        if (question === undefined) return;
        const loaded = new Set(everyName(facts).filter(() => pick([true, true, false])));
        let answer = decide(question, onlyLoaded(loaded, full));
        for (let round = 0; answer.kind === "needs"; round += 1) {
          expect(round).toBeLessThan(4);
          expect(answer.keys.length).toBeGreaterThan(0);
          for (const key of answer.keys) {
            expect(loaded).not.toContain(nameOf(key));
            loaded.add(nameOf(key));
          }
          answer = decide(question, onlyLoaded(loaded, full));
        }
        expect(answer.allowed).toBe(isAllowed(question, full));
      }
    });
  });
});

interface Case {
  readonly nowMs: number;
  readonly facts: OrganizationFacts;
  readonly pick: <Item>(items: readonly Item[]) => Item | undefined;
}

function forEveryOrganization(holds: (each: Case) => void): void {
  const anyPick = fc.infiniteStream(fc.nat());
  fc.assert(
    fc.property(worlds(), anyPick, ({ nowMs, organizations }: World, numbers) => {
      const pick = <Item>(items: readonly Item[]): Item | undefined =>
        items[(numbers.next().value ?? 0) % Math.max(items.length, 1)];
      for (const facts of organizations) holds({ nowMs, facts, pick });
    }),
    runs,
  );
}

/** Every question that is allowed, of all that can be asked about `asked`. */
function allowedIn(
  facts: OrganizationFacts,
  { nowMs, asked = facts }: { readonly nowMs: number; readonly asked?: OrganizationFacts },
): readonly string[] {
  const lookup = lookupOf(facts);
  const allowed: string[] = [];
  for (const question of questionsAbout(asked, { targets: targetsIn(asked), nowMs })) {
    if (isAllowed(question, lookup)) allowed.push(JSON.stringify(question));
  }
  return allowed;
}

function isAllowed(question: Question, lookup: FactLookup): boolean {
  return reasonFor(question, lookup) !== null;
}

function reasonFor(question: Question, lookup: FactLookup): Grant | Public | null {
  const decision = decide(question, lookup);
  if (decision.kind === "needs") throw new Error("everything was loaded");
  return decision.allowed ? decision.because : null;
}

function explained(question: Question, lookup: FactLookup): Explanation {
  const explanation = explain(question, lookup);
  if (explanation.kind === "needs") throw new Error("everything was loaded");
  return explanation;
}

/** The facts with this one ACL and no other. */
function withOnly(
  { on, acl }: { readonly on: ObjectText; readonly acl: Acl },
  facts: OrganizationFacts,
): OrganizationFacts {
  const access = new Map(
    [...facts.access].map(([object, fact]) => [object, { ...fact, acls: object === on ? [acl] : [] }]),
  );
  return { ...facts, access };
}

/** The facts with everything that the miss lacks; null where that is more than a fact of its own. */
function withSupplied(
  { grant, missing }: Miss,
  { question, facts }: { readonly question: Question; readonly facts: OrganizationFacts },
): OrganizationFacts | null {
  const { principal, permission } = question;
  if (grant === null) {
    if (!missing.every((step) => step.kind === "membership" && step.isEnough)) return null;
    return { ...facts, members: new Map([...facts.members, [principal, { kind: "user" as const }]]) };
  }
  let { acl } = grant;
  let { memberships } = facts;
  for (const step of missing) {
    if (step.kind === "in_force") acl = { ...acl, expiresAtMs: null };
    if (step.kind === "object_type" || step.kind === "permission") {
      acl = { ...acl, grant: { kind: "permission", permission, restrictObjectType: null } };
    }
    if (step.kind === "group") memberships = new Map([...memberships, [principal, [step.group]]]);
  }
  return { ...withOnly({ on: objectText(grant.on), acl }, facts), memberships };
}

function withAcls(
  facts: OrganizationFacts,
  change: (acls: readonly Acl[]) => readonly Acl[],
): OrganizationFacts {
  const access = new Map(
    [...facts.access].map(([object, fact]) => [object, { ...fact, acls: change(fact.acls) }]),
  );
  return { ...facts, access };
}

function withNothingPublic(facts: OrganizationFacts): OrganizationFacts {
  const access = new Map<ObjectText, WholeAccess>();
  for (const [object, { parent, alsoUnder, acls }] of facts.access) {
    access.set(object, { parent, alsoUnder, acls });
  }
  return { ...facts, access };
}

function reversed(facts: OrganizationFacts): OrganizationFacts {
  return rearranged(facts, (items) => items.toReversed());
}

function repeated(facts: OrganizationFacts): OrganizationFacts {
  return rearranged(facts, (items) => [...items, ...items]);
}

function rearranged(
  facts: OrganizationFacts,
  arrange: <Item>(items: readonly Item[]) => readonly Item[],
): OrganizationFacts {
  const map = <Key, Value>(from: ReadonlyMap<Key, Value>, change: (value: Value) => Value) =>
    new Map(arrange([...from]).map(([key, value]) => [key, change(value)]));
  return {
    org: facts.org,
    members: map(facts.members, (member) => member),
    memberships: map(facts.memberships, arrange),
    groups: map(facts.groups, (group) => ({ ...group, memberGroups: arrange(group.memberGroups) })),
    roles: map(facts.roles, (role) => ({
      permissions: arrange(role.permissions),
      memberRoles: arrange(role.memberRoles),
    })),
    access: map(facts.access, (fact) => ({
      ...fact,
      alsoUnder: arrange(fact.alsoUnder),
      acls: arrange(fact.acls),
    })),
  };
}

/**
 * The facts with an object made at the place. Null for a face, which stands there already, and where nothing can: groups
 * and roles of another organisation would be this one's.
 */
function withObjectMade(
  target: Question["target"],
  facts: OrganizationFacts,
): { readonly object: ObjectRef; readonly facts: OrganizationFacts } | null {
  if (target.kind !== "place") return null;
  const { type, parent } = target;
  const row = objectTypeRow(type);
  const isForeign = parent.type === "organization" && (parent.id as string) !== facts.org;
  if (row.idOf !== "itself" || row.parent === null || isForeign) return null;
  const object: ObjectRef = { type, id: "new" as ObjectId };
  const id: string = object.id;
  const above =
    parent.type === "organization" && type === "project" ? { ...parent, type: row.parent } : parent;
  return {
    object,
    facts: {
      ...facts,
      groups: type === "group" ? new Map([...facts.groups, [id as GroupId, emptyGroup]]) : facts.groups,
      roles: type === "role" ? new Map([...facts.roles, [id as RoleId, emptyRole]]) : facts.roles,
      access: new Map([...facts.access, [objectText(object), { parent: above, alsoUnder: [], acls: [] }]]),
    },
  };
}

const emptyGroup: GroupNode = { memberGroups: [], builtIn: null };
const emptyRole: RoleNode = { permissions: [], memberRoles: [] };

/** Nothing but what the path names, and what the objects on it stand under. */
function onlyThePath(
  path: GrantPath,
  { question, facts }: { readonly question: Question; readonly facts: OrganizationFacts },
): OrganizationFacts {
  const { principal } = question;
  const member = facts.members.get(principal);
  const [direct] = path.groups;
  const access = new Map<ObjectText, WholeAccess>();
  let above: ObjectRef | null = path.objects.at(0) ?? null;
  const lookup = lookupOf(facts);
  // Up as decide goes: what these worlds say of parents may be wrong, and lead in a circle.
  while (above !== null) {
    const fact: WholeAccess | undefined = facts.access.get(objectText(above));
    if (fact !== undefined) access.set(objectText(above), { ...fact, acls: [] });
    above = standingAccess(above, facts.org, lookup)?.parent ?? null;
  }
  const on = path.objects.at(-1);
  const fact = on === undefined ? undefined : facts.access.get(objectText(on));
  if (on !== undefined && fact !== undefined) access.set(objectText(on), { ...fact, acls: [path.acl] });
  const target = question.target.kind === "object" ? question.target.object : null;
  return {
    org: facts.org,
    members: new Map(member === undefined ? [] : [[principal, member]]),
    memberships: new Map<PrincipalId, GroupId[]>(direct === undefined ? [] : [[principal, [direct]]]),
    groups: new Map([
      ...path.groups.map((group, index): [GroupId, GroupNode] => [
        group,
        { memberGroups: path.groups.slice(Math.max(index - 1, 0), index), builtIn: null },
      ]),
      ...[...facts.groups.keys()]
        .filter((group) => isSameId(group, target) && !path.groups.includes(group))
        .map((group): [GroupId, GroupNode] => [group, emptyGroup]),
    ]),
    roles: new Map([
      ...path.roles.map((role, index): [RoleId, RoleNode] => [
        role,
        {
          permissions: index === path.roles.length - 1 ? (facts.roles.get(role)?.permissions ?? []) : [],
          memberRoles: path.roles.slice(index + 1, index + 2),
        },
      ]),
      ...[...facts.roles.keys()]
        .filter((role) => isSameId(role, target) && !path.roles.includes(role))
        .map((role): [RoleId, RoleNode] => [role, emptyRole]),
    ]),
    access,
  };
}

function isSameId(id: string, target: ObjectRef | null): boolean {
  return (target?.id as string | undefined) === id;
}

/** A lookup that has these facts and says of all others that they are not loaded. */
function onlyLoaded(loaded: ReadonlySet<string>, full: FactLookup): FactLookup {
  return {
    member: (principal) => (loaded.has("member") ? full.member(principal) : undefined),
    memberships: (principal) => (loaded.has("memberships") ? full.memberships(principal) : undefined),
    groups: () => (loaded.has("groups") ? full.groups() : undefined),
    roles: () => (loaded.has("roles") ? full.roles() : undefined),
    access: (object) => (loaded.has(objectText(object)) ? full.access(object) : undefined),
    aclsNaming: (object, subject) =>
      loaded.has(namingName(object, subject)) ? full.aclsNaming(object, subject) : undefined,
    acls: (object) => (loaded.has(`acls ${objectText(object)}`) ? full.acls(object) : undefined),
  };
}

function everyName({ access }: OrganizationFacts): readonly string[] {
  const naming = [...access].flatMap(([text, { acls }]) =>
    acls.map(({ subject }) => namingName(objectOf(text), subject)),
  );
  return ["member", "memberships", "groups", "roles", ...access.keys(), ...new Set(naming)];
}

function namingName(object: ObjectRef, { kind, id }: Subject): string {
  return `${objectText(object)} ${kind} ${id}`;
}

function nameOf(key: FactKey): string {
  if (key.kind === "acls_naming") return namingName(key.object, key.subject);
  if (key.kind === "acls") return `acls ${objectText(key.object)}`;
  return key.kind === "access" ? objectText(key.object) : key.kind;
}
