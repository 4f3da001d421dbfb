// PATCH: RFC 7644, 3.5.2, with the liberties that providers take. Nothing is done here: a resource in, a resource out.

import { invalidValue, ScimFault } from "../../dialect.ts";
import { jsonObjectLike } from "../../input.ts";
import { type AttributeRef, nameOf, refOf } from "./attribute-ref.ts";
import { type Filter, fits, lastOf, type Path, parsePath, termsOf } from "./filter.ts";
import { isObject, isPrimary, type Resource, readValue } from "./resource.ts";
import type { Attribute, ResourceType } from "./schema.ts";

const operationsMax = 100;
/** How many values of lists all operations together look at, each term of a filter counted: some tenths of a second. */
const workMax = 1_000_000;
const words = ["add", "remove", "replace"] as const;

/** A request, as it is described; in which case its names are written is all the same. */
export const patchBody = jsonObjectLike({
  type: "object",
  properties: {
    schemas: { type: "array", items: { const: "urn:ietf:params:scim:api:messages:2.0:PatchOp" } },
    Operations: {
      type: "array",
      maxItems: operationsMax,
      items: {
        type: "object",
        properties: { op: { enum: words }, path: { type: "string" }, value: {} },
        required: ["op"],
      },
    },
  },
  required: ["Operations"],
});

/** So much of a key is told in an error. */
const shownMax = 255;

function isWellFormedName(path: string): boolean {
  return /^[a-z$][\w$:.-]*$/i.test(path);
}

/** One step of a PATCH, with the place in the request that it stands at. */
interface Operation {
  readonly word: (typeof words)[number];
  readonly path: Path;
  readonly value: unknown;
  readonly field: string;
}

/** Reads the whole of a request before any of it is applied. */
export function parsePatch(type: ResourceType, body: Resource): readonly Operation[] {
  const given = valueOf(body, "operations");
  if (!Array.isArray(given)) throw syntax("Operations", "must be a list");
  if (given.length === 0) throw syntax("Operations", "must not be empty");
  if (given.length > operationsMax) {
    throw syntax("Operations", `has ${given.length} entries; at most ${operationsMax} are allowed`);
  }
  return given.flatMap((one: unknown, index) => parseOperation(type, one, `Operations[${index}]`));
}

function parseOperation(type: ResourceType, given: unknown, field: string): Operation[] {
  if (!isObject(given)) throw syntax(field, "must be an object");
  const op = valueOf(given, "op");
  const word = words.find((one) => typeof op === "string" && op.toLowerCase() === one);
  if (word === undefined) throw syntax(`${field}.op`, `must be one of ${words.join(", ")}`);
  const path = valueOf(given, "path");
  const value = valueOf(given, "value");
  if (path !== undefined && path !== null && path !== "") {
    if (typeof path !== "string") throw new ScimFault("invalidPath", `${field}.path: must be a string`);
    // What is kept nowhere is passed over, as in a whole resource: the rest of the request is still meant.
    if (isWellFormedName(path) && refOf(type, path) === null) return [];
    const parsed = parsePath(type, path, `${field}.path`);
    ensureWritable(parsed, field);
    return [{ word, path: parsed, value, field: `${field}.value` }];
  }
  if (word === "remove") throw new ScimFault("noTarget", `${field}.path: is required to remove`);
  if (!isObject(value)) throw invalidValue(`${field}.value`, "must be an object where there is no path");
  return Object.entries(value).flatMap(([key, inner]) =>
    parsePart(type, word, key, inner, `${field}.value.${key.slice(0, shownMax)}`),
  );
}

