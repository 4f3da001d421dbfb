// Some of what is decided, told in the log: who asked what, and why it was answered so. Ids and words of closed sets alone:
// no credential, no name, and nothing of a question that could not be read.

import { Fault } from "@portcullis/chassis/fault";
import type { Log } from "@portcullis/chassis/log";
import type { Call } from "@portcullis/chassis/rpc/call";
import type { Answer } from "@portcullis/facts";
import { type Decided, isNeeds, type Question, type Target } from "@portcullis/policy";
import type { AskedQuestion } from "./check.ts";

/** Who asks, and by which request, where it has an id. */
type Asker = Pick<Call, "caller"> & Partial<Pick<Call, "requestId">>;

export interface DecisionLog {
  /** Whether the next decision is told; each has the same chance. */
  isDue(): boolean;
  decided(question: NotedQuestion, answer: Pick<Answer<object>, "revision" | "layer">, asker: Asker): void;
  /** Null: the question could not even be read. */
  failed(question: NotedQuestion | null, thrown: unknown, asker: Asker): void;
}

/** Tells this share of the decisions. */
export function decisionLog(share: number, log: Log, random: () => number = Math.random): DecisionLog {
  // How many are passed over is drawn once for all of them, so each costs no more than to be counted.
  const untilNext = (): number =>
    share === 0 ? Infinity : 1 + Math.floor(Math.log(1 - random()) / Math.log1p(-share));
  let left = untilNext();
  return {
    isDue() {
      left--;
      if (left > 0) return false;
      left = untilNext();
      return true;
    },
    decided(question, { revision, layer }, asker) {
      log.info({ ...entry(question, asker), ...answerOf(question), revision, layer }, "decided");
    },
    failed(question, thrown, asker) {
      const failure = thrown instanceof Fault ? thrown.kind : "internal";
      log.info({ ...(question === null ? by(asker) : entry(question, asker)), failure }, "not decided");
    },
  };
}

/** A question that remembers what it was in full, and how it was decided last. */
export interface NotedQuestion extends AskedQuestion {
  readonly noted: { asked: Question | null; decided: Decided | null };
}

export function noting(question: AskedQuestion): NotedQuestion {
  const noted: NotedQuestion["noted"] = { asked: null, decided: null };
  return {
    org: question.org,
    noted,
    find: (facts) => question.find(facts),
    decide(found, facts) {
      noted.asked = found;
      const decided = question.decide(found, facts);
      if (!isNeeds(decided)) noted.decided = decided;
      return decided;
    },
  };
}

function entry({ org, noted: { asked } }: NotedQuestion, asker: Asker): object {
  return {
    ...by(asker),
    org,
    ...(asked !== null && { principal: asked.principal, permission: asked.permission, ...on(asked.target) }),
  };
}

function answerOf({ noted: { decided } }: NotedQuestion): object {
  return decided === null ? {} : { allowed: decided.allowed, ...because(decided) };
}

function by({ caller, requestId }: Asker): object {
  return { requestId, by: caller.kind === "service" ? caller.name : caller.principalId };
}

function on(target: Target): object {
  switch (target.kind) {
    case "object":
      return { object: target.object };
    case "place":
      return { place: { type: target.type, parent: target.parent } };
    case "reach":
      return { object: target.object, reach: target.type };
  }
}

function because({ because }: Decided): object {
  if (typeof because === "string") return { reason: because };
  return { reason: "grant", acl: because.acl.id, grantedOn: because.on };
}
