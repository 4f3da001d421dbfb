// The six services as processes of this machine: where they listen, and what they are told.

import { join } from "node:path";
import { isTaken } from "./free-port.ts";
import { isHealthy } from "./health.ts";
import { type Kept, keepRunning } from "./keep-running.ts";
import { type Leashed, startOnLeash } from "./leash.ts";
import type { Postgres } from "./postgres.ts";
import { Problem } from "./problem.ts";
import type { Redis } from "./redis.ts";
import { checkout, state } from "./state-folder.ts";

export const owners = ["identity", "groups", "grants", "tokens"] as const;
export const services = [...owners, "decision", "admin"] as const;

export type OwnerName = (typeof owners)[number];
export type ServiceName = (typeof services)[number];

const defaultPorts: Record<ServiceName, number> = {
  admin: 8080,
  decision: 50051,
  identity: 50052,
  groups: 50053,
  grants: 50054,
  tokens: 50055,
};

export type Ports = Readonly<Record<ServiceName, number>>;

/** The ports to listen on; each can be changed with a variable. All are free. */
export async function choosePorts(environment: NodeJS.ProcessEnv): Promise<Ports> {
  const ports = { ...defaultPorts };
  const users = new Map<number, string>();
  for (const service of services) {
    const port = portOf(service, environment);
    const other = users.get(port);
    if (other !== undefined)
      throw new Problem(`${variableOf(service)} and ${other} are both ${port}: change one`);
    users.set(port, variableOf(service));
    if (await isTaken(port)) {
      throw new Problem(
        `port ${port}, which ${service} wants, is taken: stop what listens there, ` +
          `or choose another with ${variableOf(service)}=PORT npm start`,
      );
    }
    ports[service] = port;
  }
  return ports;
}

export function addressOf(service: ServiceName, ports: Ports): string {
  return `127.0.0.1:${ports[service]}`;
}

/** Where the services find each other. */
export function addressVariables(ports: Ports): Record<string, string> {
  return Object.fromEntries(
    services.map((name) => [`PORTCULLIS_${name.toUpperCase()}_ADDRESS`, addressOf(name, ports)]),
  );
}

/**
 * Where a service tells its numbers, when they are asked for at `given`: at this port or one behind it, as a port is for one
 * process. What is no port is for the service itself to refuse.
 */
export function metricsAddressOf(service: ServiceName, given: string): string {
  const [, host, port] = /^(.+):([1-9]\d*)$/.exec(given) ?? [];
  return host === undefined ? given : `${host}:${Number(port) + services.indexOf(service)}`;
}

export function databaseOf(owner: OwnerName): string {
  return `portcullis_${owner}`;
}

export interface ServiceSurroundings {
  readonly ports: Ports;
  readonly postgres: Postgres;
  readonly redis: Redis;
  readonly serviceCredential: string;
  readonly tell: (news: string) => void;
}

/** Starts a service, resolves when it is healthy, and starts it again whenever it crashes. */
export async function runService(service: ServiceName, surroundings: ServiceSurroundings): Promise<Kept> {
  return keepRunning({
    name: service,
    tell: (news) => surroundings.tell(`${news}; its log is ${logOf(service)}`),
    start: () => startService(service, surroundings),
  });
}

function variableOf(service: ServiceName): string {
  return `PORTCULLIS_${service.toUpperCase()}_PORT`;
}

function portOf(service: ServiceName, environment: NodeJS.ProcessEnv): number {
  const given = environment[variableOf(service)];
  if (given === undefined || given === "") return defaultPorts[service];
  const port = Number(given);
  if (/^\d+$/.test(given) && port >= 1 && port <= 65_535) return port;
  throw new Problem(`${variableOf(service)} must be a port between 1 and 65535`);
}

function logOf(service: ServiceName): string {
  return join(state, "logs", `${service}.log`);
}

/** A service that is not healthy by then has a fault that waiting does not mend. */
const patienceMs = 60_000;

async function startService(service: ServiceName, surroundings: ServiceSurroundings): Promise<Leashed> {
  const log = logOf(service);
  const running = await startOnLeash({
    command: process.execPath,
    args: [join(checkout, "services", service, "src/main.ts")],
    stopSignal: "SIGTERM",
    log,
    record: join(state, "running", service),
    cwd: checkout,
    env: environmentOf(service, surroundings),
  });
  const healthy = await isHealthy({
    address: addressOf(service, surroundings.ports),
    protocol: service === "admin" ? "http" : "grpc",
    process: running,
    patienceMs,
  });
  if (healthy) return running;
  const ended = running.gone;
  await running.stop();
  const reason = ended ? lastWords(running) : `it was not healthy within ${patienceMs / 1000} s`;
  throw new Problem(`${service} does not start: ${reason} (its log is ${log})`);
}

/** What of our own environment a service may see; the rest is told to it in so many words. */
const passedOn = /^(PATH|HOME|TZ|LANG|LC_\w+|NODE_\w+|OTEL_\w+|PORTCULLIS_\w+)$/;

function environmentOf(service: ServiceName, surroundings: ServiceSurroundings): NodeJS.ProcessEnv {
  const { ports, postgres, redis, serviceCredential } = surroundings;
  const inherited: Record<string, string | undefined> = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => passedOn.test(name)),
  );
  const metrics = inherited["PORTCULLIS_METRICS_LISTEN"];
  const owner = owners.find((name) => name === service);
  return {
    ...(service === "admin" && { PORTCULLIS_CONSOLE_FOLDER: join(checkout, "services/console/dist") }),
    ...inherited,
    ...addressVariables(ports),
    ...(metrics !== undefined && { PORTCULLIS_METRICS_LISTEN: metricsAddressOf(service, metrics) }),
    PORTCULLIS_LISTEN: addressOf(service, ports),
    PORTCULLIS_SERVICE_CREDENTIAL: serviceCredential,
    PORTCULLIS_LOG_LEVEL: process.env["PORTCULLIS_LOG_LEVEL"] ?? "info",
    ...(owner !== undefined && { DATABASE_URL: postgres.databaseUrl(databaseOf(owner)) }),
    REDIS_URL: redis.url,
  };
}

/** What it says when it can't start: a line that is no entry of its log. */
function lastWords(running: Leashed): string {
  const plain = running.said().filter((line) => !line.startsWith("{"));
  const reason = plain.findLast((line) => /^\w+: |error|can't/i.test(line)) ?? plain.at(-1);
  return reason?.trim() ?? "it said nothing";
}
