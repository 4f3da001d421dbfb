import { Metadata } from "@grpc/grpc-js";
import { openLog } from "@portcullis/chassis/log";
import type { Answering } from "@portcullis/chassis/rpc/stream";
import {
  type Consistency,
  decodeRevision,
  FactMemory,
  Follows,
  fromOwners,
  joined,
  minimizeLatency,
  type News,
} from "@portcullis/facts";
import { ScriptedOwner } from "@portcullis/facts/testing";
import type { FactKey, Needs, OrgId, PrincipalId } from "@portcullis/policy";
import type { ListenForNewsResponse } from "@portcullis/proto/upstream/v1/upstream";
import { factsNearby, type UpstreamStub } from "@portcullis/upstream";
import { stretchToWire } from "@portcullis/upstream/wire";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { upstreamHandlers } from "../src/upstream/index.ts";

// Readers beside an application, over two decision services over an owner. Everything that is asked begins and ends in
// any order, the clocks of all have nothing to do with each other, and the news are lost, doubled and out of order.

const org = "0190a000-0000-7000-8000-000000000001" as OrgId;
const members = ["0190a000-0000-7000-8000-00000000000a", "0190a000-0000-7000-8000-00000000000b"].map(
  (principal) => ({ kind: "member", org, principal: principal as PrincipalId }) as const satisfies FactKey,
);
const member = { kind: "user" } as const;
const maxStalenessMs = 2000;

const silent = openLog("upstream-test", "silent");

type Step =
  | { readonly do: "commit"; readonly key: 0 | 1; readonly byKind: boolean }
  | { readonly do: "ask"; readonly kind: Consistency["kind"]; readonly about: readonly (0 | 1)[] }
  /** Some decision services notice that the log has grown. */
  | { readonly do: "ring"; readonly at: readonly (0 | 1)[] }
  /** One of the news that are under way arrives; it may do so again. */
  | { readonly do: "hear"; readonly which: number; readonly again: boolean }
  | { readonly do: "change upstream" }
  /** A decision service is killed, and another one started in its place. */
  | { readonly do: "restart" }
  | { readonly do: "wait"; readonly ms: number };

const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant("commit"), key: fc.constantFrom(0, 1), byKind: fc.boolean() }),
    fc.record({
      do: fc.constant("ask"),
      kind: fc.constantFrom("minimize_latency", "at_least_as_fresh", "fully_consistent"),
      about: fc.constantFrom([0], [1], [0, 1], [0, 1]),
    }),
    fc.record({ do: fc.constant("ring"), at: fc.constantFrom([0], [1], [0, 1]) }),
    fc.record({ do: fc.constant("hear"), which: fc.nat(5), again: fc.boolean() }),
    fc.record({ do: fc.constantFrom("change upstream", "restart") }),
    fc.record({ do: fc.constant("wait"), ms: fc.constantFrom(1, 300, 700, maxStalenessMs + 1) }),
  ),
  { minLength: 4, maxLength: 30 },
) as fc.Arbitrary<Step[]>;

