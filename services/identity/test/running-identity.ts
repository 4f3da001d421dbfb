import { randomUUID } from "node:crypto";
import { descriptor } from "@portcullis/chassis/descriptor";
import { openLog } from "@portcullis/chassis/log";
import type { Stub } from "@portcullis/chassis/rpc/client";
import { type Handlers, implement, type RunningServer, serve } from "@portcullis/chassis/rpc/server";
import { connectAsListed } from "@portcullis/chassis/testing";
import { factKeyFromWire, factKeyToWire, factToWire } from "@portcullis/facts/wire";
import type { GroupId, OrgId, PrincipalId } from "@portcullis/policy";
import {
  factsCallers,
  grantsCallers,
  groupsCallers,
  identityCallers,
  tokensCallers,
} from "@portcullis/proto/callers";
import type { Event } from "@portcullis/proto/events/v1/events";
import { FactsService } from "@portcullis/proto/facts/v1/facts";
import { GrantsService } from "@portcullis/proto/grants/v1/grants";
import { GroupsService } from "@portcullis/proto/groups/v1/groups";
import { IdentityService, type InviteMembersRequest } from "@portcullis/proto/identity/v1/identity";
import { TokensService } from "@portcullis/proto/tokens/v1/tokens";
import { freshDatabase } from "@portcullis/store/testing";
import pg from "pg";
import type { Config } from "../src/config.ts";
import { start } from "../src/start.ts";

const serviceCredential = "s".repeat(40);
const log = openLog("identity-test", "silent");

/**
 * Stand in for groups, grants and tokens, so that these tests are about identity alone; they meet for real in the
 * testbed. They say what is left of a former member, and let members go or refuse to.
 */
class ScriptedOwners implements AsyncDisposable {
  #server: RunningServer | null = null;
  /** Every request to let members go, as it came in. */
  readonly departures: string[][] = [];
  /** The reservations asked for, in order, and those taken back, with whom. */
  readonly reservations: string[] = [];
  readonly releases: { readonly reservationId: string; readonly principalIds: string[] }[] = [];
  onDeparture: () => Promise<void> = async () => undefined;
  /** What is left of a principal's access, and where. */
  readonly left = new Map<string, "group" | "grant" | "api_key" | "service_token">();
  onQuestion: () => Promise<void> = async () => undefined;

  async listen(): Promise<this> {
    this.#server = await serve(
      { listen: "127.0.0.1:0", serviceCredential, descriptor: await descriptor(), log },
      [
        implement(
          GroupsService,
          groupsCallers,
          some<typeof GroupsService>({
            releaseDeparture: ({ reservationId, principalIds }) => {
              this.releases.push({ reservationId, principalIds });
              return {};
            },
            reserveDeparture: async ({ principalIds, reservationId }) => {
              this.departures.push(principalIds);
              this.reservations.push(reservationId);
              await this.onDeparture();
              return {};
            },
          }),
        ),
        implement(
          FactsService,
          factsCallers,
          some<typeof FactsService>({
            load: async ({ keys }) => {
              await this.onQuestion();
              const facts = keys.map((wire, index) => {
                const key = factKeyFromWire(wire, `keys[${index}]`);
                const inGroup = key.kind === "memberships" && this.left.get(key.principal) === "group";
                return factToWire(key, 0, 0, inGroup ? [randomUUID() as GroupId] : []);
              });
              return { facts, incarnation: "groups" };
            },
          }),
        ),
        implement(
          GrantsService,
          grantsCallers,
          some<typeof GrantsService>({
            hasGrant: ({ principalId }) => ({ hasGrant: this.left.get(principalId) === "grant" }),
          }),
        ),
        implement(
          TokensService,
          tokensCallers,
          some<typeof TokensService>({
            listCredentials: ({ principalId, kind }) => ({
              credentials: this.left.get(principalId) === kind ? [credentialOf(principalId, kind)] : [],
            }),
          }),
        ),
      ],
    );
    return this;
  }

  get address(): string {
    return this.#server?.address ?? "";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
  }
}

export interface RunningIdentity extends AsyncDisposable {
  readonly others: ScriptedOwners;
  readonly identity: Stub<typeof IdentityService>;
  readonly facts: Stub<typeof FactsService>;
  readonly database: pg.Pool;
}

