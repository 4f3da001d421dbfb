import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { Fault } from "@portcullis/chassis/fault";
import { openLog } from "@portcullis/chassis/log";
import {
  type Answer,
  FactMemory,
  FactReader,
  type Facts,
  Follows,
  factReads,
  fromOwners,
  minimizeLatency,
} from "@portcullis/facts";
import { type Change, ScriptedOwner } from "@portcullis/facts/testing";
import {
  type Access,
  type Acl,
  type AclId,
  type FactKey,
  factOwners,
  type Needs,
  type ObjectId,
  type OrgId,
  objectTypeNames,
  owners,
  type Parents,
  type PrincipalId,
} from "@portcullis/policy";
import {
  judge,
  type ObjectText,
  type OneTarget,
  type OrganizationFacts,
  objectOf,
  objectText,
  questionsAbout,
  sampling,
  targetsIn,
  type WholeAccess,
  worlds,
} from "@portcullis/policy/testing";
import type { BatchCheckResponse, CheckRequest, CheckResponse } from "@portcullis/proto/decision/v1/decision";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { batchCheck } from "./batch-check.ts";
import { check, type Deciding, decideOver, QuestionAsItCame } from "./check.ts";
import { decisionLog } from "./decision-log.ts";
import { findPrincipals } from "./principal.ts";
import { recall } from "./remembered.ts";

const maxStalenessMs = 2000;
const silent = openLog("checks-test", "silent");
const call = { caller: { kind: "service", name: "test" } } as const;
const principalOf = findPrincipals(() => undefined)(call);
const { seed, numRuns } = sampling({ numRuns: 60 });

// An ACL is in force before a time of the wall clock.
beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }));
afterEach(() => void vi.useRealTimers());

test("what was decided before is decided again when a fact, or the time, is another", {
  timeout: 120_000,
}, async () => {
  const counts = { asked: 0, allowed: 0, remembered: 0 };
  await afterEachChange(async ({ system, facts, targets, nowMs }) => {
    const questions = [...questionsAbout(facts, { targets, nowMs })].map((question) => ({
      ...question,
      request: requestOf(question),
    }));
    // Some before the change is seen, as whatever is decided then must not be what is remembered.
    for (const { request } of questions.slice(0, 100)) await system.check(request);
    await system.catchUp(facts.org);
    for (const laterMs of [0, 1]) {
      vi.setSystemTime(nowMs + laterMs);
      const allows = judge(facts, { targets, nowMs: nowMs + laterMs });
      for (const { request, principal, permission, target } of questions) {
        const expected = allows(principal, permission, target);
        for (const time of [1, 2, 3]) {
          const readsBefore = reads();
          const { allowed } = await system.check(request);
          if (allowed !== expected)
            throw new Error(`${allowed} for the ${time}. time: ${JSON.stringify(request)}`);
          counts.asked += 1;
          if (allowed) counts.allowed += 1;
          if (reads() === readsBefore) counts.remembered += 1;
        }
      }
    }
  });
  process.stdout.write(`asked again and again: ${JSON.stringify(counts)}, seed ${seed}\n`);
  expect(counts.remembered / counts.asked).toBeGreaterThan(0.2);
  expect(counts.allowed / counts.asked).toBeGreaterThan(0.02);
});

const acme = "a0000000-0000-4000-8000-00000000000a" as OrgId;
const olivia = "10000000-0000-4000-8000-000000000001" as PrincipalId;
const stranger = "10000000-0000-4000-8000-000000000002" as PrincipalId;
const organization = { type: "organization", id: acme as string as ObjectId } as const;
const withOlivia: OrganizationFacts = {
  org: acme,
  members: new Map([[olivia, { kind: "user" }]]),
  memberships: new Map(),
  groups: new Map(),
  roles: new Map(),
  access: new Map([[objectText(organization), { parent: null, alsoUnder: [], acls: [] }]]),
};

