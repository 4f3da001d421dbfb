import type { Log } from "@portcullis/chassis/log";
import type { Running } from "@portcullis/chassis/run";
import { askDecision } from "./access.ts";
import type { Config } from "./config.ts";
import { connectOwners } from "./owners.ts";
import { allRoutes } from "./routes/index.ts";
import { serveHttp } from "./server.ts";

/** Starts the facade. Disposing what it answers undoes everything in reverse. */
export async function start(config: Config, log: Log): Promise<Running> {
  await using parts = new AsyncDisposableStack();
  const { owners, logs, decision } = parts.use(connectOwners(config));
  const access = askDecision(decision, owners);
  const server = parts.use(
    await serveHttp({
      listen: config.PORTCULLIS_LISTEN,
      corsOrigins: config.PORTCULLIS_CORS_ORIGINS,
      publicUrl: config.PORTCULLIS_PUBLIC_URL,
      routes: allRoutes({ owners, logs, decision, access }),
      decision,
      identity: owners.identity,
      access,
      log,
    }),
  );
  const running = parts.move();
  return { address: server.address, [Symbol.asyncDispose]: () => running.disposeAsync() };
}
