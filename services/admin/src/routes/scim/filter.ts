// Filters: RFC 7644, 3.4.2.2, from the text to whether a resource fits.
// The grammar is also that of paths in PATCH, which the filter libraries don't read; nor do they read JSON's escapes.

import { ScimFault, type ScimType } from "../../dialect.ts";
import { type AttributeRef, nameOf, refIn, refOf } from "./attribute-ref.ts";
import type { Attribute, ResourceType } from "./schema.ts";

const charactersMax = 1000;
const depthMax = 10;
const termsMax = 50;

const comparisons = ["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"] as const;
type Comparison = (typeof comparisons)[number];
type Literal = string | number | boolean | null;

/** A null `ref` names no attribute that there is: nothing has a value there. */
export type Filter =
  | { readonly kind: "and" | "or"; readonly filters: readonly Filter[] }
  | { readonly kind: "not"; readonly filter: Filter }
  | { readonly kind: "present"; readonly ref: AttributeRef | null }
  | {
      readonly kind: "compare";
      readonly ref: AttributeRef | null;
      readonly operator: Comparison;
      readonly value: Literal;
    }
  /** Some value of a list fits. */
  | { readonly kind: "some"; readonly ref: AttributeRef | null; readonly filter: Filter };

/** What a path of PATCH points at. */
export interface Path {
  readonly ref: AttributeRef;
  /** Which values of the list at `ref` are meant; null: all of it. */
  readonly filter: Filter | null;
  /** The part of each of these that is meant. */
  readonly part: AttributeRef | null;
}

/** How many comparisons a filter makes of one resource. */
export function termsOf(filter: Filter): number {
  switch (filter.kind) {
    case "and":
    case "or":
      return filter.filters.reduce((terms, one) => terms + termsOf(one), 0);
    case "not":
    case "some":
      return termsOf(filter.filter);
    default:
      return 1;
  }
}

export function parseFilter(type: ResourceType, text: string): Filter {
  const reader = new Reader(text, "invalidFilter", "filter");
  const filter = reader.either((name) => refOf(type, name));
  reader.end();
  return filter;
}

/** A path that names no attribute is refused. */
export function parsePath(type: ResourceType, text: string, field: string): Path {
  const reader = new Reader(text, "invalidPath", field);
  const name = reader.word();
  const ref = refOf(type, name);
  if (ref === null) throw reader.fault(`there is no attribute \`${name.slice(0, 255)}\``);
  if (!reader.takes("[")) {
    reader.end();
    return { ref, filter: null, part: null };
  }
  const list = lastOf(ref);
  if (!list.multiValued) throw reader.fault(`\`${name}\` has no list of values`);
  const filter = reader.either((inner) => refIn(list.subAttributes, inner));
  reader.expect("]");
  const part = reader.part(list);
  reader.end();
  return { ref, filter, part };
}

type Resolve = (name: string) => AttributeRef | null;

/** Reads a text from left to right. */
class Reader {
  readonly #tokens: string[];
  readonly #scimType: ScimType;
  readonly #field: string;
  #depth = 0;
  #terms = 0;

