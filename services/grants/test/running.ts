// grants with a real database, a real server and generated clients. Who is a member and which groups live is for others
// to say; two servers of the facts contract stand in for them, so that these tests are about grants alone. They all meet
// for real in the testbed.

import { randomUUID } from "node:crypto";
import { descriptor } from "@portcullis/chassis/descriptor";
import { openLog } from "@portcullis/chassis/log";
import type { Stub } from "@portcullis/chassis/rpc/client";
import { type Handlers, implement, type RunningServer, serve } from "@portcullis/chassis/rpc/server";
import { connectAsListed } from "@portcullis/chassis/testing";
import { type Fact, factFromWire, factKeyFromWire, factKeyToWire, factToWire } from "@portcullis/facts/wire";
import type { FactKey, FactKind, FactValues, GroupId, OrgId, PrincipalId } from "@portcullis/policy";
import { factsCallers, grantsCallers } from "@portcullis/proto/callers";
import type { Event, WriteContext } from "@portcullis/proto/events/v1/events";
import { FactsService } from "@portcullis/proto/facts/v1/facts";
import {
  type AclContent,
  type CreateObjectRequest,
  type CreateRoleRequest,
  GrantsService,
  type ListAclsRequest,
  type ListObjectsRequest,
  type ListRolesRequest,
  type NewObject,
  type Object as ObjectMessage,
  type Role,
  type UpdateAclsRequest,
  type UpdateRoleRequest,
} from "@portcullis/proto/grants/v1/grants";
import { freshDatabase } from "@portcullis/store/testing";
import pg from "pg";
import { inject } from "vitest";
import type { Config } from "../src/config.ts";
import { start } from "../src/start.ts";

const serviceCredential = "s".repeat(40);
const log = openLog("grants-test", "silent");

export interface Running extends AsyncDisposable {
  readonly config: Config;
  readonly grants: Stub<typeof GrantsService>;
  readonly facts: Stub<typeof FactsService>;
  readonly database: pg.Pool;
  readonly neighbours: Neighbours;
  /** Another process of the service, on the same database. */
  another(): Promise<AsyncDisposable>;
  head(org: OrgId): Promise<number>;
  fact<Kind extends FactKind>(key: FactKey & { kind: Kind }): Promise<Fact & { value: FactValues[Kind] }>;
  events(org: OrgId, after?: number): Promise<Event[]>;
}

