// A small organisation whose answers change all the time: few people, groups, roles and objects, and random writes to
// each of them.

import { randomUUID } from "node:crypto";
import { createOrganization } from "@portcullis/admin-service/create-organization";
import { Fault } from "@portcullis/chassis/fault";
import { factFromWire, factKeyToWire } from "@portcullis/facts/wire";
import {
  type Access,
  type Acl,
  type AclId,
  type FactKey,
  type GroupId,
  type Groups,
  type Memberships,
  type ObjectId,
  type ObjectRef,
  type OrgId,
  type Owner,
  organizationFace,
  type PrincipalId,
  type RoleId,
  type Roles,
  type Target,
} from "@portcullis/policy";
import { type ObjectText, objectText } from "@portcullis/policy/testing";
import type { Event, Revision, WriteContext } from "@portcullis/proto/events/v1/events";
import type { AclContent } from "@portcullis/proto/grants/v1/grants";
import type { System } from "../system.ts";
import type { Chance } from "./chance.ts";
import type { WriteSeen } from "./owner-history.ts";
import type { GrantsState, GroupsState } from "./verdict.ts";

export interface World {
  readonly org: OrgId;
  readonly people: readonly PrincipalId[];
  readonly groups: readonly GroupId[];
  readonly roles: readonly RoleId[];
  readonly projects: readonly ObjectRef[];
  readonly experiments: readonly ObjectRef[];
  readonly targets: readonly Target[];
  readonly start: { readonly groups: number; readonly grants: number };
  readonly initial: { readonly groups: GroupsState; readonly grants: GrantsState };
}

const peopleCount = 5;
const groupCount = 4;
const roleCount = 2;
const experimentsPerProject = 4;

export async function makeWorld(system: System): Promise<World> {
  const name = randomUUID();
  const { orgId } = await createOrganization(system, { name, owner: { email: `owner@${name}.example` } });
  const org = orgId as OrgId;
  const context = contextOf(randomUUID());
  const { members } = await system.identity.inviteMembers({
    context,
    orgId,
    userIds: [],
    users: numbers(peopleCount).map((number) => ({
      email: `person-${number}@${name}.example`,
      givenName: undefined,
      familyName: undefined,
    })),
    serviceAccounts: [],
  });
  const people = members.map(({ principal }) => given(principal).id as PrincipalId);
  const groups: GroupId[] = [];
  for (const number of numbers(groupCount)) {
    const made = await system.groups.createGroup({
      context: contextOf(randomUUID()),
      orgId,
      name: `Group ${number}`,
      description: undefined,
      principalIds: [],
      memberGroupIds: [],
    });
    groups.push(given(made.group).id as GroupId);
  }
  const roles: RoleId[] = [];
  for (const number of numbers(roleCount)) {
    const made = await system.grants.createRole({
      context: contextOf(randomUUID()),
      orgId,
      name: `Role ${number}`,
      description: undefined,
      permissions: [],
      memberRoleIds: [],
    });
    roles.push(given(made.role).id as RoleId);
  }
  const make = async (type: "project" | "experiment", parent: ObjectRef): Promise<ObjectRef> => {
    const made = await system.grants.createObject({
      context: contextOf(randomUUID()),
      orgId,
      object: { type, parent, name: randomUUID(), slug: "", payloadJson: "", memberProjectIds: [] },
      ownerId: "",
      ensureNew: false,
    });
    return { type, id: given(made.object).id as ObjectId };
  };
  const projects = [
    await make("project", organizationFace("org_project", org)),
    await make("project", organizationFace("org_project", org)),
  ];
  const experiments: ObjectRef[] = [];
  for (const project of projects) {
    for (const _ of numbers(experimentsPerProject)) experiments.push(await make("experiment", project));
  }
  const objects = [...projects, ...experiments];
  return {
    org,
    people,
    groups,
    roles,
    projects,
    experiments,
    targets: objects.map((object) => ({ kind: "object", object })),
    ...(await stateNow(system, org, people, objects)),
  };
}

/** Where the logs stand while nobody writes, and what holds there. */
async function stateNow(
  system: System,
  org: OrgId,
  people: readonly PrincipalId[],
  objects: readonly ObjectRef[],
): Promise<Pick<World, "start" | "initial">> {
  const load = async (owner: Owner, keys: readonly FactKey[]) => {
    const { facts } = await system.facts[owner].load({ keys: keys.map(factKeyToWire) });
    return facts.map(factFromWire);
  };
  const memberships = people.map((principal): FactKey => ({ kind: "memberships", org, principal }));
  const above = ["organization", "org_project"] as const;
  const placed = [...above.map((face) => organizationFace(face, org)), ...objects];
  const access = placed.map((object): FactKey => ({ kind: "access", org, object }));
  const ofGroups = await load("groups", [{ kind: "groups", org }, ...memberships]);
  const ofGrants = await load("grants", [{ kind: "roles", org }, ...access]);
  return {
    start: { groups: given(ofGroups[0]).hi, grants: given(ofGrants[0]).hi },
    initial: {
      groups: {
        groups: given(ofGroups[0]).value as Groups,
        memberships: new Map(
          people.map((person, index) => [person, given(ofGroups[index + 1]).value as Memberships]),
        ),
      },
      grants: {
        roles: given(ofGrants[0]).value as Roles,
        access: new Map(
          placed.map((object, index) => [objectText(object), given(ofGrants[index + 1]).value as Access]),
        ),
      },
    },
  };
}

