import { randomUUID } from "node:crypto";
import { Fault } from "@portcullis/chassis/fault";
import type { Log } from "@portcullis/chassis/log";
import type { Facts } from "@portcullis/facts";
import type { Decided, OrgId, PrincipalId, Question } from "@portcullis/policy";
import { expect, test } from "vitest";
import { type AskedQuestion, decideOver } from "./check.ts";
import { decisionLog, noting } from "./decision-log.ts";

const org = randomUUID() as OrgId;
const asked: Question = {
  org,
  principal: randomUUID() as PrincipalId,
  permission: "read",
  target: { kind: "object", object: { type: "project", id: randomUUID() as never } },
  nowMs: 0,
};
const denied: Decided = { kind: "decided", allowed: false, because: "no_grant" };
const facts = {} as Facts;
const found = { ...asked, byCredential: false, scope: null };
const asker = { requestId: "one", caller: { kind: "service", name: "admin" } } as const;

function question(decide: AskedQuestion["decide"]): AskedQuestion {
  return { org, find: () => found, decide };
}

/** A log of which only this is looked at. */
function logTo(lines: object[]): Log {
  const log = { info: (line: object, msg: string) => lines.push({ ...line, msg }) };
  return log as unknown as Log;
}

function dueOf(share: number, questions: number, random = Math.random): number {
  const log = decisionLog(share, logTo([]), random);
  return Array.from({ length: questions }, () => log.isDue()).filter(Boolean).length;
}

test("none is told by default, and all where all are wanted", () => {
  expect(dueOf(0, 1000)).toBe(0);
  expect(dueOf(1, 1000)).toBe(1000);
  expect(dueOf(1, 10, () => 0)).toBe(10);
});

test("of many the wanted share is told, each by the same chance", () => {
  let seed = 1;
  const random = () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  expect(dueOf(0.25, 100_000, random) / 100_000).toBeCloseTo(0.25, 2);
  expect(dueOf(0.001, 1_000_000, random) / 1_000_000).toBeCloseTo(0.001, 3);
  // Not each fourth: whoever asks in a rhythm would be told always or never.
  const log = decisionLog(0.25, logTo([]), random);
  const places = Array.from({ length: 1000 }, () => log.isDue()).flatMap((isDue, place) =>
    isDue ? place : [],
  );
  expect(new Set(places.map((place) => place % 4)).size).toBe(4);
});

test("what is told of a decision is who asked what, the answer and its reason", () => {
  const lines: object[] = [];
  const noted = noting(question(() => denied));
  expect(decideOver(facts, noted)).toBe(denied);
  decisionLog(1, logTo(lines)).decided(noted, { revision: "r", layer: "memory" }, asker);
  expect(lines).toEqual([
    {
      msg: "decided",
      requestId: "one",
      by: "admin",
      org,
      principal: asked.principal,
      permission: "read",
      object: { type: "project", id: expect.any(String) as string },
      allowed: false,
      reason: "no_grant",
      revision: "r",
      layer: "memory",
    },
  ]);
});

test("a question that failed is told without an answer, also when it was answered before", () => {
  const lines: object[] = [];
  let isGood = true;
  const noted = noting(
    question(() => {
      if (isGood) return denied;
      throw new Fault("unauthenticated", "sk-secret is not valid");
    }),
  );
  decideOver(facts, noted);
  isGood = false;
  expect(() => decideOver(facts, noted)).toThrow("not valid");
  const log = decisionLog(1, logTo(lines));
  log.failed(noted, new Fault("unauthenticated", "sk-secret is not valid"), asker);
  log.failed(null, new Error("a bug"), asker);
  expect(lines).toEqual([
    expect.objectContaining({ msg: "not decided", principal: asked.principal, failure: "unauthenticated" }),
    { msg: "not decided", requestId: "one", by: "admin", failure: "internal" },
  ]);
  expect(lines[0]).not.toHaveProperty("allowed");
  expect(JSON.stringify(lines)).not.toContain("sk-secret");
});
