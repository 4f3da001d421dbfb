// Clients write and check at random while parts break; afterwards every answer is judged by what really happened.

import { setTimeout as delay } from "node:timers/promises";
import { Fault } from "@portcullis/chassis/fault";
import { encodeRevision } from "@portcullis/facts/revision";
import { revisionFromWire } from "@portcullis/facts/wire";
import { throwawayRedis } from "@portcullis/one-machine/redis";
import type { Permission } from "@portcullis/policy";
import type { CheckRequest, Consistency } from "@portcullis/proto/decision/v1/decision";
import type { Revision } from "@portcullis/proto/events/v1/events";
import { openGate } from "../gate.ts";
import { type System, startSystem } from "../system.ts";
import { Chance } from "./chance.ts";
import { disturbances } from "./disturbances.ts";
import { OwnerHistory, type WriteSeen } from "./owner-history.ts";
import { type Freshness, type GrantsState, type GroupsState, Judge, type Observation } from "./verdict.ts";
import { eventsOf, fulfil, makeWorld, type World, wish } from "./world.ts";

export interface TortureOptions {
  readonly databaseServerUrl: string;
  readonly seconds: number;
  readonly seed: number;
  /** More environment for every service. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly tell?: (line: string) => void;
}

export interface TortureReport {
  readonly seed: number;
  /** How often each thing went wrong. */
  readonly disturbances: Readonly<Record<string, number>>;
  /** How many writes ended in which way. */
  readonly writes: Readonly<Record<string, number>>;
  /** How many answers of which kind were given, by what was asked for. */
  readonly answers: Readonly<Record<string, number>>;
  /** What must not be. Each names what was asked, answered and where it was looked for. */
  readonly violations: readonly string[];
}

const services = ["identity", "groups", "grants", "tokens", "decision"] as const;
const maxStalenessMs = 2000;
const writersCount = 3;
const askersCount = 4;
const batchSize = 20;
/** A Check's clocks are read on this side of the wire, and a timer may be early by a little. */
const clockSlackMs = 5;
const permissionsAsked: readonly Permission[] = ["read", "update"];

export async function torture(options: TortureOptions): Promise<TortureReport> {
  const { databaseServerUrl, seconds, seed, environment = {}, tell = () => undefined } = options;
  await using parts = new AsyncDisposableStack();
  const redis = parts.use(await throwawayRedis());
  const redisGate = parts.use(await openGate(redis.url));
  const system = parts.use(
    await startSystem({
      databaseServerUrl,
      redisUrl: redisGate.url,
      services,
      environment: { PORTCULLIS_MAX_STALENESS_MS: String(maxStalenessMs), ...environment },
    }),
  );
  const world = await makeWorld(system);
  const run = new Run(system, world);
  const stop = new AbortController();
  const clients = [
    ...Array.from({ length: writersCount }, (_, index) => run.write(new Chance(seed + index), stop.signal)),
    ...Array.from({ length: askersCount }, (_, index) =>
      run.ask(new Chance(seed + 100 + index), stop.signal),
    ),
  ];
  const happened: Record<string, number> = {};
  const chance = new Chance(seed + 1000);
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    const [name, disturb] = chance.oneOf(Object.entries(disturbances));
    tell(name);
    happened[name] = (happened[name] ?? 0) + 1;
    await disturb({ system, redisGate, redisUrl: redis.url }, chance);
    await delay(200 + chance.below(1500));
  }
  stop.abort();
  await Promise.all(clients);
  // A write whose caller gave up may still be on its way.
  await delay(8000);
  const crashes = services.flatMap((service) =>
    system
      .output(service)
      .split("\n")
      .filter((line) => line.includes('"level":"fatal"'))
      .map((line) => `${service} ended by itself: ${line}`),
  );
  // Nobody may be there to tell what happened.
  if (crashes.length > 0) return { seed, disturbances: happened, ...run.counts, violations: crashes };
  return { seed, disturbances: happened, ...run.counts, violations: await run.violations() };
}

class Run {
  readonly #system: System;
  readonly #world: World;
  readonly #groupsWrites: WriteSeen<GroupsState>[] = [];
  readonly #grantsWrites: WriteSeen<GrantsState>[] = [];
  readonly #observations: Observation[] = [];
  readonly #writes: Record<string, number> = {};
  readonly #answers: Record<string, number> = {};
  #latest: { readonly groups?: Revision; readonly grants?: Revision } = {};

  constructor(system: System, world: World) {
    this.#system = system;
    this.#world = world;
  }

