import { type Fault, invalid } from "@portcullis/chassis/fault";
import type { Hop } from "@portcullis/chassis/rpc/call";
import type { Stub } from "@portcullis/chassis/rpc/client";
import { factKeyToWire } from "@portcullis/facts/wire";
import type { OrgId, PrincipalId, PrincipalKind } from "@portcullis/policy";
import type { FactsService } from "@portcullis/proto/facts/v1/facts";

/** Which of these principals are active members, and of which kind; throws if that can't be learnt. */
export type ActiveMembers = (
  org: OrgId,
  principals: readonly PrincipalId[],
  hop: Partial<Hop>,
) => Promise<ReadonlyMap<PrincipalId, PrincipalKind>>;

const factsAtOnce = 1000;

/** Members as identity knows them now. */
export function fromIdentity(identity: Pick<Stub<typeof FactsService>, "load">): ActiveMembers {
  return async (org, principals, hop) => {
    const active = new Map<PrincipalId, PrincipalKind>();
    for (let from = 0; from < principals.length; from += factsAtOnce) {
      const some = principals.slice(from, from + factsAtOnce);
      const keys = some.map((principal) => factKeyToWire({ kind: "member", org, principal }));
      const { facts } = await identity.load({ keys }, hop);
      for (const [index, principal] of some.entries()) {
        const value = facts[index]?.value;
        if (value?.$case !== "member") continue;
        const { kind } = value.value;
        if (kind === "user" || kind === "service_account") active.set(principal, kind);
      }
    }
    return active;
  };
}

/** One text for the unknown, the foreign and the removed, so that it tells nothing about other organisations. */
export function noSuchMember(field: string): Fault {
  return invalid(field, "no such member of the organization");
}
