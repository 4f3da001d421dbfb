// The writes that lead from one access to another, in an order in which nobody ever has more than before or after.
//
// More atoms never give less access. So as long as all that has been done is removals, nobody has more than before; and
// once all removals are done, nobody has more than at the end. Hence: first all that takes away, then all that gives.
// Between the two somebody may have less than before and after. One write may do both at once, since nothing lies between
// its parts: the one group in Owners where somebody goes and somebody comes, so that an Owner is left all the while.

import { builtInGroups } from "@portcullis/policy";
import { type Access, type AclAtom, type Atom, atomName } from "./atom.ts";
import { differenceOf } from "./difference.ts";
import { push } from "./push.ts";

export interface GroupChange {
  readonly addMembers: readonly string[];
  readonly removeMembers: readonly string[];
  readonly addGroups: readonly string[];
  readonly removeGroups: readonly string[];
  /** Null: it stays. */
  readonly description: string | null;
}

type PermissionAtom = Extract<Atom, { kind: "permission" }>;

export interface RoleChange {
  readonly addPermissions: readonly PermissionAtom[];
  readonly removePermissions: readonly PermissionAtom[];
  readonly addRoles: readonly string[];
  readonly removeRoles: readonly string[];
  readonly description: string | null;
}

/** One write. */
export type Step =
  | { readonly do: "remove_acls"; readonly acls: readonly AclAtom[] }
  /** Those that stand get this expiry. */
  | { readonly do: "add_acls"; readonly acls: readonly AclAtom[] }
  | ({ readonly do: "update_group"; readonly group: string } & GroupChange)
  | ({ readonly do: "create_group"; readonly group: string } & GroupChange)
  | { readonly do: "delete_group"; readonly group: string }
  | ({ readonly do: "update_role"; readonly role: string } & RoleChange)
  | ({ readonly do: "create_role"; readonly role: string } & RoleChange)
  | { readonly do: "delete_role"; readonly role: string };

/** As many as one request may hold. */
const aclsAtOnce = 1000;

export function stepsBetween(from: Access, to: Access): readonly Step[] {
  const { removed, added, changed } = differenceOf(from, to);
  const goes = sorted(removed);
  const comes = sorted(added);

  const shortened: AclAtom[] = [];
  const extended: AclAtom[] = [];
  const lifted: { readonly from: AclAtom; readonly to: AclAtom }[] = [];
  for (const { from: before, to: after } of changed) {
    if (before.kind === "acl" && after.kind === "acl") {
      // An expiry can be moved; to lift it, the ACL goes and comes again.
      if (after.expiresAt === null) lifted.push({ from: before, to: after });
      else if (before.expiresAt === null || after.expiresAt < before.expiresAt) shortened.push(after);
      else extended.push(after);
    } else if (after.kind === "group" || after.kind === "role") {
      comes.descriptions.set(nameOfThing(after), after.description);
    }
  }

  const isGone = (kind: "group" | "role", name: string) => goes.things[kind].has(name);
  const isNew = (kind: "group" | "role", name: string) => comes.things[kind].has(name);
  const groupNames = namesOf("group", goes, comes).filter((name) => !isGone("group", name));
  const roleNames = namesOf("role", goes, comes).filter((name) => !isGone("role", name));
  const pivot = pivotOf(from, groupNames, goes, comes);

  const narrow: Step[] = [
    ...inBatches([...goes.acls, ...lifted.map((one) => one.from)], "remove_acls"),
    ...inBatches(shortened, "add_acls"),
    ...groupNames
      .filter((group) => group !== pivot && !isNew("group", group))
      .map((group) => ({ do: "update_group", group, ...groupChange(group, goes, nothing) }) as const),
    ...roleNames
      .filter((role) => !isNew("role", role))
      .map((role) => ({ do: "update_role", role, ...roleChange(role, goes, nothing) }) as const),
    ...[...goes.things.role].map((role) => ({ do: "delete_role", role }) as const),
  ];
  const both: Step[] =
    pivot === null ? [] : [{ do: "update_group", group: pivot, ...groupChange(pivot, goes, comes) }];
  // By now nothing names them any more, and they give nobody anything.
  const empty: Step[] = [...goes.things.group].map((group) => ({ do: "delete_group", group }) as const);
  const wide: Step[] = [
    ...insideFirst(comes.things.role, comes.subroles).map(
      (role) => ({ do: "create_role", role, ...roleChange(role, nothing, comes) }) as const,
    ),
    ...roleNames
      .filter((role) => !isNew("role", role))
      .map((role) => ({ do: "update_role", role, ...roleChange(role, nothing, comes) }) as const),
    ...insideFirst(comes.things.group, comes.nested).map(
      (group) => ({ do: "create_group", group, ...groupChange(group, nothing, comes) }) as const,
    ),
    ...groupNames
      .filter((group) => group !== pivot && !isNew("group", group))
      .map((group) => ({ do: "update_group", group, ...groupChange(group, nothing, comes) }) as const),
    ...inBatches([...comes.acls, ...extended, ...lifted.map((one) => one.to)], "add_acls"),
  ];
  return [...narrow, ...both, ...empty, ...wide].filter(doesSomething);
}

