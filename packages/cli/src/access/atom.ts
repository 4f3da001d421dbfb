// The access of an organisation as a set of atoms: each says one thing, each can be added and removed by itself, and
// more of them never give less access. Groups and roles are named by their names, everything else by its id.

import type { ObjectType, Permission } from "@portcullis/policy";

export interface AclAtom {
  readonly kind: "acl";
  /** Of groups and roles the name, else the id. */
  readonly on: { readonly type: ObjectType; readonly key: string };
  readonly holder: { readonly kind: "user" | "group"; readonly key: string };
  readonly grant:
    | { readonly permission: Permission; readonly only: ObjectType | null }
    | { readonly role: string };
  /** RFC 3339 with milliseconds; null: never. No part of what tells ACLs apart. */
  readonly expiresAt: string | null;
}

export type Atom =
  | { readonly kind: "group"; readonly group: string; readonly description: string }
  | { readonly kind: "member"; readonly group: string; readonly principal: string }
  | { readonly kind: "nested"; readonly group: string; readonly memberGroup: string }
  | { readonly kind: "role"; readonly role: string; readonly description: string }
  | {
      readonly kind: "permission";
      readonly role: string;
      readonly permission: Permission;
      readonly only: ObjectType | null;
    }
  | { readonly kind: "subrole"; readonly role: string; readonly memberRole: string }
  | AclAtom;

/** All atoms, each under its name. */
export type Access = ReadonlyMap<string, Atom>;

/** What tells an atom from others: all of it but a description and an expiry. */
export function atomName(atom: Atom): string {
  return JSON.stringify(namingParts(atom));
}

export function accessOf(atoms: Iterable<Atom>): Map<string, Atom> {
  return new Map([...atoms].map((atom) => [atomName(atom), atom]));
}

/** Whether two atoms of one name, or their absence, are the same. */
export function isSameAtom(one: Atom | undefined, other: Atom | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return detailOf(one) === detailOf(other);
}

export function isSameAccess(one: Access, other: Access): boolean {
  return one.size === other.size && [...one].every(([name, atom]) => isSameAtom(atom, other.get(name)));
}

/** Whether an ACL still grants something. */
export function isInForce(atom: Atom, nowMs: number): boolean {
  return atom.kind !== "acl" || atom.expiresAt === null || Date.parse(atom.expiresAt) > nowMs;
}

function namingParts(atom: Atom): readonly unknown[] {
  switch (atom.kind) {
    case "group":
      return [atom.kind, atom.group];
    case "member":
      return [atom.kind, atom.group, atom.principal];
    case "nested":
      return [atom.kind, atom.group, atom.memberGroup];
    case "role":
      return [atom.kind, atom.role];
    case "permission":
      return [atom.kind, atom.role, atom.permission, atom.only];
    case "subrole":
      return [atom.kind, atom.role, atom.memberRole];
    case "acl": {
      const { on, holder, grant } = atom;
      const what = "role" in grant ? ["role", grant.role] : ["permission", grant.permission, grant.only];
      return [atom.kind, on.type, on.key, holder.kind, holder.key, ...what];
    }
  }
}

function detailOf(atom: Atom): string | null {
  if (atom.kind === "acl") return atom.expiresAt;
  return atom.kind === "group" || atom.kind === "role" ? atom.description : "";
}
