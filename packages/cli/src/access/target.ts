// What access shall be: as a file says, and for the rest as it is.

import { invalid } from "@portcullis/chassis/fault";
import { builtInGroups, occursAtOrBelow, systemRoles } from "@portcullis/policy";
import { type Access, type Atom, atomName, isInForce } from "./atom.ts";
import type { AccessFile, AclEntry, MemberName } from "./file.ts";
import { isBuiltIn } from "./organization.ts";
import { push } from "./push.ts";

/** What names in a file stand for. */
export interface Resolver {
  principal(name: MemberName, field: string): string;
  /** The key of what an ACL is on. */
  object(place: AclEntry["object"], field: string): string;
}

/** The chains of nesting that the system bears. */
const chainMax = 64;
const nameMax = 255;

const builtInNames: ReadonlySet<string> = new Set(Object.values(builtInGroups).map(({ name }) => name));
const systemNames: ReadonlySet<string> = new Set(Object.values(systemRoles).map(({ name }) => name));

export function targetOf(
  current: Access,
  file: AccessFile,
  {
    resolver,
    prune,
    nowMs,
  }: { readonly resolver: Resolver; readonly prune: boolean; readonly nowMs: number },
): Access {
  const draft = new Map(current);
  const put = (atom: Atom) => draft.set(atomName(atom), atom);
  const inside = Map.groupBy(current, ([, atom]) => insideOf(atom));
  const replace = (kind: Inside, owner: string, atoms: readonly Atom[]) => {
    for (const [name] of inside.get(`${kind} ${owner}`) ?? []) draft.delete(name);
    for (const atom of atoms) put(atom);
  };

  for (const [group, entry] of Object.entries(file.groups ?? {})) {
    const field = `groups.${group}`;
    checkName(group, field);
    const standing = draft.get(atomName({ kind: "group", group, description: "" }));
    const before = standing?.kind === "group" ? standing.description : "";
    put({ kind: "group", group, description: entry.description ?? before });
    if (entry.members !== undefined) {
      const principals = entry.members.map((one, index) =>
        resolver.principal(one, `${field}.members[${index}]`),
      );
      replace(
        "member",
        group,
        principals.map((principal) => ({ kind: "member", group, principal })),
      );
    }
    if (entry.groups !== undefined) {
      replace(
        "nested",
        group,
        entry.groups.map((memberGroup) => ({ kind: "nested", group, memberGroup })),
      );
    }
  }

  for (const [role, entry] of Object.entries(file.roles ?? {})) {
    const field = `roles.${role}`;
    checkName(role, field);
    if (systemNames.has(role)) throw invalid(field, "is a role of the system: it can't be changed");
    const standing = draft.get(atomName({ kind: "role", role, description: "" }));
    const before = standing?.kind === "role" ? standing.description : "";
    put({ kind: "role", role, description: entry.description ?? before });
    if (entry.permissions !== undefined) {
      replace(
        "permission",
        role,
        entry.permissions.map(({ permission, only }) => ({ kind: "permission", role, permission, only })),
      );
    }
    if (entry.roles !== undefined) {
      replace(
        "subrole",
        role,
        entry.roles.map((memberRole) => ({ kind: "subrole", role, memberRole })),
      );
    }
  }

  const listed = (file.acls ?? []).map((entry, index) => aclOf(entry, `acls[${index}]`, resolver));
  checkOnce(listed);
  for (const acl of listed) if (!isBuiltIn(acl) && isInForce(acl, nowMs)) put(acl);

  if (prune) pruneTo(draft, file, new Set(listed.map(atomName)));
  return draft;
}

/** Refuses to delete what the file itself makes use of. */
export function checkPrunable(file: AccessFile): void {
  const demand = (kind: "group" | "role", name: string, field: string) => {
    if (goes(file, kind, name)) {
      throw invalid(field, `the ${kind} \`${name}\` is not in the file, and --prune would delete it`);
    }
  };
  for (const [group, entry] of Object.entries(file.groups ?? {})) {
    for (const inner of entry.groups ?? []) demand("group", inner, `groups.${group}.groups`);
  }
  for (const [role, entry] of Object.entries(file.roles ?? {})) {
    for (const inner of entry.roles ?? []) demand("role", inner, `roles.${role}.roles`);
  }
  for (const [index, { group, role, object }] of (file.acls ?? []).entries()) {
    if (group !== undefined) demand("group", group, `acls[${index}].group`);
    if (role !== undefined) demand("role", role, `acls[${index}].role`);
    const [named] = object.path ?? [];
    if (named !== undefined && (object.type === "group" || object.type === "role")) {
      demand(object.type, named, `acls[${index}].object`);
    }
  }
}

/** Whether --prune deletes it: it is not in the file's section of its kind, and can be deleted at all. */
function goes({ groups, roles }: AccessFile, kind: "group" | "role", name: string): boolean {
  return kind === "group"
    ? groups !== undefined && !builtInNames.has(name) && !Object.hasOwn(groups, name)
    : roles !== undefined && !systemNames.has(name) && !Object.hasOwn(roles, name);
}

/** What the organisation has and the file does not name, in the sections that the file has: it is left alone. */
export function unmanaged(current: Access, target: Access, pruned: Access): readonly Atom[] {
  return [...current].flatMap(([name, atom]) => (target.has(name) && !pruned.has(name) ? [atom] : []));
}

