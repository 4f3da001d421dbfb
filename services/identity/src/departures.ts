import { setTimeout as sleep } from "node:timers/promises";
import { Fault, invalid } from "@portcullis/chassis/fault";
import type { Hop } from "@portcullis/chassis/rpc/call";
import type { Stub } from "@portcullis/chassis/rpc/client";
import { factKeyToWire } from "@portcullis/facts/wire";
import type { OrgId, PrincipalId } from "@portcullis/policy";
import type { FactsService } from "@portcullis/proto/facts/v1/facts";
import type { GrantsService } from "@portcullis/proto/grants/v1/grants";
import type { GroupsService, ReserveDepartureRequest } from "@portcullis/proto/groups/v1/groups";
import type { TokensService } from "@portcullis/proto/tokens/v1/tokens";

export interface Departure {
  /** Names the reservation: a UUID. */
  readonly reservation: string;
  readonly org: OrgId;
  readonly principals: readonly PrincipalId[];
}

/** What the leaving of members asks of the other owners. */
export interface Departures {
  /** From now on these do not count as Owners. Throws if no Owner would be left. */
  reserve(departure: Departure, hop: Partial<Hop>): Promise<void>;
  /** They do after all, unless a later reservation says otherwise. */
  release(departure: Departure, hop: Partial<Hop>): Promise<void>;
  /** Waits until nothing is left of these former members' access; throws if that takes too long. */
  completed(org: OrgId, principals: readonly PrincipalId[], hop: Partial<Hop>): Promise<void>;
}

export interface OtherOwners {
  readonly groups: Pick<Stub<typeof GroupsService>, "reserveDeparture" | "releaseDeparture">;
  readonly groupsFacts: Pick<Stub<typeof FactsService>, "load">;
  readonly grants: Pick<Stub<typeof GrantsService>, "hasGrant">;
  readonly tokens: Pick<Stub<typeof TokensService>, "listCredentials">;
}

/** The clean-up behind a removal is a matter of milliseconds. Who waits holds the organisation's lock meanwhile. */
const completedWithinMs = 2000;
const askAgainMs = 50;
/** So many can come back at once; each costs a few calls. */
const returningMax = 1000;
const askedAtOnce = 50;

/**
 * Asks the owners themselves what is left, rather than how far they have followed the log: that nothing is left is the
 * very promise. It can't change behind our back, because nobody is granted anything who is not a member.
 */
export function departuresOf(owners: OtherOwners): Departures {
  return {
    async reserve(departure, hop) {
      await owners.groups.reserveDeparture(departureToWire(departure), hop);
    },

    async release(departure, hop) {
      await owners.groups.releaseDeparture(departureToWire(departure), hop);
    },

    async completed(org, principals, hop) {
      if (principals.length > returningMax) {
        throw invalid("user_ids", `at most ${returningMax} former members can come back at once`);
      }
      const until = performance.now() + completedWithinMs;
      let remaining = principals;
      for (;;) {
        remaining = await stillWithAccess(owners, org, remaining, hop);
        if (remaining.length === 0) return;
        if (performance.now() > until) {
          throw new Fault("unavailable", "a former membership is still being ended", { retryAfterMs: 1000 });
        }
        await sleep(askAgainMs, undefined, hop.signal && { signal: hop.signal });
      }
    },
  };
}

function departureToWire({ org, principals, reservation }: Departure): ReserveDepartureRequest {
  return { orgId: org, principalIds: [...principals], reservationId: reservation };
}

async function stillWithAccess(
  owners: OtherOwners,
  org: OrgId,
  principals: readonly PrincipalId[],
  hop: Partial<Hop>,
): Promise<PrincipalId[]> {
  if (principals.length === 0) return [];
  const { facts } = await owners.groupsFacts.load(
    { keys: principals.map((principal) => factKeyToWire({ kind: "memberships", org, principal })) },
    hop,
  );
  const remaining: PrincipalId[] = [];
  for (let from = 0; from < principals.length; from += askedAtOnce) {
    const some = principals.slice(from, from + askedAtOnce);
    const left = await Promise.all(
      some.map(async (principal, index) => {
        const groups = facts[from + index]?.value;
        if (groups?.$case !== "memberships" || groups.value.groupIds.length > 0) return true;
        return (
          (await isGranted(owners, org, principal, hop)) ||
          (await holds("api_key", owners, org, principal, hop)) ||
          (await holds("service_token", owners, org, principal, hop)) ||
          (await holds("session", owners, org, principal, hop))
        );
      }),
    );
    remaining.push(...some.filter((_, index) => left[index]));
  }
  return remaining;
}

async function isGranted(
  { grants }: OtherOwners,
  org: OrgId,
  principal: PrincipalId,
  hop: Partial<Hop>,
): Promise<boolean> {
  const { hasGrant } = await grants.hasGrant({ orgId: org, principalId: principal, groupIds: [] }, hop);
  return hasGrant;
}

async function holds(
  kind: string,
  { tokens }: OtherOwners,
  org: OrgId,
  principal: PrincipalId,
  hop: Partial<Hop>,
): Promise<boolean> {
  const page = { limit: 1, startingAfter: "", endingBefore: "" };
  const { credentials } = await tokens.listCredentials(
    { orgId: org, page, kind, principalId: principal, ids: [], names: [] },
    hop,
  );
  return credentials.length > 0;
}
