// A small organisation for tests: what its atoms give to whom, and what each write does to it.

import { permissions, systemRoles } from "@portcullis/policy";
import fc from "fast-check";
import { type Access, type AclAtom, type Atom, accessOf, atomName } from "../src/access/atom.ts";
import type { ProposedChange } from "../src/access/proposal.ts";
import type { Step } from "../src/access/step.ts";

const groupNames = ["Owners", "A", "B", "C"] as const;
const roleNames = ["R", "S"] as const;
const viewer = systemRoles.viewer.name;
const people = ["p", "q", "r"] as const;
const times = ["2030-01-01T00:00:00.000Z", "2031-01-01T00:00:00.000Z"] as const;

/** Any access in which whatever is named is there, and nothing holds itself. */
export const anyAccess: fc.Arbitrary<Access> = fc
  .record({
    groups: fc.subarray([...groupNames.slice(1)]),
    roles: fc.subarray([...roleNames]),
    descriptions: fc.constantFrom("", "d"),
  })
  .chain(({ groups: some, roles, descriptions }) => {
    const groups = [groupNames[0], ...some];
    // What comes later in the list may be held by what comes before.
    const nested = pairs(groups).map(
      ([group, memberGroup]): Atom => ({ kind: "nested", group, memberGroup }),
    );
    const members = groups.flatMap((group) =>
      people.map((principal): Atom => ({ kind: "member", group, principal })),
    );
    const subroles = [...pairs(roles), ...roles.map((role) => [role, viewer] as const)].map(
      ([role, memberRole]): Atom => ({ kind: "subrole", role, memberRole }),
    );
    const held = roles.flatMap((role) =>
      (["read", "update"] as const).flatMap((permission) =>
        ([null, "dataset"] as const).map((only): Atom => ({ kind: "permission", role, permission, only })),
      ),
    );
    const objects: AclAtom["on"][] = [
      { type: "project", key: "o" },
      { type: "dataset", key: "d" },
      ...groups.map((key) => ({ type: "group", key }) as const),
      ...roles.map((key) => ({ type: "role", key }) as const),
    ];
    const acl = fc.record(
      {
        kind: fc.constant("acl" as const),
        on: fc.constantFrom(...objects),
        holder: fc.constantFrom<AclAtom["holder"]>(
          ...groups.map((key) => ({ kind: "group", key }) as const),
          ...people.map((key) => ({ kind: "user", key }) as const),
        ),
        grant: fc.constantFrom<AclAtom["grant"]>(
          { permission: "read", only: null },
          { permission: "delete", only: null },
          ...[...roles, viewer].map((role) => ({ role })),
        ),
        expiresAt: fc.constantFrom(null, ...times),
      },
      { noNullPrototype: true },
    );
    return fc
      .record({
        nested: fc.subarray(nested),
        members: fc.subarray(members),
        subroles: fc.subarray(subroles),
        held: fc.subarray(held),
        acls: fc.array(acl, { maxLength: 6 }),
      })
      .map((parts) =>
        accessOf([
          ...groups.map((group): Atom => ({ kind: "group", group, description: descriptions })),
          ...roles.map((role): Atom => ({ kind: "role", role, description: descriptions })),
          ...Object.values(parts).flat(),
        ]),
      );
  });

/** Who may do what on what, now and later: one text for each. */
export function given(access: Access): ReadonlySet<string> {
  const result = new Set<string>();
  for (const acl of access.values()) {
    if (acl.kind !== "acl") continue;
    for (const principal of holdersOf(access, acl.holder)) {
      for (const what of grantsOf(access, acl.grant)) {
        for (const [moment, time] of ["2029", ...times].entries()) {
          const holds = acl.expiresAt === null || acl.expiresAt > time;
          if (holds) result.add(JSON.stringify([moment, principal, acl.on.type, acl.on.key, what]));
        }
      }
    }
  }
  return result;
}

/** What a write makes of an access; throws if it can't be done. */
export function done(access: Access, step: Step): Access {
  const draft = new Map(access);
  const put = (atom: Atom) => draft.set(atomName(atom), atom);
  const take = (atom: Atom) => draft.delete(atomName(atom));
  switch (step.do) {
    case "remove_acls":
      for (const acl of step.acls) take(acl);
      break;
    case "add_acls":
      for (const acl of step.acls) {
        const standing = draft.get(atomName(acl));
        // As REST has it: who names no expiry changes none.
        if (standing === undefined || acl.expiresAt !== null) put(acl);
      }
      break;
    case "create_group":
    case "update_group": {
      const standing = draft.get(atomName({ kind: "group", group: step.group, description: "" }));
      if ((standing === undefined) !== (step.do === "create_group"))
        throw new Error(`${step.do}: ${step.group}`);
      const before = standing?.kind === "group" ? standing.description : "";
      put({ kind: "group", group: step.group, description: step.description ?? before });
      for (const principal of step.removeMembers) take({ kind: "member", group: step.group, principal });
      for (const memberGroup of step.removeGroups) take({ kind: "nested", group: step.group, memberGroup });
      for (const principal of step.addMembers) put({ kind: "member", group: step.group, principal });
      for (const memberGroup of step.addGroups) put({ kind: "nested", group: step.group, memberGroup });
      break;
    }
    case "create_role":
    case "update_role": {
      const standing = draft.get(atomName({ kind: "role", role: step.role, description: "" }));
      if ((standing === undefined) !== (step.do === "create_role"))
        throw new Error(`${step.do}: ${step.role}`);
      const before = standing?.kind === "role" ? standing.description : "";
      put({ kind: "role", role: step.role, description: step.description ?? before });
      for (const atom of step.removePermissions) take(atom);
      for (const memberRole of step.removeRoles) take({ kind: "subrole", role: step.role, memberRole });
      for (const atom of step.addPermissions) put(atom);
      for (const memberRole of step.addRoles) put({ kind: "subrole", role: step.role, memberRole });
      break;
    }
    case "delete_group":
      // What it holds goes with it.
      for (const [name, atom] of draft) if ("group" in atom && atom.group === step.group) draft.delete(name);
      break;
    case "delete_role":
      for (const [name, atom] of draft) if ("role" in atom && atom.role === step.role) draft.delete(name);
      break;
  }
  demandWhole(draft);
  return draft;
}

