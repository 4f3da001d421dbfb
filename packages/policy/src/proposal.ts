// Changes that somebody thinks of making: what the facts would be after them. Each is made as a write of its own would
// make it, in order, and refused for the reasons for which that write would be refused.

import {
  builtInGroups,
  type ObjectRef,
  occursAtOrBelow,
  type RolePermission,
  systemRoles,
} from "./catalog.ts";
import { reachable } from "./closure.ts";
import type { Access, Acl, GroupNode, Member, Memberships, RoleNode } from "./facts.ts";
import type { AclId, GroupId, OrgId, PrincipalId, RoleId } from "./ids.ts";
import type { FactLookup } from "./lookup.ts";
import { chainMax, isOnCycle, longestChain } from "./nesting.ts";
import { lookupIn, type ObjectName, objectName, type Piece } from "./piece.ts";
import { standingAccess } from "./tree.ts";

/** An ACL by what it says: two of the same content are one. */
type AclSaying = Pick<Acl, "subject" | "grant">;

/** One change of an organisation. */
export type Change =
  | { readonly kind: "add_acl"; readonly on: ObjectRef; readonly acl: Omit<Acl, "id"> }
  | { readonly kind: "remove_acl"; readonly on: ObjectRef; readonly acl: AclSaying }
  | {
      readonly kind: "add_principal" | "remove_principal";
      readonly group: GroupId;
      readonly principal: PrincipalId;
    }
  | {
      readonly kind: "add_member_group" | "remove_member_group";
      readonly group: GroupId;
      readonly memberGroup: GroupId;
    }
  | {
      readonly kind: "add_role_permission" | "remove_role_permission";
      readonly role: RoleId;
      readonly permission: RolePermission;
    }
  | {
      readonly kind: "add_member_role" | "remove_member_role";
      readonly role: RoleId;
      readonly memberRole: RoleId;
    }
  | { readonly kind: "remove_member"; readonly principal: PrincipalId };

/** What the facts would be. */
export interface Proposed {
  readonly kind: "proposed";
  readonly piece: Piece;
}

/** Why one of the changes can't be made. */
export interface Refused {
  readonly kind: "refused";
  /** Which change. */
  readonly index: number;
  /** The field of the change that is wrong; empty: the change as a whole. */
  readonly field: string;
  readonly reason: string;
  /** Whether it names what is not there, or is against a rule. */
  readonly why: "invalid" | "refused";
}

/**
 * The facts after the changes. The piece must hold groups and roles, the facts of all principals that the changes name,
 * and those of the objects that they put ACLs on and of all above these. `areOwnersAll`: it also holds the facts of
 * every principal in Owners, nested groups included.
 */
export function proposed(
  piece: Piece,
  changes: readonly Change[],
  { nowMs, areOwnersAll }: { readonly nowMs: number; readonly areOwnersAll: boolean },
): Proposed | Refused {
  const draft = new Draft(piece, nowMs, areOwnersAll);
  for (const [index, change] of changes.entries()) {
    const wrong = draft.make(change);
    if (wrong !== null) return { kind: "refused", index, ...wrong };
  }
  return { kind: "proposed", piece: draft.piece() };
}

/** Those in Owners who may be missed by one of the changes: the groups whose principals have to be known. None: nobody. */
export function ownersAtStake(piece: Piece, changes: readonly Change[]): ReadonlySet<GroupId> {
  const takesAway = changes.some(
    ({ kind }) => kind === "remove_principal" || kind === "remove_member_group" || kind === "remove_member",
  );
  if (!takesAway) return new Set();
  const added = new Map<GroupId, GroupId[]>();
  for (const change of changes) {
    if (change.kind !== "add_member_group") continue;
    added.set(change.group, [...(added.get(change.group) ?? []), change.memberGroup]);
  }
  return reachable(ownersGroups(piece.groups), (group) => [
    ...(piece.groups.get(group)?.memberGroups ?? []),
    ...(added.get(group) ?? []),
  ]);
}

type Wrong = Omit<Refused, "kind" | "index">;

/** Facts that are being changed. */
class Draft {
  readonly #org: OrgId;
  readonly #nowMs: number;
  readonly #areOwnersAll: boolean;
  readonly #groups: Map<GroupId, GroupNode>;
  readonly #roles: Map<RoleId, RoleNode>;
  readonly #members: Map<PrincipalId, Member | null>;
  readonly #memberships: Map<PrincipalId, Memberships>;
  readonly #access: Map<ObjectName, Access | null>;
  readonly #owners: readonly GroupId[];
  #groupsAround: Around<GroupId> | null = null;
  #rolesAround: Around<RoleId> | null = null;
  /** Only for what is there: no change makes or ends a group, a role or an object. */
  readonly #lookup: FactLookup;

