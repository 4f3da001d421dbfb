// An explanation as one line of English.

import type {
  ExplainedAcl,
  ExplainResponse,
  MissingStep,
  Named,
} from "@portcullis/proto/decision/v1/decision";

/** What was asked. */
interface Asked {
  readonly principal: Named;
  readonly permission: string;
  readonly object: Named;
  /** The type of what would be made under the object; null: the object itself is asked about. */
  readonly place: string | null;
}

type Told = Pick<ExplainResponse, "allowed" | "reason" | "paths" | "pathsCut" | "nearest">;

/** The answer, and its first path or nearest miss. Names are quoted, and stay on the line. */
export function sentenceOf(told: Told, { principal, permission, object, place }: Asked): string {
  const who = principal.name === "" ? `principal ${principal.id}` : oneLine(principal.name);
  const what = place === null ? nameOf(object) : `a new ${word(place)} in ${nameOf(object)}`;
  const deed = permission.endsWith("_acls") ? `${word(permission)} on` : word(permission);
  const answer = `${who} ${told.allowed ? "may" : "may not"} ${deed} ${what}`;
  return `${answer}: ${told.allowed ? whyAllowed(told) : whyDenied(told, permission, place ?? object.type)}.`;
}

function whyAllowed({ reason, paths, pathsCut }: Told): string {
  if (reason === "public") return "it is public, so every active member may read it";
  const [path] = paths;
  if (path?.acl === undefined) return "a grant allows it";
  const { groups, acl } = path;
  const others = `${paths.length - 1}${pathsCut ? " or more" : ""}`;
  const more = paths.length === 1 ? "" : `; other ways: ${others}`;
  const [first, ...around] = groups;
  const gives = `an ACL on ${nameOf(acl.on)} gives`;
  if (first === undefined) return `${gives} them ${grantOf(acl)}${more}`;
  const ways = around.map((group) => `, which is in ${nameOf(group)}`).join("");
  return `they are in ${nameOf(first)}${ways}, and ${gives} ${nameOf(acl.subject)} ${grantOf(acl)}${more}`;
}

function whyDenied({ reason, nearest }: Told, permission: string, type: string): string {
  switch (reason) {
    case "not_a_member":
      return "they are not an active member of the organization";
    case "no_such_object":
      return "there is no such object";
    case "no_such_place":
      return "there is no such place";
    case "outside_scope":
      return "they may, but not with this credential, which is narrowed to other things";
  }
  const [miss] = nearest;
  if (miss?.acl === undefined) return "no ACL for them reaches it";
  const { acl, missing } = miss;
  const lacks = missing.map((step) => lackOf(step, permission, type)).join(", and ");
  const whom = acl.subject?.type === "principal" ? "them" : nameOf(acl.subject);
  return `the nearest ACL gives ${whom} ${grantOf(acl)} on ${nameOf(acl.on)}, but ${lacks}`;
}

function lackOf(step: MissingStep, permission: string, type: string): string {
  switch (step.kind) {
    case "in_force":
      return `it expired at ${step.expiredAt?.toISOString() ?? "an earlier time"}`;
    case "object_type":
      return `it does not give ${word(permission)} on objects of type ${word(type)}`;
    case "group":
      return `they are not in ${nameOf(step.group)}`;
    default:
      return `it does not give ${word(permission)}`;
  }
}

function grantOf({ role, permission, restrictObjectType }: ExplainedAcl): string {
  if (role !== undefined) return `the ${nameOf(role)}`;
  const only = restrictObjectType === "" ? "" : ` for objects of type ${word(restrictObjectType)}`;
  return `the permission ${word(permission)}${only}`;
}

const faces: Readonly<Record<string, string>> = {
  org_member: "the list of members",
  org_project: "all projects",
  org_audit_logs: "the audit log",
};

function nameOf(thing: Named | undefined): string {
  if (thing === undefined) return "something";
  const face = faces[thing.type];
  if (face !== undefined) return face;
  return `${word(thing.type)} ${thing.name === "" ? thing.id : `"${oneLine(thing.name)}"`}`;
}

/** A word of the catalog, for people. */
function word(name: string): string {
  return name.replaceAll("_", " ").replace("acls", "ACLs");
}

function oneLine(name: string): string {
  return name.replaceAll(/\s+/gu, " ");
}