test("an id that is none is refused and never loaded, however little of the rest is there", async () => {
  using system = new CheckedSystem(1000);
  const loaded: string[] = [];
  system.beforeLoads((keys) => loaded.push(JSON.stringify(keys)));
  system.become(withOlivia);
  const ask = (principal: string, object: { type: string; id: string }) =>
    system.check({
      ...requestOf({ principal, permission: "read" }),
      what: { $case: "object", value: object },
    });
  for (const principal of [olivia, stranger]) {
    expect((await ask(principal, organization)).allowed).toBe(false);
    for (const type of objectTypeNames) {
      await expect(ask(principal, { type, id: "first" })).rejects.toMatchObject({
        kind: "invalid",
        field: "object.id",
      });
      const place = { type: "project", parent: { type, id: "first" } };
      const inPlace = {
        ...requestOf({ principal, permission: "create" }),
        what: { $case: "place", value: place } as const,
      };
      await expect(system.check(inPlace)).rejects.toMatchObject({
        kind: "invalid",
        field: "place.parent.id",
      });
    }
  }
  for (const type of objectTypeNames) {
    await expect(ask("olivia", { type, id: olivia })).rejects.toMatchObject({
      kind: "invalid",
      field: "principal_id",
    });
  }
  expect(loaded.filter((keys) => keys.includes('"first"') || keys.includes('"olivia"'))).toEqual([]);
  expect(loaded).not.toEqual([]);
});

test("what is remembered is as good as its facts, and no longer", async () => {
  using system = new CheckedSystem(1000);
  system.become(withOlivia);
  const question = requestOf({ principal: olivia, permission: "read" });
  for (const _time of [1, 2]) await system.check(question);
  system.loseOwners();
  system.now += maxStalenessMs;
  const readsBefore = reads();
  expect((await system.check(question)).allowed).toBe(false);
  expect(reads()).toBe(readsBefore);
  system.now += 1;
  await expect(system.check(question)).rejects.toMatchObject({ kind: "unavailable" });
});

test("of a question that fails in the end, nothing is remembered that an earlier attempt has decided", async () => {
  using system = new CheckedSystem(1000);
  system.become(withOlivia);
  const request = requestOf({ principal: olivia, permission: "update" });
  let hasEnded = false;
  const find = () => {
    if (hasEnded) throw new Fault("unauthenticated", "the credential has ended meanwhile");
    return { principal: olivia, credential: null, scope: null };
  };
  // What is asked once is not remembered anyway.
  for (const _time of [1, 2, 3]) {
    const question = new QuestionAsItCame(request, acme, () => ({ org: acme, find }));
    const { result, moment } = await system.read((facts) => {
      hasEnded = false;
      const decided = decideOver(facts, question);
      hasEnded = true;
      expect(() => decideOver(facts, question)).toThrow("has ended");
      return decided;
    });
    question.remember(moment);
    expect(result.allowed).toBe(false);
    const target = { kind: "object", object: organization } as const;
    expect(recall(moment, { principal: olivia, permission: "update", target })).toBeNull();
  }
});

test("in a batch a bad question fails alone, and says where it stands", async () => {
  using system = new CheckedSystem(1000);
  system.become(withOlivia);
  const good = requestOf({ principal: olivia, permission: "read" });
  const bad = requestOf({ principal: "olivia", permission: "read" });
  const elsewhere = { ...good, orgId: olivia };
  const { results } = await system.batchCheck([good, bad, { ...good, permission: "own" }, elsewhere, good]);
  expect(results.map(({ error }) => error?.message.split(":")[0])).toEqual([
    undefined,
    "checks[1].principal_id",
    "checks[2].permission",
    "checks[3].org_id",
    undefined,
  ]);
  expect(results.map(({ allowed }) => allowed)).toEqual([false, false, false, false, false]);
});

test("many at once are answered as each alone, after every change", { timeout: 120_000 }, async () => {
  const counts = { asked: 0, allowed: 0 };
  await afterEachChange(async ({ system, facts, targets, nowMs }) => {
    const allows = judge(facts, { targets, nowMs });
    for (const some of chunksOf([...questionsAbout(facts, { targets, nowMs })], 200)) {
      const { results } = await system.batchCheck(some.map(requestOf));
      const expected = some.map(({ principal, permission, target }) => allows(principal, permission, target));
      expect(results.map(({ allowed }) => allowed)).toEqual(expected);
      counts.asked += some.length;
      counts.allowed += expected.filter(Boolean).length;
    }
  });
  process.stdout.write(`asked many at once: ${JSON.stringify(counts)}, seed ${seed}\n`);
  expect(counts.allowed / counts.asked).toBeGreaterThan(0.02);
});