/** What a simulated change makes of an access; ids are the names. */
export function changed(access: Access, change: ProposedChange): Access {
  const draft = new Map(access);
  const put = (atom: Atom) => draft.set(atomName(atom), atom);
  const [only] = Object.entries(change);
  const [word, value] = only ?? ["", {}];
  const told = value as Record<string, string>;
  const { group_id: group = "", principal_id: principal = "", role_id: role = "" } = told;
  const atoms: Readonly<Record<string, () => Atom>> = {
    principal: () => ({ kind: "member", group, principal }),
    member_group: () => ({ kind: "nested", group, memberGroup: told["member_group_id"] ?? "" }),
    role_permission: () => ({
      kind: "permission",
      role,
      permission: permissions.find((one) => one === told["permission"]) ?? "read",
      only: (told["restrict_object_type"] ?? null) as "dataset" | null,
    }),
    member_role: () => ({ kind: "subrole", role, memberRole: told["member_role_id"] ?? "" }),
    acl: () => aclOf(told["content"] ?? told),
  };
  const [act, what = ""] = word.split(/_(.*)/s);
  const atom = atoms[what]?.();
  if (atom === undefined) throw new Error(word);
  if (act === "add") put(atom);
  else draft.delete(atomName(atom));
  demandWhole(draft);
  return draft;
}

function aclOf(content: unknown): AclAtom {
  const told = content as {
    object: { type: AclAtom["on"]["type"]; id: string };
    principal_id?: string;
    group_id?: string;
    permission?: "read";
    restrict_object_type?: "dataset" | null;
    role_id?: string;
    expires_at?: string | null;
  };
  return {
    kind: "acl",
    on: { type: told.object.type, key: told.object.id },
    holder:
      told.principal_id === undefined
        ? { kind: "group", key: told.group_id ?? "" }
        : { kind: "user", key: told.principal_id },
    grant:
      told.permission === undefined
        ? { role: told.role_id ?? "" }
        : { permission: told.permission, only: told.restrict_object_type ?? null },
    expiresAt: told.expires_at ?? null,
  };
}

function holdersOf(access: Access, holder: AclAtom["holder"]): ReadonlySet<string> {
  if (holder.kind === "user") return new Set([holder.key]);
  const inside = [...access.values()].flatMap((atom) => {
    if (atom.kind === "member" && atom.group === holder.key) return [atom.principal];
    const isNested = atom.kind === "nested" && atom.group === holder.key;
    return isNested ? [...holdersOf(access, { kind: "group", key: atom.memberGroup })] : [];
  });
  return new Set(inside);
}

function grantsOf(access: Access, grant: AclAtom["grant"]): ReadonlySet<string> {
  if (!("role" in grant)) return new Set([`${grant.permission} ${grant.only}`]);
  if (grant.role === viewer) return new Set(["read null"]);
  const inside = [...access.values()].flatMap((atom) => {
    if (atom.kind === "permission" && atom.role === grant.role) return [`${atom.permission} ${atom.only}`];
    const isHeld = atom.kind === "subrole" && atom.role === grant.role;
    return isHeld ? [...grantsOf(access, { role: atom.memberRole })] : [];
  });
  return new Set(inside);
}

/** A write that names what is not there is refused. */
function demandWhole(access: Access): void {
  const hasGroup = (group: string) => access.has(atomName({ kind: "group", group, description: "" }));
  const hasRole = (role: string) =>
    role === viewer || access.has(atomName({ kind: "role", role, description: "" }));
  for (const atom of access.values()) {
    const groups =
      atom.kind === "member"
        ? [atom.group]
        : atom.kind === "nested"
          ? [atom.group, atom.memberGroup]
          : atom.kind === "acl"
            ? [
                ...(atom.holder.kind === "group" ? [atom.holder.key] : []),
                ...(atom.on.type === "group" ? [atom.on.key] : []),
              ]
            : [];
    const roles =
      atom.kind === "permission"
        ? [atom.role]
        : atom.kind === "subrole"
          ? [atom.role, atom.memberRole]
          : atom.kind === "acl"
            ? [
                ...("role" in atom.grant ? [atom.grant.role] : []),
                ...(atom.on.type === "role" ? [atom.on.key] : []),
              ]
            : [];
    if (!groups.every(hasGroup) || !roles.every(hasRole)) throw new Error(`dangling: ${atomName(atom)}`);
  }
}

function pairs<T>(values: readonly T[]): readonly (readonly [T, T])[] {
  return values.flatMap((one, index) => values.slice(index + 1).map((other) => [one, other] as const));
}
