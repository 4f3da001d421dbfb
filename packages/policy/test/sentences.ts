// The sentences of stories: what they say, as data. A sentence that can't be read is an error that shows it.

import {
  isObjectType,
  isPermission,
  type ObjectType,
  objectTypeRow,
  type Permission,
  permissions,
  type RolePermission,
} from "../src/index.ts";
import type {
  Change,
  Expectation,
  NamedAcl,
  NamedObject,
  NamedRole,
  NamedTarget,
  NewObject,
} from "./scenarios.ts";

/** `Reviewer: [read, update on experiment, role Viewer]` */
export function readRole(name: string, parts: readonly string[]): NamedRole {
  return {
    name,
    permissions: parts.filter((part) => !part.startsWith("role ")).map(readRolePermission),
    memberRoles: parts.flatMap((part) => /^role (.+)$/.exec(part)?.[1] ?? []),
  };
}

function readRolePermission(text: string): RolePermission {
  const [, permission, type] = match(/^(\w+)(?: on (\w+))?$/, text);
  return {
    permission: readPermission(permission),
    restrictObjectType: type === undefined ? null : readType(type),
  };
}

/** `experiment Tuned in project Search, public`, `project Search, listed by project_group Public` */
export function readNewObject(text: string): NewObject {
  const [, object, parent, listedBy, isPublic] = match(
    /^(.+?)(?: in (.+?))?(?:, listed by (.+?))?(, public)?$/,
    text,
  );
  const named = readObject(object);
  return {
    object: named,
    parent: parent === undefined ? properParent(named) : readObject(parent),
    alsoUnder: listedBy === undefined ? [] : listedBy.split(" and ").map(readObject),
    ...(isPublic !== undefined && { publicRead: true }),
  };
}

/** What is not said to be in a project is in the organisation. */
function properParent({ type, name }: NamedObject): NamedObject {
  const { parent } = objectTypeRow(type);
  if (parent === null || parent === "project") throw new Error(`where is ${type} ${name ?? ""}?`);
  return { type: parent, name: null };
}

/** `organization`, `project Search`, `group Search team` */
function readObject(text: string | undefined): NamedObject {
  const [, type, name] = match(/^(\w+)(?: (.+))?$/, text ?? "");
  const object: NamedObject = { type: readType(type), name: name ?? null };
  const isFace = object.type === "organization" || objectTypeRow(object.type).idOf === "organization";
  if (isFace !== (object.name === null)) throw new Error(`\`${text}\`: only what has a name has one`);
  return object;
}

/** `group Search team has role Viewer on project Search`, `ada has create on project Search, only for experiment` */
export function readAcl(text: string): NamedAcl {
  const [, group, who, role, what, on, restriction, expiry] = match(
    /^(group )?(.+?) has (role )?(.+?) on (.+?)(?:, only for (\w+))?(?:, until (.+))?$/,
    text,
  );
  return {
    subject: { kind: group === undefined ? "principal" : "group", name: who ?? "" },
    on: readObject(on),
    grant:
      role === undefined
        ? {
            kind: "permission",
            permission: readPermission(what),
            restrictObjectType: restriction === undefined ? null : readType(restriction),
          }
        : { kind: "role", name: what ?? "" },
    expiresInMs: expiry === undefined ? null : readExpiry(expiry),
  };
}

/** `in 1 hour`, `now`, `1 hour ago` */
function readExpiry(text: string): number {
  if (text === "now") return 0;
  const [, ahead, count, unit, ago] = match(/^(in )?(\d+) (millisecond|hour|day)s?( ago)?$/, text);
  if ((ahead === undefined) === (ago === undefined)) throw new Error(`\`${text}\` is no time`);
  return Number(count) * (unitsMs[unit ?? ""] ?? Number.NaN) * (ago === undefined ? 1 : -1);
}

const unitsMs: Readonly<Record<string, number>> = { millisecond: 1, hour: 3_600_000, day: 86_400_000 };

