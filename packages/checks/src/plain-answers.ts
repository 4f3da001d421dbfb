import type { CheckResponse } from "@portcullis/proto/decision/v1/decision";
import { LRUCache } from "lru-cache";

/** The two answers to those who name a principal, at one revision. */
interface PlainAnswers {
  readonly allowed: CheckResponse;
  readonly denied: CheckResponse;
}

/** One organisation has few revisions that are told at a time. */
const revisionsMax = 10_000;

const answersAt = new LRUCache<string, PlainAnswers>({ max: revisionsMax });

/** Made once for each revision, and frozen, so that it is encoded once: encoding took as long as deciding. */
export function plainAnswer(allowed: boolean, revision: string): CheckResponse {
  const answers = answersAt.get(revision) ?? makeAnswers(revision);
  return allowed ? answers.allowed : answers.denied;
}

function makeAnswers(revision: string): PlainAnswers {
  const answers = {
    allowed: Object.freeze({ allowed: true, revision, holderId: undefined }),
    denied: Object.freeze({ allowed: false, revision, holderId: undefined }),
  };
  answersAt.set(revision, answers);
  return answers;
}