/** Atoms by what they are about. */
interface Sorted {
  readonly acls: readonly AclAtom[];
  readonly things: { readonly group: ReadonlySet<string>; readonly role: ReadonlySet<string> };
  readonly descriptions: Map<string, string>;
  readonly members: ReadonlyMap<string, readonly string[]>;
  readonly nested: ReadonlyMap<string, readonly string[]>;
  readonly permissions: ReadonlyMap<string, readonly PermissionAtom[]>;
  readonly subroles: ReadonlyMap<string, readonly string[]>;
}

function sorted(atoms: readonly Atom[]): Sorted {
  const acls: AclAtom[] = [];
  const things = { group: new Set<string>(), role: new Set<string>() };
  const descriptions = new Map<string, string>();
  const members = new Map<string, string[]>();
  const nested = new Map<string, string[]>();
  const permissions = new Map<string, PermissionAtom[]>();
  const subroles = new Map<string, string[]>();
  for (const atom of atoms) {
    switch (atom.kind) {
      case "acl":
        acls.push(atom);
        break;
      case "group":
        things.group.add(atom.group);
        descriptions.set(nameOfThing(atom), atom.description);
        break;
      case "role":
        things.role.add(atom.role);
        descriptions.set(nameOfThing(atom), atom.description);
        break;
      case "member":
        push(members, atom.group, atom.principal);
        break;
      case "nested":
        push(nested, atom.group, atom.memberGroup);
        break;
      case "permission":
        push(permissions, atom.role, atom);
        break;
      case "subrole":
        push(subroles, atom.role, atom.memberRole);
        break;
    }
  }
  return { acls, things, descriptions, members, nested, permissions, subroles };
}

const nothing = sorted([]);

function groupChange(group: string, goes: Sorted, comes: Sorted): GroupChange {
  return {
    addMembers: comes.members.get(group) ?? [],
    removeMembers: goes.members.get(group) ?? [],
    addGroups: comes.nested.get(group) ?? [],
    removeGroups: goes.nested.get(group) ?? [],
    description: comes.descriptions.get(nameOfThing({ kind: "group", group })) ?? null,
  };
}

function roleChange(role: string, goes: Sorted, comes: Sorted): RoleChange {
  return {
    addPermissions: comes.permissions.get(role) ?? [],
    removePermissions: goes.permissions.get(role) ?? [],
    addRoles: comes.subroles.get(role) ?? [],
    removeRoles: goes.subroles.get(role) ?? [],
    description: comes.descriptions.get(nameOfThing({ kind: "role", role })) ?? null,
  };
}

function namesOf(kind: "group" | "role", ...parts: readonly Sorted[]): readonly string[] {
  const [inside, nesting] =
    kind === "group" ? (["members", "nested"] as const) : (["permissions", "subroles"] as const);
  const names = parts.flatMap((part) => [
    ...part[inside].keys(),
    ...part[nesting].keys(),
    ...[...part.descriptions.keys()].flatMap((name) => {
      const [of, thing] = JSON.parse(name) as [string, string];
      return of === kind ? [thing] : [];
    }),
  ]);
  return [...new Set(names)];
}

/** The group in Owners where somebody goes and somebody comes: Owners itself, if it is one of these. */
function pivotOf(from: Access, groups: readonly string[], goes: Sorted, comes: Sorted): string | null {
  const owners: string = builtInGroups.owners.name;
  const nested = sorted([...from.values()]).nested;
  const inOwners = [owners];
  for (const group of inOwners) {
    for (const inner of nested.get(group) ?? []) if (!inOwners.includes(inner)) inOwners.push(inner);
  }
  const changes = (group: string, part: Sorted) => part.members.has(group) || part.nested.has(group);
  // What is to be created can't be put in before it is there.
  const isReady = (group: string) =>
    (comes.nested.get(group) ?? []).every((inner) => !comes.things.group.has(inner));
  return (
    inOwners.find(
      (group) => groups.includes(group) && changes(group, goes) && changes(group, comes) && isReady(group),
    ) ?? null
  );
}

/** What holds others after those which it holds. */
function insideFirst(
  names: ReadonlySet<string>,
  holds: ReadonlyMap<string, readonly string[]>,
): readonly string[] {
  const seen = new Set<string>();
  const order: string[] = [];
  const visit = (name: string): void => {
    if (seen.has(name) || !names.has(name)) return;
    seen.add(name);
    // Nesting has no cycles, and a bounded depth: this has been checked.
    for (const inner of holds.get(name) ?? []) visit(inner);
    order.push(name);
  };
  for (const name of names) visit(name);
  return order;
}

function inBatches(acls: readonly AclAtom[], act: "remove_acls" | "add_acls"): readonly Step[] {
  const batches: Step[] = [];
  for (let at = 0; at < acls.length; at += aclsAtOnce) {
    batches.push({ do: act, acls: acls.slice(at, at + aclsAtOnce) });
  }
  return batches;
}

function doesSomething(step: Step): boolean {
  if (step.do === "update_group") {
    const { addMembers, removeMembers, addGroups, removeGroups, description } = step;
    return (
      description !== null ||
      [addMembers, removeMembers, addGroups, removeGroups].some((one) => one.length > 0)
    );
  }
  if (step.do === "update_role") {
    const { addPermissions, removePermissions, addRoles, removeRoles, description } = step;
    return (
      description !== null ||
      [addPermissions, removePermissions, addRoles, removeRoles].some((one) => one.length > 0)
    );
  }
  return true;
}

function nameOfThing(
  thing:
    | { readonly kind: "group"; readonly group: string }
    | { readonly kind: "role"; readonly role: string },
): string {
  return atomName({ ...thing, description: "" });
}