/**
 * `ada may read, update experiment Tuned`, `ada may not create dataset in project Search`,
 * `ada may do anything to project Search`, `ada may only read project Search` (and nothing else)
 */
export function readExpectations(text: string): readonly Expectation[] {
  const [, who, verb, what, where] = match(
    /^(.+?) (may not|may only|may) (do anything to|\w+(?:, \w+)*) (.+)$/,
    text,
  );
  const named = what === "do anything to" ? permissions : (what ?? "").split(", ").map(readPermission);
  const target = readTarget(where ?? "");
  const expect = (permission: Permission, allowed: boolean): Expectation => ({
    text,
    who: who ?? "",
    allowed,
    permission,
    target,
  });
  return verb === "may only"
    ? permissions.map((permission) => expect(permission, named.includes(permission)))
    : named.map((permission) => expect(permission, verb === "may"));
}

function readTarget(text: string): NamedTarget {
  const place = /^(\w+) in (.+)$/.exec(text);
  return place === null
    ? { kind: "object", object: readObject(text) }
    : { kind: "place", type: readType(place[1]), parent: readObject(place[2]) };
}

type Reader = readonly [RegExp, (...parts: readonly string[]) => Change];

const changes: readonly Reader[] = [
  [
    /^add group (.+) to group (.+)$/,
    (member = "", group = "") => ({ kind: "add_group_to_group", member, group }),
  ],
  [
    /^remove group (.+) from group (.+)$/,
    (member = "", group = "") => ({ kind: "remove_group_from_group", member, group }),
  ],
  [
    /^add (.+) to group (.+)$/,
    (principal = "", group = "") => ({ kind: "add_principal_to_group", principal, group }),
  ],
  [
    /^remove (.+) from group (.+)$/,
    (principal = "", group = "") => ({ kind: "remove_principal_from_group", principal, group }),
  ],
  [/^remove (\S+) from the organisation$/, (principal = "") => ({ kind: "remove_member", principal })],
  [/^delete group (.+)$/, (group = "") => ({ kind: "delete_group", group })],
  [/^delete role (.+)$/, (role = "") => ({ kind: "delete_role", role })],
  [
    /^make (.+) (public|private)$/,
    (object, word) => ({ kind: "set_public", object: readObject(object), isPublic: word === "public" }),
  ],
  [
    /^let (project_group .+) no longer list (project .+)$/,
    (by, project) => ({ kind: "unlist_project", project: readObject(project), by: readObject(by) }),
  ],
  [
    /^let (project_group .+) list (project .+)$/,
    (by, project) => ({ kind: "list_project", project: readObject(project), by: readObject(by) }),
  ],
  [/^delete (.+)$/, (object) => ({ kind: "delete_object", object: readObject(object) })],
  [/^create (.+)$/, (object = "") => ({ kind: "create_object", object: readNewObject(object) })],
  [
    /^let role (.+) be (.+)$/,
    (name = "", parts = "") => ({ kind: "change_role", role: readRole(name, parts.split(", ")) }),
  ],
  [/^grant: (.+)$/, (acl = "") => ({ kind: "grant", acl: readAcl(acl) })],
  [/^withdraw: (.+)$/, (acl = "") => ({ kind: "withdraw", acl: readAcl(acl) })],
];

export function readChange(text: string): Change {
  for (const [pattern, read] of changes) {
    const found = pattern.exec(text);
    if (found !== null) return read(...found.slice(1));
  }
  throw new Error(`\`${text}\` is nothing that can be done`);
}

function readPermission(word: string | undefined): Permission {
  if (word !== undefined && isPermission(word)) return word;
  throw new Error(`\`${word}\` is no permission`);
}

function readType(word: string | undefined): ObjectType {
  if (word !== undefined && isObjectType(word)) return word;
  throw new Error(`\`${word}\` is no object type`);
}

function match(pattern: RegExp, text: string): readonly (string | undefined)[] {
  const found = pattern.exec(text);
  if (found === null) throw new Error(`\`${text}\` is no sentence that can be read here`);
  return found;
}
