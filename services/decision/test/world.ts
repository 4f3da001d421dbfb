import { randomBytes, randomUUID } from "node:crypto";
import type { Log } from "@portcullis/chassis/log";
import { connect, type Stub } from "@portcullis/chassis/rpc/client";
import { type Change, ScriptedOwner } from "@portcullis/facts/testing";
import {
  type Access,
  type AclId,
  decide,
  type FactKey,
  type FactLookup,
  type FactValues,
  type GroupId,
  indexGroups,
  indexRoles,
  type ObjectId,
  type ObjectRef,
  type OrgId,
  type Owner,
  organizationFace,
  owners as ownerNames,
  type PrincipalId,
} from "@portcullis/policy";
import { type CheckRequest, DecisionService } from "@portcullis/proto/decision/v1/decision";
import { type Doorbell, invalidationQueue, queuePrefix } from "@portcullis/store/doorbell";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { inject } from "vitest";
import { start } from "../src/start.ts";
import { serveScripted } from "./scripted-service.ts";
import { TcpGate } from "./tcp-gate.ts";

/** Small, so that tests that wait for the bound are short. */
export const maxStalenessMs = 500;

export interface Decision {
  readonly address: string;
  readonly stub: Stub<typeof DecisionService>;
  /** What it has logged above debug. */
  readonly said: readonly string[];
  stop(): Promise<void>;
}

/** One organisation in which alice may read an experiment, by her crew; and everything that decision talks to. */
export class World implements AsyncDisposable {
  readonly org = randomUUID() as OrgId;
  readonly alice = randomUUID() as PrincipalId;
  readonly crew = randomUUID() as GroupId;
  readonly project: ObjectRef = { type: "project", id: randomUUID() as ObjectId };
  readonly experiment: ObjectRef = { type: "experiment", id: randomUUID() as ObjectId };
  readonly owners: Readonly<Record<Owner, ScriptedOwner>>;
  /** Redis, not through the gate. */
  readonly redis: Redis;
  readonly gate: TcpGate;
  readonly queue: Queue<Doorbell>;
  readonly environment: Readonly<Record<string, string>>;
  readonly #parts: AsyncDisposableStack;

  private constructor(
    parts: AsyncDisposableStack,
    made: Pick<World, "owners" | "redis" | "gate" | "queue" | "environment">,
  ) {
    this.#parts = parts;
    this.owners = made.owners;
    this.redis = made.redis;
    this.gate = made.gate;
    this.queue = made.queue;
    this.environment = made.environment;
  }

  static async make(): Promise<World> {
    const parts = new AsyncDisposableStack();
    const redisUrl = new URL(inject("redisUrl"));
    redisUrl.pathname = `/${await someDatabase(redisUrl.href)}`;
    const redis = new Redis(redisUrl.href);
    parts.defer(() => redis.disconnect());
    const gate = parts.use(await TcpGate.to(redisUrl.hostname, Number(redisUrl.port)));
    const gatedUrl = new URL(redisUrl);
    gatedUrl.host = `127.0.0.1:${gate.port}`;
    const serviceCredential = randomBytes(24).toString("hex");
    const owners = {
      identity: new ScriptedOwner("identity"),
      groups: new ScriptedOwner("groups"),
      grants: new ScriptedOwner("grants"),
      tokens: new ScriptedOwner("tokens"),
    };
    const environment: Record<string, string> = {
      PORTCULLIS_LISTEN: "127.0.0.1:0",
      PORTCULLIS_SERVICE_CREDENTIAL: serviceCredential,
      PORTCULLIS_LOG_LEVEL: "silent",
      PORTCULLIS_MAX_STALENESS_MS: String(maxStalenessMs),
      REDIS_URL: gatedUrl.href,
    };
    for (const owner of ownerNames) {
      const service = parts.use(await serveScripted(owners[owner], { serviceCredential, log: silent }));
      environment[`PORTCULLIS_${owner.toUpperCase()}_ADDRESS`] = service.address;
    }
    const queueRedis = new Redis(redisUrl.href, { maxRetriesPerRequest: null });
    parts.defer(() => queueRedis.disconnect());
    const queue = new Queue<Doorbell>(invalidationQueue, { connection: queueRedis, prefix: queuePrefix });
    parts.defer(() => queue.close());
    const world = new World(parts, { owners, redis, gate, queue, environment });
    world.#settle();
    return world;
  }