test("of many objects the ACLs are not read where a grant above allows, nor anything again when they change", async () => {
  using system = new CheckedSystem(10_000);
  const project = objectOf(`project ${olivia}` as ObjectText);
  const acl = (permission: "read" | "update"): Acl => ({
    id: `${permission} for olivia` as AclId,
    subject: { kind: "principal", id: olivia },
    grant: { kind: "permission", permission, restrictObjectType: null },
    expiresAtMs: null,
  });
  const experiments = Array.from({ length: 60 }, () => `experiment ${randomUUID()}` as ObjectText);
  const withExperiments = (live: readonly ObjectText[], acls: readonly Acl[]): OrganizationFacts => ({
    ...withOlivia,
    access: new Map([
      [objectText(organization), { parent: null, alsoUnder: [], acls: [acl("read")] }],
      [
        objectText(project),
        { parent: { type: "org_project", id: organization.id }, alsoUnder: [], acls: [] },
      ],
      ...live.map((text): [ObjectText, WholeAccess] => [text, { parent: project, alsoUnder: [], acls }]),
    ]),
  });
  const ask = async (permission: "read" | "update") => {
    const targets = experiments.map((text) => ({ kind: "object", object: objectOf(text) }) as const);
    const checks = targets.map((target) => requestOf({ principal: olivia, permission, target }));
    const { results } = await system.batchCheck(checks);
    return results.map(({ allowed }) => allowed);
  };
  let loaded: FactKey[] = [];
  const kindsLoaded = () => [
    ...new Set(
      loaded.flatMap((key) => ("object" in key && key.object.type === "experiment" ? [key.kind] : [])),
    ),
  ];
  system.beforeLoads((keys) => loaded.push(...keys));

  system.become(withExperiments(experiments, []));
  expect(new Set(await ask("read"))).toEqual(new Set([true]));
  expect(kindsLoaded()).toEqual(["parents"]);

  loaded = [];
  system.become(withExperiments(experiments, [acl("update")]));
  expect(new Set(await ask("read"))).toEqual(new Set([true]));
  expect(kindsLoaded()).toEqual([]);
  expect(new Set(await ask("update"))).toEqual(new Set([true]));
  expect(kindsLoaded()).toEqual(["access"]);

  system.become(withExperiments(experiments.slice(1), []));
  expect(await ask("read")).toEqual(experiments.map((_, index) => index > 0));
});

/** A system, and of what it has just become. */
interface Changed {
  readonly system: CheckedSystem;
  readonly facts: OrganizationFacts;
  readonly targets: ReturnType<typeof targetsIn>;
  readonly nowMs: number;
}

/** Has systems become one organisation after the other, and does this in each. */
async function afterEachChange(does: (changed: Changed) => Promise<void>): Promise<void> {
  await fc.assert(
    fc.asyncProperty(
      fc.array(worlds(), { minLength: 1, maxLength: 3 }),
      // Facts that find no room are loaded for each question, perhaps ahead of what is known of the log.
      fc.constantFrom(10, 1000),
      async (states, idsMax) => {
        using system = new CheckedSystem(idsMax);
        for (const { nowMs, organizations } of states) {
          const [facts] = organizations;
          if (facts === undefined) throw new Error("a world without an organisation");
          vi.setSystemTime(nowMs);
          system.become(facts);
          await does({ system, facts, targets: targetsIn(facts), nowMs });
        }
      },
    ),
    { seed, numRuns },
  );
}