  constructor(piece: Piece, nowMs: number, areOwnersAll: boolean) {
    this.#org = piece.org;
    this.#nowMs = nowMs;
    this.#areOwnersAll = areOwnersAll;
    this.#groups = new Map(piece.groups);
    this.#roles = new Map(piece.roles);
    this.#members = new Map(piece.members);
    this.#memberships = new Map(piece.memberships);
    this.#access = new Map(piece.access);
    this.#owners = ownersGroups(piece.groups);
    this.#lookup = lookupIn(this.piece());
  }

  piece(): Piece {
    return {
      org: this.#org,
      groups: this.#groups,
      roles: this.#roles,
      members: this.#members,
      memberships: this.#memberships,
      access: this.#access,
    };
  }

  make(change: Change): Wrong | null {
    switch (change.kind) {
      case "add_acl":
        return this.#addAcl(change.on, change.acl);
      case "remove_acl":
        return this.#removeAcl(change.on, change.acl);
      case "add_principal":
        return this.#addPrincipal(change.group, change.principal);
      case "remove_principal":
        return this.#removePrincipal(change.group, change.principal);
      case "add_member_group":
        return this.#addMemberGroup(change.group, change.memberGroup);
      case "remove_member_group":
        return this.#removeMemberGroup(change.group, change.memberGroup);
      case "add_role_permission":
      case "remove_role_permission":
        return this.#editRole(change.role, (node) => ({
          ...node,
          permissions: [
            ...node.permissions.filter((one) => !isSamePermission(one, change.permission)),
            ...(change.kind === "add_role_permission" ? [change.permission] : []),
          ],
        }));
      case "add_member_role":
        return this.#addMemberRole(change.role, change.memberRole);
      case "remove_member_role":
        this.#rolesAround?.remove(change.role, change.memberRole);
        return this.#editRole(change.role, (node) => ({
          ...node,
          memberRoles: node.memberRoles.filter((one) => one !== change.memberRole),
        }));
      case "remove_member":
        return this.#removeMember(change.principal);
    }
  }

  #addAcl(on: ObjectRef, acl: Omit<Acl, "id">): Wrong | null {
    const { subject, grant, expiresAtMs } = acl;
    if (grant.kind === "permission" && grant.restrictObjectType !== null) {
      const { restrictObjectType: type } = grant;
      if (!occursAtOrBelow(type, on.type)) {
        return invalid("restrict_object_type", `\`${type}\` can't occur at or below \`${on.type}\``);
      }
    }
    if (expiresAtMs !== null && expiresAtMs <= this.#nowMs) {
      return invalid("expires_at", "must be in the future");
    }
    if (subject.kind === "principal" && this.#member(subject.id) === null) {
      return invalid("principal_id", "no such user or group");
    }
    if (subject.kind === "group" && !this.#groups.has(subject.id)) {
      return invalid("group_id", "no such user or group");
    }
    const access = this.#standing(on);
    if (access === null) return invalid("object", "no such object");
    if (grant.kind === "role" && !isSystemRole(grant.id) && !this.#roles.has(grant.id)) {
      return invalid("role_id", "no such role");
    }
    const others = aclsIn(access);
    const same = others.filter((one) => isSameAcl(one, acl));
    const [standing] = same;
    const isInForce = standing !== undefined && !hasExpired(standing, this.#nowMs);
    const until = isInForce ? (expiresAtMs ?? standing.expiresAtMs) : expiresAtMs;
    if (standing !== undefined && standing.expiresAtMs !== until && this.#isBuiltIn(on, standing)) {
      return builtInIsFixed;
    }
    const id = standing?.id ?? ("proposed" as AclId);
    const acls = [...others.filter((one) => !same.includes(one)), { id, subject, grant, expiresAtMs: until }];
    this.#access.set(objectName(on), { ...access, acls });
    return null;
  }

  #removeAcl(on: ObjectRef, acl: AclSaying): Wrong | null {
    const access = this.#access.get(objectName(on));
    const others = access === undefined || access === null ? [] : aclsIn(access);
    const same = others.filter((one) => isSameAcl(one, acl));
    const [standing] = same;
    if (access === undefined || access === null || standing === undefined) {
      return invalid("", "no such ACL");
    }
    if (this.#isBuiltIn(on, standing)) return builtInIsFixed;
    this.#access.set(objectName(on), { ...access, acls: others.filter((one) => !same.includes(one)) });
    return null;
  }

  #addPrincipal(group: GroupId, principal: PrincipalId): Wrong | null {
    if (!this.#groups.has(group)) return noSuchGroup;
    if (this.#member(principal) === null) return noSuchMember;
    const direct = this.#directly(principal);
    if (!direct.includes(group)) this.#memberships.set(principal, [...direct, group]);
    return null;
  }

  #removePrincipal(group: GroupId, principal: PrincipalId): Wrong | null {
    if (!this.#groups.has(group)) return noSuchGroup;
    const direct = this.#directly(principal);
    if (!direct.includes(group)) return null;
    const owners = this.#ownersClosure();
    this.#memberships.set(
      principal,
      direct.filter((one) => one !== group),
    );
    return owners.has(group) ? this.#lastOwner("principal_id") : null;
  }

  #addMemberGroup(group: GroupId, memberGroup: GroupId): Wrong | null {
    const node = this.#groups.get(group);
    if (node === undefined) return noSuchGroup;
    if (!this.#groups.has(memberGroup)) {
      return invalid("member_group_id", "no such group in the organization");
    }
    if (node.memberGroups.includes(memberGroup)) return null;
    this.#groups.set(group, { ...node, memberGroups: [...node.memberGroups, memberGroup] });
    this.#groupsAround ??= new Around(Array.from(this.#groups, ([id, node]) => [id, node.memberGroups]));
    this.#groupsAround.add(group, memberGroup);
    const { of: above } = this.#groupsAround;
    const below = (each: GroupId) => this.#groups.get(each)?.memberGroups ?? [];
    if (isOnCycle(group, below)) return refused("member_group_id", "the group would contain itself");
    if (longestChain(group, below, chainMax) + longestChain(group, above, chainMax) > chainMax) {
      return refused("member_group_id", `groups can't be nested more than ${chainMax} deep`);
    }
    return null;
  }

  #removeMemberGroup(group: GroupId, memberGroup: GroupId): Wrong | null {
    const node = this.#groups.get(group);
    if (node === undefined) return noSuchGroup;
    if (!node.memberGroups.includes(memberGroup)) return null;
    const owners = this.#ownersClosure();
    this.#groups.set(group, {
      ...node,
      memberGroups: node.memberGroups.filter((one) => one !== memberGroup),
    });
    this.#groupsAround?.remove(group, memberGroup);
    return owners.has(group) ? this.#lastOwner("member_group_id") : null;
  }

  #editRole(role: RoleId, edit: (node: RoleNode) => RoleNode): Wrong | null {
    if (isSystemRole(role)) return refused("role_id", "system roles can't be changed");
    const node = this.#roles.get(role);
    if (node === undefined) return invalid("role_id", "no such role");
    this.#roles.set(role, edit(node));
    return null;
  }

  #addMemberRole(role: RoleId, memberRole: RoleId): Wrong | null {
    const isThere = isSystemRole(memberRole) || this.#roles.has(memberRole);
    const wrong = this.#editRole(role, (node) => ({
      ...node,
      memberRoles: [...node.memberRoles.filter((one) => one !== memberRole), memberRole],
    }));
    if (wrong !== null) return wrong;
    if (!isThere) return invalid("member_role_id", "no such role");
    this.#rolesAround ??= new Around(Array.from(this.#roles, ([id, node]) => [id, node.memberRoles]));
    this.#rolesAround.add(role, memberRole);
    const { of: above } = this.#rolesAround;
    const below = (each: RoleId) => (isSystemRole(each) ? [] : (this.#roles.get(each)?.memberRoles ?? []));
    if (isOnCycle(role, below)) {
      return refused("member_role_id", "a role can't be a member of itself, directly or through other roles");
    }
    if (longestChain(role, below, chainMax) + longestChain(role, above, chainMax) >= chainMax) {
      return refused("member_role_id", `roles can't be nested more than ${chainMax} deep`);
    }
    return null;
  }

  #removeMember(principal: PrincipalId): Wrong | null {
    if (this.#member(principal) === null) return noSuchMember;
    const owners = this.#ownersClosure();
    const isOwner = this.#directly(principal).some((group) => owners.has(group));
    this.#members.set(principal, null);
    this.#memberships.set(principal, []);
    return isOwner ? this.#lastOwner("principal_id") : null;
  }

  /** Refuses if no active user is left in Owners. */
  #lastOwner(field: string): Wrong | null {
    const owners = this.#ownersClosure();
    for (const [principal, direct] of this.#memberships) {
      if (this.#members.get(principal)?.kind === "user" && direct.some((group) => owners.has(group))) {
        return null;
      }
    }
    return this.#areOwnersAll
      ? refused(field, "the organization would be left without an active user in Owners")
      : refused(field, "there are too many in Owners to see whether an active user would be left");
  }

  #ownersClosure(): ReadonlySet<GroupId> {
    return reachable(this.#owners, (group) => this.#groups.get(group)?.memberGroups ?? []);
  }

  /** Null: the object, or something above it, is not there. */
  #standing(object: ObjectRef): Access | null {
    const access = standingAccess(object, this.#org, this.#lookup);
    for (let above: Access | null | undefined = access; above?.parent !== null; ) {
      if (above === undefined) throw new Error("a proposal was judged without the facts that it names");
      if (above === null) return null;
      above = standingAccess(above.parent, this.#org, this.#lookup);
    }
    return access ?? null;
  }

  /** Made with the organisation for one of its built-in groups. */
  #isBuiltIn(on: ObjectRef, { subject, grant }: AclSaying): boolean {
    const name = subject.kind === "group" ? this.#groups.get(subject.id)?.builtIn : null;
    if (name === null || name === undefined || grant.kind !== "role") return false;
    return on.type === builtInGroups[name].on && grant.id === systemRoles[builtInGroups[name].role].id;
  }

  #member(principal: PrincipalId): Member | null {
    const member = this.#members.get(principal);
    if (member === undefined) throw new Error("a proposal was judged without the facts that it names");
    return member;
  }

  #directly(principal: PrincipalId): Memberships {
    const memberships = this.#memberships.get(principal);
    if (memberships === undefined) throw new Error("a proposal was judged without the facts that it names");
    return memberships;
  }
}

