// Steps in the words of `simulate`. What would be made can't be named there yet: a new group stands for whom it would
// hold, a new role for what it would hold.

import { type ObjectType, occursAtOrBelow, type Permission } from "@portcullis/policy";
import type { Access, AclAtom } from "./atom.ts";
import { push } from "./push.ts";
import type { Step } from "./step.ts";

/** One change, as `/v1/access/simulate` takes it. */
export type ProposedChange = Readonly<Record<string, unknown>>;

export interface Ids {
  group(name: string): string | undefined;
  role(name: string): string | undefined;
}

type Holder = AclAtom["holder"];
type Grant = AclAtom["grant"];

export interface Proposal {
  readonly changes: readonly ProposedChange[];
  /** On groups and roles that would be made: nobody can be asked about these yet. */
  readonly leftOut: readonly AclAtom[];
}

export function proposalOf(steps: readonly Step[], target: Access, ids: Ids): Proposal {
  const changes = new Map<string, ProposedChange>();
  const leftOut: AclAtom[] = [];
  // Of changes that come to the same one counts.
  const change = (given: ProposedChange) => changes.set(JSON.stringify(given), given);
  const inside = insidesOf(target);

  /** Whom a group holds, as far as they can be named. */
  const holders = (holder: Holder): readonly Holder[] => {
    if (holder.kind === "user" || ids.group(holder.key) !== undefined) return [holder];
    return (inside.groups.get(holder.key) ?? []).flatMap(holders);
  };
  const grants = (grant: Grant): readonly Grant[] => {
    if (!("role" in grant) || ids.role(grant.role) !== undefined) return [grant];
    return (inside.roles.get(grant.role) ?? []).flatMap(grants);
  };
  const intoGroup = (act: "add" | "remove", group: string, holder: Holder) => {
    const group_id = ids.group(group);
    if (group_id === undefined) return;
    for (const one of holders(holder)) {
      if (one.kind === "user") change({ [`${act}_principal`]: { group_id, principal_id: one.key } });
      else change({ [`${act}_member_group`]: { group_id, member_group_id: ids.group(one.key) } });
    }
  };
  const intoRole = (act: "add" | "remove", role: string, grant: Grant) => {
    const role_id = ids.role(role);
    if (role_id === undefined) return;
    for (const one of grants(grant)) {
      if ("role" in one) change({ [`${act}_member_role`]: { role_id, member_role_id: ids.role(one.role) } });
      else {
        change({
          [`${act}_role_permission`]: {
            role_id,
            permission: one.permission,
            restrict_object_type: one.only,
          },
        });
      }
    }
  };
  const acl = (act: "add" | "remove", atom: AclAtom) => {
    const id =
      atom.on.type === "group"
        ? ids.group(atom.on.key)
        : atom.on.type === "role"
          ? ids.role(atom.on.key)
          : atom.on.key;
    if (id === undefined) {
      leftOut.push(atom);
      return;
    }
    for (const holder of holders(atom.holder)) {
      for (const grant of grants(atom.grant)) {
        if (!("role" in grant) && grant.only !== null && !occursAtOrBelow(grant.only, atom.on.type)) continue;
        const content = {
          object: { type: atom.on.type, id },
          ...(holder.kind === "user" ? { principal_id: holder.key } : { group_id: ids.group(holder.key) }),
          ...("role" in grant
            ? { role_id: ids.role(grant.role) }
            : { permission: grant.permission, restrict_object_type: grant.only }),
        };
        if (act === "remove") change({ remove_acl: { content } });
        else change({ add_acl: { ...content, expires_at: atom.expiresAt } });
      }
    }
  };
  const user = (key: string) => ({ kind: "user", key }) as const;
  const team = (key: string) => ({ kind: "group", key }) as const;

  for (const step of steps) {
    switch (step.do) {
      case "remove_acls":
        for (const atom of step.acls) acl("remove", atom);
        break;
      case "add_acls":
        for (const atom of step.acls) acl("add", atom);
        break;
      case "create_group":
      case "update_group":
        // What is one write comes in an order in which an Owner is left all the while.
        for (const principal of step.addMembers) intoGroup("add", step.group, user(principal));
        for (const inner of step.addGroups) intoGroup("add", step.group, team(inner));
        for (const principal of step.removeMembers) intoGroup("remove", step.group, user(principal));
        for (const inner of step.removeGroups) intoGroup("remove", step.group, team(inner));
        break;
      case "create_role":
      case "update_role":
        for (const one of step.removePermissions) intoRole("remove", step.role, plain(one));
        for (const role of step.removeRoles) intoRole("remove", step.role, { role });
        for (const one of step.addPermissions) intoRole("add", step.role, plain(one));
        for (const role of step.addRoles) intoRole("add", step.role, { role });
        break;
      case "delete_group":
      case "delete_role":
        // All that names it has been taken away before.
        break;
    }
  }
  return { changes: [...changes.values()], leftOut };
}

/** Without the role that it stands in. */
function plain({
  permission,
  only,
}: {
  readonly permission: Permission;
  readonly only: ObjectType | null;
}): Grant {
  return { permission, only };
}

/** What groups and roles hold themselves. */
function insidesOf(access: Access): {
  readonly groups: ReadonlyMap<string, readonly Holder[]>;
  readonly roles: ReadonlyMap<string, readonly Grant[]>;
} {
  const groups = new Map<string, Holder[]>();
  const roles = new Map<string, Grant[]>();
  for (const atom of access.values()) {
    if (atom.kind === "member") push(groups, atom.group, { kind: "user", key: atom.principal });
    if (atom.kind === "nested") push(groups, atom.group, { kind: "group", key: atom.memberGroup });
    if (atom.kind === "permission") {
      push(roles, atom.role, { permission: atom.permission, only: atom.only });
    }
    if (atom.kind === "subrole") push(roles, atom.role, { role: atom.memberRole });
  }
  return { groups, roles };
}
