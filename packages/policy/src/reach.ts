// Whose access a proposal can move, and where. It may name more than moves, and never less: whoever it does not name has
// after the changes what it had before.

import type { ObjectRef } from "./catalog.ts";
import { reachable } from "./closure.ts";
import type { Acl } from "./facts.ts";
import type { GroupId, PrincipalId, RoleId } from "./ids.ts";
import { objectName, type Piece } from "./piece.ts";
import type { Change } from "./proposal.ts";

/** Some principals: one, or all that one of these groups names directly, before the changes or after them. */
export type Who =
  | { readonly kind: "principal"; readonly principal: PrincipalId }
  | { readonly kind: "groups"; readonly groups: ReadonlySet<GroupId> };

/** What these may do at an object, or anywhere below it, can move. */
export interface Block {
  readonly who: Who;
  readonly at: ObjectRef;
}

/** An ACL, as far as it tells whom a change reaches through it. */
export interface PlacedAcl {
  readonly on: ObjectRef;
  readonly subject: Acl["subject"];
  /** Null: it grants a plain permission. */
  readonly role: RoleId | null;
}

/** The standing ACLs through which the changes reach further. */
export interface Wanted {
  readonly principals: ReadonlySet<PrincipalId>;
  readonly groups: ReadonlySet<GroupId>;
  readonly roles: ReadonlySet<RoleId>;
}

/** Of these, ACLs that name one of the subjects let the change reach `who`; those that grant a role, whomever they name. */
interface Through {
  readonly principal: PrincipalId | null;
  readonly groups: ReadonlySet<GroupId>;
  readonly roles: ReadonlySet<RoleId>;
  readonly who: Who | null;
}

export interface Reach {
  /** Which standing ACLs have to be looked for. */
  readonly wanted: Wanted;
  /** Who may no longer read what every member may read. */
  readonly leaving: readonly PrincipalId[];
  /** Where whose access can move, given those ACLs. */
  blocks(standing: Iterable<PlacedAcl>): readonly Block[];
}

/** How far the changes between two pieces reach. */
export function reachOf(changes: readonly Change[], before: Piece, after: Piece): Reach {
  const nesting = union(before.groups, after.groups, ({ memberGroups }) => memberGroups);
  const containing = inverted(nesting);
  const roleContaining = inverted(union(before.roles, after.roles, ({ memberRoles }) => memberRoles));
  const groupsBelow = remembered(
    (group: GroupId): Who => ({
      kind: "groups",
      groups: reachable([group], (each) => nesting.get(each) ?? []),
    }),
  );
  const subjectWho = (subject: Acl["subject"]): Who =>
    subject.kind === "principal" ? { kind: "principal", principal: subject.id } : groupsBelow(subject.id);
  const groupsAround = (groups: Iterable<GroupId>) => reachable(groups, (each) => containing.get(each) ?? []);

  const direct: Block[] = [];
  const through: Through[] = [];
  const leaving: PrincipalId[] = [];
  for (const change of changes) {
    switch (change.kind) {
      case "add_acl":
      case "remove_acl":
        direct.push({ who: subjectWho(change.acl.subject), at: change.on });
        break;
      case "add_principal":
      case "remove_principal": {
        const who = { kind: "principal", principal: change.principal } as const;
        through.push({ principal: null, groups: groupsAround([change.group]), roles: none, who });
        break;
      }
      case "add_member_group":
      case "remove_member_group": {
        const who = groupsBelow(change.memberGroup);
        through.push({ principal: null, groups: groupsAround([change.group]), roles: none, who });
        break;
      }
      case "add_role_permission":
      case "remove_role_permission":
      case "add_member_role":
      case "remove_member_role": {
        const roles = reachable([change.role], (each) => roleContaining.get(each) ?? []);
        through.push({ principal: null, groups: none, roles, who: null });
        break;
      }
      case "remove_member": {
        const { principal } = change;
        const groups = groupsAround(before.memberships.get(principal) ?? []);
        through.push({ principal, groups, roles: none, who: { kind: "principal", principal } });
        leaving.push(principal);
        break;
      }
    }
  }

  return {
    wanted: {
      principals: new Set(leaving),
      groups: new Set(through.flatMap(({ groups }) => [...groups])),
      roles: new Set(through.flatMap(({ roles }) => [...roles])),
    },
    leaving,
    blocks(standing) {
      const blocks = [...direct];
      for (const { on, subject, role } of standing) {
        for (const { principal, groups, roles, who } of through) {
          const isNamed = subject.kind === "principal" ? subject.id === principal : groups.has(subject.id);
          if (isNamed && who !== null) blocks.push({ who, at: on });
          if (role !== null && roles.has(role)) blocks.push({ who: subjectWho(subject), at: on });
        }
      }
      return distinct(blocks);
    },
  };
}

const none: ReadonlySet<never> = new Set();

/** Each once; of one group's closure there is one object. */
function distinct(blocks: readonly Block[]): readonly Block[] {
  const met = new Map<string, Set<Who | PrincipalId>>();
  return blocks.filter(({ who, at }) => {
    const name = objectName(at);
    const known = met.get(name) ?? new Set();
    met.set(name, known);
    const key = who.kind === "principal" ? who.principal : who;
    if (known.has(key)) return false;
    known.add(key);
    return true;
  });
}

/** What each node leads to, in one or the other. */
function union<Id, Node>(
  one: ReadonlyMap<Id, Node>,
  other: ReadonlyMap<Id, Node>,
  inner: (node: Node) => readonly Id[],
): ReadonlyMap<Id, readonly Id[]> {
  const all = new Map<Id, readonly Id[]>();
  for (const [id, node] of one) all.set(id, inner(node));
  for (const [id, node] of other) {
    if (one.get(id) !== node) all.set(id, [...new Set([...(all.get(id) ?? []), ...inner(node)])]);
  }
  return all;
}

function inverted<Id>(nodes: ReadonlyMap<Id, readonly Id[]>): ReadonlyMap<Id, readonly Id[]> {
  const inverse = new Map<Id, Id[]>();
  for (const [outer, inner] of nodes) {
    for (const each of inner) {
      const known = inverse.get(each);
      if (known === undefined) inverse.set(each, [outer]);
      else known.push(outer);
    }
  }
  return inverse;
}

function remembered<Key, Value>(make: (key: Key) => Value): (key: Key) => Value {
  const known = new Map<Key, Value>();
  return (key) => {
    const value = known.get(key) ?? make(key);
    known.set(key, value);
    return value;
  };
}
