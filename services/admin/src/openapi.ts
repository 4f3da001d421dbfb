// The API's own description, made from the definitions by which requests are judged.

import { z } from "zod";
import { type Dialect, mediaTypes } from "./dialect.ts";
import { impersonationHeader } from "./impersonation.ts";
import { jsonSchemaOf } from "./input.ts";
import type { OpenRoute } from "./open-route.ts";
import { scimError } from "./problem.ts";
import type { Route } from "./route.ts";
import { csrfHeader } from "./session/csrf.ts";

type Json = Record<string, unknown>;

const refusals: Readonly<Record<string, string>> = {
  "400": "The request is wrong, or a rule of the system forbids it",
  "401": "No credential and no session, or one that is unknown, expired or revoked",
  "403": "The caller may not do this",
  "404": "There is no such thing, or none that the caller may see",
  "409": "Somebody else was faster",
  "429": "The credential or the address asks too often",
  "503": "A part of the system is down",
};

const problem = z.object({
  error: z.string(),
  message: z.string(),
  code: z.string(),
  details: z.object({ field: z.string().optional(), request_id: z.string() }),
});

const scimProblem = z.object({
  schemas: z.tuple([z.literal(scimError)]),
  status: z.string(),
  scimType: z.string().optional(),
  detail: z.string(),
});

/** Names of what is said of refusals, in either dialect. */
const problems = {
  rest: { schema: "Problem", response: "Refused" },
  scim: { schema: "ScimProblem", response: "ScimRefused" },
} as const satisfies Record<Dialect, object>;

/** An OpenAPI 3.1 document of all routes, and of what is answered without a credential. */
export function describeApi(
  { routes, openRoutes }: { readonly routes: readonly Route[]; readonly openRoutes: readonly OpenRoute[] },
  version: string,
): Json {
  const paths: Record<string, Json> = {};
  const add = (route: { readonly method: string; readonly path: string }, operation: Json): void => {
    const path = templateOf(route.path);
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation };
  };
  for (const route of routes) add(route, operationOf(route));
  for (const route of openRoutes) add(route, openOperationOf(route));
  return {
    openapi: "3.1.0",
    info: {
      title: "Portcullis",
      version,
      description: "Who may do what: the public API for access control, and what Portcullis adds to it.",
    },
    security: [{ credential: [] }, { session: [] }],
    paths: { ...paths, ...open },
    components: {
      securitySchemes: {
        credential: { type: "http", scheme: "bearer", description: "sk-... or bt-st-..." },
        session: {
          type: "apiKey",
          in: "cookie",
          name: "__Host-portcullis-session",
          description: `Of the console's own pages, with the header ${csrfHeader} unless it is a GET`,
        },
      },
      schemas: {
        [problems.rest.schema]: jsonSchemaOf(problem, "output"),
        [problems.scim.schema]: jsonSchemaOf(scimProblem, "output"),
      },
      parameters: {
        RequestId: header("x-request-id", "Stands in the answer, the log and the events of this request"),
        IfMatch: header(
          "if-match",
          "Entity tags: act only while the object is in one of these states, or else 409",
        ),
        Impersonate: header(impersonationHeader, "The user, by id or e-mail address, whom an Owner acts as"),
      },
      responses: { ...refusalsIn("rest"), ...refusalsIn("scim") },
    },
  };
}

function refusalsIn(dialect: Dialect): Json {
  const { schema, response } = problems[dialect];
  return Object.fromEntries(
    Object.entries(refusals).map(([status, description]) => [
      `${response}${status}`,
      {
        description,
        content: { [mediaTypes[dialect]]: { schema: { $ref: `#/components/schemas/${schema}` } } },
      },
    ]),
  );
}

function operationOf(route: Route): Json {
  return {
    operationId: operationIdOf(route),
    summary: route.summary,
    tags: [tagOf(route.path)],
    parameters: [
      ...parametersOf("path", jsonSchemaOf(route.params, "input")),
      ...parametersOf("query", jsonSchemaOf(route.query, "input")),
      { $ref: "#/components/parameters/RequestId" },
      { $ref: "#/components/parameters/Impersonate" },
      ...(route.conditional ? [{ $ref: "#/components/parameters/IfMatch" }] : []),
    ],
    ...requestBodyOf(route.body, route.dialect),
    responses: {
      [route.status]: {
        description: "Done",
        ...(route.status !== 204 && {
          content: {
            [route.streams ? "text/event-stream" : mediaTypes[route.dialect]]: {
              schema: jsonSchemaOf(route.response, "output"),
            },
          },
        }),
      },
      ...refusedIn(route.dialect),
    },
  };
}

