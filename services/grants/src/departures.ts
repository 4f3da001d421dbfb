// What is cleared up here when others remove somebody: the ACLs that name a former member, those that name a deleted
// group, and those that sit on it. Decisions do not wait for it: members and groups are the gates that close first.

import type { GroupId, ObjectId, OrgId, PrincipalId } from "@portcullis/policy";
import type { Event } from "@portcullis/proto/events/v1/events";
import type { FollowerOptions, Write } from "@portcullis/store";
import type { Neighbours } from "./neighbours.ts";
import { type AclSelector, removeAcls } from "./store/acl-rows.ts";

type Following = Pick<FollowerOptions, "source" | "actions" | "handle">;

/** Clears up behind members that were removed. */
export function membersRemoved(neighbours: Neighbours): Following {
  return {
    source: "identity",
    actions: ["members_removed"],
    async handle(write, event) {
      const org = event.orgId as OrgId;
      const principals = principalsOf(event);
      // An old event may come again after a restore; who has returned since keeps what was granted then.
      const returned = new Set<PrincipalId>();
      for (let from = 0; from < principals.length; from += askedAtOnce) {
        const some = principals.slice(from, from + askedAtOnce);
        const { members } = await neighbours(org, { principals: some, groups: false }, {});
        for (const member of members) returned.add(member);
      }
      const gone = principals.filter((principal) => !returned.has(principal));
      await clear(write, org, { subjects: gone.map((id) => ({ kind: "principal", id })), on: [] });
    },
  };
}

/** Clears up behind a group that was deleted. */
export function groupDeleted(): Following {
  return {
    source: "groups",
    actions: ["group_deleted"],
    async handle(write, event) {
      const id = event.subject?.id ?? "";
      await clear(write, event.orgId as OrgId, {
        subjects: [{ kind: "group", id: id as GroupId }],
        on: [{ type: "group", id: id as ObjectId }],
      });
    },
  };
}

const askedAtOnce = 1000;

async function clear(write: Write, org: OrgId, selector: AclSelector): Promise<void> {
  const { told, touches } = await removeAcls(write.em, org, selector);
  if (touches.length === 0) return;
  write.record({
    action: "acls_updated",
    subject: { type: "organization", id: org },
    before: told,
    after: null,
    touches,
  });
}

function principalsOf(event: Event): PrincipalId[] {
  const before = JSON.parse(event.beforeJson) as {
    readonly members: readonly { readonly id: PrincipalId }[];
  };
  return before.members.map((member) => member.id);
}