function ownersGroups(groups: ReadonlyMap<GroupId, GroupNode>): GroupId[] {
  return [...groups].flatMap(([group, { builtIn }]) => (builtIn === "owners" ? [group] : []));
}

/** For each node, those that name it; follows what changes. */
class Around<Id> {
  readonly #around = new Map<Id, Set<Id>>();

  constructor(nodes: Iterable<readonly [Id, readonly Id[]]>) {
    for (const [outer, inner] of nodes) for (const one of inner) this.add(outer, one);
  }

  readonly of = (inner: Id): Iterable<Id> => this.#around.get(inner) ?? [];

  add(outer: Id, inner: Id): void {
    const known = this.#around.get(inner);
    if (known === undefined) this.#around.set(inner, new Set([outer]));
    else known.add(outer);
  }

  remove(outer: Id, inner: Id): void {
    this.#around.get(inner)?.delete(outer);
  }
}

function isSystemRole(role: RoleId): boolean {
  return Object.values(systemRoles).some(({ id }) => id === role);
}

function isSamePermission(one: RolePermission, other: RolePermission): boolean {
  return one.permission === other.permission && one.restrictObjectType === other.restrictObjectType;
}

/** Whether two ACLs on one object are one. */
function isSameAcl(one: AclSaying, other: AclSaying): boolean {
  if (one.subject.kind !== other.subject.kind || one.subject.id !== other.subject.id) return false;
  if (one.grant.kind === "role") return other.grant.kind === "role" && one.grant.id === other.grant.id;
  return other.grant.kind === "permission" && isSamePermission(one.grant, other.grant);
}

function hasExpired({ expiresAtMs }: Acl, nowMs: number): boolean {
  return expiresAtMs !== null && expiresAtMs <= nowMs;
}

function invalid(field: string, reason: string): Wrong {
  return { field, reason, why: "invalid" };
}

function refused(field: string, reason: string): Wrong {
  return { field, reason, why: "refused" };
}

const noSuchGroup = invalid("group_id", "no such group in the organization");
const noSuchMember = invalid("principal_id", "no such member of the organization");
const builtInIsFixed = refused("", "the ACLs of a built-in group can't be changed");

function aclsIn({ acls }: Access): readonly Acl[] {
  if (acls === null) throw new Error("a proposal was judged without the facts that it names");
  return acls;
}
