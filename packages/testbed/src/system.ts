// The whole system for a test: every service a process of its own, so that it can be killed, paused and started again.

import { randomBytes } from "node:crypto";
import type { Stub } from "@portcullis/chassis/rpc/client";
import { connectAsListed, type ListedConnection } from "@portcullis/chassis/testing";
import type { Tls } from "@portcullis/chassis/tls";
import { freePort } from "@portcullis/one-machine/free-port";
import { throwawayRedis } from "@portcullis/one-machine/redis";
import { type Owner, owners } from "@portcullis/policy";
import {
  decisionCallers,
  factsCallers,
  grantsCallers,
  groupsCallers,
  identityCallers,
  tokensCallers,
} from "@portcullis/proto/callers";
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
/** `decision` is the first process of decision, `decision-2` the second. */
export type ProcessName = ServiceName | `${ServiceName}-${number}`;

export interface SystemOptions {
  /** A Postgres server on which the system makes its databases. */
  readonly databaseServerUrl: string;
  /** A Redis of one's own is started when none is given. */
  readonly redisUrl?: string;
  /** Which services to start; all of them when not given. */
  readonly services?: readonly ServiceName[];
  /** Of which services there is more than one process, and how many. */
  readonly replicas?: Readonly<Partial<Record<ServiceName, number>>>;
  /** More environment for every service. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly environmentOf?: (service: ServiceName) => Readonly<Record<string, string>>;
  /** What the test itself shows when it asks in the name of a service. */
  readonly tlsOf?: (service: string) => Tls;
  /** By which address a service reaches another one; by the one where it listens when not given. */
  readonly route?: (from: ServiceName, to: ServiceName, address: string) => Promise<string>;
}

/** What a test may do to a running system. */
export interface System extends AsyncDisposable {
  readonly adminUrl: string;
  readonly decisionAddress: string;
  /** Where each service is reached: all its processes. */
  readonly addresses: Readonly<Record<ServiceName, string>>;
  /** Where one process listens, or would. */
  addressOf(name: ProcessName): string;
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
  /** Starts a process, and waits until it listens. */
  start(name: ProcessName): Promise<void>;
  /** Ends a process, by default at once and without a word, and waits until it is gone. */
  stop(name: ProcessName, signal?: NodeJS.Signals): Promise<void>;
  /** Freezes a process, or lets it go on. */
  signal(name: ProcessName, signal: NodeJS.Signals): void;
  /** Its id with the operating system. */
  pid(name: ProcessName): number;
  /** Everything that a process has written so far, to standard output and error. */
  output(name: ProcessName): string;
}