/** identity over a database of its own, started twice at once, with scripted other owners. */
export async function runIdentity(servers: {
  databaseUrl: string;
  redisUrl: string;
}): Promise<RunningIdentity> {
  await using parts = new AsyncDisposableStack();
  const { url } = parts.use(await freshDatabase(servers.databaseUrl));
  const others = parts.use(await new ScriptedOwners().listen());
  const config: Config = {
    PORTCULLIS_LISTEN: "127.0.0.1:0",
    PORTCULLIS_SERVICE_CREDENTIAL: serviceCredential,
    PORTCULLIS_LOG_LEVEL: "silent",
    DATABASE_URL: url,
    REDIS_URL: servers.redisUrl,
    PORTCULLIS_GROUPS_ADDRESS: others.address,
    PORTCULLIS_GRANTS_ADDRESS: others.address,
    PORTCULLIS_TOKENS_ADDRESS: others.address,
  };
  // Two at once: both migrate the same empty database.
  const [service] = await Promise.all([
    start(config, log),
    start(config, log).then((second) => parts.use(second)),
  ]);
  parts.use(service);
  const connection = parts.use(
    connectAsListed({ peer: "identity", address: service.address, serviceCredential }),
  );
  const database = new pg.Pool({ connectionString: url, max: 4 });
  parts.defer(() => database.end());
  const running = parts.move();
  return {
    others,
    identity: connection.stub(IdentityService, identityCallers),
    facts: connection.stub(FactsService, factsCallers),
    database,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

export const context = { actor: undefined, requestId: "test", sourceAddress: "", unchangedSince: [] };

export function email(): string {
  return `${randomUUID()}@example.com`;
}

export function newUser(address: string = email(), givenName?: string, familyName?: string) {
  return { email: address, givenName, familyName };
}

/** What most tests begin with, and what they ask most. */
export class Organization {
  readonly #running: RunningIdentity;
  readonly id: string;
  readonly name: string;
  readonly owner: string;

  private constructor(running: RunningIdentity, id: string, name: string, owner: string) {
    this.#running = running;
    this.id = id;
    this.name = name;
    this.owner = owner;
  }

  static async made(running: RunningIdentity, name: string = randomUUID()): Promise<Organization> {
    const owner = newUser();
    const { user } = await running.identity.ensureUser({ user: owner });
    const request = { context, id: randomUUID(), name, ownerId: user?.id ?? "", owner };
    await running.identity.createOrganization(request);
    return new Organization(running, request.id, name, request.ownerId);
  }

  invite(more: Partial<InviteMembersRequest>) {
    return this.#running.identity.inviteMembers({
      context,
      orgId: this.id,
      userIds: [],
      users: [],
      serviceAccounts: [],
      ...more,
    });
  }

  /** A fresh user's id. */
  async user(address: string = email()): Promise<string> {
    const { members } = await this.invite({ users: [newUser(address)] });
    return members[0]?.principal?.id ?? "";
  }

  async serviceAccount(name: string = randomUUID()): Promise<string> {
    const { members } = await this.invite({ serviceAccounts: [{ name }] });
    return members[0]?.principal?.id ?? "";
  }

  remove(principalIds: string[], emails: string[] = []) {
    return this.#running.identity.removeMembers({ context, orgId: this.id, principalIds, emails });
  }

  async members(): Promise<string[]> {
    const { members } = await this.#running.identity.listMembers(everybody(this.id));
    return members.map(({ id }) => id);
  }

  /** The member fact, with its interval. */
  async fact(principal: string) {
    const key = factKeyToWire({ kind: "member", org: this.id as OrgId, principal: principal as PrincipalId });
    const { facts } = await this.#running.facts.load({ keys: [key] });
    return facts[0];
  }

  async head(): Promise<number> {
    return (await this.#running.facts.heads({ orgIds: [this.id] })).positions[0] ?? -1;
  }

  async lastEvent(): Promise<Event | undefined> {
    const { events } = await this.#running.facts.readLog({ orgId: this.id, after: 0, limit: 0 });
    return events.at(-1);
  }
}

/** A list of all members, to be narrowed. */
export function everybody(orgId: string) {
  return { orgId, page: undefined, ids: [], emails: [], givenNames: [], familyNames: [], kind: "" };
}

/** The handlers that the tests need; the others are answered as unimplemented. */
function some<Definition>(handlers: Partial<Handlers<Definition>>): Handlers<Definition> {
  return handlers as Handlers<Definition>;
}

function credentialOf(principalId: string, kind: string) {
  return {
    id: randomUUID(),
    orgId: randomUUID(),
    kind,
    principalId,
    name: "",
    preview: "",
    created: undefined,
    expiresAt: undefined,
    revokedAt: undefined,
    rotatedAt: undefined,
    lastUsedAt: undefined,
    madeFrom: "",
    scope: undefined,
  };
}
