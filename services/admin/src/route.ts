// A route of the facade, as data and three functions: what is asked, what that requires, what is done.

import type { IncomingHttpHeaders } from "node:http";
import type { Revision } from "@portcullis/proto/events/v1/events";
import { z } from "zod";
import type { Demand } from "./access.ts";
import type { Caller } from "./caller.ts";
import { type Dialect, dialectOf } from "./dialect.ts";
import type { EventStream } from "./event-stream.ts";
import { read, withoutEmpty } from "./input.ts";
import type { NamedOrganization } from "./organization.ts";
import { inWordsOfRequest } from "./problem.ts";
import type { CookieChange } from "./session/cookies.ts";
import { renames } from "./wire.ts";

/** What is sent back, with what only the headers tell. */
export interface Answer<Body> {
  readonly body: Body;
  /** The object stood there before. */
  readonly foundExisting?: boolean;
  /** Where what was made is found. */
  readonly location?: string;
  /** Of every write that was done. */
  readonly revisions?: readonly (Revision | undefined)[];
  readonly cookies?: readonly CookieChange[];
}

/** 204 has no body. */
type SuccessStatus = 200 | 201 | 204;

interface Ask<Params, Query, Body> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly headers: IncomingHttpHeaders;
  /** Where the caller reaches us: scheme, host and port. */
  readonly origin: string;
}

interface Definition<Params, Query, Body, Found, Response> {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With parameters as `:name`. */
  readonly path: string;
  readonly summary: string;
  /** Of success; 200 when left out. */
  readonly status?: SuccessStatus;
  readonly params?: z.ZodType<Params>;
  readonly query?: z.ZodType<Query>;
  readonly body?: z.ZodType<Body>;
  /** The body of the answer, or each event of one that goes on. */
  readonly response: z.ZodType<Response>;
  /** The answer goes on, as Server-Sent Events. */
  readonly streams?: true;
  /** Fetches what the request is about, where the requirement depends on it. */
  readonly find?: (ask: Ask<Params, Query, Body>, caller: Caller) => Promise<Found>;
  /** What the caller must be allowed to do; asked before `handle` runs. */
  readonly requires: (
    ask: Ask<Params, Query, Body> & { readonly found: Found },
    caller: Caller,
  ) => Demand | readonly Demand[];
  /** What the request is about to change or delete, as a GET shows it; null when there is nothing. For `If-Match`. */
  readonly standing?: (
    ask: Ask<Params, Query, Body> & { readonly found: Found },
    caller: Caller,
  ) => Promise<Response | null> | Response | null;
  readonly handle: (
    ask: Ask<Params, Query, Body> & { readonly found: Found },
    caller: Caller,
  ) => Promise<Answer<Response | EventStream<Response>>>;
  /** From the field that an owner complains of to the field of this request. */
  readonly fieldOf?: (field: string) => string;
}

/** A request as the server hands it on. */
interface Sent {
  readonly params: unknown;
  readonly query: Readonly<Record<string, unknown>>;
  readonly body: unknown;
  readonly headers: IncomingHttpHeaders;
  readonly origin: string;
}

/** A route whose inner types are nobody's business. */
export interface Route {
  readonly method: Definition<unknown, unknown, unknown, unknown, unknown>["method"];
  readonly path: string;
  readonly dialect: Dialect;
  readonly summary: string;
  readonly status: SuccessStatus;
  readonly params: z.ZodType;
  readonly query: z.ZodType;
  readonly body: z.ZodType;
  readonly response: z.ZodType;
  readonly streams: boolean;
  /** It honours `If-Match`. */
  readonly conditional: boolean;
  /** Reads the request, and throws if it is wrong in itself. */
  parse(sent: Sent): Parsed;
}

/** A request that has been read. */
interface Parsed {
  /** The organisation that the request names, which must be the caller's. */
  readonly organization: NamedOrganization;
  /** Says what must be allowed, and what to do once it is. */
  prepare(caller: Caller): Promise<{
    readonly demands: readonly Demand[];
    /** Null where `If-Match` is not supported. */
    readonly standing: (() => Promise<unknown>) | null;
    readonly handle: () => Promise<Answer<unknown>>;
  }>;
}

const nothing = z.object({});
const noBody = z.unknown();

/** Defines a route. One without a requirement does not compile. */
export function route<
  Params = unknown,
  Query = unknown,
  Body = unknown,
  Found = undefined,
  Response = unknown,
>(definition: Definition<Params, Query, Body, Found, Response>): Route {
  const params = definition.params ?? (nothing as unknown as z.ZodType<Params>);
  const query = definition.query ?? (nothing as unknown as z.ZodType<Query>);
  const body = definition.body ?? (noBody as unknown as z.ZodType<Body>);
  const fieldOf = definition.fieldOf ?? renames();
  const inItsWords = <T>(promise: Promise<T>): Promise<T> =>
    promise.catch((thrown: unknown) => {
      throw inWordsOfRequest(thrown, fieldOf);
    });
  return {
    method: definition.method,
    path: definition.path,
    dialect: dialectOf(definition.path),
    summary: definition.summary,
    status: definition.status ?? 200,
    params,
    query,
    body,
    response: definition.response,
    streams: definition.streams === true,
    conditional: definition.standing !== undefined,
    parse(sent) {
      const ask = {
        params: read(params, sent.params),
        query: read(query, withoutEmpty(sent.query)),
        body: read(body, sent.body),
        headers: sent.headers,
        origin: sent.origin,
      };
      return {
        // The body as it was sent: what has been read may have left it behind.
        organization: { ...namedIn(ask.query), ...namedIn(sent.body) },
        async prepare(caller) {
          const found =
            definition.find === undefined
              ? (undefined as Found)
              : await inItsWords(definition.find(ask, caller));
          const demands = definition.requires({ ...ask, found }, caller);
          const { standing } = definition;
          return {
            demands: "act" in demands ? [demands] : demands,
            standing:
              standing === undefined
                ? null
                : () => inItsWords(Promise.resolve(standing({ ...ask, found }, caller))),
            handle: () => inItsWords(definition.handle({ ...ask, found }, caller)),
          };
        },
      };
    },
  };
}

function namedIn(part: unknown): NamedOrganization {
  if (typeof part !== "object" || part === null) return {};
  const { org_id: id, org_name: name } = part as Record<string, unknown>;
  return { ...(typeof id === "string" && { id }), ...(typeof name === "string" && { name }) };
}
