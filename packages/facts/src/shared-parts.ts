// What many facts have in common is held once: most objects share their parents and have no ACLs of their own, and most
// people are in the same groups as others. With very many facts of small things that is half of what they weigh.

import type { Access, GroupId, Member, Memberships, ObjectRef, Parents } from "@portcullis/policy";

/** More are hardly common; then it begins anew. */
const partsMax = 20_000;
/** Nor are longer lists. */
const listMax = 8;
const nothing: readonly never[] = [];
const members: readonly Member[] = [{ kind: "user" }, { kind: "service_account" }];
const groupIds = new Map<string, GroupId>();
const memberships = new Map<string, Memberships>();
const parents = new Map<string, ObjectRef>();
/** Objects with nothing of their own, by their parents. */
const plain = new Map<ObjectRef, Access>();
const bare = new Map<ObjectRef, Parents>();

export function withSharedMember(member: Member | null): Member | null {
  return members.find(({ kind }) => kind === member?.kind) ?? member;
}

/** What is derived from memberships is remembered by their identity, so that much more is shared than the list. */
export function withSharedGroups(ids: Memberships): Memberships {
  if (ids.length === 0) return nothing;
  if (ids.length > listMax) return ids.map((id) => shared(groupIds, id, id));
  return shared(memberships, ids.join(), ids);
}

export function withSharedPlace(access: Access | null): Access | null {
  if (access === null) return null;
  const { alsoUnder, acls } = access;
  const parent = sharedParent(access);
  const isPlain = alsoUnder.length === 0 && acls?.length === 0 && access.publicRead === undefined;
  if (isPlain && parent !== null) return shared(plain, parent, { parent, alsoUnder: nothing, acls: nothing });
  return {
    ...access,
    parent,
    alsoUnder: alsoUnder.length === 0 ? nothing : alsoUnder,
    acls: acls?.length === 0 ? nothing : acls,
  };
}

export function withSharedParents(place: Parents | null): Parents | null {
  if (place === null) return null;
  const parent = sharedParent(place);
  const isBare = place.alsoUnder.length === 0 && place.publicRead === undefined;
  if (isBare && parent !== null) return shared(bare, parent, { parent, alsoUnder: nothing });
  return { ...place, parent };
}

function sharedParent({ parent }: Parents): ObjectRef | null {
  return parent === null ? null : shared(parents, parent.type + parent.id, parent);
}

function shared<Name, Part>(parts: Map<Name, Part>, name: Name, part: Part): Part {
  const known = parts.get(name);
  if (known !== undefined) return known;
  if (parts.size >= partsMax) parts.clear();
  parts.set(name, part);
  return part;
}