/** With a number, on a Redis database of its own: whoever hears a doorbell there is the one it was meant for. */
export async function running(redisDatabase = 0): Promise<Running> {
  const parts = new AsyncDisposableStack();
  const redisUrl = new URL(inject("redisUrl"));
  redisUrl.pathname = `/${redisDatabase}`;
  const { url } = parts.use(await freshDatabase(inject("databaseUrl")));
  const neighbours = new Neighbours();
  const facts = async (handlers: Handlers<typeof FactsService>): Promise<RunningServer> =>
    parts.use(
      await serve({ listen: "127.0.0.1:0", serviceCredential, descriptor: await descriptor(), log }, [
        implement(FactsService, factsCallers, handlers),
      ]),
    );
  const identity = await facts(neighbours.identity);
  const groups = await facts(neighbours.groups);
  const config: Config = {
    PORTCULLIS_LISTEN: "127.0.0.1:0",
    PORTCULLIS_SERVICE_CREDENTIAL: serviceCredential,
    PORTCULLIS_LOG_LEVEL: "silent",
    DATABASE_URL: url,
    REDIS_URL: redisUrl.href,
    PORTCULLIS_IDENTITY_ADDRESS: identity.address,
    PORTCULLIS_GROUPS_ADDRESS: groups.address,
    PORTCULLIS_TOKENS_ADDRESS: identity.address,
  };
  const service = parts.use(await start(config, log));
  const connection = parts.use(
    connectAsListed({ peer: "grants", address: service.address, serviceCredential }),
  );
  const database = new pg.Pool({ connectionString: url });
  database.on("error", () => undefined);
  parts.defer(() => database.end());
  const stub = connection.stub(FactsService, factsCallers);
  return {
    config,
    grants: connection.stub(GrantsService, grantsCallers),
    facts: stub,
    database,
    neighbours,
    another: () => start(config, log),
    head: async (org) => (await stub.heads({ orgIds: [org] })).positions[0] ?? -1,
    async fact<Kind extends FactKind>(key: FactKey & { kind: Kind }) {
      const [message] = (await stub.load({ keys: [factKeyToWire(key)] })).facts;
      if (message === undefined) throw new Error("no fact");
      return factFromWire(message) as Fact & { value: FactValues[Kind] };
    },
    events: async (org, after = 0) => (await stub.readLog({ orgId: org, after, limit: 0 })).events,
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

/** Members and groups as the tests want them, with logs of their own. */
class Neighbours {
  readonly #members = new Set<string>();
  readonly #changed = new Map<string, number>();
  readonly #liveGroups = new Map<OrgId, Set<GroupId>>();
  readonly #identityLog = new Map<string, Event[]>();
  readonly #groupsLog = new Map<string, Event[]>();
  /** Runs before an answer about members is sent. */
  beforeMembers: () => Promise<void> = () => Promise.resolve();

  member(org: OrgId): PrincipalId {
    const principal = randomUUID() as PrincipalId;
    this.#members.add(`${org} ${principal}`);
    return principal;
  }

  group(org: OrgId): GroupId {
    const group = randomUUID() as GroupId;
    const live = this.#liveGroups.get(org) ?? new Set();
    this.#liveGroups.set(org, live.add(group));
    return group;
  }

  removeMember(org: OrgId, principal: PrincipalId): void {
    this.#members.delete(`${org} ${principal}`);
    const before = { members: [{ id: principal }] };
    append(
      this.#identityLog,
      "identity",
      org,
      "members_removed",
      { type: "member", id: principal },
      { before },
    );
    this.#changed.set(`${org} ${principal}`, at(this.#identityLog, org));
  }

  comesBack(org: OrgId, principal: PrincipalId): void {
    this.#members.add(`${org} ${principal}`);
  }

  /** Makes a group whose owner is to have a grant on it, when identity's log stands where it does. */
  groupOf(org: OrgId, owner: string): GroupId {
    const group = this.group(org);
    const subject = { type: "group", id: group };
    const position = at(this.#identityLog, org);
    const dependsOn = [{ owner: "identity", incarnation: "identity", position }];
    append(this.#groupsLog, "groups", org, "group_created", subject, {
      after: { ownerId: owner },
      dependsOn,
    });
    return group;
  }

  deleteGroup(org: OrgId, group: GroupId): void {
    this.#liveGroups.get(org)?.delete(group);
    append(this.#groupsLog, "groups", org, "group_deleted", { type: "group", id: group });
  }

  readonly identity: Handlers<typeof FactsService> = {
    load: async ({ keys: wireKeys }) => {
      const keys = wireKeys.map((key, index) => factKeyFromWire(key, `keys[${index}]`));
      const facts = keys.map((key) => {
        const text = key.kind === "member" ? `${key.org} ${key.principal}` : "";
        const value: { kind: "user" } | null = this.#members.has(text) ? { kind: "user" } : null;
        return factToWire(key, this.#changed.get(text) ?? 0, at(this.#identityLog, key.org), value);
      });
      await this.beforeMembers();
      return { incarnation: "identity", facts };
    },
    loadStream: () => Promise.resolve(),
    ...logOf(this.#identityLog, "identity"),
  };

  readonly groups: Handlers<typeof FactsService> = {
    load: ({ keys: wireKeys }) => {
      const keys = wireKeys.map((key, index) => factKeyFromWire(key, `keys[${index}]`));
      return {
        incarnation: "groups",
        facts: keys.map((key) => {
          const live = [...(this.#liveGroups.get(key.org) ?? [])];
          const nodes = new Map(live.map((group) => [group, { memberGroups: [], builtIn: null }]));
          return factToWire(key, 0, at(this.#groupsLog, key.org), nodes);
        }),
      };
    },
    loadStream: () => Promise.resolve(),
    ...logOf(this.#groupsLog, "groups"),
  };
}

function logOf(log: Map<string, Event[]>, incarnation: string) {
  return {
    heads: ({ orgIds }: { orgIds: string[] }) => ({
      positions: orgIds.map((org) => at(log, org)),
      incarnation,
    }),
    readLog: ({ orgId, after }: { orgId: string; after: number }) => ({
      events: (log.get(orgId) ?? []).slice(after),
      head: at(log, orgId),
      incarnation,
    }),
  };
}

function at(log: Map<string, Event[]>, org: string): number {
  return log.get(org)?.length ?? 0;
}

function append(
  log: Map<string, Event[]>,
  owner: string,
  org: OrgId,
  action: string,
  subject: { type: string; id: string },
  more: { readonly before?: object; readonly after?: object; readonly dependsOn?: Event["dependsOn"] } = {},
): void {
  const events = log.get(org) ?? [];
  events.push({
    orgId: org,
    owner,
    position: events.length + 1,
    at: new Date(),
    context: { ...context, requestId: `because of ${action}` },
    action,
    subject,
    beforeJson: JSON.stringify(more.before ?? {}),
    afterJson: more.after === undefined ? "" : JSON.stringify(more.after),
    touches: [],
    touchedKinds: [],
    dependsOn: more.dependsOn ?? [],
  });
  log.set(org, events);
}

// Requests as a careful caller makes them; a test changes what it is about.

export const context: WriteContext = {
  actor: undefined,
  requestId: "test",
  sourceAddress: "",
  unchangedSince: [],
};

export function newOrg(): OrgId {
  return randomUUID() as OrgId;
}

export function project(org: OrgId, name: string, more: Partial<NewObject> = {}): CreateObjectRequest {
  return creation(org, { type: "project", parent: { type: "org_project", id: org }, name, ...more });
}

export function inProject(
  at: ObjectMessage,
  type: string,
  name: string,
  more: Partial<NewObject> = {},
): CreateObjectRequest {
  const slug = type === "prompt" ? name : "";
  return creation(at.orgId, { type, parent: { type: "project", id: at.id }, name, slug, ...more });
}

function creation(orgId: string, object: Partial<NewObject>): CreateObjectRequest {
  const empty = { type: "", parent: undefined, name: "", slug: "", payloadJson: "", memberProjectIds: [] };
  return { context, orgId, object: { ...empty, ...object }, ownerId: "", ensureNew: false };
}

export function role(org: OrgId, name: string, more: Partial<CreateRoleRequest> = {}): CreateRoleRequest {
  return { context, orgId: org, name, permissions: [], memberRoleIds: [], ownerId: "", ...more };
}

export function roleUpdate(of: Role, more: Partial<UpdateRoleRequest> = {}): UpdateRoleRequest {
  return {
    context,
    orgId: of.orgId,
    id: of.id,
    replacePermissions: undefined,
    replaceMemberRoleIds: undefined,
    addPermissions: [],
    removePermissions: [],
    addMemberRoleIds: [],
    removeMemberRoleIds: [],
    ...more,
  };
}

export function acl(more: Partial<AclContent>): AclContent {
  return {
    object: undefined,
    subject: undefined,
    grant: { $case: "permission", value: "read" },
    restrictObjectType: "",
    expiresAt: undefined,
    ...more,
  };
}

export function aclUpdate(org: OrgId, more: Partial<UpdateAclsRequest>): UpdateAclsRequest {
  return { context, orgId: org, add: [], remove: [], ...more };
}

export function objectList(orgId: string, more: Partial<ListObjectsRequest>): ListObjectsRequest {
  return {
    orgId,
    type: "project",
    page: undefined,
    parent: undefined,
    ids: [],
    names: [],
    slugs: [],
    projectNames: [],
    ...more,
  };
}

export function roleList(orgId: string, more: Partial<ListRolesRequest> = {}): ListRolesRequest {
  return { orgId, page: undefined, ids: [], names: [], ...more };
}

export function aclList(orgId: string, more: Partial<ListAclsRequest> = {}): ListAclsRequest {
  return {
    orgId,
    page: undefined,
    object: undefined,
    objectType: "",
    ids: [],
    principalId: "",
    groupId: "",
    permission: "",
    restrictObjectType: "",
    roleId: "",
    ...more,
  };
}

/** What an answer must hold. */
export function given<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("the answer lacks a part");
  return value;
}
