// The REST facade, as one key sees it. What goes wrong is a Fault; a key is in no message.

import { setTimeout as delay } from "node:timers/promises";
import { Fault, type FaultKind } from "@portcullis/chassis/fault";
import { z } from "zod";

export type Query = Readonly<Record<string, string | number | readonly string[] | undefined>>;

interface Answer<Body> {
  readonly body: Body;
  readonly headers: Headers;
}

export interface Rest {
  readonly adminUrl: string;
  get<Body>(schema: z.ZodType<Body>, path: string, query?: Query): Promise<Body>;
  /** With what only the headers tell. */
  fetch<Body>(schema: z.ZodType<Body>, path: string): Promise<Answer<Body>>;
  send<Body>(
    schema: z.ZodType<Body>,
    method: "POST" | "PUT" | "PATCH" | "DELETE",
    path: string,
    body?: unknown,
    ifMatch?: string,
  ): Promise<Answer<Body>>;
}

/** What is told of each request to whoever wants to know more. */
export type Watcher = (line: string) => void;

const timeoutMs = 60_000;
const triesMax = 3;
const waitMsMax = 5000;

export function restClient(options: {
  readonly adminUrl: string;
  /** Null: asks as nobody. */
  readonly key: string | null;
  readonly watch: Watcher;
}): Rest {
  const { adminUrl, key, watch } = options;

  async function once(method: string, path: string, body: unknown, ifMatch?: string): Promise<Response> {
    const began = performance.now();
    let response: Response;
    try {
      response = await fetch(`${adminUrl}${path}`, {
        method,
        redirect: "error",
        signal: AbortSignal.timeout(timeoutMs),
        headers: {
          ...(key !== null && { authorization: `Bearer ${key}` }),
          ...(body !== undefined && { "content-type": "application/json" }),
          ...(ifMatch !== undefined && { "if-match": ifMatch }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
    } catch (thrown) {
      throw new Fault("unavailable", `${adminUrl}: can't be reached: ${reasonOf(thrown)}`, { cause: thrown });
    }
    const ms = Math.round(performance.now() - began);
    watch(
      `${method} ${path} answered ${response.status} in ${ms} ms, request ${response.headers.get("x-request-id")}`,
    );
    return response;
  }

  async function ask<Body>(
    schema: z.ZodType<Body>,
    method: string,
    path: string,
    body?: unknown,
    ifMatch?: string,
  ): Promise<Answer<Body>> {
    for (let tries = 1; ; tries += 1) {
      const response = await once(method, path, body, ifMatch);
      const value = await bodyOf(response);
      if (response.ok) return { body: read(schema, value, adminUrl), headers: response.headers };
      // A read can be repeated, whatever has become of it.
      if (method === "GET" && tries < triesMax && isPassing(response.status)) {
        await delay(Math.min(waitMsMax, Number(response.headers.get("retry-after") ?? 1) * 1000));
        continue;
      }
      throw faultOf(response, value, adminUrl);
    }
  }

  return {
    adminUrl,
    get: async (schema, path, query = {}) => (await ask(schema, "GET", `${path}${queryText(query)}`)).body,
    fetch: (schema, path) => ask(schema, "GET", path),
    send: (schema, method, path, body, ifMatch) => ask(schema, method, path, body, ifMatch),
  };
}

function queryText(query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? (value as readonly string[]) : [String(value)]) {
      parameters.append(name, one);
    }
  }
  const text = parameters.toString();
  return text === "" ? "" : `?${text}`;
}

async function bodyOf(response: Response): Promise<unknown> {
  const text = await response.text();
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

function read<Body>(schema: z.ZodType<Body>, value: unknown, adminUrl: string): Body {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new Fault("unavailable", `${adminUrl}: answered what is no answer of Portcullis`, {
    cause: result.error,
  });
}

const problem = z.object({
  error: z.string(),
  code: z.string(),
  details: z.object({ field: z.string().optional() }),
});

const kinds: Readonly<Record<number, FaultKind>> = {
  400: "invalid",
  401: "unauthenticated",
  403: "denied",
  404: "absent",
  409: "conflict",
  429: "exhausted",
  500: "internal",
  503: "unavailable",
};

function isPassing(status: number): boolean {
  return status === 429 || status === 503;
}

function faultOf({ status }: Response, value: unknown, adminUrl: string): Fault {
  const told = problem.safeParse(value);
  const kind = kinds[status];
  if (!told.success || kind === undefined) {
    return new Fault("unavailable", `${adminUrl}: answered ${status}, which is no answer of Portcullis`);
  }
  const { error, code, details } = told.data;
  if (kind === "internal") return new Fault("unavailable", `${adminUrl}: failed unexpectedly`);
  return new Fault(code === "FAILED_PRECONDITION" ? "refused" : kind, error, {
    ...(details.field !== undefined && { field: details.field }),
  });
}

function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return "unknown reason";
  if (thrown.name === "TimeoutError") return `no answer within ${timeoutMs / 1000} s`;
  const { cause } = thrown;
  if (!(cause instanceof Error)) return thrown.message;
  const { code } = cause as NodeJS.ErrnoException;
  return code ?? cause.message;
}
