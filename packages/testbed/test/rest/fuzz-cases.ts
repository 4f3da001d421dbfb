// Requests made from an API's description: most are as it says, many are wrong somewhere.

import fc from "fast-check";

interface Schema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly format?: string;
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
  readonly maxLength?: number;
}

interface Parameter {
  readonly $ref?: string;
  readonly name: string;
  readonly in: string;
  readonly schema: Schema;
}

export interface Operation {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
}

/** A request, ready to be sent. */
export interface FuzzedRequest {
  readonly path: string;
  readonly body: unknown;
  readonly impersonate: string | null;
}

/** What requests may speak of. */
export interface World {
  /** Of things that are there, and of one that is not. */
  readonly ids: readonly string[];
  /** By the name of the field: what mostly is the only right value. */
  readonly right: Readonly<Record<string, string>>;
}

export function requests(path: string, operation: Operation, world: World): fc.Arbitrary<FuzzedRequest> {
  const own = (operation.parameters ?? []).filter((parameter) => parameter.$ref === undefined);
  const parametersIn = (place: string) => own.filter((parameter) => parameter.in === place);
  const pathValues = fc.record(
    Object.fromEntries(
      parametersIn("path").map(({ name, schema }) => [name, text(named(name, schema, world))]),
    ),
  );
  const query = fc.record(
    Object.fromEntries(
      parametersIn("query").map(({ name, schema }) => [name, seldom(queryValue(name, schema, world), 3)]),
    ),
  );
  const schema = operation.requestBody?.content["application/json"]?.schema;
  const body = schema === undefined ? fc.constant(undefined) : sometimesWrong(schema, world);
  const impersonate = seldom(fc.constantFrom(...world.ids, "nobody@example.com"), 15);
  return fc.record({ pathValues, query, body, impersonate }).map((drawn) => ({
    path: `${fill(path, drawn.pathValues)}${queryText(drawn.query)}`,
    body: drawn.body,
    impersonate: drawn.impersonate,
  }));
}

/** In one of four something is not as the description says. */
function sometimesWrong(schema: Schema, world: World): fc.Arbitrary<unknown> {
  const right = valueOf(schema, world);
  return fc.oneof(
    { weight: 12, arbitrary: right },
    { weight: 1, arbitrary: junk },
    { weight: 1, arbitrary: right.chain((value) => withJunkInside(value)) },
    { weight: 1, arbitrary: right.chain((value) => fc.constant(withoutOne(value))) },
    { weight: 1, arbitrary: right.map((value) => (isObject(value) ? { ...value, colour: "red" } : value)) },
  );
}

function valueOf(schema: Schema, world: World): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map((one) => valueOf(one, world)));
  if (schema.allOf !== undefined) {
    const parts = schema.allOf.map((part) => valueOf(part, world));
    return fc.tuple(...parts).map((values) => Object.assign({}, ...values) as unknown);
  }
  const types = [schema.type ?? []].flat();
  if (types.length === 0) return fc.jsonValue({ maxDepth: 3 });
  return fc.oneof(...types.map((type) => typed(type, schema, world)));
}

function typed(type: string, schema: Schema, world: World): fc.Arbitrary<unknown> {
  switch (type) {
    case "string":
      return textOf(schema, world);
    case "integer":
      return fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer());
    case "number":
      return fc.double();
    case "boolean":
      return fc.boolean();
    case "null":
      return fc.constant(null);
    case "array":
      return fc.array(valueOf(schema.items ?? {}, world), { maxLength: 4 });
    default:
      return objectOf(schema, world);
  }
}

function objectOf(
  { properties, required, additionalProperties }: Schema,
  world: World,
): fc.Arbitrary<unknown> {
  if (properties === undefined) {
    const value = typeof additionalProperties === "object" ? additionalProperties : {};
    return fc.dictionary(fc.string({ maxLength: 8 }), valueOf(value, world), { maxKeys: 4 });
  }
  return fc.record(
    Object.fromEntries(
      Object.entries(properties).map(([name, property]) => [name, named(name, property, world)]),
    ),
    { requiredKeys: [...(required ?? [])] },
  );
}

function textOf({ format }: Schema, world: World): fc.Arbitrary<string> {
  if (format === "uuid") return fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...world.ids) }, fc.uuid());
  if (format === "date-time") {
    const max = new Date("2100-01-01");
    return fc.date({ min: new Date(0), max, noInvalidDate: true }).map((date) => date.toISOString());
  }
  return fc.oneof(
    fc.constantFrom("one", "two", "Owners", "Viewer"),
    fc.constantFrom(...world.ids),
    fc.emailAddress(),
    fc.string({ maxLength: 20 }),
    fc.string({ unit: "binary", maxLength: 20 }),
    fc.string({ minLength: 250, maxLength: 300 }),
  );
}

const junk: fc.Arbitrary<unknown> = fc.oneof(
  fc.jsonValue({ maxDepth: 4 }),
  fc.constantFrom(null, "", 0, -1, 1e308, [], {}, [[]], [null], "\u0000", "\ud800", "__proto__", true),
  fc.constant("x".repeat(70_000)),
);

function withJunkInside(value: unknown): fc.Arbitrary<unknown> {
  if (!isObject(value) || Object.keys(value).length === 0) return junk;
  return fc
    .tuple(fc.constantFrom(...Object.keys(value)), junk)
    .map(([key, bad]) => ({ ...value, [key]: bad }));
}

function withoutOne(value: unknown): unknown {
  if (!isObject(value)) return value;
  const [first, ...rest] = Object.entries(value);
  return first === undefined ? value : Object.fromEntries(rest);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function named(name: string, schema: Schema, world: World): fc.Arbitrary<unknown> {
  const right = world.right[name];
  const value = valueOf(schema, world);
  return right === undefined ? value : fc.oneof({ weight: 5, arbitrary: fc.constant(right) }, value);
}

function queryValue(name: string, schema: Schema, world: World): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 8, arbitrary: named(name, schema, world) }, fc.string({ maxLength: 10 }));
}

/** Null, but for one of so many. */
function seldom<T>(value: fc.Arbitrary<T>, of: number): fc.Arbitrary<T | null> {
  return fc.oneof({ weight: of, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: value });
}

function text(value: fc.Arbitrary<unknown>): fc.Arbitrary<string> {
  return value.map((drawn) => String(drawn));
}

function fill(path: string, values: Readonly<Record<string, string>>): string {
  return path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => encode(values[name] ?? "") || "x");
}

function queryText(values: Readonly<Record<string, unknown>>): string {
  const parts = Object.entries(values).flatMap(([name, value]) =>
    value === null || value === undefined
      ? []
      : [value].flat().map((one) => `${name}=${encode(typeof one === "string" ? one : JSON.stringify(one))}`),
  );
  return parts.length === 0 ? "" : `?${parts.join("&")}`;
}

/** Half a character has no place in an address. */
function encode(value: string): string {
  return encodeURIComponent(value.toWellFormed());
}
