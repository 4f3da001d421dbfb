// Names of attributes, as requests write them: in any case, dotted, and behind the URN of their schema or not.

import type { Attribute, ResourceType } from "./schema.ts";

/** From an attribute of a resource down to the part that is meant; at least one. */
export type AttributeRef = readonly [Attribute, ...Attribute[]];

/** The attribute of a resource that is meant; null when there is none of this name. */
export function refOf(type: ResourceType, text: string): AttributeRef | null {
  const prefix = `${type.schema.id}:`;
  const name = startsWith(text, prefix) ? text.slice(prefix.length) : text;
  return refIn(type.attributes, name);
}

/** The same below a complex attribute. */
export function refIn(attributes: readonly Attribute[], text: string): AttributeRef | null {
  for (const attribute of attributes) {
    if (sameName(attribute.name, text)) return [attribute];
    const separator = attribute.name.includes(":") ? ":" : ".";
    const prefix = `${attribute.name}${separator}`;
    if (!startsWith(text, prefix)) continue;
    const inner = refIn(attribute.subAttributes, text.slice(prefix.length));
    return inner === null ? null : [attribute, ...inner];
  }
  return null;
}

export function sameName(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

/** The name in full, as it is written in the schema. */
export function nameOf(ref: AttributeRef): string {
  return ref.map(({ name }) => name).join(".");
}

function startsWith(text: string, prefix: string): boolean {
  return sameName(text.slice(0, prefix.length), prefix);
}
