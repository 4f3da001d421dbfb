// A route that takes no credential, as data and a function: it shows who somebody is, or says how that can be shown.

import type { IncomingHttpHeaders } from "node:http";
import type { Hop } from "@portcullis/chassis/rpc/call";
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { read, withoutEmpty } from "./input.ts";
import { inWordsOfRequest } from "./problem.ts";
import type { Answer } from "./route.ts";
import { renames } from "./wire.ts";

/** What such a route gets to see of a request beside what it reads. */
export interface Visit {
  /** Our own origin. */
  readonly origin: string;
  /** Path and query as they were sent. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly cookies: FastifyRequest["cookies"];
  readonly hop: Hop;
  readonly sourceAddress: string;
}

interface Definition<Query, Body, Response> {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly summary: string;
  readonly query?: z.ZodType<Query>;
  readonly body?: z.ZodType<Body>;
  /** Without it a browser comes here by itself: it is sent on, and is told on a page what went wrong. */
  readonly response?: z.ZodType<Response>;
  readonly handle: (
    ask: Visit & { readonly query: Query; readonly body: Body },
  ) => Promise<OpenAnswer<Response>>;
  /** From the field that an owner complains of to the field of this request. */
  readonly fieldOf?: (field: string) => string;
}

type OpenAnswer<Body> = Answer<Body> | SentOn;

/** The browser goes on to there. */
export interface SentOn {
  readonly goTo: string;
  readonly cookies?: Answer<unknown>["cookies"];
}

/** A route whose inner types are nobody's business. */
export interface OpenRoute {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly summary: string;
  readonly query: z.ZodType;
  readonly body: z.ZodType;
  readonly response: z.ZodType | null;
  handle(visit: Visit, query: Readonly<Record<string, unknown>>, body: unknown): Promise<OpenAnswer<unknown>>;
}

export function openRoute<Query = unknown, Body = unknown, Response = unknown>(
  definition: Definition<Query, Body, Response>,
): OpenRoute {
  const query = definition.query ?? (z.object({}) as unknown as z.ZodType<Query>);
  const body = definition.body ?? (z.unknown() as z.ZodType<Body>);
  const fieldOf = definition.fieldOf ?? renames();
  return {
    method: definition.method,
    path: definition.path,
    summary: definition.summary,
    query,
    body,
    response: definition.response ?? null,
    async handle(visit, sentQuery, sentBody) {
      const ask = { query: read(query, withoutEmpty(sentQuery)), body: read(body, sentBody) };
      try {
        return await definition.handle({ ...visit, ...ask });
      } catch (thrown) {
        throw inWordsOfRequest(thrown, fieldOf);
      }
    },
  };
}
