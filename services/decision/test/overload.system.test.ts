import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { Fault } from "@portcullis/chassis/fault";
import type { ObjectId } from "@portcullis/policy";
import type { CheckRequest } from "@portcullis/proto/decision/v1/decision";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Decision, World } from "./world.ts";

// More is asked than facts can be had for: grants answers for one object after the other, each in the same time, and every
// question is about another object.

const perFactMs = 5;
/** Far above what the loads that are let in take, 64 of 5 ms, and far below what twice the capacity piles up in four seconds. */
const deadlineMs = 2500;

let world: World;
let decision: Decision;
let asked = 0;
/** Until when grants has enough to do. */
let queue = Promise.resolve();

const objects = Array.from(
  { length: 12_000 },
  () => ({ type: "experiment", id: randomUUID() as ObjectId }) as const,
);

beforeAll(async () => {
  world = await World.make();
  const access = { parent: world.project, alsoUnder: [], acls: [] };
  world.owners.grants.commit(objects.map((object) => [world.accessKey(object), access]));
  decision = await world.decision();
  world.owners.grants.before = (call, keys) => {
    if (call !== "load") return undefined;
    queue = queue.then(() => delay(perFactMs * keys.length));
    return queue;
  };
  await decision.stub.check(nextQuestion());
});
afterAll(() => world[Symbol.asyncDispose]());

function nextQuestion(): CheckRequest {
  const value = objects[asked++];
  if (value === undefined) throw new Error("there are no more objects to ask about");
  return { ...world.question(), what: { $case: "object", value: { ...value } } };
}

/** `allowed`, which every question here is to be, or the kind of fault. */
async function ask(): Promise<string> {
  try {
    const { allowed } = await decision.stub.check(nextQuestion(), { deadlineMs: Date.now() + deadlineMs });
    return allowed ? "allowed" : "denied";
  } catch (thrown) {
    return thrown instanceof Fault ? thrown.kind : String(thrown);
  }
}

/** How many are answered in a second when no more ask than are answered. */
async function capacity(): Promise<number> {
  const end = performance.now() + 1500;
  let answered = 0;
  const askOn = async (): Promise<void> => {
    while (performance.now() < end) {
      expect(await ask()).toBe("allowed");
      answered += 1;
    }
  };
  await Promise.all(Array.from({ length: 16 }, askOn));
  return answered / 1.5;
}

interface Outcomes {
  readonly perSecond: number;
  readonly all: number;
  /** How many were allowed, how many refused, and so on. */
  readonly told: Readonly<Record<string, number>>;
}

const seconds = 4;

async function askThreeTimesAsMuch(): Promise<Outcomes> {
  const perSecond = await capacity();
  const outcomes: Promise<string>[] = [];
  const began = performance.now();
  while (outcomes.length < 3 * perSecond * seconds) {
    const due = ((performance.now() - began) / 1000) * 3 * perSecond;
    while (outcomes.length < due) outcomes.push(ask());
    await delay(2);
  }
  const counts = Map.groupBy(await Promise.all(outcomes), (outcome) => outcome);
  const told = Object.fromEntries(Array.from(counts, ([outcome, those]) => [outcome, those.length]));
  // When the others have gone, it answers whoever asks.
  await queue;
  await expect.poll(ask).toBe("allowed");
  return { perSecond, all: outcomes.length, told };
}

const areFewLate = ({ all, told }: Outcomes) => (told["timeout"] ?? 0) < 0.1 * all;
const areEnoughAnswered = ({ perSecond, told }: Outcomes) =>
  (told["allowed"] ?? 0) > 0.7 * perSecond * seconds;

test("at three times its capacity it answers nearly as many as ever, in time, and refuses the others", async () => {
  let seen = await askThreeTimesAsMuch();
  // A machine that stands still for a moment costs those that were let in; without the limit nearly all are late each time.
  for (let again = 0; again < 2 && !(areFewLate(seen) && areEnoughAnswered(seen)); again++) {
    seen = await askThreeTimesAsMuch();
  }
  const { allowed = 0, exhausted = 0, timeout = 0 } = seen.told;
  expect(allowed + exhausted + timeout, JSON.stringify(seen)).toBe(seen.all);
  expect(exhausted).toBeGreaterThan(0);
  expect(areFewLate(seen), JSON.stringify(seen)).toBe(true);
  expect(areEnoughAnswered(seen), JSON.stringify(seen)).toBe(true);
});