  /** Starts a decision service beside those that run. */
  async decision(): Promise<Decision> {
    const said: string[] = [];
    const { environment } = this;
    const at = (key: string): string => environment[key] ?? "";
    const running = await start(
      {
        PORTCULLIS_LISTEN: at("PORTCULLIS_LISTEN"),
        PORTCULLIS_SERVICE_CREDENTIAL: at("PORTCULLIS_SERVICE_CREDENTIAL"),
        PORTCULLIS_LOG_LEVEL: "silent",
        REDIS_URL: at("REDIS_URL"),
        PORTCULLIS_IDENTITY_ADDRESS: at("PORTCULLIS_IDENTITY_ADDRESS"),
        PORTCULLIS_GROUPS_ADDRESS: at("PORTCULLIS_GROUPS_ADDRESS"),
        PORTCULLIS_GRANTS_ADDRESS: at("PORTCULLIS_GRANTS_ADDRESS"),
        PORTCULLIS_TOKENS_ADDRESS: at("PORTCULLIS_TOKENS_ADDRESS"),
        PORTCULLIS_MAX_STALENESS_MS: maxStalenessMs,
        PORTCULLIS_MEMORY_IDS: 10_000,
        PORTCULLIS_DECISION_LOG_SAMPLE: 0,
      },
      logTo(said),
    );
    return this.reach(running.address, said, async () => await running[Symbol.asyncDispose]());
  }

  /** A decision service that listens already. */
  reach(address: string, said: readonly string[], end: () => Promise<unknown>): Decision {
    const serviceCredential = this.environment["PORTCULLIS_SERVICE_CREDENTIAL"] ?? "";
    const connection = connect({ peer: "decision", address, service: "admin", serviceCredential });
    let stopping: Promise<unknown> | null = null;
    const stop = async (): Promise<void> => {
      connection[Symbol.dispose]();
      stopping ??= end();
      await stopping;
    };
    this.#parts.defer(stop);
    return { address, stub: connection.stub(DecisionService), said, stop };
  }

  get memberKey() {
    return { kind: "member", org: this.org, principal: this.alice } as const satisfies FactKey;
  }
  get membershipsKey() {
    return { kind: "memberships", org: this.org, principal: this.alice } as const satisfies FactKey;
  }
  accessKey(object: ObjectRef) {
    return { kind: "access", org: this.org, object } as const satisfies FactKey;
  }

  /** Holds up whoever has read the project's ACLs, with what it has read. */
  holdProject(): Held {
    const { id } = this.project;
    return hold(this.owners.grants, "load", "after", (keys) =>
      keys.some((key) => key.kind === "access" && key.object.id === id),
    );
  }

  /** May alice read the experiment? */
  question(consistency?: CheckRequest["consistency"]): CheckRequest {
    return {
      orgId: this.org,
      who: { $case: "principalId", value: this.alice },
      permission: "read",
      what: { $case: "object", value: { ...this.experiment } },
      consistency,
    };
  }

  async allowed({ stub }: Decision, consistency?: CheckRequest["consistency"]): Promise<boolean> {
    return (await stub.check(this.question(consistency))).allowed;
  }

