import { randomUUID } from "node:crypto";
import { descriptor } from "@portcullis/chassis/descriptor";
import { Fault } from "@portcullis/chassis/fault";
import { openLog } from "@portcullis/chassis/log";
import type { Stub } from "@portcullis/chassis/rpc/client";
import { type Handlers, implement, type RunningServer, serve } from "@portcullis/chassis/rpc/server";
import { connectAsListed } from "@portcullis/chassis/testing";
import { factKeyFromWire, factKeyToWire, factToWire } from "@portcullis/facts/wire";
import type { OrgId, PrincipalId, PrincipalKind } from "@portcullis/policy";
import { factsCallers, groupsCallers } from "@portcullis/proto/callers";
import type { Event } from "@portcullis/proto/events/v1/events";
import { FactsService } from "@portcullis/proto/facts/v1/facts";
import { type Group, GroupsService, type UpdateGroupRequest } from "@portcullis/proto/groups/v1/groups";
import { freshDatabase } from "@portcullis/store/testing";
import pg from "pg";
import type { Config } from "../src/config.ts";
import { start } from "../src/start.ts";

const serviceCredential = "s".repeat(40);
const log = openLog("groups-test", "silent");

/**
 * Stands in for identity, so that these tests are about groups alone; the two meet for real in the testbed.
 * It says who is a member, and can be slow or gone.
 */
class ScriptedIdentity implements AsyncDisposable {
  readonly #kinds = new Map<string, PrincipalKind>();
  readonly #events: Event[] = [];
  #server: RunningServer | null = null;
  /** Every question for members passes here first. */
  onLoad: () => Promise<void> = async () => undefined;

  async listen(): Promise<this> {
    this.#server = await serve(
      { listen: "127.0.0.1:0", serviceCredential, descriptor: await descriptor(), log },
      [implement(FactsService, factsCallers, this.#handlers())],
    );
    return this;
  }

  get address(): string {
    return this.#server?.address ?? "";
  }

  invite(org: string, kind: PrincipalKind = "user", principal: string = randomUUID()): string {
    this.#kinds.set(`${org} ${principal}`, kind);
    return principal;
  }

  /** Ends a membership, and logs it as identity does. */
  remove(org: string, principal: string): void {
    this.#kinds.delete(`${org} ${principal}`);
    this.#events.push({
      orgId: org,
      owner: "identity",
      position: this.#of(org).length + 1,
      at: new Date(),
      context: { actor: undefined, requestId: "removal", sourceAddress: "", unchangedSince: [] },
      action: "members_removed",
      subject: { type: "member", id: principal },
      beforeJson: JSON.stringify({ members: [{ id: principal }] }),
      afterJson: "",
      touches: [factKeyToWire({ kind: "member", org: org as OrgId, principal: principal as PrincipalId })],
      touchedKinds: [],
      dependsOn: [],
    });
  }

  head(org: string): number {
    return this.#of(org).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
  }

  #of(org: string): Event[] {
    return this.#events.filter((event) => event.orgId === org);
  }

  #handlers(): Handlers<typeof FactsService> {
    return {
      load: async ({ keys }) => {
        await this.onLoad();
        const facts = keys.map((wire, index) => {
          const key = factKeyFromWire(wire, `keys[${index}]`);
          const kind = key.kind === "member" ? this.#kinds.get(`${key.org} ${key.principal}`) : undefined;
          return factToWire(key, 0, 0, kind === undefined ? null : { kind });
        });
        return { facts, incarnation: "identity" };
      },
      loadStream: () => Promise.resolve(),
      heads: ({ orgIds }) => ({ positions: orgIds.map((org) => this.head(org)), incarnation: "identity" }),
      readLog: ({ orgId, after, limit }) => ({
        events: this.#of(orgId).slice(after, after + (limit || 1000)),
        head: this.head(orgId),
        incarnation: "identity",
      }),
    };
  }
}

export interface RunningGroups extends AsyncDisposable {
  readonly identity: ScriptedIdentity;
  readonly groups: Stub<typeof GroupsService>;
  readonly facts: Stub<typeof FactsService>;
  readonly database: pg.Pool;
  readonly config: Config;
  /** One more process over the same database. */
  startAnother(): Promise<RunningServer>;
}