/** Checks over scripted owners, whose facts are those of one organisation after the other. */
class CheckedSystem implements Disposable {
  now = 1_000_000;
  readonly #owners = {
    identity: new ScriptedOwner("identity"),
    groups: new ScriptedOwner("groups"),
    grants: new ScriptedOwner("grants"),
    tokens: new ScriptedOwner("tokens"),
  };
  readonly #follows: Follows;
  readonly #deciding: Deciding;
  #facts: OrganizationFacts | null = null;

  constructor(idsMax: number) {
    const memory = new FactMemory({ idsMax });
    const clock = () => this.now;
    const confirmEveryMs = 1_000_000_000;
    this.#follows = new Follows({ owners: this.#owners, memory, clock, log: silent, confirmEveryMs });
    const source = fromOwners(this.#owners);
    const facts = new FactReader({ memory, follows: this.#follows, source, clock, maxStalenessMs });
    this.#deciding = { facts, log: decisionLog(0, silent) };
  }

  async check(request: CheckRequest): Promise<CheckResponse> {
    return check(this.#deciding, principalOf, request, call);
  }

  async read<Result extends object>(evaluate: (facts: Facts) => Result | Needs): Promise<Answer<Result>> {
    return this.#deciding.facts.read(acme, minimizeLatency, evaluate);
  }

  /** As of now, which is later than all that was seen before. */
  batchCheck(checks: CheckRequest[]): Promise<BatchCheckResponse> {
    this.now += 1;
    const orgId = checks[0]?.orgId ?? "";
    const consistency = { kind: { $case: "fullyConsistent", value: {} } } as const;
    return batchCheck(this.#deciding, principalOf, { orgId, checks, consistency }, call);
  }

  loseOwners(): void {
    for (const owner of owners) this.#owners[owner].isDown = true;
  }

  beforeLoads(note: (keys: readonly FactKey[]) => void): void {
    for (const owner of owners) this.#owners[owner].before = (_call, keys) => note(keys);
  }

  /** Commits what differs from before, and tells nobody. */
  become(facts: OrganizationFacts): void {
    const changes = changesBetween(this.#facts, facts);
    this.#facts = facts;
    for (const owner of owners) {
      const own = changes.filter(([{ kind }]) => factOwners[kind] === owner);
      if (own.length > 0) this.#owners[owner].commit(own);
    }
  }

  async catchUp(org: OrgId): Promise<void> {
    const { byOwner } = this.#follows.of(org, this.now);
    await Promise.all(
      owners.map((owner) => this.#follows.advance(byOwner[owner], this.#owners[owner].head(org))),
    );
  }

  [Symbol.dispose](): void {
    this.#follows[Symbol.dispose]();
  }
}

function changesBetween(before: OrganizationFacts | null, after: OrganizationFacts): Change[] {
  const { org } = after;
  const principals = new Set(
    [before, after].flatMap((facts) => [
      ...(facts?.members.keys() ?? []),
      ...(facts?.memberships.keys() ?? []),
    ]),
  );
  const objects = new Set([before, after].flatMap((facts) => [...(facts?.access.keys() ?? [])]));
  return [
    ...[...principals].flatMap((principal): Change[] => [
      [{ kind: "member", org, principal }, after.members.get(principal) ?? null],
      [{ kind: "memberships", org, principal }, after.memberships.get(principal) ?? []],
    ]),
    [{ kind: "groups", org }, after.groups],
    [{ kind: "roles", org }, after.roles],
    ...[...objects].flatMap((text): Change[] => {
      const object = objectOf(text);
      const access = after.access.get(text) ?? null;
      const parents = parentsIn(access);
      const isElsewhere = !isDeepStrictEqual(parents, parentsIn(before?.access.get(text) ?? null));
      return [
        [{ kind: "access", org, object }, access],
        ...(isElsewhere ? [[{ kind: "parents", org, object }, parents] as const] : []),
      ];
    }),
  ];
}

function parentsIn(access: Access | null): Parents | null {
  if (access === null) return null;
  const { acls: _acls, ...parents } = access;
  return parents;
}

function chunksOf<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, index) =>
    all.slice(index * size, (index + 1) * size),
  );
}

function reads(): number {
  return factReads.memory.hit + factReads.memory.miss;
}

function requestOf({
  org = acme,
  principal,
  permission,
  target = { kind: "object", object: organization },
}: {
  readonly org?: OrgId;
  readonly principal: string;
  readonly permission: string;
  readonly target?: OneTarget;
}): CheckRequest {
  return {
    orgId: org,
    who: { $case: "principalId", value: principal },
    permission,
    what:
      target.kind === "object"
        ? { $case: "object", value: target.object }
        : { $case: "place", value: { type: target.type, parent: target.parent } },
    consistency: undefined,
  };
}
