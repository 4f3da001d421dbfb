// Small and nasty organisations. The pools of ids are tiny and shared between all kinds of things and both
// organisations, so that whatever could be mistaken for something else is; and rows stand in them that no write would
// have let in: cycles, dead ends, parents of the wrong type, unknown words.

import fc from "fast-check";
import {
  type Acl,
  type AclId,
  type GroupId,
  type GroupNode,
  type Member,
  type ObjectId,
  type ObjectRef,
  type ObjectType,
  type OrgId,
  objectTypeNames,
  objectTypeRow,
  organizationFace,
  type Permission,
  type PrincipalId,
  permissions,
  type Question,
  type RoleId,
  type RoleNode,
  type RolePermission,
  systemRoles,
} from "../src/index.ts";
import type { OneTarget } from "./oracle.ts";
import {
  type ObjectText,
  type OrganizationFacts,
  objectOf,
  objectText,
  type WholeAccess,
} from "./organization-facts.ts";

/** Organisations at one moment. */
export interface World {
  readonly nowMs: number;
  readonly organizations: readonly OrganizationFacts[];
}

/** Worlds of one or two organisations, about as often with access as without. */
export function worlds(): fc.Arbitrary<World> {
  return fc
    .oneof(
      { weight: 3, arbitrary: organizations(orgs[0]).map((one) => [one]) },
      { weight: 1, arbitrary: fc.tuple(organizations(orgs[0]), organizations(orgs[1])) },
    )
    .map((all) => ({ nowMs, organizations: all }));
}

/** Now and then one of them is no member. */
export const principals = ids<PrincipalId>(1, 2, 3);

/** What could be asked about in an organisation: all that is there, some that is not, places that fit and some that do not. */
export function targetsIn(facts: OrganizationFacts): readonly OneTarget[] {
  const { org } = facts;
  const elsewhere = orgs.find((other) => other !== org) ?? org;
  const objects: ReadonlyMap<ObjectText, ObjectRef> = new Map(
    [
      ...faces(org),
      ...groupIds.map((group): ObjectRef => ({ type: "group", id: asObjectId(group) })),
      ...[...roleIds, systemRoles.viewer.id].map(
        (role): ObjectRef => ({ type: "role", id: asObjectId(role) }),
      ),
      ...[...facts.access.keys()].map(objectOf),
      { type: "project", id: id(1) } as const,
      { type: "experiment", id: id(1) } as const,
    ].map((object) => [objectText(object), object]),
  );
  const places = [...objects.values()].flatMap((parent) =>
    objectTypeNames.filter((type) => fits(type, parent)).map((type) => ({ type, parent })),
  );
  return [
    ...[...objects.values(), organizationFace("org_project", elsewhere)].map(
      (object) => ({ kind: "object", object }) as const,
    ),
    ...[
      ...places,
      { type: "project", parent: organizationFace("organization", elsewhere) } as const,
      { type: "project", parent: organizationFace("org_member", org) } as const,
      { type: "dataset", parent: organizationFace("organization", org) } as const,
      { type: "dataset", parent: { type: "group", id: id(1) } } as const,
      { type: "organization", parent: organizationFace("organization", org) } as const,
    ].map((place) => ({ kind: "place", ...place }) as const),
  ];
}

/** Everything that could be asked about these targets: of each place two permissions, of each object all. */
export function* questionsAbout(
  { org }: OrganizationFacts,
  { targets, nowMs }: { readonly targets: readonly OneTarget[]; readonly nowMs: number },
): Generator<Question & { readonly target: OneTarget }> {
  for (const target of targets) {
    for (const principal of principals) {
      for (const permission of target.kind === "place" ? ofPlaces : permissions) {
        yield { org, principal, permission, target, nowMs };
      }
    }
  }
}

const ofPlaces: readonly Permission[] = ["create", "update"];

function fits(type: ObjectType, parent: ObjectRef): boolean {
  return objectTypeRow(type).parent === parent.type || (type === "project" && parent.type === "organization");
}

const nowMs = 1_800_000_000_000;
const orgs = [orgId("a"), orgId("b")] as const;
const groupIds = ids<GroupId>(1, 2, 3, 4, 5);
const roleIds = ids<RoleId>(1, 2, 3);
const systemRoleIds = Object.values(systemRoles).map(({ id }) => id);

