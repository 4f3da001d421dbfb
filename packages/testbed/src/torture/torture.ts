// Clients write and check at random while parts break; afterwards every answer is judged by what really happened.

import { setTimeout as delay } from "node:timers/promises";
import { Fault } from "@portcullis/chassis/fault";
import { encodeRevision } from "@portcullis/facts/revision";
import { revisionFromWire } from "@portcullis/facts/wire";
import type { ThrowawayPostgres } from "@portcullis/one-machine/postgres";
import { type Owner, owners, type Permission } from "@portcullis/policy";
import type { CheckRequest, CheckResponse, Consistency } from "@portcullis/proto/decision/v1/decision";
import type { Revision } from "@portcullis/proto/events/v1/events";
import { openGate } from "../gate.ts";
import { type ServiceName, type System, startSystem } from "../system.ts";
import { Chance } from "./chance.ts";
import { type DisturbanceName, disturbances, type Link, possible } from "./disturbances.ts";
import { type Aftermath, OwnerHistory, type WriteSeen } from "./owner-history.ts";
import { RedisBehindGate } from "./redis-behind-gate.ts";
import { leftovers, type States } from "./states.ts";
import { type Answer, type Freshness, type Histories, Judge, type Observation } from "./verdict.ts";
import { Watcher, wrongInFeed } from "./watcher.ts";
import { credentialsInPlay, fulfil, type Wish, wish } from "./wishes.ts";
import { eventsOf, makeWorld, type World } from "./world.ts";

export interface TortureOptions {
  /** The run's own: it is crashed and frozen. */
  readonly postgres: ThrowawayPostgres;
  readonly seconds: number;
  readonly seed: number;
  /** What goes wrong; all that can when not given. */
  readonly only?: readonly DisturbanceName[];
  /** More environment for every service. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly tell?: (line: string) => void;
}

export interface TortureReport {
  readonly seed: number;
  /** How often each thing went wrong. */
  readonly disturbances: Readonly<Record<string, number>>;
  /** How many writes ended in which way, by owner. */
  readonly writes: Readonly<Record<string, number>>;
  /** How many answers of which kind were given, by what was asked for. */
  readonly answers: Readonly<Record<string, number>>;
  /** How many events watchers were told in all. */
  readonly told: number;
  /** What must not be. Each names what was asked, answered and where it was looked for. */
  readonly violations: readonly string[];
}

const services = ["identity", "groups", "grants", "tokens", "decision"] as const;
const maxStalenessMs = 2000;
const writersCount = 3;
const askersCount = 4;
const watchersCount = 2;
const batchSize = 20;
/** A Check's clocks are read on this side of the wire, and a timer may be early by a little. */
const clockSlackMs = 5;
const permissionsAsked: readonly Permission[] = ["read", "update"];
/** What is left of a removed member is gone by then, even if it was tried in vain some times. */
const clearedWithinMs = 90_000;

export async function torture(options: TortureOptions): Promise<TortureReport> {
  const { postgres, seconds, seed, environment = {}, tell = () => undefined } = options;
  await using parts = new AsyncDisposableStack();
  const redis = parts.use(await RedisBehindGate.start());
  const links: Link[] = [];
  const route = async (from: ServiceName, to: ServiceName, address: string): Promise<string> => {
    const gate = parts.use(await openGate(`tcp://${address}`));
    links.push({ from, to, gate });
    return new URL(gate.url).host;
  };
  const system = parts.use(
    await startSystem({
      databaseServerUrl: postgres.url,
      redisUrl: redis.gate.url,
      services,
      environment: { PORTCULLIS_MAX_STALENESS_MS: String(maxStalenessMs), ...environment },
      route,
    }),
  );
  const world = await makeWorld(system);
  const run = new Run(system, world);
  const stop = new AbortController();
  const watchers = Array.from({ length: watchersCount }, () => new Watcher(system, world.org));
  await Promise.all(watchers.map((watcher) => watcher.begin()));
  const clients = [
    ...watchers.map((watcher, index) => watcher.watch(new Chance(seed + 200 + index), stop.signal)),
    ...Array.from({ length: writersCount }, (_, index) => run.write(new Chance(seed + index), stop.signal)),
    ...Array.from({ length: askersCount }, (_, index) =>
      run.ask(new Chance(seed + 100 + index), stop.signal),
    ),
  ];
  const happened: Record<string, number> = {};
  const chance = new Chance(seed + 1000);
  const surroundings = { system, postgres, redis, links: links.filter(isUsed) };
  const names = options.only ?? possible(surroundings);
  const end = performance.now() + seconds * 1000;
  let deck: DisturbanceName[] = [];
  try {
    while (performance.now() < end) {
      if (deck.length === 0) deck = chance.shuffled(names);
      const name = deck.pop() as DisturbanceName;
      tell(name);
      happened[name] = (happened[name] ?? 0) + 1;
      await disturbances[name](surroundings, chance);
      await delay(200 + chance.below(1000));
    }
  } finally {
    stop.abort();
    await Promise.all(clients);
  }
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
  if (crashes.length > 0)
    return { seed, disturbances: happened, ...run.counts, told: 0, violations: crashes };
  const violations = [...(await run.violations()), ...(await wrongWithFeeds(system, world, watchers))];
  const told = watchers.reduce((sum, watcher) => sum + watcher.told.length, 0);
  return { seed, disturbances: happened, ...run.counts, told, violations };
}

