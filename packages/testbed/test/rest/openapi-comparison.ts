// Whether one description of an API promises what another one does: takes all that may be sent to it, and answers nothing
// that may not come from it.

interface Schema {
  readonly [keyword: string]: unknown;
}

interface Parameter {
  readonly $ref?: string;
  readonly name?: string;
  readonly in?: string;
  readonly schema?: Schema;
}

interface Operation {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly $ref?: string; readonly content?: Content };
  readonly responses?: Readonly<Record<string, { readonly content?: Content }>>;
}

type Content = Readonly<Record<string, { readonly schema?: Schema }>>;

interface Api {
  readonly paths?: unknown;
  readonly components?: unknown;
}

/** What of `theirs` is not kept by `ours`, one line each. */
export function compareApis(theirs: Api, ours: Api): readonly string[] {
  const found: string[] = [];
  const paths = (api: Api) => api.paths as Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  for (const [path, operations] of Object.entries(paths(theirs))) {
    for (const [method, operation] of Object.entries(operations)) {
      const at = `${method.toUpperCase()} ${path}`;
      const own = paths(ours)[path]?.[method];
      if (own === undefined) found.push(`${at}: is missing`);
      else compareOperations(operation, own, at);
    }
  }
  return found;

  function compareOperations(their: Operation, own: Operation, at: string): void {
    const ownParameters = (own.parameters ?? []).map((parameter) => resolve(ours, parameter));
    for (const parameter of (their.parameters ?? []).map((one) => resolve(theirs, one))) {
      const name = `${at} ${String(parameter["in"])}.${String(parameter["name"])}`;
      const same = ownParameters.find(
        (one) => one["name"] === parameter["name"] && one["in"] === parameter["in"],
      );
      if (same === undefined) found.push(`${name}: is missing`);
      else compareTaken(schemaOf(theirs, parameter["schema"]), schemaOf(ours, same["schema"]), name);
    }
    const body = bodyOf(theirs, their.requestBody);
    if (body !== undefined) {
      const ownBody = bodyOf(ours, own.requestBody);
      if (ownBody === undefined) found.push(`${at} body: is missing`);
      else compareTaken(schemaOf(theirs, body), schemaOf(ours, ownBody), `${at} body`);
    }
    const answer = answerOf(their);
    if (answer !== undefined) {
      compareGiven(schemaOf(theirs, answer), schemaOf(ours, answerOf(own) ?? {}), `${at} answer`);
    }
  }

  /** Ours must take all that theirs takes. */
  function compareTaken(their: Shape, own: Shape, at: string): void {
    if (own.types.size === 0) return;
    // An array in a query may come as one value too.
    const missing = [...their.types].filter((type) => !own.types.has(type) && !takes(own, type));
    if (missing.length > 0) {
      found.push(`${at}: takes ${[...own.types].join(" or ")}, not ${missing.join(" or ")}`);
      return;
    }
    if (their.types.size === 0) found.push(`${at}: takes only ${[...own.types].join(" or ")}`);
    for (const value of their.values ?? []) {
      if (own.values !== null && !own.values.has(value)) found.push(`${at}: does not take ${String(value)}`);
    }
    if (own.values !== null && their.values === null && their.types.has("string")) {
      found.push(`${at}: takes only ${[...own.values].join(", ")}`);
    }
    for (const name of own.required) {
      if (!their.required.has(name)) found.push(`${at}.${name}: is required`);
    }
    for (const [name, schema] of their.properties) {
      const same = own.properties.get(name);
      if (same !== undefined) compareTaken(schema(), same(), `${at}.${name}`);
      else if (own.closed) found.push(`${at}.${name}: is not known`);
    }
    if (their.items !== null && own.items !== null) compareTaken(their.items(), own.items(), `${at}[]`);
  }

  /** Ours must not give what theirs does not. */
  function compareGiven(their: Shape, own: Shape, at: string): void {
    if (their.types.size === 0) return;
    const more = [...own.types].filter((type) => !their.types.has(type) && !takes(their, type));
    if (own.types.size === 0) found.push(`${at}: may be anything`);
    else if (more.length > 0) {
      found.push(`${at}: may be ${more.join(" or ")}, not ${[...their.types].join(" or ")}`);
    }
    if (their.values !== null && own.types.has("string")) {
      const values = [...(own.values ?? ["anything"])].filter((value) => their.values?.has(value) !== true);
      if (values.length > 0) found.push(`${at}: may be ${values.join(", ")}`);
    }
    for (const [name, schema] of their.properties) {
      const same = own.properties.get(name);
      if (same === undefined && !isOpen(own)) found.push(`${at}.${name}: is missing`);
      if (same !== undefined) compareGiven(schema(), same(), `${at}.${name}`);
    }
    if (their.items !== null && own.items !== null) compareGiven(their.items(), own.items(), `${at}[]`);
  }
}

