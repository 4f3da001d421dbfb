import { createServer as createHttpServer, type RequestListener, type Server } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { Tls } from "@portcullis/chassis/tls";

/** The server behind the facade: HTTPS with the files that are in use, and anew with each that replaces them; else HTTP. */
export function serverOf(tls: Tls | null, handle: RequestListener): Server {
  if (tls === null) return createHttpServer(handle);
  const server = createHttpsServer(handle);
  const renew = (update: { certificate: Buffer; privateKey: Buffer } | null) => {
    if (update !== null) server.setSecureContext({ cert: update.certificate, key: update.privateKey });
  };
  tls.provider.addIdentityCertificateListener(renew);
  server.once("close", () => tls.provider.removeIdentityCertificateListener(renew));
  return server;
}
