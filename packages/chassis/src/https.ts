import { createServer as createHttpServer, type RequestListener, type Server } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { Log } from "./log.ts";
import { removeStaleSocket } from "./stale-socket.ts";
import type { Tls } from "./tls.ts";

/** The server behind what speaks HTTP: protected by the files that are in use, and anew by those that replace them. */
export function httpServer(tls: Tls | null, log: Log, handle: RequestListener): Server {
  if (tls === null) return createHttpServer(handle);
  const server = createHttpsServer(handle);
  const renew = (update: { certificate: Buffer; privateKey: Buffer } | null) => {
    if (update === null) return;
    try {
      server.setSecureContext({ cert: update.certificate, key: update.privateKey });
    } catch (error) {
      // One file may have been replaced before the other.
      log.warn({ reason: String(error) }, "the certificate and its key don't fit; those before are shown");
    }
  };
  tls.provider.addIdentityCertificateListener(renew);
  server.once("close", () => tls.provider.removeIdentityCertificateListener(renew));
  return server;
}

/** An address (`host:port` or `unix:/path`), as Node listens on it; what a killed server left there is taken away. */
export async function listenOptions(
  listen: string,
): Promise<{ path: string } | { host: string; port: number }> {
  await removeStaleSocket(listen);
  if (listen.startsWith("unix:")) return { path: listen.slice("unix:".length) };
  const colon = listen.lastIndexOf(":");
  return { host: listen.slice(0, colon).replace(/^\[(.*)\]$/, "$1"), port: Number(listen.slice(colon + 1)) };
}