  constructor(text: string, scimType: ScimType, field: string) {
    this.#scimType = scimType;
    this.#field = field;
    if (text.length > charactersMax) {
      throw this.fault(`is ${text.length} characters long; at most ${charactersMax} are allowed`);
    }
    this.#tokens = [];
    const token = /\s*("(?:[^"\\]|\\.)*"|[()[\]]|[^\s()[\]"]+)\s*/y;
    while (token.lastIndex < text.length) {
      const found = token.exec(text)?.[1];
      if (found === undefined) throw this.fault("is no filter by RFC 7644");
      this.#tokens.push(found);
    }
  }

  fault(reason: string): ScimFault {
    return new ScimFault(this.#scimType, `${this.#field}: ${reason}`);
  }

  takes(token: string): boolean {
    if (this.#tokens[0]?.toLowerCase() !== token) return false;
    this.#tokens.shift();
    return true;
  }

  expect(token: string): void {
    if (!this.takes(token)) throw this.#unexpected(`\`${token}\``);
  }

  end(): void {
    if (this.#tokens.length > 0) throw this.#unexpected("the end");
  }

  word(): string {
    const token = this.#tokens[0];
    if (token === undefined || !/^[A-Za-z$]/.test(token)) throw this.#unexpected("the name of an attribute");
    this.#tokens.shift();
    return token;
  }

  /** What stands behind the brackets of a list: `.value`, or nothing. */
  part(list: Attribute): AttributeRef | null {
    const token = this.#tokens[0];
    if (token === undefined || !token.startsWith(".")) return null;
    this.#tokens.shift();
    const ref = refIn(list.subAttributes, token.slice(1));
    if (ref === null) throw this.fault(`\`${list.name}\` has no \`${token.slice(1, 255)}\``);
    return ref;
  }

  either(resolve: Resolve): Filter {
    return this.#joined("or", () => this.#joined("and", () => this.#term(resolve)));
  }

  #joined(kind: "and" | "or", next: () => Filter): Filter {
    const first = next();
    const filters = [first];
    while (this.takes(kind)) filters.push(next());
    return filters.length === 1 ? first : { kind, filters };
  }

  #term(resolve: Resolve): Filter {
    if (++this.#terms > termsMax) throw this.fault(`has more than ${termsMax} terms`);
    if (this.takes("(")) return this.#enclosed(")", resolve);
    if (this.takes("not")) {
      this.expect("(");
      return { kind: "not", filter: this.#enclosed(")", resolve) };
    }
    const name = this.word();
    const ref = resolve(name);
    if (this.takes("[")) return this.#some(ref);
    return this.#comparison(ref);
  }

  #enclosed(close: ")" | "]", resolve: Resolve): Filter {
    if (++this.#depth > depthMax) throw this.fault(`is nested deeper than ${depthMax} levels`);
    const filter = this.either(resolve);
    this.expect(close);
    this.#depth--;
    return filter;
  }

  /** `emails[type eq "work"]`, and what providers write of it: `emails[type eq "work"].value eq "..."`. */
  #some(ref: AttributeRef | null): Filter {
    const list = ref === null ? null : lastOf(ref);
    const filter = this.#enclosed("]", (inner) => (list === null ? null : refIn(list.subAttributes, inner)));
    const part = list === null ? null : this.part(list);
    if (part === null) return { kind: "some", ref, filter };
    return { kind: "some", ref, filter: { kind: "and", filters: [filter, this.#comparison(part)] } };
  }

  #comparison(ref: AttributeRef | null): Filter {
    if (this.takes("pr")) return { kind: "present", ref };
    const operator = comparisons.find((one) => this.takes(one));
    if (operator === undefined) throw this.#unexpected("an operator");
    const value = this.#literal();
    const compared = ref === null ? null : withValue(ref);
    const wrong = compared === null ? null : whatIsWrong(lastOf(compared), operator, value);
    if (wrong !== null) throw this.fault(wrong);
    return { kind: "compare", ref: compared, operator, value };
  }

  #literal(): Literal {
    const token = this.#tokens.shift();
    try {
      const value: unknown = JSON.parse(
        token?.startsWith('"') === true ? token : (token ?? "").toLowerCase(),
      );
      if (value === null || typeof value !== "object") return value as Literal;
    } catch {
      // Said below.
    }
    throw this.fault("must compare with a JSON string, a number, true, false or null");
  }

  #unexpected(wanted: string): ScimFault {
    const token = this.#tokens[0];
    const found = token === undefined ? "the end" : `\`${token.slice(0, 255)}\``;
    return this.fault(`${wanted} was expected, and not ${found}`);
  }
}

export function lastOf(ref: AttributeRef): Attribute {
  return ref.at(-1) ?? ref[0];
}

/** A complex attribute is compared by its value. */
function withValue(ref: AttributeRef): AttributeRef {
  const value = lastOf(ref).subAttributes.find(({ name }) => name === "value");
  return value === undefined ? ref : [...ref, value];
}

function whatIsWrong({ name, type }: Attribute, operator: Comparison, value: Literal): string | null {
  if (value === null) return operator === "eq" || operator === "ne" ? null : "null is only equal or not";
  if (type === "complex") return `\`${name}\` can't be compared; its parts can`;
  if (type === "boolean") {
    if (operator !== "eq" && operator !== "ne") return `\`${name}\` is only equal or not`;
    return truthOf(value) === null ? `\`${name}\` is true or false` : null;
  }
  return typeof value === "string" ? null : `\`${name}\` is compared with a string`;
}

/** Some providers write booleans as text. */
export function truthOf(value: unknown): boolean | null {
  if (typeof value === "boolean") return value;
  if (typeof value !== "string") return null;
  const word = value.toLowerCase();
  return word === "true" ? true : word === "false" ? false : null;
}

/** Whether a resource, or a value of a list, is what the filter asks for. */
export function fits(filter: Filter, of: unknown): boolean {
  switch (filter.kind) {
    case "and":
      return filter.filters.every((one) => fits(one, of));
    case "or":
      return filter.filters.some((one) => fits(one, of));
    case "not":
      return !fits(filter.filter, of);
    case "present":
      return valuesAt(filter.ref, of).length > 0;
    case "some":
      return valuesAt(filter.ref, of).some((value) => fits(filter.filter, value));
    case "compare": {
      const values = valuesAt(filter.ref, of);
      if (filter.value === null) return (filter.operator === "eq") === (values.length === 0);
      const attribute = filter.ref === null ? null : lastOf(filter.ref);
      if (attribute === null) return false;
      if (filter.operator === "ne")
        return !values.some((value) => compares(attribute, "eq", value, filter.value));
      return values.some((value) => compares(attribute, filter.operator, value, filter.value));
    }
  }
}

/** All values that stand at an attribute, those of lists one by one. */
function valuesAt(ref: AttributeRef | null, of: unknown): unknown[] {
  let values: unknown[] = [of];
  for (const { name } of ref ?? []) {
    values = values.flatMap((value) => (value as Record<string, unknown> | undefined)?.[name] ?? []);
  }
  return ref === null ? [] : values;
}

function compares(attribute: Attribute, operator: Comparison, value: unknown, wanted: Literal): boolean {
  if (attribute.type === "boolean") return value === truthOf(wanted);
  if (typeof value !== "string" || typeof wanted !== "string") return false;
  if (attribute.type === "dateTime" && !["co", "sw", "ew"].includes(operator)) {
    return inOrder(operator, Date.parse(value), Date.parse(wanted));
  }
  const [one, other] = attribute.caseExact ? [value, wanted] : [value.toLowerCase(), wanted.toLowerCase()];
  switch (operator) {
    case "co":
      return one.includes(other);
    case "sw":
      return one.startsWith(other);
    case "ew":
      return one.endsWith(other);
    default:
      return inOrder(operator, one, other);
  }
}

function inOrder<T extends string | number>(operator: Comparison, one: T, other: T): boolean {
  switch (operator) {
    case "eq":
      return one === other;
    case "gt":
      return one > other;
    case "ge":
      return one >= other;
    case "lt":
      return one < other;
    case "le":
      return one <= other;
    default:
      return false;
  }
}

/** What every resource that fits has for certain: texts that it is equal to, by the full names of the attributes. */
export function equalities(filter: Filter): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  collect(filter, "");
  return found;

  function collect(part: Filter, prefix: string): void {
    if (part.kind === "and") for (const one of part.filters) collect(one, prefix);
    else if (part.kind === "some" && part.ref !== null) collect(part.filter, `${prefix}${nameOf(part.ref)}.`);
    else if (part.kind === "compare" && part.operator === "eq" && part.ref !== null) {
      if (typeof part.value === "string") found.set(`${prefix}${nameOf(part.ref)}`, part.value);
    }
  }
}

/** Whether the filter asks for this attribute of the resource. */
export function mentions(filter: Filter, name: string): boolean {
  switch (filter.kind) {
    case "and":
    case "or":
      return filter.filters.some((one) => mentions(one, name));
    case "not":
      return mentions(filter.filter, name);
    default:
      return filter.ref?.[0].name === name;
  }
}