/** A write that somebody is about to ask for. */
export type Wish = Wanted<"groups", GroupsState> | Wanted<"grants", GrantsState>;

interface Wanted<Of extends "groups" | "grants", State> {
  readonly owner: Of;
  readonly what: string;
  readonly ask: (system: System, context: WriteContext) => Promise<{ revision: Revision | undefined }>;
  readonly change: WriteSeen<State>["change"];
}

export function wish(world: World, chance: Chance): Wish {
  const { org: orgId, people, groups, roles, projects, experiments } = world;
  const kind = chance.below(100);
  if (kind < 35) {
    const [person, group, joins] = [chance.oneOf(people), chance.oneOf(groups), chance.below(2) === 0];
    return {
      owner: "groups",
      what: `${person} ${joins ? "joins" : "leaves"} ${group}`,
      ask: (system, context) =>
        system.groups.updateGroup({
          ...unchanged,
          context,
          orgId,
          id: group,
          [joins ? "addPrincipalIds" : "removePrincipalIds"]: [person],
        }),
      change: (state) => withMembership(state, person, group, joins),
    };
  }
  if (kind < 50) {
    const [outer, inner, nests] = [chance.oneOf(groups), chance.oneOf(groups), chance.below(2) === 0];
    return {
      owner: "groups",
      what: `${outer} ${nests ? "takes in" : "lets go"} ${inner}`,
      ask: (system, context) =>
        system.groups.updateGroup({
          ...unchanged,
          context,
          orgId,
          id: outer,
          [nests ? "addMemberGroupIds" : "removeMemberGroupIds"]: [inner],
        }),
      change: (state) => withNesting(state, outer, inner, nests),
    };
  }
  if (kind < 85) {
    const acl = anyAcl(world, chance);
    const adds = chance.below(2) === 0;
    return {
      owner: "grants",
      what: `${adds ? "add" : "remove"} ${JSON.stringify(acl)}`,
      ask: (system, context) => {
        const content = contentOf(acl);
        return system.grants.updateAcls({
          context,
          orgId,
          add: adds ? [content] : [],
          remove: adds ? [] : [{ what: { $case: "content", value: content } }],
        });
      },
      change: (state) => withAcl(state, acl, adds),
    };
  }
  if (kind < 98 || chance.below(10) > 0) {
    const role = chance.oneOf(roles);
    const tuple = {
      permission: chance.oneOf(["read", "update"] as const),
      restrictObjectType: chance.oneOf([null, "experiment"] as const),
    };
    const adds = chance.below(2) === 0;
    return {
      owner: "grants",
      what: `${role} ${adds ? "gets" : "loses"} ${JSON.stringify(tuple)}`,
      ask: (system, context) =>
        system.grants.updateRole({
          context,
          orgId,
          id: role,
          name: undefined,
          description: undefined,
          replacePermissions: undefined,
          replaceMemberRoleIds: undefined,
          addPermissions: [],
          removePermissions: [],
          addMemberRoleIds: [],
          removeMemberRoleIds: [],
          [adds ? "addPermissions" : "removePermissions"]: [
            { permission: tuple.permission, restrictObjectType: tuple.restrictObjectType ?? "" },
          ],
        }),
      change: (state) => withTuple(state, role, tuple, adds),
    };
  }
  const object = chance.oneOf([...experiments, ...experiments, ...projects.slice(1)]);
  return {
    owner: "grants",
    what: `delete ${objectText(object)}`,
    ask: (system, context) =>
      system.grants.deleteObject({ context, orgId, id: object.id, type: object.type }),
    change: (state) => withoutObject(state, object),
  };
}

/** Asks for it, and notes what became of it. */
export async function fulfil(
  system: System,
  wanted: Wish,
): Promise<Omit<WriteSeen<never>, "change"> & { readonly revision: Revision | undefined }> {
  const requestId = randomUUID();
  const askedAt = performance.now();
  const seen = { requestId, what: wanted.what, askedAt };
  try {
    const { revision } = await wanted.ask(system, contextOf(requestId));
    const position = revision?.position ?? null;
    return { ...seen, outcome: "acknowledged", endedAt: performance.now(), position, revision };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const isRefused = ["invalid", "refused", "absent"].includes(error.kind);
    return {
      ...seen,
      outcome: isRefused ? "refused" : "unknown",
      endedAt: performance.now(),
      position: null,
      revision: undefined,
    };
  }
}

