import { Fault } from "@portcullis/chassis/fault";
import type { FastifyRequest } from "fastify";
import { cookieOf } from "./cookies.ts";
import { mustBeOwnWrite } from "./csrf.ts";

/** What a request is authenticated by, and how it was shown: what is good in one place is not in the other. */
export interface ShownCredential {
  readonly secret: string;
  readonly by: "authorization" | "cookie";
}

/** The credential that a request shows. Where there is an authorization header, cookies are not even looked at. */
export function shownCredential(request: FastifyRequest, origin: string): ShownCredential {
  const [authorization, ...more] = request.raw.headersDistinct["authorization"] ?? [];
  // Whoever stands between us and the caller may have looked at another one than we would.
  if (more.length > 0) throw new Fault("unauthenticated", "more than one credential was sent");
  if (authorization !== undefined) {
    const secret = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
    return { secret: wellFormed(secret), by: "authorization" };
  }
  const cookie = cookieOf(request, "session", origin);
  if (cookie === undefined) {
    throw new Fault("unauthenticated", "no credential was sent in the authorization header, and no session");
  }
  const secret = wellFormed(cookie);
  mustBeOwnWrite({ method: request.method, headers: request.headers, origin }, secret);
  return { secret, by: "cookie" };
}

/** What could be a secret at all. */
export function wellFormed(secret: string | undefined): string {
  if (secret === undefined || !/^[\x21-\x7e]{1,512}$/.test(secret)) throw badCredential();
  return secret;
}

/** One text for unknown, expired and revoked ones, and for those shown where they are not good. */
export function badCredential(): Fault {
  return new Fault("unauthenticated", "the credential is unknown, expired or revoked");
}
