// The cookies of the console: what each is called, and who gets to see it.

import type { FastifyReply, FastifyRequest } from "fastify";
import { isLoopback } from "../origin.ts";

/** Of the session; of a sign-in under way at the identity provider; of somebody who may choose among organisations. */
export type CookieKind = keyof typeof kinds;

const kinds = {
  session: { name: "portcullis-session", sameSite: "strict" },
  // The provider sends the browser back to us from another site, which a strict one would not go along with.
  signIn: { name: "portcullis-sign-in", sameSite: "lax" },
  choice: { name: "portcullis-choice", sameSite: "strict" },
} as const;

type Request = Pick<FastifyRequest, "cookies">;

/** What the browser sent; only under the name that fits how it reached us, so that no plain page can plant one. */
export function cookieOf({ cookies }: Request, kind: CookieKind, origin: string): string | undefined {
  return cookies[nameOf(kind, origin)];
}

/** What a browser is told about a cookie: to keep it for so many seconds, or to forget it. */
export type CookieChange =
  | { readonly kind: CookieKind; readonly value: string; readonly seconds: number }
  | { readonly kind: CookieKind; readonly value: null };

/** Sent to this host alone; no script sees it. */
export function changeCookie(reply: FastifyReply, change: CookieChange, origin: string): void {
  const name = nameOf(change.kind, origin);
  const attributes = attributesOf(change.kind, origin);
  if (change.value === null) reply.clearCookie(name, attributes);
  else reply.setCookie(name, change.value, { ...attributes, maxAge: change.seconds });
}

/** Whether a browser at this origin keeps a cookie that nobody on the way can read. */
export function keepsCookies(origin: string): boolean {
  return isSecure(origin) || isLoopback(origin);
}

function nameOf(kind: CookieKind, origin: string): string {
  return isSecure(origin) ? `__Host-${kinds[kind].name}` : kinds[kind].name;
}

function attributesOf(kind: CookieKind, origin: string) {
  const { sameSite } = kinds[kind];
  return { httpOnly: true, sameSite, secure: isSecure(origin), path: "/" } as const;
}

function isSecure(origin: string): boolean {
  return origin.startsWith("https:");
}