  /** Lets alice in by this owner's facts, or takes her out. Answers the position of the change. */
  set(owner: "identity" | "groups" | "grants", isAllowed: boolean): number {
    return this.owners[owner].commit([this.#change(owner, isAllowed)]);
  }

  /** Rings the doorbell of an event, as the owner's relay does. */
  async ring(owner: Owner, position: number, jobId = `inv-${owner}-${this.org}-${position}`): Promise<void> {
    const bell: Doorbell = { owner, org: this.org, position };
    await this.queue.add(owner, bell, { jobId, attempts: 5, removeOnComplete: true, removeOnFail: true });
  }

  /** The answers that were right at some moment between two: each owner's log as it stood at some time within. */
  truths(from: number, to: number): Set<boolean> {
    const { identity, groups, grants } = this.owners;
    const answers = new Set<boolean>();
    for (const inIdentity of identity.positionsBetween(this.org, from, to)) {
      for (const inGroups of groups.positionsBetween(this.org, from, to)) {
        for (const inGrants of grants.positionsBetween(this.org, from, to)) {
          const at = (key: FactKey): unknown => {
            if (key.kind === "member") return identity.valueAt(key, inIdentity);
            if (key.kind === "memberships" || key.kind === "groups") return groups.valueAt(key, inGroups);
            return grants.valueAt(key, inGrants);
          };
          answers.add(this.#decide(at));
        }
      }
    }
    return answers;
  }

  /** The key of a fact's register in Redis. */
  async registerKeys(): Promise<string[]> {
    return await this.redis.keys(`pc2:{${this.org}}:f:*`);
  }

  /** Asks until redis holds all eight facts that the question takes. */
  async warmRedis(): Promise<void> {
    const isWarm = async () => (await this.registerKeys()).length === 8;
    await until(async () => {
      const asker = await this.decision();
      await this.allowed(asker);
      const patience = performance.now() + 1000;
      while (!(await isWarm()) && performance.now() < patience);
      await asker.stop();
      return await isWarm();
    });
  }

  get marksKey(): string {
    return `pc2:{${this.org}}:w`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.gate.open();
    await this.#parts.disposeAsync();
  }

  #settle(): void {
    const face = (type: "organization" | "org_project") => organizationFace(type, this.org);
    this.set("identity", true);
    this.owners.groups.commit([
      [{ kind: "groups", org: this.org }, new Map([[this.crew, { memberGroups: [], builtIn: null }]])],
    ]);
    this.set("groups", true);
    this.owners.grants.commit([
      [this.accessKey(face("organization")), { parent: null, alsoUnder: [], acls: [] }],
      [this.accessKey(face("org_project")), under(face("organization"))],
      [this.accessKey(this.experiment), under(this.project)],
    ]);
    this.set("grants", true);
  }

  #change(owner: "identity" | "groups" | "grants", isAllowed: boolean): Change {
    switch (owner) {
      case "identity":
        return [this.memberKey, isAllowed ? { kind: "user" } : null];
      case "groups":
        return [this.membershipsKey, isAllowed ? [this.crew] : []];
      case "grants": {
        const subject = { kind: "group", id: this.crew } as const;
        const grant = { kind: "permission", permission: "read", restrictObjectType: null } as const;
        const acl = { id: randomUUID() as AclId, subject, grant, expiresAtMs: null };
        const parent = organizationFace("org_project", this.org);
        return [this.accessKey(this.project), { ...under(parent), acls: isAllowed ? [acl] : [] }];
      }
    }
  }

  #decide(at: (key: FactKey) => unknown): boolean {
    const { org, alice: principal } = this;
    const lookup: FactLookup = {
      member: () => at({ kind: "member", org, principal }) as FactValues["member"],
      memberships: () => at({ kind: "memberships", org, principal }) as FactValues["memberships"],
      groups: () => indexGroups(at({ kind: "groups", org }) as FactValues["groups"]),
      roles: () => indexRoles(at({ kind: "roles", org }) as FactValues["roles"]),
      access: (object) => at({ kind: "access", org, object }) as FactValues["access"],
      aclsNaming: () => undefined,
      acls: () => undefined,
    };
    const target = { kind: "object", object: this.experiment } as const;
    const decision = decide({ org, principal, permission: "read", target, nowMs: Date.now() }, lookup);
    return decision.kind === "decided" && decision.allowed;
  }
}

export interface Held {
  /** The first such call is held up. */
  readonly reached: Promise<void>;
  open(): void;
}

/** Holds up the calls of an owner, before it reads or before it answers, until they are let go. */
export function hold(
  owner: ScriptedOwner,
  call: "load" | "readLog" | "heads",
  when: "before" | "after",
  concerns: (keys: readonly FactKey[]) => boolean = () => true,
): Held {
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
  owner[when] = (each, keys) => {
    if (each !== call || !concerns(keys)) return undefined;
    reach();
    return opened;
  };
  return {
    reached,
    open() {
      owner[when] = () => undefined;
      open();
    },
  };
}

/** Waits until something is so, and answers how long that took. */
export async function until(isSo: () => boolean | Promise<boolean>, withinMs = 15_000): Promise<number> {
  const start = performance.now();
  while (!(await isSo())) {
    if (performance.now() - start > withinMs)
      throw new Error(`not so within ${withinMs} ms: ${isSo.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return performance.now() - start;
}

/** A database of the shared server that hardly anybody else uses at the same time; it may be flushed. */
async function someDatabase(url: string): Promise<number> {
  const redis = new Redis(url);
  const [, count] = await redis.config("GET", "databases");
  redis.disconnect();
  return 1 + Math.floor(Math.random() * (Number(count) - 1));
}

function under(parent: ObjectRef): Access {
  return { parent, alsoUnder: [], acls: [] };
}

function logTo(said: string[]): Log {
  const say = (...words: unknown[]): void => {
    said.push(String(words.at(-1)));
  };
  const log: Log = {
    debug: () => undefined,
    info: say,
    warn: say,
    error: say,
    fatal: say,
    isLevelEnabled: () => false,
    child: () => log,
  };
  return log;
}

const silent = logTo([]);