function ids<Id extends string>(...numbers: readonly number[]): readonly Id[] {
  return numbers.map((number) => id(number) as string as Id);
}

function id(number: number): ObjectId {
  return `10000000-0000-4000-8000-00000000000${number}` as ObjectId;
}

function orgId(letter: string): OrgId {
  return `a0000000-0000-4000-8000-00000000000${letter}` as OrgId;
}

function asObjectId(other: string): ObjectId {
  return other as ObjectId;
}

function faces(org: OrgId): readonly ObjectRef[] {
  return (["organization", "org_member", "org_project", "org_audit_logs"] as const).map((face) =>
    organizationFace(face, org),
  );
}

function organizations(org: OrgId): fc.Arbitrary<OrganizationFacts> {
  return fc
    .record({
      members: someOf(principals, anyMember),
      memberships: someOf(principals, fc.array(fc.constantFrom(...groupIds), { minLength: 1, maxLength: 3 })),
      groups: someOf(groupIds, anyGroup),
      roles: someOf([...roleIds, systemRoles.viewer.id], anyRole),
      objects: fc.array(anyObject(org), { minLength: 4, maxLength: 9 }),
      acls: fc.array(anyPlacedAcl(org), { minLength: 6, maxLength: 16 }),
      exists: mostly(fc.constant(true), fc.constant(false)),
    })
    .map(({ objects, acls, exists, ...facts }) => ({
      org,
      ...facts,
      access: accessFacts({ org, objects: exists ? [root(org), ...objects] : objects, acls }),
    }));
}

interface PlacedObject {
  readonly object: ObjectRef;
  readonly parent: ObjectRef | null;
  readonly alsoUnder: readonly ObjectRef[];
  readonly publicRead: boolean;
}

interface PlacedAcl {
  readonly on: ObjectRef;
  readonly acl: Omit<Acl, "id">;
}

/** An ACL on an object that is not there is nowhere; on what needs no access fact to be there, it makes one. */
function accessFacts({
  org,
  objects,
  acls,
}: {
  readonly org: OrgId;
  readonly objects: readonly PlacedObject[];
  readonly acls: readonly PlacedAcl[];
}): ReadonlyMap<ObjectText, WholeAccess> {
  const facts = new Map<ObjectText, WholeAccess & { readonly acls: Acl[] }>();
  for (const { object, parent, alsoUnder, publicRead } of objects) {
    facts.set(objectText(object), { parent, alsoUnder, ...(publicRead && { publicRead }), acls: [] });
  }
  for (const [number, { on, acl }] of acls.entries()) {
    const text = objectText(on);
    if (!facts.has(text) && objectTypeRow(on.type).existsBy !== "access") {
      facts.set(text, { parent: organizationFace("organization", org), alsoUnder: [], acls: [] });
    }
    facts.get(text)?.acls.push({ id: id(number) as string as AclId, ...acl });
  }
  return facts;
}

function root(org: OrgId): PlacedObject {
  return { object: organizationFace("organization", org), parent: null, alsoUnder: [], publicRead: false };
}

const anyMember: fc.Arbitrary<Member> = fc.constantFrom({ kind: "user" }, { kind: "service_account" });

const anyGroup: fc.Arbitrary<GroupNode> = fc.record({
  memberGroups: fc.array(fc.constantFrom(...groupIds), { maxLength: 2 }),
  builtIn: fc.constantFrom(null, "owners"),
});

const anyPermission: fc.Arbitrary<Permission> = mostly(
  fc.constantFrom("create", "read", "update"),
  fc.constantFrom<Permission>(...permissions, "approve" as Permission),
);

const anyRestriction: fc.Arbitrary<ObjectType | null> = mostly(
  fc.constantFrom(null, null, null, "experiment", "project"),
  fc.constantFrom<ObjectType>(...objectTypeNames, "spaceship" as ObjectType),
);

const anyRolePermission: fc.Arbitrary<RolePermission> = fc.record({
  permission: anyPermission,
  restrictObjectType: anyRestriction,
});

