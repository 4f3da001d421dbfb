import { Fault } from "@portcullis/chassis/fault";
import type { Hop } from "@portcullis/chassis/rpc/call";
import type { Stub } from "@portcullis/chassis/rpc/client";
import { together } from "@portcullis/chassis/together";
import { askedFactFromWire, type Fact, factKeyText, factKeyToWire } from "@portcullis/facts/wire";
import type { FactKey, GroupId, Groups, OrgId, Owner, PrincipalId } from "@portcullis/policy";
import type { Fact as FactMessage, FactsService } from "@portcullis/proto/facts/v1/facts";

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
  const loadMembers = loadingFrom("identity", identity);
  const loadGroups = loadingFrom("groups", groups);
  return async (org, asked, hop) => {
    const memberKeys = asked.principals.map((principal): FactKey => ({ kind: "member", org, principal }));
    const groupKeys: FactKey[] = asked.groups ? [{ kind: "groups", org }] : [];
    const [members, nesting] = await Promise.all([
      loadMembers({ keys: memberKeys, hop }),
      loadGroups({ keys: groupKeys, hop }),
    ]);
    if (hop.signal?.aborted) throw new Fault("cancelled", "nobody waits for the answer any more");
    const live = (nesting.facts[0]?.value ?? new Map()) as Groups;
    return {
      members: new Set(asked.principals.filter((_, index) => (members.facts[index]?.value ?? null) !== null)),
      sameSince: new Map(asked.principals.map((id, index) => [id, members.facts[index]?.lo ?? Infinity])),
      groups: new Set(live.keys()),
      asOf: [...members.asOf, ...nesting.asOf],
    };
  };
}

/** The owners of whose logs the answer tells where they stand. */
export function placesToldBy({ principals, groups }: Asked): Owner[] {
  return [
    ...(principals.length > 0 ? (["identity"] as const) : []),
    ...(groups ? (["groups"] as const) : []),
  ];
}

interface Loading {
  readonly keys: readonly FactKey[];
  readonly hop: Partial<Hop>;
}

interface Loaded {
  readonly facts: readonly Fact[];
  readonly asOf: readonly Place[];
}

/** As many as a request for facts may name. */
const keysMax = 1000;
/** Whoever has waited for this long for the answer to others asks beside them. */
const patienceMs = 50;

/** Those that ask at the same time share a request. */
function loadingFrom(owner: Owner, source: Facts): (loading: Loading) => Promise<Loaded> {
  const load = together<Loading, Loaded>({
    async ask(all) {
      const keys = new Map(all.flatMap((loading) => loading.keys.map((key) => [nameOf(key), key])));
      const deadlineMs = Math.max(...all.map(({ hop }) => hop.deadlineMs ?? Infinity));
      const request = { keys: Array.from(keys.values(), factKeyToWire) };
      const loaded = await source.load(request, { ...requestIdOf(all[0]?.hop), deadlineMs });
      const { incarnation } = loaded;
      const facts = new Map(
        Array.from(keys, ([name, key], index) => [name, askedFact(loaded.facts[index], key)]),
      );
      return all.map((loading) => {
        const own = loading.keys.flatMap((key) => facts.get(nameOf(key)) ?? []);
        const position = Math.min(...own.map((fact) => fact.hi));
        return { status: "fulfilled", value: { facts: own, asOf: [{ owner, incarnation, position }] } };
      });
    },
    sizeMax: keysMax,
    sizeOf: ({ keys }) => keys.length,
    laneOf: () => "",
    patienceMs,
  });
  return async (loading) => (loading.keys.length === 0 ? { facts: [], asOf: [] } : load(loading));
}

function askedFact(message: FactMessage | undefined, key: FactKey): Fact {
  const fact = message === undefined ? null : askedFactFromWire(message, key);
  if (fact === null) throw new Error("a fact was not answered");
  return fact;
}

function nameOf(key: FactKey): string {
  return `${key.org} ${factKeyText(key)}`;
}

function requestIdOf({ requestId }: Partial<Hop> = {}): Partial<Hop> {
  return requestId === undefined ? {} : { requestId };
}