/** What takes no credential: it answers, or sends a browser on. */
function openOperationOf(route: OpenRoute): Json {
  const done =
    route.response === null
      ? { "303": { description: "Go on there", headers: { location: { schema: text } } } }
      : { "200": { description: "Done", content: jsonContent(jsonSchemaOf(route.response, "output")) } };
  return {
    operationId: operationIdOf(route),
    summary: route.summary,
    tags: [tagOf(route.path)],
    security: [],
    parameters: [
      ...parametersOf("query", jsonSchemaOf(route.query, "input")),
      { $ref: "#/components/parameters/RequestId" },
    ],
    ...requestBodyOf(route.body, "rest"),
    responses: { ...done, ...(route.response === null ? refusedOnPages : refusedIn("rest")) },
  };
}

function refusedIn(dialect: Dialect): Json {
  const { response } = problems[dialect];
  return Object.fromEntries(
    Object.keys(refusals).map((status) => [status, { $ref: `#/components/responses/${response}${status}` }]),
  );
}

const refusedOnPages = Object.fromEntries(
  Object.entries(refusals).map(([status, description]) => [
    status,
    { description, content: { "text/html": { schema: { type: "string" } } } },
  ]),
);

function requestBodyOf(body: z.ZodType, dialect: Dialect): Json {
  const schema = jsonSchemaOf(body, "input");
  if (Object.keys(schema).length === 0) return {};
  const content = { ...jsonContent(schema), [mediaTypes[dialect]]: { schema } };
  return { requestBody: { required: !isNullable(schema), content } };
}

function parametersOf(place: "path" | "query", schema: Json): Json[] {
  const required = requiredOf(schema);
  return [...propertiesOf(schema)].map(([name, property]) => ({
    name,
    in: place,
    required: place === "path" || required.has(name),
    schema: property,
  }));
}

/** The properties of an object that may be described in parts. */
function propertiesOf(schema: Json): Map<string, unknown> {
  const own = Object.entries((schema["properties"] ?? {}) as Json);
  const inherited = partsOf(schema).flatMap((part) => [...propertiesOf(part)]);
  return new Map([...inherited, ...own]);
}

function requiredOf(schema: Json): Set<string> {
  const own = (schema["required"] ?? []) as string[];
  return new Set([...own, ...partsOf(schema).flatMap((part) => [...requiredOf(part)])]);
}

function partsOf(schema: Json): Json[] {
  return (schema["allOf"] ?? []) as Json[];
}

function isNullable(schema: Json): boolean {
  return ((schema["anyOf"] ?? []) as Json[]).some((one) => one["type"] === "null");
}

function jsonContent(schema: Json): Json {
  return { "application/json": { schema } };
}

function header(name: string, description: string): Json {
  return { name, in: "header", required: false, description, schema: { type: "string" } };
}

function templateOf(path: string): string {
  return path.replaceAll(/:(\w+)/g, "{$1}");
}

function operationIdOf({ method, path }: Pick<Route, "method" | "path">): string {
  const words = path.split(/[/:-]+/).filter((word) => word !== "" && word !== "v1");
  return [method.toLowerCase(), ...words.map((word) => word[0]?.toUpperCase() + word.slice(1))].join("");
}

/** What a path is about: `group` of `/v1/group/:group_id`, `access` of `/v1/access/check`. */
function tagOf(path: string): string {
  return path.replace(/^\/(v1\/)?/, "").split("/")[0] ?? "";
}

function openOperation(summary: string, type: string, schema: Json): Json {
  return {
    get: {
      operationId: `get${summary.replaceAll(/[^a-zA-Z]/g, "")}`,
      summary,
      tags: ["process"],
      security: [],
      responses: { "200": { description: "Done", content: { [type]: { schema } } } },
    },
  };
}

const text = { type: "string" };
const open: Readonly<Record<string, Json>> = {
  "/v1": openOperation("Greet", "text/plain", text),
  "/version": openOperation("Tell the version", "application/json", {
    type: "object",
    properties: { version: text, universal: { type: "boolean" } },
    required: ["version", "universal"],
  }),
  "/healthz": openOperation("Say that the process is there", "application/json", {
    type: "object",
    properties: { status: text },
    required: ["status"],
  }),
};