const anyRole: fc.Arbitrary<RoleNode> = fc.record({
  permissions: fc.array(anyRolePermission, { minLength: 1, maxLength: 4 }),
  memberRoles: fc.array(fc.constantFrom(...roleIds, ...systemRoleIds), { maxLength: 2 }),
});

const anyAcl: fc.Arbitrary<Omit<Acl, "id">> = fc.record({
  subject: fc.oneof(
    fc.record({ kind: fc.constant("principal"), id: fc.constantFrom(...principals) }),
    fc.record({ kind: fc.constant("group"), id: fc.constantFrom(...groupIds) }),
  ),
  grant: fc.oneof(
    fc.record({
      kind: fc.constant("permission"),
      permission: anyPermission,
      restrictObjectType: anyRestriction,
    }),
    fc.record({ kind: fc.constant("role"), id: fc.constantFrom(...roleIds, ...systemRoleIds) }),
  ),
  expiresAtMs: mostly(fc.constant(null), fc.constantFrom(nowMs - 1, nowMs, nowMs + 1)),
});

function anyPlacedAcl(org: OrgId): fc.Arbitrary<PlacedAcl> {
  const on = fc.oneof(
    fc.constantFrom(organizationFace("organization", org), organizationFace("org_project", org)),
    fc.constantFrom(...faces(org)),
    fc.constantFrom<ObjectRef>({ type: "project", id: id(1) }, { type: "project", id: id(2) }),
    fc.record({ type: fc.constantFrom(...objectTypeNames), id: anyObjectId }),
  );
  return fc.record({ on, acl: anyAcl });
}

const anyObjectId = fc.constantFrom(id(1), id(2), id(3));

/** Mostly where it belongs, with a parent that may be gone. */
function anyObject(org: OrgId): fc.Arbitrary<PlacedObject> {
  const type = fc.oneof(
    fc.constant<ObjectType>("project"),
    fc.constantFrom<ObjectType>("experiment", "project_log", "prompt_session", "project_group"),
    fc.constantFrom(...objectTypeNames),
  );
  return fc
    .record({
      type,
      own: anyObjectId,
      parent: anyObjectId,
      oddParent: mostly(fc.constant(null), anyOddParent),
      alsoUnder: fc.array(fc.record({ type: anyTypeAbove, id: anyObjectId }), { maxLength: 2 }),
      // Of whatever type: it must mean something only where the catalog says so.
      publicRead: fc.boolean(),
    })
    .map(({ type, own, parent, oddParent, alsoUnder, publicRead }) => ({
      object: { type, id: objectTypeRow(type).idOf === "organization" ? asObjectId(org) : own },
      parent: oddParent ?? properParent(type, type === "project_log" ? own : parent, org),
      alsoUnder,
      publicRead,
    }));
}

const anyTypeAbove = mostly<ObjectType>(
  fc.constant("project_group"),
  fc.constantFrom("project", "experiment"),
);

const anyOddParent: fc.Arbitrary<ObjectRef> = fc.record({
  type: fc.constantFrom<ObjectType>(...objectTypeNames, "spaceship" as ObjectType),
  id: fc.constantFrom(id(1), id(2), ...orgs.map(asObjectId)),
});

function properParent(type: ObjectType, parent: ObjectId, org: OrgId): ObjectRef | null {
  const demanded = objectTypeRow(type).parent;
  if (demanded === null) return null;
  return { type: demanded, id: demanded === "project" ? parent : asObjectId(org) };
}

/** Each of these ids with something, or (now and then) without. */
function someOf<Id, Value>(
  all: readonly Id[],
  value: fc.Arbitrary<Value>,
): fc.Arbitrary<ReadonlyMap<Id, Value>> {
  return fc
    .tuple(
      ...all.map((each) => fc.option(value, { freq: 5, nil: undefined }).map((one) => [each, one] as const)),
    )
    .map((pairs) => new Map(pairs.flatMap(([each, one]) => (one === undefined ? [] : [[each, one]]))));
}

function mostly<Value>(usual: fc.Arbitrary<Value>, odd: fc.Arbitrary<Value>): fc.Arbitrary<Value> {
  return fc.oneof({ weight: 9, arbitrary: usual }, { weight: 1, arbitrary: odd });
}