/** An object that is kept as it was sent. */
function isOpen({ properties, closed, types }: Shape): boolean {
  return types.has("object") && properties.size === 0 && !closed;
}

function takes({ types }: Shape, type: string): boolean {
  return type === "integer" && types.has("number");
}

/** A schema in one form, whichever way it was written. Its parts are looked at when they are needed: it may hold itself. */
interface Shape {
  /** Empty: anything. */
  readonly types: ReadonlySet<string>;
  readonly values: ReadonlySet<unknown> | null;
  readonly properties: ReadonlyMap<string, () => Shape>;
  readonly required: ReadonlySet<string>;
  readonly closed: boolean;
  readonly items: (() => Shape) | null;
}

function schemaOf(api: Api, given: unknown): Shape {
  const schema = resolve(api, given ?? {});
  const all = ((schema["allOf"] ?? []) as Schema[]).map((part) => schemaOf(api, part));
  const any = ((schema["anyOf"] ?? schema["oneOf"] ?? []) as Schema[]).map((part) => schemaOf(api, part));
  const types = new Set([schema["type"] ?? []].flat() as string[]);
  if ("const" in schema && types.size === 0) types.add(typeof schema["const"]);
  // What has properties is an object, though nobody says so.
  if (types.size === 0 && schema["properties"] !== undefined) types.add("object");
  const values = "const" in schema ? [schema["const"]] : ((schema["enum"] ?? null) as unknown[] | null);
  if (values?.includes(null) === true) types.add("null");
  const own: Shape = {
    types: schema["nullable"] === true && types.size > 0 ? types.add("null") : types,
    values: values === null ? null : new Set(values.filter((value) => value !== null)),
    properties: new Map(
      Object.entries((schema["properties"] ?? {}) as Record<string, Schema>).map(([name, property]) => [
        name,
        () => schemaOf(api, property),
      ]),
    ),
    required: new Set((schema["required"] ?? []) as string[]),
    closed: schema["additionalProperties"] === false,
    items: schema["items"] === undefined ? null : () => schemaOf(api, schema["items"]),
  };
  if (any.length > 0) {
    const nullable: Shape[] = schema["nullable"] === true ? [{ ...anything, types: new Set(["null"]) }] : [];
    return [...any, ...nullable].reduce(either);
  }
  const whole = all.reduce(both, own);
  return schema["nullable"] === true && whole.types.size > 0
    ? { ...whole, types: new Set([...whole.types, "null"]) }
    : whole;
}

const anything: Shape = {
  types: new Set(),
  values: null,
  properties: new Map(),
  required: new Set(),
  closed: false,
  items: null,
};

function both(one: Shape, other: Shape): Shape {
  return {
    types: one.types.size === 0 ? other.types : one.types,
    values: one.values ?? other.values,
    properties: new Map([...one.properties, ...other.properties]),
    required: new Set([...one.required, ...other.required]),
    closed: one.closed || other.closed,
    items: one.items ?? other.items,
  };
}

function either(one: Shape, other: Shape): Shape {
  const isText = (shape: Shape) => shape.types.has("string");
  const values =
    isText(one) && isText(other)
      ? one.values === null || other.values === null
        ? null
        : new Set([...one.values, ...other.values])
      : isText(one)
        ? one.values
        : other.values;
  return {
    types:
      one.types.size === 0 || other.types.size === 0 ? new Set() : new Set([...one.types, ...other.types]),
    values,
    properties: new Map([...one.properties, ...other.properties]),
    // Null requires nothing.
    required: one.types.has("object") ? one.required : other.required,
    closed: one.closed || other.closed,
    items: one.items ?? other.items,
  };
}

function bodyOf(api: Api, body: Operation["requestBody"]): Schema | undefined {
  const resolved = body === undefined ? undefined : (resolve(api, body) as { content?: Content });
  return resolved?.content?.["application/json"]?.schema;
}

function answerOf(operation: Operation): Schema | undefined {
  return operation.responses?.["200"]?.content?.["application/json"]?.schema;
}

function resolve(api: Api, node: object): Schema {
  const { $ref: reference, ...beside } = node as { $ref?: string };
  if (reference === undefined) return node as Schema;
  const found = reference
    .split("/")
    .slice(1)
    .reduce<unknown>((at, step) => (at as Record<string, unknown>)[step], api);
  return { ...resolve(api, found as object), ...beside };
}