test("beside an application, too, an answer was true at one moment, no older than was asked for", async () => {
  const answered = { minimize_latency: 0, at_least_as_fresh: 0, fully_consistent: 0 };
  let stale = 0;
  await fc.assert(
    fc.asyncProperty(steps, fc.scheduler(), async (script, scheduler) => {
      const later = () => scheduler.schedule(Promise.resolve());
      using world = new World(later);
      const { identity } = world;
      let lastRevision = "";

      const ask = async ({ kind, about }: Step & { do: "ask" }): Promise<void> => {
        const keys = about.flatMap((index) => members[index] ?? []);
        const start = world.now;
        const revision = decodeRevision(lastRevision);
        const consistency = kind === "at_least_as_fresh" ? { kind, revision } : { kind };
        const { values, revision: seen } = await world.read(keys, consistency);
        lastRevision = seen;
        const demanded = { consistency, askedAt: start, maxStalenessMs };
        const moments = identity.momentsFor(keys, demanded, world.now);
        expect(moments).toContain(JSON.stringify(values));
        if (moments.at(-1) !== JSON.stringify(values)) stale += 1;
        answered[kind] += 1;
      };

      const asked: Promise<void>[] = [];
      for (const step of script) {
        switch (step.do) {
          case "commit":
            world.commit(step.key, step.byKind);
            break;
          case "ask":
            asked.push(ask(step));
            break;
          case "ring":
            for (const index of step.at) world.ring(index);
            break;
          case "hear":
            world.hear(step.which, step.again);
            break;
          case "change upstream":
            world.changeUpstream();
            break;
          case "restart":
            world.restart();
            break;
          case "wait":
            world.now += step.ms;
        }
        // So that two things never happen at the same time on the clock.
        world.now += 0.001;
        await settle();
        if (scheduler.count() > 0) await scheduler.waitNext(1);
        await settle();
      }
      await scheduler.waitFor(Promise.all(asked));
    }),
    { numRuns: 2000 },
  );
  // Stale answers within the bound must occur, or the search has looked at nothing.
  for (const times of [stale, ...Object.values(answered)]) expect(times).toBeGreaterThan(50);
}, 120_000);

describe("one after the other", () => {
  const atOnce = async (): Promise<void> => undefined;
  const [first] = members;
  if (first === undefined) throw new Error("nobody is asked about");

  test("the age of what an upstream knows counts here, too", async () => {
    using world = new World(atOnce);
    expect(await world.value(first)).toBeNull();
    await world.confirmAtUpstream();
    world.commit(0, false);
    world.now += 400;
    await world.confirmBeside(500);
    // 400 old when it was told, and 1700 since: that nobody is a member was last known to be so too long ago.
    world.now += 1700;
    expect(await world.value(first)).toEqual(member);
  });

  test("news that leave something out change nothing but that the log is looked at", async () => {
    using world = new World(atOnce);
    expect(await world.value(first)).toBeNull();
    for (const key of [0, 1] as const) {
      world.commit(key, false);
      world.ring(0);
      await settle();
    }
    world.hear(1, false);
    await settle();
    expect(await world.value(first)).toEqual(member);
  });

  test("news that come late, and again, are old", async () => {
    using world = new World(atOnce);
    expect(await world.value(first)).toBeNull();
    for (let turn = 0; turn < 2; turn++) {
      world.commit(0, false);
      world.ring(0);
      await settle();
    }
    for (const which of [1, 0, 0]) world.hear(which, true);
    await settle();
    expect(await world.value(first)).toBeNull();
  });
});

