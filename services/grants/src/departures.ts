// What is done here behind what happened elsewhere. When somebody or something goes: the ACLs that name a former member,
// those that name a deleted group or sit on it, and what a deletion here left to do. Decisions do not wait for that:
// members, groups, roles and objects are the gates that close first. When a group is made: its owner's grant on it.

import { isUuid } from "@portcullis/chassis/fields";
import type { GroupId, ObjectId, ObjectRef, OrgId, PrincipalId, RoleId } from "@portcullis/policy";
import type { Event } from "@portcullis/proto/events/v1/events";
import type { FollowerOptions, Write } from "@portcullis/store";
import type { Neighbours } from "./neighbours.ts";
import {
  type AclSelector,
  aclOf,
  forTheLog,
  namedByAcls,
  removeAcls,
  touchedByAcls,
} from "./store/acl-rows.ts";
import { clearDeleted } from "./store/deleted-object.ts";
import { grantOwner, markOwned } from "./store/group-owner.ts";

type Following = Pick<FollowerOptions, "source" | "actions" | "handle">;

/** Clears up behind members that were removed. */
export function membersRemoved(neighbours: Neighbours): Following {
  return {
    source: "identity",
    actions: ["members_removed"],
    async handle(write, event) {
      const org = event.orgId as OrgId;
      const named = await namedByAcls(write.em, org, principalsOf(event));
      // An old event may come again after a restore; who has returned since keeps what was granted then.
      const returned = new Set<PrincipalId>();
      for (let from = 0; from < named.length; from += askedAtOnce) {
        const some = named.slice(from, from + askedAtOnce);
        const { members } = await neighbours(org, { principals: some, groups: false }, {});
        for (const member of members) returned.add(member);
      }
      const gone = named.filter((principal) => !returned.has(principal));
      return clear(write, org, { subjects: gone.map((id) => ({ kind: "principal", id })) });
    },
  };
}

/** Gives whoever made a group its grant on it, and clears up behind a group that was deleted. */
export function groupsChanged(neighbours: Neighbours): Following {
  return {
    source: "groups",
    actions: ["group_created", "group_deleted"],
    async handle(write, event) {
      const id = event.subject?.id ?? "";
      if (event.action === "group_created") return giveToOwner(write, event, id as GroupId, neighbours);
      return clear(write, event.orgId as OrgId, {
        subjects: [{ kind: "group", id: id as GroupId }],
        on: [{ type: "group", id: id as ObjectId }],
      });
    },
  };
}

/** Goes on where a deletion in grants itself was too much for its own transaction. */
export function deletedHere(): Following {
  return {
    source: "grants",
    actions: ["objects_deleted", "role_deleted"],
    async handle(write, event) {
      const org = event.orgId as OrgId;
      const subject = event.subject as ObjectRef;
      if (event.action === "role_deleted") {
        return clear(write, org, { on: [subject], roles: [subject.id as string as RoleId] });
      }
      const { told, touches, unfinished } = await clearDeleted(write.em, org, subject, new Date());
      if (touches.length === 0) return;
      write.record({ action: "contents_deleted", subject, before: told, after: null, touches });
      return unfinished ? "unfinished" : undefined;
    },
  };
}

const askedAtOnce = 1000;

/**
 * The owner gets it who is a member, and has been one since the group was made: who has left and come back meanwhile
 * comes back with nothing. A group that is gone again gets no ACL.
 */
async function giveToOwner(
  write: Write,
  event: Event,
  group: GroupId,
  neighbours: Neighbours,
): Promise<void> {
  const org = event.orgId as OrgId;
  const owner = ownerOf(event);
  if (owner === null || !(await markOwned(write, org, group))) return;
  const { members, groups, sameSince, asOf } = await neighbours(
    org,
    { principals: [owner], groups: true },
    {},
  );
  const then = event.dependsOn.find((place) => place.owner === "identity");
  const now = asOf.find((place) => place.owner === "identity");
  const isSameMember =
    members.has(owner) &&
    then !== undefined &&
    then.incarnation === now?.incarnation &&
    (sameSince.get(owner) ?? Infinity) <= then.position;
  if (isSameMember && groups.has(group)) await grantOwner(write, org, group, owner);
}

function ownerOf(event: Event): PrincipalId | null {
  const after = JSON.parse(event.afterJson) as { readonly ownerId?: unknown };
  return typeof after.ownerId === "string" && isUuid(after.ownerId) ? (after.ownerId as PrincipalId) : null;
}

async function clear(write: Write, org: OrgId, selector: AclSelector): Promise<"unfinished" | undefined> {
  const { rows, unfinished } = await removeAcls(write.em, org, selector);
  if (rows.length === 0) return;
  write.record({
    action: "acls_updated",
    subject: { type: "organization", id: org },
    before: { ...forTheLog(rows), ...(unfinished && { moreFollows: true }) },
    after: null,
    touches: touchedByAcls(org, rows.map(aclOf)),
  });
  return unfinished ? "unfinished" : undefined;
}

function principalsOf(event: Event): PrincipalId[] {
  const before = JSON.parse(event.beforeJson) as {
    readonly members: readonly { readonly id: PrincipalId }[];
  };
  return before.members.map((member) => member.id);
}
