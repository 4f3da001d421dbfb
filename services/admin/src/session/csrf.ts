// That a request with a cookie was made by our own pages: a browser sends the cookie along whoever made it.

import { createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { Fault } from "@portcullis/chassis/fault";
import { originOfUrl } from "../origin.ts";

export const csrfHeader = "x-portcullis-csrf";

/** What a page shows with each request that is no GET. It follows from the session's secret, and does not tell it. */
export function csrfTokenOf(secret: string): string {
  return createHmac("sha256", secret).update("portcullis: a page of this session").digest("base64url");
}

/** What a browser says of where a request came from. */
export interface Sent {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  /** Where we are reached. */
  readonly origin: string;
}

/** Denies what another site, or nobody's page, had a browser send. */
export function mustBeOwnPage({ headers, origin }: Sent): void {
  const site = headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin") throw foreign("sec-fetch-site");
  if (headers.origin !== undefined && headers.origin !== originOfUrl(origin)) throw foreign("origin");
}

/** The same, and that whoever sent it could read what we answered: for all that changes something. */
export function mustBeOwnWrite(sent: Sent, secret: string): void {
  mustBeOwnPage(sent);
  if (sent.method === "GET") return;
  if (sent.headers.origin === undefined && sent.headers["sec-fetch-site"] === undefined) {
    throw foreign("origin");
  }
  const shown = sent.headers[csrfHeader];
  if (typeof shown !== "string" || !isSame(shown, csrfTokenOf(secret))) {
    throw denied(csrfHeader, "must be the csrf_token of this session");
  }
}

function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function foreign(field: string): Fault {
  return denied(field, "a session is for requests of the console's own pages");
}

function denied(field: string, reason: string): Fault {
  return new Fault("denied", `${field}: ${reason}`, { field });
}