/** What watchers were told, against the logs as they are at last. */
async function wrongWithFeeds(system: System, { org }: World, watchers: readonly Watcher[]) {
  const logs = {
    identity: await eventsOf(system, "identity", org, 0),
    groups: await eventsOf(system, "groups", org, 0),
    grants: await eventsOf(system, "grants", org, 0),
    tokens: await eventsOf(system, "tokens", org, 0),
  };
  const heads = {
    identity: logs.identity.length,
    groups: logs.groups.length,
    grants: logs.grants.length,
    tokens: logs.tokens.length,
  };
  await Promise.all(watchers.map((watcher) => watcher.catchUp(heads)));
  return watchers.flatMap(({ start, told, refusals }) => [
    ...wrongInFeed(start, told, logs),
    ...refusals.map((refusal) => `a watcher was refused: ${refusal}`),
  ]);
}

/** Whether services reach each other by it at all. */
function isUsed({ from, to }: Link): boolean {
  const isRunning = (service: ServiceName) => (services as readonly ServiceName[]).includes(service);
  return isRunning(from) && isRunning(to) && to !== "decision";
}

type Question = Pick<Observation, "who" | "permission" | "target"> & { readonly wire: CheckRequest };

class Run {
  readonly #system: System;
  readonly #world: World;
  readonly #seen: { readonly [O in Owner]: WriteSeen<States[O]>[] } = {
    identity: [],
    groups: [],
    grants: [],
    tokens: [],
  };
  readonly #aftermaths: { readonly [O in Owner]: Aftermath<States[O]>[] } = {
    identity: [],
    groups: [],
    grants: [],
    tokens: [],
  };
  readonly #observations: Observation[] = [];
  readonly #writes: Record<string, number> = {};
  readonly #answers: Record<string, number> = {};
  readonly #latest: Partial<Record<Owner, Revision>> = {};

  constructor(system: System, world: World) {
    this.#system = system;
    this.#world = world;
  }

  async write(chance: Chance, stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      await this.#fulfil(wish(this.#world, chance));
      await delay(10 + chance.below(40));
    }
  }

  async #fulfil(wanted: Wish): Promise<void> {
    const { revision, ...seen } = await fulfil(this.#system, wanted);
    for (const owner of owners) this.#note(owner, wanted, seen);
    if (revision !== undefined) this.#latest[wanted.owner] = revision;
    count(this.#writes, `${wanted.owner}: ${seen.outcome}`);
  }

  #note<O extends Owner>(owner: O, wanted: Wish, seen: Omit<WriteSeen<never>, "change">): void {
    const change = wanted.changes[owner];
    if (change === undefined) return;
    if (owner === wanted.owner) this.#seen[owner].push({ ...seen, change });
    else this.#aftermaths[owner].push({ ...seen, change });
  }

  async ask(chance: Chance, stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      const { freshness, consistency } = this.#anyFreshness(chance);
      const size = chance.below(10) === 0 ? batchSize : 1;
      const questions = Array.from({ length: size }, () => this.#anyQuestion(chance));
      const startedAt = performance.now() - clockSlackMs;
      const answers = await this.#answersTo(questions, consistency);
      const endedAt = performance.now() + clockSlackMs;
      for (const [index, { who, permission, target }] of questions.entries()) {
        const answer = answers[index] ?? "none";
        count(this.#answers, `${freshness.kind}: ${answer}`);
        if (answer !== "allowed" && answer !== "denied" && answer !== "unauthenticated") continue;
        this.#observations.push({ who, permission, target, freshness, startedAt, endedAt, answer });
      }
      await delay(2 + chance.below(6));
    }
  }

  get counts(): Pick<TortureReport, "writes" | "answers"> {
    return { writes: this.#writes, answers: this.#answers };
  }

  /** What is wrong with the logs and with the answers. */
  async violations(): Promise<readonly string[]> {
    const { org, people, targets } = this.#world;
    const histories = await this.#clearedHistories();
    const left = leftovers(people, lastOf(histories));
    const judge = new Judge({ org, people, histories, targets, maxStalenessMs });
    const wrong = this.#observations.flatMap((observation) => {
      const why = judge.wrongWith(observation);
      return why === null ? [] : [`${JSON.stringify(observation)}: ${why}`];
    });
    return [...owners.flatMap((owner) => histories[owner].problems), ...left, ...wrong];
  }

  /** As the logs are when nothing is left of those who were removed; or at last. */
  async #clearedHistories(): Promise<Histories> {
    const { people } = this.#world;
    const until = performance.now() + clearedWithinMs;
    for (;;) {
      const histories: Histories = {
        identity: await this.#historyOf("identity"),
        groups: await this.#historyOf("groups"),
        grants: await this.#historyOf("grants"),
        tokens: await this.#historyOf("tokens"),
      };
      const isCleared = leftovers(people, lastOf(histories)).length === 0;
      if (isCleared || performance.now() > until) return histories;
      await delay(1000);
    }
  }

  async #historyOf<O extends Owner>(owner: O): Promise<OwnerHistory<States[O]>> {
    const { org, start, initial } = this.#world;
    const events = await eventsOf(this.#system, owner, org, start[owner]);
    return new OwnerHistory(
      owner,
      { start: start[owner], initial: initial[owner] },
      events,
      this.#seen[owner],
      this.#aftermaths[owner],
    );
  }

  #anyQuestion(chance: Chance): Question {
    const { org: orgId, people, credentials, targets } = this.#world;
    const permission = chance.oneOf(permissionsAsked);
    const target = chance.oneOf(targets);
    if (target.kind !== "object") throw new Error("only objects are asked about");
    const asked = {
      orgId,
      permission,
      what: { $case: "object", value: target.object },
      consistency: undefined,
    } as const;
    const known = credentials.slice(-credentialsInPlay);
    if (known.length > 0 && chance.below(4) === 0) {
      const { id, secret } = chance.oneOf(known);
      const wire: CheckRequest = { ...asked, who: { $case: "credential", value: secret } };
      return { who: { kind: "credential", id }, permission, target, wire };
    }
    const id = chance.oneOf(people);
    const wire: CheckRequest = { ...asked, who: { $case: "principalId", value: id } };
    return { who: { kind: "principal", id }, permission, target, wire };
  }

  #anyFreshness(chance: Chance): { freshness: Freshness; consistency: Consistency | undefined } {
    const kind = chance.below(10);
    if (kind < 6) return { freshness: { kind: "minimize_latency" }, consistency: undefined };
    if (kind < 8) {
      const consistency: Consistency = { kind: { $case: "fullyConsistent", value: {} } };
      return { freshness: { kind: "fully_consistent" }, consistency };
    }
    const latest = { ...this.#latest };
    const seen = Object.values(latest).flatMap((revision) => revisionFromWire(revision).seen);
    const value = encodeRevision({ org: this.#world.org, seen });
    const positions = Object.fromEntries(
      owners.map((owner) => [owner, latest[owner]?.position ?? 0]),
    ) as Record<Owner, number>;
    return {
      freshness: { kind: "at_least_as_fresh", positions },
      consistency: { kind: { $case: "atLeastAsFresh", value } },
    };
  }

  /** For each question the answer, or in a word why there is none. */
  async #answersTo(
    questions: readonly Question[],
    consistency: Consistency | undefined,
  ): Promise<readonly string[]> {
    const orgId = this.#world.org;
    const checks = questions.map(({ wire }) => wire);
    const [only] = checks;
    try {
      if (only !== undefined && checks.length === 1) {
        return [answerOf(await this.#system.decision.check({ ...only, consistency }))];
      }
      const { results } = await this.#system.decision.batchCheck({ orgId, checks, consistency });
      return results.map(({ allowed, error }) => error?.code.toLowerCase() ?? answerOf({ allowed }));
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      return questions.map(() => error.kind);
    }
  }
}

function answerOf({ allowed }: Pick<CheckResponse, "allowed">): Answer {
  return allowed ? "allowed" : "denied";
}

function lastOf({ identity, groups, grants, tokens }: Histories): States {
  return { identity: identity.last, groups: groups.last, grants: grants.last, tokens: tokens.last };
}

function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}
