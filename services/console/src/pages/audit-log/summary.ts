// What an entry of the audit log was done to, in words.

import { isObjectType } from "@portcullis/policy";
import type { ObjectRef } from "../../api/access.ts";
import type { AuditEvent } from "../../api/audit-log.ts";
import { objectLabel } from "../../api/objects.ts";
import { typeNames } from "../../permissions/words.ts";

type Fields = Readonly<Record<string, unknown>>;

const namesShown = 3;

/** The objects whose ACLs a change was about. */
export function objectsOfAcls(event: AuditEvent): readonly ObjectRef[] {
  const refs = [event.before, event.after]
    .flatMap((state) => listIn(state, "acls"))
    .flatMap((acl) => {
      const object = fieldsOf(fieldsOf(acl)["content"])["object"];
      const { type, id } = fieldsOf(object);
      return typeof type === "string" && typeof id === "string" && isObjectType(type) ? [{ type, id }] : [];
    });
  return [...new Map(refs.map((ref) => [`${ref.type} ${ref.id}`, ref])).values()];
}

export function summaryOf(event: AuditEvent, names: ReadonlyMap<string, string> | undefined): string {
  const objects = objectsOfAcls(event);
  if (objects.length > 0) return `Access to ${few(objects.map((object) => objectLabel(object, names)))}`;
  const members = [...listIn(event.after, "members"), ...listIn(event.before, "members")].map(memberName);
  if (members.length > 0) return few([...new Set(members)]);
  const { subject, after, before } = event;
  const name = nameIn(after) ?? nameIn(before);
  const noun = (typeNames as Readonly<Record<string, string>>)[subject.type] ?? sentence(subject.type);
  return name === null ? noun : `${noun} ${name}`;
}

function few(texts: readonly string[]): string {
  const more = texts.length - namesShown;
  return `${texts.slice(0, namesShown).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

function memberName(member: unknown): string {
  const { email, givenName, familyName, id } = fieldsOf(member);
  const name = [givenName, familyName].filter((part) => typeof part === "string").join(" ");
  if (name !== "") return name;
  return typeof email === "string" ? email : `…${String(id).slice(-6)}`;
}

function nameIn(state: unknown): string | null {
  const { name } = fieldsOf(state);
  return typeof name === "string" ? name : null;
}

function listIn(state: unknown, field: string): readonly unknown[] {
  const value = fieldsOf(state)[field];
  return Array.isArray(value) ? (value as readonly unknown[]) : [];
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function sentence(word: string): string {
  const words = word.replaceAll("_", " ");
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}
