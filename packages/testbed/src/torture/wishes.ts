// Random writes to a world, each with what it means to change.

import { randomUUID } from "node:crypto";
import { Fault } from "@portcullis/chassis/fault";
import type { Acl, Owner } from "@portcullis/policy";
import { objectText } from "@portcullis/policy/testing";
import type { Revision, WriteContext } from "@portcullis/proto/events/v1/events";
import type { AclContent } from "@portcullis/proto/grants/v1/grants";
import type { System } from "../system.ts";
import type { Chance } from "./chance.ts";
import type { WriteSeen } from "./owner-history.ts";
import {
  type Granted,
  type States,
  withAcl,
  withCredential,
  withMember,
  withMembership,
  withNesting,
  withoutAclsOf,
  withoutCredentialsOf,
  withoutMembershipsOf,
  withoutObject,
  withTuple,
} from "./states.ts";
import { contextOf, type World } from "./world.ts";

/** A write that somebody is about to ask for. */
export interface Wish {
  readonly owner: Owner;
  readonly what: string;
  readonly ask: (system: System, context: WriteContext) => Promise<{ revision: Revision | undefined }>;
  /** What it does at its owner; and what others do because of it, each in an event of its own or in none. */
  readonly changes: { readonly [O in Owner]?: WriteSeen<States[O]>["change"] };
}

/** Out of a hundred writes. */
const shares: readonly (readonly [number, (world: World, chance: Chance) => Wish])[] = [
  [8, comeOrGo],
  [8, makeOrRevokeCredential],
  [28, joinOrLeave],
  [13, nestOrUnnest],
  [31, addOrRemoveAcl],
  [12, changeRole],
];

export function wish(world: World, chance: Chance): Wish {
  if (chance.below(500) === 0) return deleteSomething(world, chance);
  let left = chance.below(100);
  for (const [share, make] of shares) {
    if (left < share) return make(world, chance);
    left -= share;
  }
  throw new Error("the shares are not a hundred");
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

function comeOrGo({ org: orgId, visitors }: World, chance: Chance): Wish {
  const visitor = chance.oneOf(visitors);
  if (chance.below(2) === 0) {
    return {
      owner: "identity",
      what: `${visitor} is invited`,
      ask: (system, context) =>
        system.identity.inviteMembers({
          context,
          orgId,
          userIds: [visitor],
          users: [],
          serviceAccounts: [],
        }),
      changes: { identity: (state) => withMember(state, visitor, true) },
    };
  }
  return {
    owner: "identity",
    what: `${visitor} is removed`,
    ask: (system, context) =>
      system.identity.removeMembers({ context, orgId, principalIds: [visitor], emails: [] }),
    changes: {
      identity: (state) => withMember(state, visitor, false),
      groups: (state) => withoutMembershipsOf(state, visitor),
      grants: (state) => withoutAclsOf(state, visitor),
      tokens: (state) => withoutCredentialsOf(state, visitor),
    },
  };
}

function makeOrRevokeCredential({ org: orgId, people, credentials }: World, chance: Chance): Wish {
  const kind = "api_key";
  const known = credentials.slice(-credentialsInPlay);
  if (known.length > 0 && chance.below(2) === 0) {
    const { id } = chance.oneOf(known);
    return {
      owner: "tokens",
      what: `${id} is revoked`,
      ask: (system, context) => system.tokens.revokeCredential({ context, orgId, id, kind }),
      changes: { tokens: (state) => withCredential(state, id, null) },
    };
  }
  const holder = chance.oneOf(people);
  let made = "";
  return {
    owner: "tokens",
    what: `${holder} gets a credential`,
    async ask(system, context) {
      const { credential, secret, revision } = await system.tokens.createCredential({
        context,
        orgId,
        kind,
        principalId: holder,
        name: "Key",
        expiresAt: undefined,
        scope: undefined,
        replace: false,
      });
      made = credential?.id ?? "";
      credentials.push({ id: made, secret });
      return { revision };
    },
    // One whose making was not acknowledged is known to nobody.
    changes: { tokens: (state) => (made === "" ? state : withCredential(state, made, holder)) },
  };
}

/** Older ones have long been revoked, or are forgotten. */
export const credentialsInPlay = 12;

function joinOrLeave({ org: orgId, people, groups }: World, chance: Chance): Wish {
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
    changes: { groups: (state) => withMembership(state, person, group, joins) },
  };
}

function nestOrUnnest({ org: orgId, groups }: World, chance: Chance): Wish {
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
    changes: { groups: (state) => withNesting(state, outer, inner, nests) },
  };
}

function addOrRemoveAcl(world: World, chance: Chance): Wish {
  const { org: orgId } = world;
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
    changes: { grants: (state) => withAcl(state, acl, adds) },
  };
}

function changeRole({ org: orgId, roles }: World, chance: Chance): Wish {
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
    changes: { grants: (state) => withTuple(state, role, tuple, adds) },
  };
}

function deleteSomething({ org: orgId, experiments, projects }: World, chance: Chance): Wish {
  const object = chance.oneOf([...experiments, ...experiments, ...projects.slice(1)]);
  return {
    owner: "grants",
    what: `delete ${objectText(object)}`,
    ask: (system, context) =>
      system.grants.deleteObject({ context, orgId, id: object.id, type: object.type }),
    changes: { grants: (state) => withoutObject(state, object) },
  };
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
