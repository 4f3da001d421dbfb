// An explanation as a tree: the ways from somebody to an object, or where those that come nearest break off.

import { isObjectType } from "@portcullis/policy";
import { z } from "zod";
import { clean } from "./clean.ts";
import { isFace } from "./object-kinds.ts";
import type { Paint } from "./paint.ts";
import { grown, treeText } from "./tree.ts";

const named = z.object({ type: z.string(), id: z.string(), name: z.string().nullable() });
type Named = z.infer<typeof named>;

const explainedAcl = z.looseObject({
  id: z.string(),
  on: named,
  subject: named,
  permission: z.string().nullable(),
  role: named.nullable(),
  restrict_object_type: z.string().nullable(),
  expires_at: z.string().nullable(),
});
type ExplainedAcl = z.infer<typeof explainedAcl>;

const missingStep = z.looseObject({
  kind: z.string(),
  expired_at: z.string().nullable(),
  granted_types: z.array(z.string()),
  group: named.nullable(),
  granted_permissions: z.array(z.string()),
  is_enough: z.boolean(),
});
type MissingStep = z.infer<typeof missingStep>;

export const grantPath = z.looseObject({
  acl: explainedAcl,
  groups: z.array(named),
  roles: z.array(named),
  objects: z.array(named),
});
export type GrantPath = z.infer<typeof grantPath>;

export const explanation = z.looseObject({
  allowed: z.boolean(),
  reason: z.string(),
  sentence: z.string(),
  principal: named,
  paths: z.array(grantPath),
  paths_cut: z.boolean(),
  nearest: z.array(z.object({ acl: explainedAcl.nullable(), missing: z.array(missingStep) })),
  nearest_cut: z.boolean(),
});
export type Explanation = z.infer<typeof explanation>;

export function explanationText(told: Explanation, permission: string, paint: Paint): string {
  const verdict = told.allowed ? paint("green", "allowed") : paint("red", "denied");
  const lines = [`${verdict}: ${clean(told.sentence)}`];
  const ways = told.allowed
    ? told.paths.map((path) => wayOf(path, permission, paint))
    : told.nearest.map(({ acl, missing }) => brokenWay(acl, missing, paint));
  if (ways.length > 0) lines.push("", treeText(grown(paint("bold", nameText(told.principal)), ways)));
  if (told.paths_cut || told.nearest_cut) lines.push("", "there are more than these");
  return lines.join("\n");
}

/** From the principal's first group to the object that was asked about. */
export function wayOf(
  { acl, groups, roles, objects }: GrantPath,
  permission: string,
  paint: Paint,
): string[] {
  // The role of the ACL itself stands with the grant.
  const nestedRoles = roles.filter(({ id }) => id !== acl.role?.id);
  const below = objects.filter(({ type, id }) => !(type === acl.on.type && id === acl.on.id)).reverse();
  return [
    ...groups.map((group) => `in ${thingText(group)}`),
    grantText(acl, paint),
    ...nestedRoles.map((role) => `which holds ${thingText(role)}`),
    ...(acl.role === null ? [] : [`which holds ${paint("bold", clean(permission))}`]),
    ...below.map((object) => `reaches ${thingText(object)}`),
  ];
}

/** The same of a way that leads nowhere: each break is marked where it is. */
function brokenWay(acl: ExplainedAcl | null, missing: readonly MissingStep[], paint: Paint): string[] {
  const breaks = (isHere: (kind: string) => boolean) =>
    missing.filter(({ kind }) => isHere(kind)).map((step) => paint("red", `✗ ${breakText(step)}`));
  const general = breaks((kind) => kind !== "group" && !ofGrants.has(kind));
  if (acl === null) return general;
  const isOfGroup = acl.subject.type === "group";
  return [
    ...general,
    ...breaks((kind) => kind === "group"),
    ...(isOfGroup && !missing.some(({ kind }) => kind === "group") ? [`in ${thingText(acl.subject)}`] : []),
    grantText(acl, paint),
    ...breaks((kind) => ofGrants.has(kind)),
  ];
}

/** What the grant of an ACL may lack. */
const ofGrants: ReadonlySet<string> = new Set(["in_force", "object_type", "permission"]);

function breakText(step: MissingStep): string {
  switch (step.kind) {
    case "membership":
      return step.is_enough
        ? "is no active member; a member with the same groups and ACLs would be allowed"
        : "is no active member";
    case "object":
      return "there is no such object";
    case "place":
      return "there is no such place";
    case "scope":
      return "the key is narrowed to something else";
    case "in_force":
      return `expired at ${step.expired_at ?? "?"}`;
    case "object_type":
      return `only on objects of type ${listText(step.granted_types)}`;
    case "group":
      return step.group === null ? "is not in the group" : `is not in ${thingText(step.group)}`;
    case "permission":
      return step.granted_permissions.length === 0
        ? "gives nothing there"
        : `gives ${listText(step.granted_permissions)} there`;
    default:
      return `lacks ${clean(step.kind)}`;
  }
}

function grantText(acl: ExplainedAcl, paint: Paint): string {
  const what = acl.role === null ? paint("bold", clean(acl.permission ?? "")) : thingText(acl.role);
  const only = acl.restrict_object_type === null ? "" : ` for ${clean(acl.restrict_object_type)} only`;
  const until = acl.expires_at === null ? "" : ` until ${clean(acl.expires_at)}`;
  return `has ${what}${only} on ${thingText(acl.on)}${until}`;
}

function thingText(thing: Named): string {
  // The organization has one of each, whose id says nothing.
  if (thing.name === null && isObjectType(thing.type) && isFace(thing.type)) return thing.type;
  return `${clean(thing.type)} ${nameText(thing)}`;
}

function nameText({ id, name }: Named): string {
  return clean(name ?? id);
}

function listText(words: readonly string[]): string {
  return words.map(clean).join(", ");
}