/** All events behind a position. */
export async function eventsOf(system: System, owner: Owner, org: OrgId, start: number): Promise<Event[]> {
  const all: Event[] = [];
  for (;;) {
    const { events, head } = await system.facts[owner].readLog({
      orgId: org,
      after: start + all.length,
      limit: 0,
    });
    all.push(...events);
    if (events.length === 0 || start + all.length >= head) return all;
  }
}

const unchanged = {
  name: undefined,
  description: undefined,
  replacePrincipalIds: undefined,
  replaceMemberGroupIds: undefined,
  addPrincipalIds: [],
  removePrincipalIds: [],
  addMemberGroupIds: [],
  removeMemberGroupIds: [],
};

type Granted = Omit<Acl, "id" | "expiresAtMs"> & { readonly on: ObjectRef };

function anyAcl({ people, groups, roles, projects, experiments }: World, chance: Chance): Granted {
  const subject: Acl["subject"] =
    chance.below(3) === 0
      ? { kind: "principal", id: chance.oneOf(people) }
      : { kind: "group", id: chance.oneOf(groups) };
  const grant: Acl["grant"] =
    chance.below(3) === 0
      ? { kind: "role", id: chance.oneOf(roles) }
      : {
          kind: "permission",
          permission: chance.oneOf(["read", "update"] as const),
          restrictObjectType: chance.oneOf([null, null, "experiment"] as const),
        };
  return { on: chance.oneOf([...projects, ...projects, ...projects, ...experiments]), subject, grant };
}

function contentOf({ on, subject, grant }: Granted): AclContent {
  return {
    object: on,
    subject:
      subject.kind === "principal"
        ? { $case: "principalId", value: subject.id }
        : { $case: "groupId", value: subject.id },
    grant:
      grant.kind === "role"
        ? { $case: "roleId", value: grant.id }
        : { $case: "permission", value: grant.permission },
    restrictObjectType: (grant.kind === "permission" && grant.restrictObjectType) || "",
    expiresAt: undefined,
  };
}

// What each write does to the state of its owner. Each answers the same state if there is nothing to do.

function withMembership(
  state: GroupsState,
  person: PrincipalId,
  group: GroupId,
  joins: boolean,
): GroupsState {
  const direct = state.memberships.get(person) ?? [];
  if (direct.includes(group) === joins) return state;
  const now = joins ? [...direct, group] : direct.filter((other) => other !== group);
  return { ...state, memberships: new Map([...state.memberships, [person, now]]) };
}

function withNesting(state: GroupsState, outer: GroupId, inner: GroupId, nests: boolean): GroupsState {
  const node = state.groups.get(outer);
  if (node === undefined || node.memberGroups.includes(inner) === nests) return state;
  const memberGroups = nests
    ? [...node.memberGroups, inner]
    : node.memberGroups.filter((other) => other !== inner);
  return { ...state, groups: new Map([...state.groups, [outer, { ...node, memberGroups }]]) };
}

function withAcl(state: GrantsState, { on, ...says }: Granted, adds: boolean): GrantsState {
  const access = state.access.get(objectText(on));
  if (access === undefined) return state;
  const text = JSON.stringify(says);
  const others = access.acls.filter(({ subject, grant }) => JSON.stringify({ subject, grant }) !== text);
  if (others.length < access.acls.length === adds) return state;
  const acls = adds ? [...others, { ...says, id: text as AclId, expiresAtMs: null }] : others;
  return { ...state, access: new Map([...state.access, [objectText(on), { ...access, acls }]]) };
}

function withTuple(
  state: GrantsState,
  role: RoleId,
  tuple: Roles extends ReadonlyMap<RoleId, infer Node extends { permissions: readonly unknown[] }>
    ? Node["permissions"][number]
    : never,
  adds: boolean,
): GrantsState {
  const node = state.roles.get(role);
  if (node === undefined) return state;
  const others = node.permissions.filter(
    (other) => other.permission !== tuple.permission || other.restrictObjectType !== tuple.restrictObjectType,
  );
  if (others.length < node.permissions.length === adds) return state;
  const permissions = adds ? [...others, tuple] : others;
  return { ...state, roles: new Map([...state.roles, [role, { ...node, permissions }]]) };
}

function withoutObject(state: GrantsState, { type, id }: ObjectRef): GrantsState {
  const isGone = ([text, { parent }]: readonly [ObjectText, Access]) =>
    text === objectText({ type, id }) || (parent?.type === type && parent.id === id);
  const left = [...state.access].filter((each) => !isGone(each));
  return left.length === state.access.size ? state : { ...state, access: new Map(left) };
}

function contextOf(requestId: string): WriteContext {
  return { actor: undefined, requestId, sourceAddress: "" };
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

function given<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("something is missing");
  return value;
}