/** Of a value without a path, each key is one. What there is not, and what only we set, is passed over. */
function parsePart(
  type: ResourceType,
  word: Operation["word"],
  key: string,
  value: unknown,
  field: string,
): Operation[] {
  if (refOf(type, key.replace(/\[.*/s, "")) === null) return [];
  const path = parsePath(type, key, field);
  return path.ref.some(isReadOnly) ? [] : [{ word, path, value, field }];
}

function ensureWritable({ ref, part }: Path, field: string): void {
  const fixed = [...ref, ...(part ?? [])].find(isReadOnly);
  if (fixed !== undefined) {
    throw new ScimFault("mutability", `${field}.path: \`${fixed.name}\` can't be changed`);
  }
}

function isReadOnly({ mutability }: Attribute): boolean {
  return mutability === "readOnly";
}

/** The resource as all steps, one after the other, leave it. */
export function applyPatch(resource: Resource, operations: readonly Operation[]): Resource {
  let work = 0;
  return operations.reduce((standing, { word, path, value, field }) => {
    const list = standing[path.ref[0].name];
    work += (Array.isArray(list) ? list.length : 1) * (path.filter === null ? 1 : termsOf(path.filter));
    if (work > workMax) {
      throw new ScimFault(
        "tooMany",
        `${field}: all operations together take too long; send fewer of them at once`,
      );
    }
    if (word === "remove") return removed(standing, path, value, field);
    return changed(standing, path.ref, (before, attribute) => {
      if (path.filter === null) return written(word, attribute, before, value, field);
      return selected(word, { attribute, filter: path.filter, part: path.part }, before, value, field);
    });
  }, resource);
}

type Change = (before: unknown, attribute: Attribute) => unknown;

/** The resource with another value at `ref`; undefined takes it away. */
function changed(resource: Resource, ref: readonly Attribute[], change: Change): Resource {
  const [attribute, ...inner] = ref;
  if (attribute === undefined) return resource;
  const before = resource[attribute.name];
  let after: unknown;
  if (inner.length === 0) after = change(before, attribute);
  // A part of a list without a filter is that part of each of its values.
  else if (Array.isArray(before))
    after = withoutEmpty(before.map((one: Resource) => changed(one, inner, change)));
  else if (attribute.multiValued) after = [changed({}, inner, change)];
  else after = changed((before ?? {}) as Resource, inner, change);
  if (Array.isArray(after) && after.filter(isPrimary).length > 1) {
    throw invalidValue(attribute.name, "only one may be primary");
  }
  const { [attribute.name]: _before, ...others } = resource;
  return isNothing(after) ? others : { ...others, [attribute.name]: after };
}

function written(
  word: "add" | "replace",
  attribute: Attribute,
  before: unknown,
  value: unknown,
  field: string,
): unknown {
  const read = readValue(attribute, value, field);
  if (isObject(value) && isObject(before) && !attribute.multiValued && attribute.type === "complex") {
    return { ...without(before, emptied(value)), ...(read as Resource | undefined) };
  }
  if (read === undefined) return word === "add" ? before : undefined;
  if (attribute.multiValued) {
    return word === "add" ? merged((before ?? []) as Resource[], read as Resource[]) : read;
  }
  return isObject(read) && isObject(before) ? { ...before, ...read } : read;
}

/** The parts of a complex value that are given as null, and so are to go. */
function emptied(value: Resource): readonly string[] {
  return Object.entries(value)
    .filter(([, part]) => isUnassigned(part))
    .map(([key]) => key);
}

function without(value: Resource, names: readonly string[]): Resource {
  const gone = new Set(names.map((name) => name.toLowerCase()));
  return Object.fromEntries(Object.entries(value).filter(([name]) => !gone.has(name.toLowerCase())));
}

/** The list with these values in it; one that is there already is brought up to date. */
function merged(before: readonly Resource[], added: readonly Resource[]): Resource[] {
  const values = new Map(before.map((one) => [keyOf(one), one]));
  for (const one of added) values.set(keyOf(one), { ...values.get(keyOf(one)), ...one });
  return withOnePrimary([...values.values()], added.some(isPrimary) ? added.find(isPrimary) : undefined);
}

/** Two values of a list with the same key are one. */
function keyOf(one: Resource): string {
  const { value, type } = one;
  return value === undefined ? JSON.stringify(one) : JSON.stringify([value, type]);
}

/** Who becomes the primary one takes that from who was. */
function withOnePrimary(values: readonly Resource[], primary: Resource | undefined): Resource[] {
  if (primary === undefined) return [...values];
  const key = keyOf(primary);
  return values.map((one) => (isPrimary(one) && keyOf(one) !== key ? { ...one, primary: false } : one));
}

interface Selected {
  readonly attribute: Attribute;
  readonly filter: Filter;
  readonly part: AttributeRef | null;
}

/** Changes the values of a list that the filter asks for; where there is none, one is made that it would ask for. */
function selected(
  word: "add" | "replace",
  { attribute, filter, part }: Selected,
  before: unknown,
  value: unknown,
  field: string,
): unknown {
  const list = (before ?? []) as readonly Resource[];
  const one = { ...attribute, multiValued: false };
  const write = (standing: Resource): Resource => {
    const after =
      part === null
        ? written(word, one, standing, value, field)
        : changed(standing, part, (inner, last) => written(word, last, inner, value, field));
    return (after ?? {}) as Resource;
  };
  const chosen = list.map((each) => fits(filter, each));
  const made = chosen.includes(true) ? null : exampleOf(filter);
  if (!chosen.includes(true) && (made === null || isUnassigned(value))) {
    if (isUnassigned(value)) return before;
    throw new ScimFault(
      "noTarget",
      `${field}: no value of \`${attribute.name}\` is the one that the path asks for`,
    );
  }
  const after = list.map((each, index) => (chosen[index] === true ? write(each) : each));
  const all = made === null ? after : [...after, write(made)];
  const primaries = all.filter((each, index) => isPrimary(each) && each !== list[index]);
  if (primaries.length > 1) throw invalidValue(field, "only one may be primary");
  return withoutEmpty(withOnePrimary(all, primaries[0]));
}

function withoutEmpty(values: readonly Resource[]): Resource[] {
  return values.filter((each) => Object.keys(each).length > 0);
}

/** `{type: "work"}` of `type eq "work"`; null of a filter that asks for more than equal parts. */
function exampleOf(filter: Filter): Resource | null {
  if (filter.kind === "and") {
    return filter.filters
      .map(exampleOf)
      .reduce((all, part) => (all === null || part === null ? null : { ...all, ...part }), {});
  }
  if (filter.kind !== "compare" || filter.operator !== "eq" || filter.ref === null || filter.ref.length > 1)
    return null;
  const [attribute] = filter.ref;
  const value = readValue(attribute, filter.value, attribute.name);
  return value === undefined ? null : { [attribute.name]: value };
}

/** Taking away what is not there is no error: a request may be repeated. */
function removed(resource: Resource, path: Path, value: unknown, field: string): Resource {
  const { ref, filter, part } = path;
  const required = part === null ? lastOf(ref) : null;
  if (
    ref.length === 1 &&
    filter === null &&
    required !== null &&
    (required.required || required.name === "active")
  ) {
    throw new ScimFault(
      "mutability",
      `${field.replace(/value$/, "path")}: \`${nameOf(ref)}\` can't be removed`,
    );
  }
  return changed(resource, ref, (before, attribute) => {
    if (before === undefined) return undefined;
    if (!attribute.multiValued) return undefined;
    const list = before as readonly Resource[];
    if (filter !== null) {
      return withoutEmpty(
        list.map((one) => {
          if (!fits(filter, one)) return one;
          return part === null ? {} : changed(one, part, () => undefined);
        }),
      );
    }
    if (isUnassigned(value)) return undefined;
    // Some providers name what is to go in the value.
    const gone = new Set(
      (readValue(attribute, value, field) as readonly Resource[] | undefined)?.map(valueKey),
    );
    return list.filter((one) => !gone.has(valueKey(one)));
  });
}

function valueKey(one: Resource): string {
  const { value } = one;
  return typeof value === "string" ? value.toLowerCase() : JSON.stringify(one);
}

function isUnassigned(value: unknown): boolean {
  return (
    value === undefined || value === null || value === "" || (Array.isArray(value) && value.length === 0)
  );
}

function isNothing(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return value === undefined || (isObject(value) && Object.keys(value).length === 0);
}

function valueOf(given: Resource, key: string): unknown {
  return Object.entries(given).find(([name]) => name.toLowerCase() === key)?.[1];
}

function syntax(field: string, reason: string): ScimFault {
  return new ScimFault("invalidSyntax", `${field}: ${reason}`);
}
