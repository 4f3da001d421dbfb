// Resources: from what providers send to one form, and from that to what they asked to see.

import { invalidValue, ScimFault } from "../../dialect.ts";
import { isCleanText, jsonObjectLike } from "../../input.ts";
import { type AttributeRef, refOf, sameName } from "./attribute-ref.ts";
import { truthOf } from "./filter.ts";
import type { Attribute, ResourceType } from "./schema.ts";

/** A resource, or a complex value in it: names as in the schema, nothing unassigned. */
export type Resource = Readonly<Record<string, unknown>>;

const textMax = 1000;
const valuesMax = 100;
const membersMax = 10_000;

/** A whole resource, as it is sent. */
export function resourceBody({ attributes }: ResourceType) {
  return jsonObjectLike({ ...jsonSchemaOfParts(attributes), required: requiredOf(attributes) });
}

function jsonSchemaOfParts(attributes: readonly Attribute[]): Resource {
  // In a description `$ref` would be a reference.
  const writable = attributes.filter(({ name, mutability }) => mutability !== "readOnly" && name !== "$ref");
  const properties = Object.fromEntries(writable.map((one) => [one.name, jsonSchemaOfAttribute(one)]));
  return { type: "object", properties };
}

function jsonSchemaOfAttribute({ multiValued, ...single }: Attribute): Resource {
  if (multiValued) return { type: "array", items: jsonSchemaOfAttribute({ ...single, multiValued: false }) };
  const { type, description, subAttributes } = single;
  if (type === "complex") return { ...jsonSchemaOfParts(subAttributes), description };
  return { type: type === "boolean" ? "boolean" : "string", description };
}

function requiredOf(attributes: readonly Attribute[]): readonly string[] {
  return attributes.filter(({ required }) => required).map(({ name }) => name);
}

/** What a body says of a resource. Unknown attributes and those that only we set are passed over. */
export function readResource(type: ResourceType, body: Readonly<Record<string, unknown>>): Resource {
  return readParts(type.attributes, body, "");
}

/** One attribute's value in the one form; undefined when it is unassigned. Whoever reads it knows what it is for. */
export function readValue(attribute: Attribute, value: unknown, field: string): unknown {
  if (!attribute.multiValued) return readSingle(attribute, value, field);
  const given = Array.isArray(value) ? (value as unknown[]) : [value];
  const most = attribute.name === "members" ? membersMax : valuesMax;
  if (given.length > most)
    throw invalidValue(field, `has ${given.length} entries; at most ${most} are allowed`);
  const values = given
    .map((one, index) => readSingle(attribute, one, `${field}[${index}]`))
    .filter((one) => one !== undefined);
  if (values.filter(isPrimary).length > 1) throw invalidValue(field, "only one may be primary");
  return values.length === 0 ? undefined : values;
}

function readSingle(attribute: Attribute, sent: unknown, field: string): unknown {
  const value = unwrapped(attribute, sent);
  if (value === null || value === undefined || value === "") return undefined;
  switch (attribute.type) {
    case "complex": {
      const whole =
        typeof value === "string" && attribute.subAttributes.some(({ name }) => name === "value")
          ? { value }
          : value;
      if (!isObject(whole)) throw invalidValue(field, "must be an object");
      const parts = readParts(attribute.subAttributes, whole, `${field}.`);
      return Object.keys(parts).length === 0 ? undefined : parts;
    }
    case "boolean": {
      const truth = truthOf(value);
      if (truth === null) throw invalidValue(field, "must be true or false");
      return truth;
    }
    default: {
      // An employee number, say, comes as a number from some.
      const text = typeof value === "number" ? String(value) : value;
      if (typeof text !== "string") throw invalidValue(field, "must be a string");
      if (text.length > textMax)
        throw invalidValue(field, `is ${text.length} characters long; at most ${textMax} are allowed`);
      if (!isCleanText(text))
        throw invalidValue(field, "must be well-formed text without control characters");
      return text;
    }
  }
}

/** Some providers send `[{"value": "x"}]` where `"x"` is meant. */
function unwrapped(attribute: Attribute, sent: unknown): unknown {
  const value =
    Array.isArray(sent) && !attribute.multiValued && sent.length <= 1 ? (sent[0] as unknown) : sent;
  return attribute.type !== "complex" && isObject(value) && "value" in value ? value["value"] : value;
}

function readParts(attributes: readonly Attribute[], given: Resource, prefix: string): Resource {
  const parts: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(given)) {
    const attribute = attributes.find(({ name }) => sameName(name, key));
    if (attribute === undefined || attribute.mutability === "readOnly") continue;
    const read = readValue(attribute, value, `${prefix}${attribute.name}`);
    if (read === undefined) continue;
    if (attribute.name in parts) {
      throw new ScimFault("invalidSyntax", `${prefix}${attribute.name}: is given more than once`);
    }
    parts[attribute.name] = read;
  }
  return parts;
}

export function isPrimary(value: unknown): boolean {
  return isObject(value) && value["primary"] === true;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What of a resource is to be shown: only some attributes, or all but some. */
export interface Selection {
  readonly only: readonly AttributeRef[] | null;
  readonly without: readonly AttributeRef[];
}

/** From the lists of a request; what names no attribute selects nothing. */
export function selectionOf(
  type: ResourceType,
  attributes: readonly string[],
  excluded: readonly string[],
): Selection {
  const refs = (names: readonly string[]) =>
    names.map((name) => refOf(type, name)).filter((ref) => ref !== null);
  return { only: attributes.length === 0 ? null : refs(attributes), without: refs(excluded) };
}

/** Whether any of this attribute is to be shown. */
export function selects({ only, without }: Selection, name: string): boolean {
  if (only !== null) return only.some(([first]) => first.name === name);
  return !without.some(([first, ...rest]) => first.name === name && rest.length === 0);
}

export function select(type: ResourceType, resource: Resource, { only, without }: Selection): Resource {
  if (only !== null) return keep(type.attributes, resource, only);
  return without.length === 0 ? resource : drop(type.attributes, resource, without);
}

function keep(
  attributes: readonly Attribute[],
  from: Resource,
  refs: readonly (readonly Attribute[])[],
): Resource {
  return mapParts(attributes, from, (attribute, value) => {
    const meant = refs.filter(([first]) => first === attribute).map(([, ...rest]) => rest);
    if (attribute.returned === "always" || meant.some((rest) => rest.length === 0)) return value;
    if (meant.length === 0) return undefined;
    return eachOf(value, (one) => keep(attribute.subAttributes, one, meant));
  });
}

function drop(
  attributes: readonly Attribute[],
  from: Resource,
  refs: readonly (readonly Attribute[])[],
): Resource {
  return mapParts(attributes, from, (attribute, value) => {
    const meant = refs.filter(([first]) => first === attribute).map(([, ...rest]) => rest);
    if (attribute.returned === "always" || meant.length === 0) return value;
    if (meant.some((rest) => rest.length === 0)) return undefined;
    return eachOf(value, (one) => drop(attribute.subAttributes, one, meant));
  });
}

function mapParts(
  attributes: readonly Attribute[],
  from: Resource,
  change: (attribute: Attribute, value: unknown) => unknown,
): Resource {
  return Object.fromEntries(
    attributes
      .filter(({ name }) => name in from)
      .map((attribute) => [attribute.name, change(attribute, from[attribute.name])] as const)
      .filter(([, value]) => value !== undefined),
  );
}

function eachOf(value: unknown, change: (one: Resource) => Resource): unknown {
  return Array.isArray(value) ? value.map((one: Resource) => change(one)) : change(value as Resource);
}
