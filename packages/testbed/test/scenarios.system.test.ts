import { throwawayRedis } from "@portcullis/one-machine/redis";
import { type Expectation, loadScenarios } from "@portcullis/policy/testing";
import type { Consistency } from "@portcullis/proto/decision/v1/decision";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type ActedStory, actOut } from "../src/acted-story.ts";
import { type Gate, openGate } from "../src/gate.ts";
import { type System, startSystem } from "../src/system.ts";

// Every story that an administrator can act out is acted out over REST, and asked about over gRPC: with nothing cached,
// with all of it cached, and with Redis gone. Nothing may depend on what is cached.

const scenarios = loadScenarios().filter(({ only }) => only === null || only.includes("grpc"));
const parts = new AsyncDisposableStack();
let system: System;
let gate: Gate;
let redis: Redis;
const stories: ActedStory[] = [];

beforeAll(async () => {
  const server = parts.use(await throwawayRedis());
  gate = parts.use(await openGate(server.url));
  redis = new Redis(server.url);
  parts.defer(() => redis.disconnect());
  system = parts.use(await startSystem({ databaseServerUrl: inject("databaseUrl"), redisUrl: gate.url }));
  for (const scenario of scenarios) stories.push(await actOut(system, scenario));
}, 240_000);
afterAll(() => parts.disposeAsync());

/** What went otherwise than the story says, in its words. */
async function surprises(
  story: ActedStory,
  expectations: readonly Expectation[],
  consistency?: Consistency,
): Promise<string[]> {
  const answers = await Promise.all(
    expectations.map((expectation) => system.decision.check({ ...story.question(expectation), consistency })),
  );
  return expectations
    .filter((expectation, index) => answers[index]?.allowed !== expectation.allowed)
    .map(({ who, text }) => `${story.scenario.file}: ${text} (${who})`);
}

async function allSurprises(): Promise<string[]> {
  const found: string[] = [];
  for (const story of stories) found.push(...(await surprises(story, story.scenario.expectations)));
  return found;
}

test("there are stories to act out", () => {
  expect(stories.length).toBeGreaterThan(20);
});

describe("what the stories expect at their beginning", () => {
  test("with nothing cached", async () => {
    await system.stop("decision");
    await redis.flushall();
    await system.start("decision");
    expect(await allSurprises()).toEqual([]);
  });

  test("with everything in memory", async () => {
    expect(await allSurprises()).toEqual([]);
  });

  test("with everything in Redis alone", async () => {
    await system.stop("decision", "SIGTERM");
    await system.start("decision");
    expect(await allSurprises()).toEqual([]);
  });

  test("with Redis gone, from memory", async () => {
    gate.shut();
    expect(await allSurprises()).toEqual([]);
  });

  test("with Redis gone, from nothing", async () => {
    await system.stop("decision");
    await system.start("decision");
    expect(await allSurprises()).toEqual([]);
    gate.open();
  });
});

test("lists of objects say what the stories expect of each object", async () => {
  const found: string[] = [];
  for (const story of stories) {
    for (const expectation of story.scenario.expectations) {
      const { orgId, who, permission, what } = story.question(expectation);
      if (what?.$case !== "object") continue;
      const { type, id } = what.value;
      const ids = await everyPage((cursor) =>
        system.decision.listObjects({
          orgId,
          who,
          permission,
          type,
          under: undefined,
          limit: 2,
          cursor,
          consistency: undefined,
        }),
      );
      if (ids.includes(id) !== expectation.allowed) found.push(`${story.scenario.file}: ${expectation.text}`);
    }
  }
  expect(found).toEqual([]);
}, 120_000);

test("lists of principals say what the stories expect of each of them", async () => {
  const found: string[] = [];
  for (const story of stories) {
    for (const expectation of story.scenario.expectations) {
      const { orgId, who, permission, what } = story.question(expectation);
      if (what?.$case !== "object" || who?.$case !== "principalId") continue;
      const ids = await everyPage(async (cursor) => {
        const page = { limit: 2, cursor, consistency: undefined };
        const listed = await system.decision.listPrincipals({
          orgId,
          object: what.value,
          permission,
          ...page,
        });
        return { ids: listed.principals.map(({ principal }) => principal?.id ?? ""), cursor: listed.cursor };
      });
      if (ids.includes(who.value) !== expectation.allowed) {
        found.push(`${story.scenario.file}: ${expectation.text}`);
      }
    }
  }
  expect(found).toEqual([]);
}, 120_000);

/** The ids of all pages, which must follow one another. */
async function everyPage(
  page: (cursor: string) => Promise<{ readonly ids: readonly string[]; readonly cursor: string }>,
): Promise<string[]> {
  const ids: string[] = [];
  let next = "";
  do {
    const { ids: some, cursor } = await page(next);
    ids.push(...some);
    next = cursor;
  } while (next !== "");
  expect(ids).toEqual([...new Set(ids)].toSorted());
  return ids;
}

test("what the stories expect after each step, told the revision of the change", async () => {
  const found: string[] = [];
  for (const story of stories) {
    for (const step of story.scenario.steps) {
      let revision = "";
      for (const change of step.changes) revision = await story.change(change);
      const consistency: Consistency = {
        kind:
          revision === ""
            ? { $case: "fullyConsistent", value: {} }
            : { $case: "atLeastAsFresh", value: revision },
      };
      found.push(...(await surprises(story, step.expectations, consistency)));
    }
  }
  expect(found).toEqual([]);
}, 120_000);
