import type { Hop } from "@portcullis/chassis/rpc/call";
import type { Stub } from "@portcullis/chassis/rpc/client";
import { type Fact, factFromWire, factKeyToWire } from "@portcullis/facts/wire";
import type { FactKey, GroupId, Groups, OrgId, Owner, PrincipalId } from "@portcullis/policy";
import type { FactsService } from "@portcullis/proto/facts/v1/facts";

/** Whose being there a write depends on. */
export interface Asked {
  /** At most 1,000. */
  readonly principals: readonly PrincipalId[];
  readonly groups: boolean;
}

/** What identity and groups answered, and at which places of their logs. */
export interface Known {
  /** Those of the principals that are active members. */
  readonly members: ReadonlySet<PrincipalId>;
  /** After which place of identity's log nothing has changed about them, be they members or not. */
  readonly sameSince: ReadonlyMap<PrincipalId, number>;
  /** All live groups, if groups were asked for. */
  readonly groups: ReadonlySet<GroupId>;
  readonly asOf: readonly Place[];
}

/** A place in another owner's log of the organisation. */
interface Place {
  readonly owner: Owner;
  readonly incarnation: string;
  readonly position: number;
}

/** Who lives next door now: members as identity knows them, groups as groups does. */
export type Neighbours = (org: OrgId, asked: Asked, hop: Partial<Hop>) => Promise<Known>;

type Facts = Pick<Stub<typeof FactsService>, "load">;

export function neighboursOf(identity: Facts, groups: Facts): Neighbours {
  return async (org, asked, hop) => {
    const memberKeys = asked.principals.map((principal): FactKey => ({ kind: "member", org, principal }));
    const groupKeys: FactKey[] = asked.groups ? [{ kind: "groups", org }] : [];
    const [members, nesting] = await Promise.all([
      load("identity", identity, memberKeys, hop),
      load("groups", groups, groupKeys, hop),
    ]);
    const live = (nesting.facts[0]?.value ?? new Map()) as Groups;
    return {
      members: new Set(asked.principals.filter((_, index) => (members.facts[index]?.value ?? null) !== null)),
      sameSince: new Map(asked.principals.map((id, index) => [id, members.facts[index]?.lo ?? Infinity])),
      groups: new Set(live.keys()),
      asOf: [...members.asOf, ...nesting.asOf],
    };
  };
}

async function load(
  owner: Owner,
  source: Facts,
  keys: readonly FactKey[],
  hop: Partial<Hop>,
): Promise<{ readonly facts: readonly Fact[]; readonly asOf: readonly Place[] }> {
  if (keys.length === 0) return { facts: [], asOf: [] };
  const loaded = await source.load({ keys: keys.map(factKeyToWire) }, hop);
  const facts = loaded.facts.map(factFromWire);
  const position = Math.min(...facts.map((fact) => fact.hi));
  return { facts, asOf: [{ owner, incarnation: loaded.incarnation, position }] };
}
