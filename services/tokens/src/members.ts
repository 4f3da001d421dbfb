import { type Fault, invalid } from "@portcullis/chassis/fault";
import type { Hop } from "@portcullis/chassis/rpc/call";
import type { Stub } from "@portcullis/chassis/rpc/client";
import { factKeyToWire } from "@portcullis/facts/wire";
import type { OrgId, PrincipalId, PrincipalKind } from "@portcullis/policy";
import type { FactsService } from "@portcullis/proto/facts/v1/facts";

/** Of which kind these principals are, as far as they are members. */
export type MemberKinds = (
  org: OrgId,
  principals: readonly PrincipalId[],
  hop: Partial<Hop>,
) => Promise<ReadonlyMap<PrincipalId, PrincipalKind>>;

const factsAtOnce = 1000;

/** Members as identity knows them now. */
export function fromIdentity(identity: Stub<typeof FactsService>): MemberKinds {
  return async (org, principals, hop) => {
    const kinds = new Map<PrincipalId, PrincipalKind>();
    for (let from = 0; from < principals.length; from += factsAtOnce) {
      const some = principals.slice(from, from + factsAtOnce);
      const keys = some.map((principal) => factKeyToWire({ kind: "member", org, principal }));
      const { facts } = await identity.load({ keys }, hop);
      for (const [index, principal] of some.entries()) {
        const value = facts[index]?.value;
        if (value?.$case === "member") kinds.set(principal, value.value.kind as PrincipalKind);
      }
    }
    return kinds;
  };
}

/** One text for the unknown, the foreign and the removed, so that it tells nothing about other organisations. */
export function noSuchMember(field: string): Fault {
  return invalid(field, "is no member of this organization");
}
