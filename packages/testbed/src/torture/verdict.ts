// Whether an answer can be right: whether the rule gives it at some cut through the owners' logs that was current
// recently enough, and that holds with each event all that the event came after.

import { type OrgId, type Owner, owners, type Permission, type PrincipalId } from "@portcullis/policy";
import { judge, type OneTarget, type OrganizationFacts, type Verdict } from "@portcullis/policy/testing";
import type { OwnerHistory } from "./owner-history.ts";
import type { States } from "./states.ts";

export type Histories = { readonly [O in Owner]: OwnerHistory<States[O]> };

export type Freshness =
  | { readonly kind: "minimize_latency" }
  /** At these places of the logs, or behind them. */
  | { readonly kind: "at_least_as_fresh"; readonly positions: Readonly<Record<Owner, number>> }
  | { readonly kind: "fully_consistent" };

export type Answer =
  | "allowed"
  | "denied"
  /** The credential that was shown is not live, or its holder is no member. */
  | "unauthenticated";

/** An answer that a client got. Times are of its monotonic clock. */
export interface Observation {
  readonly who:
    | { readonly kind: "principal"; readonly id: PrincipalId }
    | { readonly kind: "credential"; readonly id: string };
  readonly permission: Permission;
  readonly target: OneTarget;
  readonly freshness: Freshness;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly answer: Answer;
}

interface Judging {
  readonly org: OrgId;
  /** Everybody who is ever asked about. */
  readonly people: readonly PrincipalId[];
  readonly histories: Histories;
  /** Everything that is asked about; observations name these very targets. */
  readonly targets: readonly OneTarget[];
  readonly maxStalenessMs: number;
}

/** A place in each owner's log. */
type Cut = Readonly<Record<Owner, number>>;

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
    const { freshness, startedAt, endedAt, answer } = observation;
    const from = freshness.kind === "fully_consistent" ? startedAt : startedAt - maxStalenessMs;
    const positions = (owner: Owner) => {
      const atLeast = freshness.kind === "at_least_as_fresh" ? freshness.positions[owner] : 0;
      return histories[owner].mayHaveStoodAt(from, endedAt).filter((position) => position >= atLeast);
    };
    const at: Places = {
      identity: positions("identity"),
      groups: positions("groups"),
      grants: positions("grants"),
      tokens: positions("tokens"),
    };
    for (const cut of cutsThrough(at)) {
      if (this.#isClosed(cut) && this.#answerAt(cut, observation) === answer) return null;
    }
    return `${answer} at no closed cut with ${owners.map((owner) => `${owner} at ${rangeOf(at[owner])}`).join(", ")}`;
  }

  #isClosed(cut: Cut): boolean {
    const { histories } = this.#judging;
    return owners.every((owner) =>
      owners.every((other) => histories[owner].cameAfter(cut[owner], other) <= cut[other]),
    );
  }

  #answerAt(cut: Cut, { who, permission, target }: Observation): Answer {
    const { identity, tokens } = this.#judging.histories;
    const principal = who.kind === "principal" ? who.id : tokens.stateAt(cut.tokens).get(who.id);
    if (principal === undefined || !identity.stateAt(cut.identity).has(principal)) {
      return who.kind === "principal" ? "denied" : "unauthenticated";
    }
    return this.#verdictAt(cut)(principal, permission, target) ? "allowed" : "denied";
  }

  /** What the rule says of members. */
  #verdictAt({ groups, grants }: Cut): Verdict {
    const cut = `${groups} ${grants}`;
    const known = this.#verdicts.get(cut);
    if (known !== undefined) return known;
    const { org, people, histories, targets } = this.#judging;
    const facts: OrganizationFacts = {
      org,
      members: new Map(people.map((person) => [person, { kind: "user" }])),
      ...histories.groups.stateAt(groups),
      ...histories.grants.stateAt(grants),
    };
    const verdict = judge(facts, { targets, nowMs: 0 });
    this.#verdicts.set(cut, verdict);
    return verdict;
  }
}

type Places = Readonly<Record<Owner, readonly number[]>>;

/** Every choice of one place of each owner, the latest first. */
function* cutsThrough(at: Places): Generator<Cut> {
  for (const identity of at.identity.toReversed()) {
    for (const tokens of at.tokens.toReversed()) {
      for (const groups of at.groups.toReversed()) {
        for (const grants of at.grants.toReversed()) yield { identity, groups, grants, tokens };
      }
    }
  }
}

function rangeOf(positions: readonly number[]): string {
  return positions.length === 0 ? "none" : `${positions[0]} to ${positions.at(-1)}`;
}
