// A small organisation whose answers change all the time: few people, groups, roles and objects.

import { randomUUID } from "node:crypto";
import { createOrganization } from "@portcullis/admin-service/create-organization";
import { factFromWire, factKeyToWire } from "@portcullis/facts/wire";
import {
  type FactKey,
  type GroupId,
  type Groups,
  type Memberships,
  type ObjectId,
  type ObjectRef,
  type OrgId,
  type Owner,
  organizationFace,
  owners,
  type PrincipalId,
  type RoleId,
  type Roles,
} from "@portcullis/policy";
import { type OneTarget, objectText, type WholeAccess } from "@portcullis/policy/testing";
import type { Event, WriteContext } from "@portcullis/proto/events/v1/events";
import type { System } from "../system.ts";
import type { States } from "./states.ts";

export interface World {
  readonly org: OrgId;
  /** Everybody who is asked about; all are members in the beginning. */
  readonly people: readonly PrincipalId[];
  /** Those of them who come and go. */
  readonly visitors: readonly PrincipalId[];
  /** All that were ever made and handed out, in order. */
  readonly credentials: { readonly id: string; readonly secret: string }[];
  readonly groups: readonly GroupId[];
  readonly roles: readonly RoleId[];
  readonly projects: readonly ObjectRef[];
  readonly experiments: readonly ObjectRef[];
  readonly targets: readonly OneTarget[];
  /** Where the logs stood while nobody wrote yet, */
  readonly start: Readonly<Record<Owner, number>>;
  /** and what held there. */
  readonly initial: States;
}

const peopleCount = 6;
const visitorCount = 2;
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
      ownerId: "",
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
      ownerId: "",
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
    visitors: people.slice(-visitorCount),
    credentials: [],
    groups,
    roles,
    projects,
    experiments,
    targets: objects.map((object) => ({ kind: "object", object })),
    ...(await stateNow(system, org, people, objects)),
  };
}

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
  const heads = await Promise.all(
    owners.map(async (owner) => {
      const { positions } = await system.facts[owner].heads({ orgIds: [org] });
      return [owner, given(positions[0])] as const;
    }),
  );
  const ofGroups = await load("groups", [{ kind: "groups", org }, ...memberships]);
  const ofGrants = await load("grants", [{ kind: "roles", org }, ...access]);
  return {
    start: Object.fromEntries(heads) as Record<Owner, number>,
    initial: {
      identity: new Set(people),
      tokens: new Map(),
      groups: {
        groups: given(ofGroups[0]).value as Groups,
        memberships: new Map(
          people.map((person, index) => [person, given(ofGroups[index + 1]).value as Memberships]),
        ),
      },
      grants: {
        roles: given(ofGrants[0]).value as Roles,
        access: new Map(
          placed.map((object, index) => [
            objectText(object),
            given(ofGrants[index + 1]).value as WholeAccess,
          ]),
        ),
      },
    },
  };
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

export function contextOf(requestId: string): WriteContext {
  return { actor: undefined, requestId, sourceAddress: "", unchangedSince: [] };
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

function given<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("something is missing");
  return value;
}