/** Starts the system on free ports with databases of its own. Disposing it leaves nothing behind. */
export async function startSystem(options: SystemOptions): Promise<System> {
  await using parts = new AsyncDisposableStack();
  const redisUrl = options.redisUrl ?? parts.use(await throwawayRedis()).url;
  const databases = await makeDatabases(options.databaseServerUrl);
  parts.defer(() => databases.drop());
  const serviceCredential = randomBytes(24).toString("hex");
  const listeners = new Map<ProcessName, string>();
  const addressOf = (name: ProcessName): string => listeners.get(name) ?? "";
  const processesOf = (service: ServiceName): ProcessName[] => [
    service,
    ...Array.from(
      { length: (options.replicas?.[service] ?? 1) - 1 },
      (_, index) => `${service}-${index + 2}` as const,
    ),
  ];
  for (const name of serviceNames.flatMap(processesOf)) {
    listeners.set(name, `127.0.0.1:${await freePort()}`);
  }
  const addresses = {} as Record<ServiceName, string>;
  for (const service of serviceNames) addresses[service] = together(processesOf(service).map(addressOf));
  const routes = await routesBetween((service) => processesOf(service).map(addressOf), options.route);
  const processes = new Map<ProcessName, ServiceProcess>();
  parts.defer(async () => {
    await Promise.all([...processes.values()].map((running) => running.end("SIGKILL")));
  });
  const outputs = new Map<ProcessName, string[]>();

  const connections = Object.fromEntries(
    serviceNames.map((name) => [
      name,
      parts.use(
        connectAsListed({
          peer: name,
          address: addresses[name],
          serviceCredential,
          ...(options.tlsOf !== undefined && { tlsOf: options.tlsOf }),
        }),
      ),
    ]),
  ) as Record<ServiceName, ListedConnection>;
  const start = async (name: ProcessName): Promise<void> => {
    const service = serviceOf(name);
    const output = outputs.get(name) ?? [];
    outputs.set(name, output);
    const running = new ServiceProcess(
      service,
      {
        NODE_ENV: "test",
        PORTCULLIS_LISTEN: addressOf(name),
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
    processes.set(name, running);
    await running.listening();
    // A connection that was refused meanwhile would wait before it tries again.
    if (service !== "admin") await connections[service].ready(connectMs);
  };

  await Promise.all((options.services ?? serviceNames).flatMap(processesOf).map(start));

  const running = parts.move();
  return {
    adminUrl: `${options.tlsOf === undefined ? "http" : "https"}://${addressOf("admin")}`,
    decisionAddress: addresses.decision,
    addresses,
    addressOf,
    serviceCredential,
    redisUrl,
    identity: connections.identity.stub(IdentityService, identityCallers),
    groups: connections.groups.stub(GroupsService, groupsCallers),
    grants: connections.grants.stub(GrantsService, grantsCallers),
    tokens: connections.tokens.stub(TokensService, tokensCallers),
    decision: connections.decision.stub(DecisionService, decisionCallers),
    facts: {
      identity: connections.identity.stub(FactsService, factsCallers),
      groups: connections.groups.stub(FactsService, factsCallers),
      grants: connections.grants.stub(FactsService, factsCallers),
      tokens: connections.tokens.stub(FactsService, factsCallers),
    },
    databaseUrl: (owner) => databases.url(owner),
    start,
    async stop(name, signal = "SIGKILL") {
      await processes.get(name)?.end(signal);
      processes.delete(name);
    },
    signal: (name, signal) => processes.get(name)?.kill(signal),
    pid: (name) => processes.get(name)?.pid ?? 0,
    output: (name) => (outputs.get(name) ?? []).join(""),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

async function routesBetween(
  addressesOf: (service: ServiceName) => readonly string[],
  route: SystemOptions["route"] = (_from, _to, address) => Promise.resolve(address),
) {
  const routes = {} as Record<ServiceName, Record<ServiceName, string>>;
  for (const from of serviceNames) {
    routes[from] = {} as Record<ServiceName, string>;
    for (const to of serviceNames) {
      const routed: string[] = [];
      for (const address of addressesOf(to))
        routed.push(to === from ? address : await route(from, to, address));
      routes[from][to] = together(routed);
    }
  }
  return routes;
}

/** Several addresses as one, of which a client asks each in turn. */
function together(addresses: readonly string[]): string {
  const [only = ""] = addresses;
  return addresses.length === 1 ? only : `ipv4:${addresses.join(",")}`;
}

function serviceOf(name: ProcessName): ServiceName {
  return name.replace(/-\d+$/, "") as ServiceName;
}

function isOwner(service: ServiceName): service is Owner {
  return (owners as readonly string[]).includes(service);
}

/** Copies of the databases that the run of tests has ready with their tables behind the name of its own; or empty ones. */
async function makeDatabases(serverUrl: string) {
  const suffix = randomBytes(6).toString("hex");
  const name = (owner: Owner) => `system_${suffix}_${owner}`;
  await administer(serverUrl, async (client) => {
    for (const owner of owners) {
      const ready = `${new URL(serverUrl).pathname.slice(1)}_${owner}`;
      const { rowCount } = await client.query("select from pg_database where datname = $1", [ready]);
      await client.query(`create database ${name(owner)} template ${rowCount === 1 ? ready : "default"}`);
    }
  });
  return {
    url(owner: Owner): string {
      const url = new URL(serverUrl);
      url.pathname = `/${name(owner)}`;
      return url.href;
    },
    drop: () =>
      administer(serverUrl, async (client) => {
        for (const owner of owners) await client.query(`drop database if exists ${name(owner)} with (force)`);
      }),
  };
}

async function administer(serverUrl: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
