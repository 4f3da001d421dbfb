// From the access of an organisation to a file that says all of it.

import { type Paths, pathKey } from "../names.ts";
import { isFace } from "../object-kinds.ts";
import type { AclAtom, Atom } from "./atom.ts";
import { baseText } from "./base.ts";
import type { AclEntry, MemberName, WrittenFile } from "./file.ts";
import type { Organization } from "./organization.ts";

type GroupEntry = NonNullable<WrittenFile["groups"]>[string];
type RoleEntry = NonNullable<WrittenFile["roles"]>[string];

export function exportedFile(organization: Organization, paths: Paths): WrittenFile {
  const atoms = [...organization.access.values()];
  const name = memberNames(organization);
  const of = <Kind extends Atom["kind"]>(kind: Kind) =>
    atoms.filter((atom): atom is Extract<Atom, { kind: Kind }> => atom.kind === kind);
  const members = Map.groupBy(of("member"), ({ group }) => group);
  const nested = Map.groupBy(of("nested"), ({ group }) => group);
  const permissions = Map.groupBy(of("permission"), ({ role }) => role);
  const subroles = Map.groupBy(of("subrole"), ({ role }) => role);

  const groups = of("group").map(({ group, description }): [string, GroupEntry] => [
    group,
    {
      description,
      members: sortedBy(
        (members.get(group) ?? []).map(({ principal }) => name(principal)),
        JSON.stringify,
      ),
      groups: (nested.get(group) ?? []).map(({ memberGroup }) => memberGroup).toSorted(),
    },
  ]);
  const roles = of("role").map(({ role, description }): [string, RoleEntry] => [
    role,
    {
      description,
      permissions: (permissions.get(role) ?? []).map(({ permission, only }) =>
        only === null ? permission : { permission, only },
      ),
      roles: (subroles.get(role) ?? []).map(({ memberRole }) => memberRole).toSorted(),
    },
  ]);
  const acls = of("acl").map((acl) => aclEntryOf(acl, name, paths));
  return {
    version: 1,
    organization: organization.name,
    groups: Object.fromEntries(sortedBy(groups, ([group]) => group)),
    roles: Object.fromEntries(sortedBy(roles, ([role]) => role)),
    acls: sortedBy(acls, JSON.stringify),
    made_against: baseText({ organization: organization.id, access: organization.access }),
  };
}

function aclEntryOf(acl: AclAtom, name: (principal: string) => MemberName, paths: Paths): AclEntry {
  const { on, holder, grant, expiresAt } = acl;
  return {
    object: { type: on.type, ...whereIs(on, paths) },
    ...(holder.kind === "group" ? { group: holder.key } : asHolder(name(holder.key))),
    ...("role" in grant
      ? { role: grant.role }
      : { permission: grant.permission, ...(grant.only !== null && { only: grant.only }) }),
    ...(expiresAt !== null && { expires_at: expiresAt }),
  };
}

function whereIs({ type, key }: AclAtom["on"], paths: Paths): { path?: string[]; id?: string } {
  if (isFace(type)) return {};
  if (type === "group" || type === "role") return { path: [key] };
  const path = paths.get(pathKey({ type, id: key }));
  return path === undefined ? { id: key } : { path: [...path] };
}

function asHolder(name: MemberName) {
  if (typeof name === "string") return { user: name };
  return "id" in name ? { user_id: name.id } : name;
}

/** People by their addresses, service accounts by their names, both unique; whoever has none by the id. */
function memberNames({ members }: Organization): (principal: string) => MemberName {
  return (principal) => {
    const member = members.get(principal);
    if (member?.kind === "user" && member.email !== null) return member.email;
    if (member?.kind === "service_account" && member.name !== null) return { service_account: member.name };
    return { id: principal };
  };
}

function sortedBy<T>(values: readonly T[], key: (value: T) => string): T[] {
  return values.toSorted((one, other) => (key(one) < key(other) ? -1 : 1));
}