/** groups over a database of its own, started twice at once, with a scripted identity. */
export async function runGroups(servers: { databaseUrl: string; redisUrl: string }): Promise<RunningGroups> {
  await using parts = new AsyncDisposableStack();
  const { url } = parts.use(await freshDatabase(servers.databaseUrl));
  const identity = parts.use(await new ScriptedIdentity().listen());
  const config: Config = {
    PORTCULLIS_LISTEN: "127.0.0.1:0",
    PORTCULLIS_SERVICE_CREDENTIAL: serviceCredential,
    PORTCULLIS_LOG_LEVEL: "silent",
    DATABASE_URL: url,
    REDIS_URL: servers.redisUrl,
    PORTCULLIS_IDENTITY_ADDRESS: identity.address,
    PORTCULLIS_GRANTS_ADDRESS: identity.address,
    PORTCULLIS_TOKENS_ADDRESS: identity.address,
  };
  // Two at once: both migrate the same empty database.
  const [service] = await Promise.all([
    start(config, log),
    start(config, log).then((second) => parts.use(second)),
  ]);
  parts.use(service);
  const connection = parts.use(
    connectAsListed({ peer: "groups", address: service.address, serviceCredential }),
  );
  const database = new pg.Pool({ connectionString: url, max: 4 });
  parts.defer(() => database.end());
  const running = parts.move();
  return {
    identity,
    groups: connection.stub(GroupsService, groupsCallers),
    facts: connection.stub(FactsService, factsCallers),
    database,
    config,
    startAnother: () => start(config, log),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

export const context = { actor: undefined, requestId: "test", sourceAddress: "", unchangedSince: [] };

/** What most tests begin with, and what they ask most. */
export class Organization {
  readonly #running: RunningGroups;
  readonly id: string;
  readonly owner: string;
  readonly builtIn: { readonly owners: string; readonly engineers: string; readonly viewers: string };

  private constructor(
    running: RunningGroups,
    id: string,
    owner: string,
    builtIn: { owners: string; engineers: string; viewers: string },
  ) {
    this.#running = running;
    this.id = id;
    this.owner = owner;
    this.builtIn = builtIn;
  }

  static async provisioned(running: RunningGroups): Promise<Organization> {
    const id = randomUUID();
    const owner = running.identity.invite(id);
    const made = await running.groups.provision({ context, orgId: id, ownerId: owner });
    return new Organization(running, id, owner, {
      owners: made.ownersId,
      engineers: made.engineersId,
      viewers: made.viewersId,
    });
  }

  user(): string {
    return this.#running.identity.invite(this.id);
  }

  async group(principalIds: string[] = [], memberGroupIds: string[] = []): Promise<Group> {
    const { group } = await this.#running.groups.createGroup({
      context,
      orgId: this.id,
      name: randomUUID(),
      description: undefined,
      principalIds,
      memberGroupIds,
      ownerId: "",
    });
    if (group === undefined) throw new Fault("internal", "no group was answered");
    return group;
  }

  update(id: string, edit: Partial<UpdateGroupRequest>) {
    return this.#running.groups.updateGroup({ ...noEdit, context, orgId: this.id, id, ...edit });
  }

  get(id: string) {
    return this.#running.groups.getGroup({ orgId: this.id, id });
  }

  async memberships(principal: string): Promise<string[]> {
    const key = factKeyToWire({
      kind: "memberships",
      org: this.id as OrgId,
      principal: principal as PrincipalId,
    });
    const { facts } = await this.#running.facts.load({ keys: [key] });
    const value = facts[0]?.value;
    return value?.$case === "memberships" ? value.value.groupIds : [];
  }

  async head(): Promise<number> {
    return (await this.#running.facts.heads({ orgIds: [this.id] })).positions[0] ?? -1;
  }

  async lastEvent(): Promise<Event | undefined> {
    const { events } = await this.#running.facts.readLog({ orgId: this.id, after: 0, limit: 0 });
    return events.at(-1);
  }
}

const noEdit = {
  name: undefined,
  description: undefined,
  replacePrincipalIds: undefined,
  replaceMemberGroupIds: undefined,
  addPrincipalIds: [],
  removePrincipalIds: [],
  addMemberGroupIds: [],
  removeMemberGroupIds: [],
};
