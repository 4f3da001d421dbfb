import { type Fault, invalid } from "@portcullis/chassis/fault";
import type { Hop } from "@portcullis/chassis/rpc/call";
import type { Stub } from "@portcullis/chassis/rpc/client";
import { factKeyToWire } from "@portcullis/facts/wire";
import type { OrgId, PrincipalId, PrincipalKind } from "@portcullis/policy";
import type { FactsService } from "@portcullis/proto/facts/v1/facts";

/** Says of which kind a member is; null for nobody. */
export type MemberKind = (
  org: OrgId,
  principal: PrincipalId,
  hop: Partial<Hop>,
) => Promise<PrincipalKind | null>;

/** Members as identity knows them now. */
export function fromIdentity(identity: Stub<typeof FactsService>): MemberKind {
  return async (org, principal, hop) => {
    const { facts } = await identity.load({ keys: [factKeyToWire({ kind: "member", org, principal })] }, hop);
    const value = facts[0]?.value;
    return value?.$case === "member" ? (value.value.kind as PrincipalKind) : null;
  };
}

/** One text for the unknown, the foreign and the removed, so that it tells nothing about other organisations. */
export function noSuchMember(field: string): Fault {
  return invalid(field, "is no member of this organization");
}
