import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "@portcullis/chassis/log";
import { connected, openRedis } from "@portcullis/chassis/redis";
import type { Running } from "@portcullis/chassis/run";
import { tlsOf } from "@portcullis/chassis/tls";
import { askDecision } from "./access.ts";
import type { Config } from "./config.ts";
import { connectOwners } from "./owners.ts";
import { rateLimits } from "./rate-limits.ts";
import { allOpenRoutes, allRoutes } from "./routes/index.ts";
import { serveHttp } from "./server.ts";
import { signOnOf } from "./sign-on.ts";

/** No request waits longer than this to be counted. */
const redisPatienceMs = 250;

/** Starts the facade. Disposing what it answers undoes everything in reverse. */
export async function start(config: Config, log: Log): Promise<Running> {
  await using parts = new AsyncDisposableStack();
  const tls = tlsOf(config, "admin");
  const { owners, logs, heads, decision } = parts.use(connectOwners(config, tls));
  const access = askDecision(decision, owners);
  const redis = parts.use(openRedis({ url: config.REDIS_URL, limitMs: redisPatienceMs }));
  await connected(redis).catch((reason: unknown) => {
    log.warn(
      { reason: String(reason) },
      "redis is away; requests are counted in this process alone until it comes",
    );
  });
  const limits = rateLimits({
    redis,
    perCredential: config.PORTCULLIS_RATE_LIMIT_CREDENTIAL,
    perAddress: config.PORTCULLIS_RATE_LIMIT_ADDRESS,
  });
  const consoleFolder = config.PORTCULLIS_CONSOLE_FOLDER ?? null;
  if (consoleFolder !== null && !existsSync(join(consoleFolder, "index.html"))) {
    log.warn({ folder: consoleFolder }, "the console is not built; it is served once it is");
  }
  const server = parts.use(
    await serveHttp({
      listen: config.PORTCULLIS_LISTEN,
      tls,
      isBehindProxy: config.PORTCULLIS_PLAIN_HTTP !== undefined,
      corsOrigins: config.PORTCULLIS_CORS_ORIGINS,
      publicUrl: config.PORTCULLIS_PUBLIC_URL,
      routes: allRoutes({ owners, logs, decision, access }),
      openRoutes: allOpenRoutes({ owners, decision, limits, signOn: signOnOf(config) }),
      consoleFolder,
      decision,
      identity: owners.identity,
      heads,
      access,
      trustedProxies: config.PORTCULLIS_TRUSTED_PROXIES,
      limits,
      log,
    }),
  );
  const running = parts.move();
  // Where a service is away, only what needs it is refused.
  return { address: server.address, needs: [], [Symbol.asyncDispose]: () => running.disposeAsync() };
}
