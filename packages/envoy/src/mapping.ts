// The mapping file: which requests need which permission on what.

import { readFileSync } from "node:fs";
import { ConfigurationError } from "@portcullis/chassis/config";
import { Fault } from "@portcullis/chassis/fault";
import { isUuid } from "@portcullis/chassis/fields";
import { readYaml } from "@portcullis/chassis/read-yaml";
import { objectTypeNames, permissions } from "@portcullis/policy";
import { pathToRegexp } from "path-to-regexp";
import { z } from "zod";
import { isOurs } from "./our-headers.ts";

const charactersMax = 1024 * 1024;
const rulesMax = 1000;

const headerName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]*$/, "must be the name of a header, in lower case")
  .refine((name) => !isOurs(name), "must not begin with x-portcullis-: no client's is believed");
const cookieName = z.string().regex(/^[\w.-]+$/, "must be the name of a cookie");
const methodText = "must be a method in upper case, a list of them, or * for every method";
const method = z.string().regex(/^([A-Z][A-Z-]*|\*)$/, methodText);

/** Where a request shows the API key or service token of whoever sends it. */
const credential = z
  .union(
    [z.literal("bearer"), z.strictObject({ header: headerName }), z.strictObject({ cookie: cookieName })],
    "must be bearer, {header: NAME} or {cookie: NAME}",
  )
  .transform((shown) => {
    if (shown === "bearer") return { header: "authorization", scheme: "bearer" } as const;
    return "cookie" in shown ? shown : ({ header: shown.header, scheme: null } as const);
  });
export type CredentialSource = z.output<typeof credential>;

const idText = "must be {path: PARAMETER}, {header: NAME}, organization, or a lower-case UUID";
const id = z.union(
  [
    z.literal("organization"),
    z.string().refine(isUuid, idText),
    z.strictObject({ path: z.string() }),
    z.strictObject({ header: headerName }),
  ],
  idText,
);
/** Where an object's id comes from; `organization`: it is the organization's own. */
export type IdSource = z.output<typeof id>;

const object = z.strictObject({ type: z.enum(objectTypeNames), id });
const place = z.strictObject({ type: z.enum(objectTypeNames), parent: object });

const path = z
  .string()
  .max(1024)
  .regex(/^\/[^%?#;]*$/, "must begin with a slash, be decoded, and have no query")
  .superRefine((pattern, context) => {
    const problem = problemOf(pattern);
    if (problem !== null) context.addIssue({ code: "custom", message: problem });
  });

const rule = z
  .strictObject({
    method: z.union([method.transform((only) => [only]), z.array(method).min(1, methodText)], methodText),
    path,
    headers: z
      .record(
        headerName,
        z.string().regex(/^[\w .~:/+=-]+$/, "must be one plain value, which the header has exactly"),
      )
      .default({}),
    public: z.literal(true).optional(),
    credential: credential.optional(),
    permission: z.enum(permissions).optional(),
    object: object.optional(),
    place: place.optional(),
  })
  .transform(({ method: methods, path, headers, credential, ...asks }, context) => {
    const matches = { methods, path, headers };
    const problem = (field: string, message: string) => {
      context.addIssue({ code: "custom", path: [field], message });
      return z.NEVER;
    };
    if (asks.public === true) {
      for (const [field, value] of Object.entries({ credential, ...asks, public: undefined })) {
        if (value !== undefined) return problem(field, "can't stand beside public");
      }
      return { ...matches, needs: null };
    }
    if (asks.permission === undefined) return problem("permission", "is required, or public: true");
    const what = whatOf(asks);
    if (what === null) return problem("object", "is required, or place, and not both");
    const from = what.kind === "object" ? what.object.id : what.place.parent.id;
    if (typeof from === "object" && "path" in from && !parametersOf(path).includes(from.path)) {
      return problem(what.kind, `takes its id from \`${from.path}\`, which is no parameter of the path`);
    }
    return { ...matches, needs: { permission: asks.permission, what, credential: credential ?? null } };
  });

export type Rule = z.output<typeof rule>;

const mapping = z.strictObject({
  credential: credential.default({ header: "authorization", scheme: "bearer" }),
  /** Whether what is behind Envoy sees the credential that was checked. */
  forward_credential: z.boolean().default(false),
  rules: z.array(rule).min(1).max(rulesMax),
});
export type Mapping = z.output<typeof mapping>;

/** Throws the one error that names the file, the rule and the field. */
export function readMapping(file: string): Mapping {
  try {
    return parseMapping(readFileSync(file, "utf8"));
  } catch (error) {
    const reason = error instanceof Fault ? error.message : "can't be read";
    throw new ConfigurationError(`bad configuration: PORTCULLIS_ENVOY_MAPPING_FILE: ${file}: ${reason}`);
  }
}

export function parseMapping(text: string): Mapping {
  if (text.length > charactersMax) throw new Fault("invalid", `is longer than ${charactersMax} characters`);
  return readYaml(mapping, text, "the mapping");
}

export type ObjectSource = z.output<typeof object>;
export type What =
  | { readonly kind: "object"; readonly object: ObjectSource }
  | { readonly kind: "place"; readonly place: z.output<typeof place> };

function whatOf(asks: {
  readonly object?: ObjectSource | undefined;
  readonly place?: z.output<typeof place> | undefined;
}): What | null {
  if (asks.object !== undefined && asks.place === undefined) return { kind: "object", object: asks.object };
  if (asks.place !== undefined && asks.object === undefined) return { kind: "place", place: asks.place };
  return null;
}

function problemOf(pattern: string): string | null {
  try {
    const names = pathToRegexp(pattern).keys.map(({ name }) => name);
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    return twice === undefined ? null : `has the parameter \`${twice}\` twice`;
  } catch (error) {
    return `is no pattern: ${(error as Error).message}`;
  }
}

/** Those that stand for one segment. */
function parametersOf(pattern: string): string[] {
  return pathToRegexp(pattern)
    .keys.filter(({ type }) => type === "param")
    .map(({ name }) => name);
}