  async write(chance: Chance, stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      const wanted = wish(this.#world, chance);
      const { revision, ...seen } = await fulfil(this.#system, wanted);
      if (wanted.owner === "groups") this.#groupsWrites.push({ ...seen, change: wanted.change });
      else this.#grantsWrites.push({ ...seen, change: wanted.change });
      if (revision !== undefined) this.#latest = { ...this.#latest, [wanted.owner]: revision };
      count(this.#writes, seen.outcome);
      await delay(10 + chance.below(40));
    }
  }

  async ask(chance: Chance, stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      const { freshness, consistency } = this.#anyFreshness(chance);
      const size = chance.below(10) === 0 ? batchSize : 1;
      const questions = Array.from({ length: size }, () => this.#anyQuestion(chance));
      const startedAt = performance.now() - clockSlackMs;
      try {
        const allowed = await this.#answersTo(questions, consistency);
        const endedAt = performance.now() + clockSlackMs;
        for (const [index, question] of questions.entries()) {
          const observation = {
            ...question,
            freshness,
            startedAt,
            endedAt,
            allowed: allowed[index] === true,
          };
          this.#observations.push(observation);
          count(this.#answers, `${freshness.kind}: ${observation.allowed ? "allowed" : "denied"}`);
        }
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        count(this.#answers, `${freshness.kind}: ${error.kind}`);
      }
      await delay(2 + chance.below(6));
    }
  }

  get counts(): Pick<TortureReport, "writes" | "answers"> {
    return { writes: this.#writes, answers: this.#answers };
  }

  /** What is wrong with the logs and with the answers. */
  async violations(): Promise<readonly string[]> {
    const { org, start, initial, people, targets } = this.#world;
    const events = {
      groups: await eventsOf(this.#system, "groups", org, start.groups),
      grants: await eventsOf(this.#system, "grants", org, start.grants),
    };
    const histories = {
      groups: new OwnerHistory(
        "groups",
        { start: start.groups, initial: initial.groups },
        events.groups,
        this.#groupsWrites,
      ),
      grants: new OwnerHistory(
        "grants",
        { start: start.grants, initial: initial.grants },
        events.grants,
        this.#grantsWrites,
      ),
    };
    const members = new Map(people.map((person) => [person, { kind: "user" } as const]));
    const judge = new Judge({ org, members, histories, targets, maxStalenessMs });
    const wrong = this.#observations.flatMap((observation) => {
      const why = judge.wrongWith(observation);
      if (why === null) return [];
      const { principal, permission, target, freshness, startedAt, endedAt } = observation;
      const question = JSON.stringify({ principal, permission, target, freshness, startedAt, endedAt });
      return [`${question}: ${why}`];
    });
    return [...histories.groups.problems, ...histories.grants.problems, ...wrong];
  }

  #anyQuestion(chance: Chance): Pick<Observation, "principal" | "permission" | "target"> {
    const { people, targets } = this.#world;
    return {
      principal: chance.oneOf(people),
      permission: chance.oneOf(permissionsAsked),
      target: chance.oneOf(targets),
    };
  }

  #anyFreshness(chance: Chance): { freshness: Freshness; consistency: Consistency | undefined } {
    const kind = chance.below(10);
    if (kind < 6) return { freshness: { kind: "minimize_latency" }, consistency: undefined };
    if (kind < 8) {
      const consistency: Consistency = { kind: { $case: "fullyConsistent", value: {} } };
      return { freshness: { kind: "fully_consistent" }, consistency };
    }
    const { groups, grants } = this.#latest;
    const seen = [groups, grants].flatMap((revision) =>
      revision === undefined ? [] : revisionFromWire(revision).seen,
    );
    const value = encodeRevision({ org: this.#world.org, seen });
    return {
      freshness: {
        kind: "at_least_as_fresh",
        groups: groups?.position ?? 0,
        grants: grants?.position ?? 0,
      },
      consistency: { kind: { $case: "atLeastAsFresh", value } },
    };
  }

  async #answersTo(
    questions: readonly Pick<Observation, "principal" | "permission" | "target">[],
    consistency: Consistency | undefined,
  ): Promise<readonly boolean[]> {
    const orgId = this.#world.org;
    const checks = questions.map(({ principal, permission, target }): CheckRequest => {
      if (target.kind !== "object") throw new Error("only objects are asked about");
      return {
        orgId,
        who: { $case: "principalId", value: principal },
        permission,
        what: { $case: "object", value: target.object },
        consistency: undefined,
      };
    });
    const [only] = checks;
    if (only !== undefined && checks.length === 1) {
      return [(await this.#system.decision.check({ ...only, consistency })).allowed];
    }
    const { results } = await this.#system.decision.batchCheck({ orgId, checks, consistency });
    return results.map(({ allowed, error }) => {
      if (error !== undefined) throw new Error(`an item of a batch failed: ${error.message}`);
      return allowed;
    });
  }
}

function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}