/** Lets everything run that waits for nothing from outside. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 6; turn++) await new Promise((resolve) => setImmediate(resolve));
}

class World implements Disposable {
  now = 1_000_000;
  readonly identity: ScriptedOwner;
  readonly #later: () => Promise<void>;
  readonly #upstreams: Upstream[];
  #current = 0;
  /** News that are under way, from whichever decision service. */
  readonly #underWay: News[] = [];
  #deliver: (message: ListenForNewsResponse) => void = () => undefined;
  readonly #nearby: ReturnType<typeof factsNearby>;

  constructor(later: () => Promise<void>) {
    this.#later = later;
    this.identity = new ScriptedOwner("identity", () => this.now);
    this.identity.before = later;
    this.identity.after = later;
    this.#upstreams = [this.#start(), this.#start()];
    this.#nearby = factsNearby({
      upstream: this.#stub(),
      org,
      maxStalenessMs,
      idsMax: 10_000,
      log: silent,
      clock: () => this.now,
    });
  }

  async read(keys: readonly FactKey[], consistency: Consistency) {
    const { result, revision } = await this.#nearby.facts.read(
      org,
      consistency,
      (facts): { readonly values: readonly unknown[] } | Needs => {
        const values = keys.map((key) => (key.kind === "member" ? facts.member(key.principal) : null));
        const missing = keys.filter((_, index) => values[index] === undefined);
        return missing.length > 0 ? { kind: "needs", keys: missing } : { values };
      },
    );
    return { values: result.values, revision };
  }

  async value(key: FactKey): Promise<unknown> {
    return (await this.read([key], minimizeLatency)).values[0];
  }

  async confirmAtUpstream(): Promise<void> {
    const { follows, clock } = this.#upstream;
    await follows.confirm(follows.of(org, clock()).byOwner.identity, clock());
  }

  async confirmBeside(inheritedMs: number): Promise<void> {
    const { follows } = this.#nearby;
    await follows.confirm(follows.of(org, this.now).byOwner.identity, this.now - inheritedMs);
  }

  commit(index: 0 | 1, byKind: boolean): void {
    const key = members[index];
    if (key === undefined) return;
    const isMember = this.identity.valueAt(key, this.identity.head(org)) !== null;
    this.identity.commit([[key, isMember ? null : member]], { byKind });
  }

  ring(index: 0 | 1): void {
    this.#upstreams[index]?.follows.hear("identity", org, this.identity.head(org));
  }

  hear(which: number, again: boolean): void {
    const index = which % Math.max(1, this.#underWay.length);
    const news = this.#underWay[index];
    if (news === undefined) return;
    if (!again) this.#underWay.splice(index, 1);
    this.#deliver({ owner: news.owner, stretch: stretchToWire(news.stretch) });
  }

  changeUpstream(): void {
    this.#current = 1 - this.#current;
  }

  restart(): void {
    this.#upstreams[this.#current]?.follows[Symbol.dispose]();
    this.#upstreams[this.#current] = this.#start();
  }

  [Symbol.dispose](): void {
    this.#nearby[Symbol.dispose]();
    for (const { follows } of this.#upstreams) follows[Symbol.dispose]();
  }

  get #upstream(): Upstream {
    const upstream = this.#upstreams[this.#current];
    if (upstream === undefined) throw new Error("no upstream");
    return upstream;
  }

  #start(): Upstream {
    const owners = {
      identity: this.identity,
      groups: new ScriptedOwner("groups"),
      grants: new ScriptedOwner("grants"),
      tokens: new ScriptedOwner("tokens"),
    };
    const memory = new FactMemory({ idsMax: 10_000 });
    // Its clock has nothing to do with anybody else's.
    const offset = Math.random() * 1e6;
    const clock = () => this.now + offset;
    const follows = new Follows({ owners, memory, clock, log: silent, confirmEveryMs: 1_000_000_000 });
    follows.listen(org, (news) => {
      if (news !== null) this.#underWay.push(news);
    });
    const source = joined(fromOwners(owners));
    return {
      follows,
      clock,
      handlers: upstreamHandlers({ source, follows, owners, noteUse: () => undefined, clock }),
    };
  }

  /** Everything that is asked takes a while on its way there and back. */
  #stub(): UpstreamStub {
    const call = {
      caller: { kind: "other", principalId: "", orgId: org },
      metadata: new Metadata(),
      requestId: "test",
      deadlineMs: null,
      signal: new AbortController().signal,
    } as const satisfies Partial<Answering<unknown>>;
    const asking = async <Response>(
      ask: (handlers: Upstream["handlers"]) => Response | Promise<Response>,
    ): Promise<Response> => {
      await this.#later();
      const response = await ask(this.#upstream.handlers);
      await this.#later();
      return response;
    };
    const news = new ReadableStream<ListenForNewsResponse>({
      start: (controller) => {
        this.#deliver = (message) => controller.enqueue(message);
      },
    });
    return {
      load: (request) => asking(({ load }) => load(request, call)),
      heads: (request) => asking(({ heads }) => heads(request, call)),
      readLog: (request) => asking(({ readLog }) => readLog(request, call)),
      recordUses: (request) => asking(({ recordUses }) => recordUses(request, call)),
      listenForNews: () => news.values(),
    };
  }
}

interface Upstream {
  readonly follows: Follows;
  readonly clock: () => number;
  readonly handlers: ReturnType<typeof upstreamHandlers>;
}
