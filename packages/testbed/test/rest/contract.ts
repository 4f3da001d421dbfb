// The public API's own description, as a judge of our answers.

import { readFileSync } from "node:fs";
import { Ajv, type ValidateFunction } from "ajv";
import formats from "ajv-formats";

interface Schema {
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly [keyword: string]: unknown;
}

interface Operation {
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { schema: Schema }>> }>
  >;
}

interface Description {
  readonly "x-newer": { readonly schemas: { readonly AclObjectType: Schema } };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

const description = JSON.parse(
  readFileSync(new URL("public-api.json", import.meta.url), "utf8"),
) as Description;

/** Paths that answer but are described under another spelling. */
const aliases: Readonly<Record<string, string>> = { "/v1/acl/batch-update": "/v1/acl/batch_update" };

const ajv = new Ajv({ strict: false, allErrors: true });
formats.default(ajv);
const schemas = {
  ...(withNull(description.components.schemas) as object),
  // The types of objects that came later.
  AclObjectType: description["x-newer"].schemas.AclObjectType,
};
ajv.addSchema({ $id: "api", components: { schemas } });

const validators = new Map<string, ValidateFunction>();

/** What is wrong with a successful answer of a public path; null when nothing is, or the path is our own. */
export function wrongWith(method: string, path: string, body: unknown): string | null {
  const schema = responseSchema(method, path);
  if (schema === null) return null;
  const key = `${method} ${JSON.stringify(schema)}`;
  const validate = validators.get(key) ?? ajv.compile(withNull(absolute(schema)) as object);
  validators.set(key, validate);
  if (!validate(body)) return `${method} ${path}: ${ajv.errorsText(validate.errors)}`;
  const missing = missingKeys(schema, body);
  return missing === null ? null : `${method} ${path}: the key ${missing} is missing`;
}

/** The public API's own description, with the types of objects that came later. */
export const publicDescription = {
  ...description,
  components: {
    ...description.components,
    schemas: {
      ...description.components.schemas,
      AclObjectType: description["x-newer"].schemas.AclObjectType,
    },
  },
};

/** Everything that the public API describes, parameters written as our routes write them. */
export function publicOperations(): readonly string[] {
  return Object.entries(description.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map(
      (method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ":$1")}`,
    ),
  );
}

function responseSchema(method: string, path: string): Schema | null {
  const plain = path.replace(/\?.*$/, "");
  const known = aliases[plain] ?? plain;
  const literal = description.paths[known];
  const found =
    literal ??
    Object.entries(description.paths).find(([pattern]) =>
      new RegExp(`^${pattern.replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(known),
    )?.[1];
  return found?.[method.toLowerCase()]?.responses["200"]?.content?.["application/json"]?.schema ?? null;
}

/** Every key of a schema is present in an answer, an absent value as null. */
function missingKeys(schema: Schema, body: unknown): string | null {
  const named =
    schema.$ref === undefined ? schema : description.components.schemas[schema.$ref.split("/").at(-1) ?? ""];
  if (named === undefined || body === null) return null;
  if (Array.isArray(body)) {
    return (
      body.map((item) => (named.items ? missingKeys(named.items, item) : null)).find((key) => key !== null) ??
      null
    );
  }
  if (typeof body !== "object") return null;
  const given = body as Record<string, unknown>;
  for (const [key, property] of Object.entries(named.properties ?? {})) {
    if (!(key in given)) return key;
    const inner = property.items === undefined ? null : missingKeys(property, given[key]);
    if (inner !== null) return `${key}.${inner}`;
  }
  return null;
}

function absolute(schema: unknown): unknown {
  return mapSchema(schema, (node) =>
    typeof node["$ref"] === "string" ? { ...node, $ref: node["$ref"].replace(/^#/, "api#") } : node,
  );
}

/** OpenAPI 3.0's `nullable` in the words of JSON Schema. */
function withNull(schema: unknown): unknown {
  return mapSchema(schema, (node) => {
    if (node["nullable"] !== true) return node;
    const { nullable: _nullable, ...rest } = node;
    if (Object.keys(rest).every((key) => key === "description" || key.startsWith("x-"))) return {};
    return { anyOf: [rest, { type: "null" }] };
  });
}

function mapSchema(node: unknown, change: (node: Record<string, unknown>) => unknown): unknown {
  if (Array.isArray(node)) return node.map((item) => mapSchema(item, change));
  if (typeof node !== "object" || node === null) return node;
  const mapped = Object.fromEntries(
    Object.entries(node).map(([key, value]) => [key, mapSchema(value, change)]),
  );
  return change(mapped);
}
