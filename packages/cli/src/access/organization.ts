// All access of an organisation, as it stands.

import { Fault } from "@portcullis/chassis/fault";
import { builtInGroups, type ObjectType, systemRoles } from "@portcullis/policy";
import { z } from "zod";
import { whoAmI } from "../lookup.ts";
import { isFace } from "../object-kinds.ts";
import { allBare, allObjects, allPages } from "../pages.ts";
import type { StartProgress } from "../progress.ts";
import type { Rest } from "../rest.ts";
import {
  type Acl,
  acl,
  type Group,
  group,
  type Member,
  memberPage,
  permission,
  type Role,
  role,
} from "../shapes.ts";
import { type Access, type Atom, accessOf, isInForce } from "./atom.ts";

export interface Organization {
  readonly id: string;
  readonly name: string;
  /** Who asks. */
  readonly self: string;
  readonly members: ReadonlyMap<string, Member>;
  /** By name. */
  readonly groups: ReadonlyMap<string, Group>;
  readonly roles: ReadonlyMap<string, Role>;
  readonly access: Access;
}

const held = z.object({ permissions: z.array(permission) });

/** Reads all of it, and refuses to if the key does not see all. */
export async function readOrganization(rest: Rest, start: StartProgress): Promise<Organization> {
  const self = await whoAmI(rest);
  const [organization = { id: "", name: "" }] = self.organizations;
  await checkSeesAll(rest, organization.id);
  using progress = start("reading");
  const members = await allPages(async (cursor) => {
    const page = await rest.get(memberPage, "/v1/access/members", { limit: 1000, cursor });
    progress.expect(page.members.length);
    progress.advance(page.members.length);
    return { items: page.members, cursor: page.cursor };
  });
  const groups = await allObjects(rest, group, "/v1/group", { progress });
  const roles = await allObjects(rest, role, "/v1/role", { progress });
  const acls = await allBare(rest, acl, "/v1/acl/list_org", { progress });
  // Every organization has these: who does not see them sees too little.
  if (!Object.values(builtInGroups).every(({ name }) => groups.some((one) => one.name === name))) {
    throw new Fault("denied", "not allowed: the key does not see the organization's groups");
  }
  return {
    ...organization,
    self: self.id,
    members: new Map(members.map((one) => [one.id, one])),
    groups: new Map(groups.map((one) => [one.name, one])),
    roles: new Map(roles.map((one) => [one.name, one])),
    access: accessOf(atomsOf({ members, groups, roles, acls }, Date.now())),
  };
}

async function checkSeesAll(rest: Rest, organization: string): Promise<void> {
  const { body } = await rest.send(held, "POST", "/v1/access/permissions", {
    object: { type: "organization", id: organization },
    consistency: { fully_consistent: {} },
  });
  if (body.permissions.includes("read_acls")) return;
  throw new Fault("denied", "not allowed: it takes read_acls on the organization, to see all of its access");
}

interface Rows {
  readonly members: readonly Member[];
  readonly groups: readonly Group[];
  readonly roles: readonly Role[];
  readonly acls: readonly Acl[];
}

/** What the rows say. Left out is what nobody can change, and what grants nothing any more. */
export function atomsOf({ members, groups, roles, acls }: Rows, nowMs: number): readonly Atom[] {
  const isMember = new Set(members.map(({ id }) => id));
  const groupNames = new Map(groups.map(({ id, name }) => [id, name]));
  const roleNames = new Map(roles.map(({ id, name }) => [id, name]));
  return [
    ...groups.flatMap((one): Atom[] => [
      { kind: "group", group: one.name, description: one.description ?? "" },
      // Of a member who is leaving, rows may stand a moment longer.
      ...one.member_users
        .filter((id) => isMember.has(id))
        .map((principal) => ({ kind: "member", group: one.name, principal }) as const),
      ...one.member_groups.flatMap((id) => {
        const memberGroup = groupNames.get(id);
        return memberGroup === undefined ? [] : [{ kind: "nested", group: one.name, memberGroup } as const];
      }),
    ]),
    ...roles
      .filter(({ org_id }) => org_id !== null)
      .flatMap((one): Atom[] => [
        { kind: "role", role: one.name, description: one.description ?? "" },
        ...one.member_permissions.map(
          ({ permission, restrict_object_type: only }) =>
            ({ kind: "permission", role: one.name, permission, only }) as const,
        ),
        ...one.member_roles.flatMap((id) => {
          const memberRole = roleNames.get(id);
          return memberRole === undefined ? [] : [{ kind: "subrole", role: one.name, memberRole } as const];
        }),
      ]),
    ...acls.flatMap((one) => {
      const atom = aclAtom(one, { isMember, groupNames, roleNames });
      return atom === null || isBuiltIn(atom) || !isInForce(atom, nowMs) ? [] : [atom];
    }),
  ];
}

interface Names {
  readonly isMember: ReadonlySet<string>;
  readonly groupNames: ReadonlyMap<string, string>;
  readonly roleNames: ReadonlyMap<string, string>;
}

/** Null: it names what is gone, and so grants nothing. */
function aclAtom(
  row: Acl,
  { isMember, groupNames, roleNames }: Names,
): Extract<Atom, { kind: "acl" }> | null {
  const { object_type: type, object_id: id } = row;
  const key = type === "group" ? groupNames.get(id) : type === "role" ? roleNames.get(id) : id;
  const group = row.group_id === null ? undefined : groupNames.get(row.group_id);
  const holder =
    row.user_id === null
      ? group === undefined
        ? null
        : ({ kind: "group", key: group } as const)
      : isMember.has(row.user_id)
        ? ({ kind: "user", key: row.user_id } as const)
        : null;
  const role = row.role_id === null ? undefined : roleNames.get(row.role_id);
  const grant =
    row.permission === null
      ? role === undefined
        ? null
        : { role }
      : { permission: row.permission, only: row.restrict_object_type };
  if (key === undefined || holder === null || grant === null) return null;
  const expiresAt = row.expires_at === null ? null : new Date(row.expires_at).toISOString();
  return { kind: "acl", on: { type, key }, holder, grant, expiresAt };
}

/** Whether it came with the organisation, for a built-in group: nobody can change it. */
export function isBuiltIn({ on, holder, grant }: Extract<Atom, { kind: "acl" }>): boolean {
  return Object.values(builtInGroups).some(
    (group) =>
      isFace(on.type) &&
      on.type === (group.on as ObjectType) &&
      holder.kind === "group" &&
      holder.key === group.name &&
      "role" in grant &&
      grant.role === systemRoles[group.role].name,
  );
}
