// The whole system for a test: every service a process of its own, so that it can be killed, paused and started again.

import { randomBytes } from "node:crypto";
import { type Connection, connect, type Stub } from "@portcullis/chassis/rpc/client";
import type { Tls } from "@portcullis/chassis/tls";
import { freePort } from "@portcullis/one-machine/free-port";
import { throwawayRedis } from "@portcullis/one-machine/redis";
import { type Owner, owners } from "@portcullis/policy";
import { DecisionService } from "@portcullis/proto/decision/v1/decision";
import { FactsService } from "@portcullis/proto/facts/v1/facts";
import { GrantsService } from "@portcullis/proto/grants/v1/grants";
import { GroupsService } from "@portcullis/proto/groups/v1/groups";
import { IdentityService } from "@portcullis/proto/identity/v1/identity";
import { TokensService } from "@portcullis/proto/tokens/v1/tokens";
import pg from "pg";
import { ServiceProcess } from "./service-process.ts";

const connectMs = 30_000;

export const serviceNames = [...owners, "decision", "admin"] as const;
export type ServiceName = (typeof serviceNames)[number];

export interface SystemOptions {
  /** A Postgres server on which the system makes its databases. */
  readonly databaseServerUrl: string;
  /** A Redis of one's own is started when none is given. */
  readonly redisUrl?: string;
  /** Which services to start; all of them when not given. */
  readonly services?: readonly ServiceName[];
  /** More environment for every service. */
  readonly environment?: Readonly<Record<string, string>>;
  /** The environment of one service; and with which connections the test itself asks. */
  readonly environmentOf?: (service: ServiceName) => Readonly<Record<string, string>>;
  readonly tls?: Tls;
  /** By which address a service reaches another one; by the one where it listens when not given. */
  readonly route?: (from: ServiceName, to: ServiceName, address: string) => Promise<string>;
}

/** What a test may do to a running system. */
export interface System extends AsyncDisposable {
  readonly adminUrl: string;
  readonly decisionAddress: string;
  /** Where each service listens, or would. */
  readonly addresses: Readonly<Record<ServiceName, string>>;
  readonly serviceCredential: string;
  readonly redisUrl: string;
  readonly identity: Stub<typeof IdentityService>;
  readonly groups: Stub<typeof GroupsService>;
  readonly grants: Stub<typeof GrantsService>;
  readonly tokens: Stub<typeof TokensService>;
  readonly decision: Stub<typeof DecisionService>;
  /** Each owner's facts. */
  readonly facts: Readonly<Record<Owner, Stub<typeof FactsService>>>;
  databaseUrl(owner: Owner): string;
  /** Starts a service, and waits until it listens. */
  start(service: ServiceName): Promise<void>;
  /** Ends a service, by default at once and without a word, and waits until it is gone. */
  stop(service: ServiceName, signal?: NodeJS.Signals): Promise<void>;
  /** Freezes a service, or lets it go on. */
  signal(service: ServiceName, signal: NodeJS.Signals): void;
  /** The process of a service. */
  pid(service: ServiceName): number;
  /** Everything that a service has written so far, to standard output and error. */
  output(service: ServiceName): string;
}

/** Starts the system on free ports with databases of its own. Disposing it leaves nothing behind. */
export async function startSystem(options: SystemOptions): Promise<System> {
  await using parts = new AsyncDisposableStack();
  const redisUrl = options.redisUrl ?? parts.use(await throwawayRedis()).url;
  const databases = await makeDatabases(options.databaseServerUrl);
  parts.defer(() => databases.drop());
  const serviceCredential = randomBytes(24).toString("hex");
  const addresses = {} as Record<ServiceName, string>;
  for (const service of serviceNames) addresses[service] = `127.0.0.1:${await freePort()}`;
  const routes = await routesBetween(addresses, options.route);
  const processes = new Map<ServiceName, ServiceProcess>();
  parts.defer(async () => {
    await Promise.all([...processes.values()].map((running) => running.end("SIGKILL")));
  });
  const outputs = new Map<ServiceName, string[]>();

  const connections = Object.fromEntries(
    serviceNames.map((name) => [
      name,
      parts.use(
        connect({
          peer: name,
          address: addresses[name],
          service: "testbed",
          serviceCredential,
          tls: options.tls ?? null,
        }),
      ),
    ]),
  ) as Record<ServiceName, Connection>;
  const start = async (service: ServiceName): Promise<void> => {
    const output = outputs.get(service) ?? [];
    outputs.set(service, output);
    const running = new ServiceProcess(
      service,
      {
        NODE_ENV: "test",
        PORTCULLIS_LISTEN: addresses[service],
        PORTCULLIS_SERVICE_CREDENTIAL: serviceCredential,
        PORTCULLIS_LOG_LEVEL: "info",
        REDIS_URL: redisUrl,
        ...(isOwner(service) && { DATABASE_URL: databases.url(service) }),
        ...Object.fromEntries(
          serviceNames.map((name) => [`PORTCULLIS_${name.toUpperCase()}_ADDRESS`, routes[service][name]]),
        ),
        ...options.environment,
        ...options.environmentOf?.(service),
      },
      output,
    );
    processes.set(service, running);
    await running.listening();
    // A connection that was refused meanwhile would wait before it tries again.
    if (service !== "admin") await connections[service].ready(connectMs);
  };

  await Promise.all((options.services ?? serviceNames).map(start));

  const running = parts.move();
  return {
    adminUrl: `${options.tls === undefined ? "http" : "https"}://${addresses.admin}`,
    decisionAddress: addresses.decision,
    addresses,
    serviceCredential,
    redisUrl,
    identity: connections.identity.stub(IdentityService),
    groups: connections.groups.stub(GroupsService),
    grants: connections.grants.stub(GrantsService),
    tokens: connections.tokens.stub(TokensService),
    decision: connections.decision.stub(DecisionService),
    facts: {
      identity: connections.identity.stub(FactsService),
      groups: connections.groups.stub(FactsService),
      grants: connections.grants.stub(FactsService),
      tokens: connections.tokens.stub(FactsService),
    },
    databaseUrl: (owner) => databases.url(owner),
    start,
    async stop(service, signal = "SIGKILL") {
      await processes.get(service)?.end(signal);
      processes.delete(service);
    },
    signal: (service, signal) => processes.get(service)?.kill(signal),
    pid: (service) => processes.get(service)?.pid ?? 0,
    output: (service) => (outputs.get(service) ?? []).join(""),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

async function routesBetween(addresses: Record<ServiceName, string>, route: SystemOptions["route"]) {
  const routes = {} as Record<ServiceName, Record<ServiceName, string>>;
  for (const from of serviceNames) {
    routes[from] = { ...addresses };
    if (route === undefined) continue;
    for (const to of serviceNames) {
      if (to !== from) routes[from][to] = await route(from, to, addresses[to]);
    }
  }
  return routes;
}

function isOwner(service: ServiceName): service is Owner {
  return (owners as readonly string[]).includes(service);
}

async function makeDatabases(serverUrl: string) {
  const suffix = randomBytes(6).toString("hex");
  const name = (owner: Owner) => `system_${suffix}_${owner}`;
  await administer(
    serverUrl,
    owners.map((owner) => `create database ${name(owner)}`),
  );
  return {
    url(owner: Owner): string {
      const url = new URL(serverUrl);
      url.pathname = `/${name(owner)}`;
      return url.href;
    },
    drop: () =>
      administer(
        serverUrl,
        owners.map((owner) => `drop database if exists ${name(owner)} with (force)`),
      ),
  };
}

async function administer(serverUrl: string, statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}
