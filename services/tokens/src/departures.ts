// What is cleared up here when a member is removed: the credentials. Nobody waits for it: a credential of a former
// member authenticates nobody, and this only keeps it from coming to life again with its owner.

import type { OrgId, PrincipalId } from "@portcullis/policy";
import type { Event } from "@portcullis/proto/events/v1/events";
import type { FollowerOptions } from "@portcullis/store";
import type { MemberKinds } from "./members.ts";
import { holders, revokeAll } from "./store/credentials-store.ts";

/** Clears up behind members that were removed. */
export function membersRemoved(
  memberKinds: MemberKinds,
): Pick<FollowerOptions, "source" | "actions" | "handle"> {
  return {
    source: "identity",
    actions: ["members_removed"],
    async handle(write, event) {
      const org = event.orgId as OrgId;
      const concerned = await holders(write, org, principalsOf(event));
      // An old event may come again after a restore; who has returned since keeps what was made then.
      const returned = await memberKinds(org, concerned, {});
      return revokeAll(
        write,
        org,
        concerned.filter((principal) => !returned.has(principal)),
      );
    },
  };
}

function principalsOf(event: Event): PrincipalId[] {
  const before = JSON.parse(event.beforeJson) as {
    readonly members: readonly { readonly id: PrincipalId }[];
  };
  return before.members.map((member) => member.id);
}