function pruneTo(draft: Map<string, Atom>, file: AccessFile, listed: ReadonlySet<string>): void {
  const isGoing = (kind: "group" | "role", name: string) => goes(file, kind, name);
  for (const [name, atom] of draft) {
    switch (atom.kind) {
      case "group":
      case "member":
        if (isGoing("group", atom.group)) draft.delete(name);
        break;
      case "nested":
        if (isGoing("group", atom.group) || isGoing("group", atom.memberGroup)) draft.delete(name);
        break;
      case "role":
      case "permission":
        if (isGoing("role", atom.role)) draft.delete(name);
        break;
      case "subrole":
        if (isGoing("role", atom.role) || isGoing("role", atom.memberRole)) draft.delete(name);
        break;
      case "acl": {
        const { on, holder, grant } = atom;
        const hangsOnWhatGoes =
          (holder.kind === "group" && isGoing("group", holder.key)) ||
          ("role" in grant && isGoing("role", grant.role)) ||
          ((on.type === "group" || on.type === "role") && isGoing(on.type, on.key));
        if (hangsOnWhatGoes || (file.acls !== undefined && !listed.has(name))) draft.delete(name);
        break;
      }
    }
  }
}

function aclOf(entry: AclEntry, field: string, resolver: Resolver): Extract<Atom, { kind: "acl" }> {
  const { object, permission, role, only } = entry;
  if (only !== undefined && !occursAtOrBelow(only, object.type)) {
    throw invalid(`${field}.only`, `no ${only} can be at or below a ${object.type}`);
  }
  const holder =
    entry.group === undefined
      ? ({ kind: "user", key: resolver.principal(memberOf(entry), field) } as const)
      : ({ kind: "group", key: entry.group } as const);
  return {
    kind: "acl",
    on: { type: object.type, key: resolver.object(object, `${field}.object`) },
    holder,
    grant: permission === undefined ? { role: role ?? "" } : { permission, only: only ?? null },
    expiresAt: entry.expires_at === undefined ? null : new Date(entry.expires_at).toISOString(),
  };
}

type Inside = "member" | "nested" | "permission" | "subrole";

/** What an atom is a part of. */
function insideOf(atom: Atom): `${Inside} ${string}` | null {
  switch (atom.kind) {
    case "member":
    case "nested":
      return `${atom.kind} ${atom.group}`;
    case "permission":
    case "subrole":
      return `${atom.kind} ${atom.role}`;
    case "group":
    case "role":
    case "acl":
      return null;
  }
}

/** Two that say the same may differ in when they expire, and then nobody knows which one is meant. */
function checkOnce(acls: readonly Atom[]): void {
  const seen = new Set<string>();
  for (const [index, acl] of acls.entries()) {
    const name = atomName(acl);
    if (seen.has(name)) throw invalid(`acls[${index}]`, "says the same as one above it");
    seen.add(name);
  }
}

function memberOf({ user, service_account, user_id }: AclEntry): MemberName {
  if (user !== undefined) return user;
  return service_account === undefined ? { id: user_id ?? "" } : { service_account };
}

function checkName(name: string, field: string): void {
  if (name.length > nameMax) throw invalid(field, `is longer than ${nameMax} characters`);
}

/** Refuses unless whatever is named is there, and nothing holds itself. */
export function checkWhole(access: Access): void {
  const holds = { group: new Map<string, string[]>(), role: new Map<string, string[]>() };
  const isThere = (kind: "group" | "role", name: string) =>
    (kind === "role" && systemNames.has(name)) ||
    access.has(
      atomName(
        kind === "group" ? { kind, group: name, description: "" } : { kind, role: name, description: "" },
      ),
    );
  const demand = (kind: "group" | "role", name: string, field: string) => {
    if (!isThere(kind, name)) throw invalid(field, `there is no ${kind} \`${name}\``);
  };
  for (const atom of access.values()) {
    switch (atom.kind) {
      case "nested":
        demand("group", atom.memberGroup, `groups.${atom.group}.groups`);
        push(holds.group, atom.group, atom.memberGroup);
        break;
      case "subrole":
        demand("role", atom.memberRole, `roles.${atom.role}.roles`);
        push(holds.role, atom.role, atom.memberRole);
        break;
      case "acl":
        if (atom.holder.kind === "group") demand("group", atom.holder.key, "acls.group");
        if ("role" in atom.grant) demand("role", atom.grant.role, "acls.role");
        if (atom.on.type === "group" || atom.on.type === "role") {
          demand(atom.on.type, atom.on.key, "acls.object.path");
        }
        break;
      case "group":
      case "member":
      case "role":
      case "permission":
        break;
    }
  }
  for (const kind of ["group", "role"] as const) checkNesting(kind, holds[kind]);
}

/** Levels off: each round the things that hold nothing but what is done are done. */
function checkNesting(kind: "group" | "role", holds: ReadonlyMap<string, readonly string[]>): void {
  const left = new Map(holds);
  for (let depth = 0; left.size > 0; depth += 1) {
    const done = [...left].filter(([, inner]) => inner.every((name) => !left.has(name)));
    const [first = ""] = left.keys();
    if (done.length === 0) throw invalid(`${kind}s.${first}.${kind}s`, `the ${kind} would hold itself`);
    if (depth >= chainMax) {
      throw invalid(`${kind}s.${first}.${kind}s`, `nests more than ${chainMax} deep`);
    }
    for (const [name] of done) left.delete(name);
  }
}
