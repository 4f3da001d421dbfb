// Whether an answer can be right: whether the rule gives it at some cut through the owners' logs that was current
// recently enough, and that holds with each event all that the event came after.

import type { Groups, OrgId, Permission, PrincipalId, Roles, Target } from "@portcullis/policy";
import { judge, type OrganizationFacts, type Verdict } from "@portcullis/policy/testing";
import type { OwnerHistory } from "./owner-history.ts";

export type GroupsState = Pick<OrganizationFacts, "memberships"> & { readonly groups: Groups };
export type GrantsState = Pick<OrganizationFacts, "access"> & { readonly roles: Roles };

interface Histories {
  readonly groups: OwnerHistory<GroupsState>;
  readonly grants: OwnerHistory<GrantsState>;
}

export type Freshness =
  | { readonly kind: "minimize_latency" }
  /** At these places of the logs, or behind them. */
  | { readonly kind: "at_least_as_fresh"; readonly groups: number; readonly grants: number }
  | { readonly kind: "fully_consistent" };

/** An answer that a client got. Times are of its monotonic clock. */
export interface Observation {
  readonly principal: PrincipalId;
  readonly permission: Permission;
  readonly target: Target;
  readonly freshness: Freshness;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly allowed: boolean;
}

interface Judging {
  readonly org: OrgId;
  /** They stay the same. */
  readonly members: OrganizationFacts["members"];
  readonly histories: Histories;
  /** Everything that is asked about; observations name these very targets. */
  readonly targets: readonly Target[];
  readonly maxStalenessMs: number;
}

/** Judges observations, and remembers what the rule says at each cut. */
export class Judge {
  readonly #judging: Judging;
  readonly #verdicts = new Map<string, Verdict>();

  constructor(judging: Judging) {
    this.#judging = judging;
  }

  /** Null: the answer can be right. Otherwise where it was looked for. */
  wrongWith(observation: Observation): string | null {
    const { histories, maxStalenessMs } = this.#judging;
    const { freshness, startedAt, endedAt, principal, permission, target, allowed } = observation;
    const from = freshness.kind === "fully_consistent" ? startedAt : startedAt - maxStalenessMs;
    const atLeast = freshness.kind === "at_least_as_fresh" ? freshness : { groups: 0, grants: 0 };
    const positions = (owner: keyof Histories) =>
      histories[owner].mayHaveStoodAt(from, endedAt).filter((position) => position >= atLeast[owner]);
    const [ofGroups, ofGrants] = [positions("groups"), positions("grants")];
    for (const groups of ofGroups.toReversed()) {
      for (const grants of ofGrants.toReversed()) {
        if (!this.#isClosed(groups, grants)) continue;
        if (this.#verdictAt(groups, grants)(principal, permission, target) === allowed) return null;
      }
    }
    return (
      `${allowed ? "allowed" : "denied"} at no closed cut with groups at ${rangeOf(ofGroups)} ` +
      `and grants at ${rangeOf(ofGrants)}`
    );
  }

  #isClosed(groups: number, grants: number): boolean {
    const { histories } = this.#judging;
    return (
      histories.groups.cameAfter(groups, "grants") <= grants &&
      histories.grants.cameAfter(grants, "groups") <= groups
    );
  }

  #verdictAt(groups: number, grants: number): Verdict {
    const cut = `${groups} ${grants}`;
    const known = this.#verdicts.get(cut);
    if (known !== undefined) return known;
    const { org, members, histories, targets } = this.#judging;
    const facts: OrganizationFacts = {
      org,
      members,
      ...histories.groups.stateAt(groups),
      ...histories.grants.stateAt(grants),
    };
    const verdict = judge(facts, { targets, nowMs: 0 });
    this.#verdicts.set(cut, verdict);
    return verdict;
  }
}

function rangeOf(positions: readonly number[]): string {
  return positions.length === 0 ? "none" : `${positions[0]} to ${positions.at(-1)}`;
}
