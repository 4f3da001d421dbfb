// Updates of ACLs, as many together as are asked for at the same time: read in a few statements, made in memory one after
// the other, and written in a few statements.

import { invalid } from "@portcullis/chassis/fault";
import type { AclId, GroupId, ObjectRef, OrgId, RoleId } from "@portcullis/policy";
import type { JointKind, Query } from "@portcullis/store";
import { v7 as newUuid } from "uuid";
import {
  type Acl,
  type AclChanges,
  type AclContent,
  aclIdentity,
  builtInIsFixed,
  checkEnd,
  hasExpired,
  noSuchSubject,
} from "../domain/acl.ts";
import { systemRole } from "../domain/role.ts";
import type { Known } from "../neighbours.ts";
import { touchedByAcls } from "./acl-rows.ts";
import { existingIn, rolesAmong } from "./existence.ts";
import { checkNotBehind, type FollowedPlace, followedPlaces } from "./knowing.ts";
import { type MeantAcls, readStanding, type StandingAcls, writingDown } from "./standing-acls.ts";

/** An update, and who lives next door. */
export interface AclUpdate {
  readonly changes: AclChanges;
  readonly known: Known;
}

export interface ChangedAcls {
  /** One for each addition, in order. */
  readonly added: readonly { readonly acl: Acl; readonly foundExisting: boolean }[];
  /** Those that stood, and stand no longer. */
  readonly removed: readonly Acl[];
}

/** What an organisation has of what its updates name. */
interface Seen {
  readonly org: OrgId;
  readonly followed: readonly FollowedPlace[];
  readonly exists: (object: ObjectRef) => boolean;
  readonly isLiveRole: (role: RoleId) => boolean;
  readonly acls: StandingAcls;
}

/** As many as the facts of can be told in an event, and more than come at a time in single updates. */
const aclsAtOnce = 1000;

export const aclUpdates: JointKind<AclUpdate, Seen, ChangedAcls> = {
  sizeOf: ({ changes: { add, remove } }) => add.length + remove.length,
  sizeMax: aclsAtOnce,
  read,
  make: (seen, { changes, known }) => {
    checkNotBehind(seen.followed, known);
    checkKnown(changes.add, known);
    checkOwn(changes.add, seen);
    return make(seen, changes);
  },
  writeDown: (all) => writingDown(all.map(({ acls }) => acls)),
};

async function read(
  query: Query,
  all: ReadonlyMap<OrgId, readonly AclUpdate[]>,
): Promise<ReadonlyMap<OrgId, Seen>> {
  const orgs = [...all.keys()];
  const additions = mapped(all, (updates) => updates.flatMap(({ changes }) => changes.add));
  const objects = mapped(additions, (add) => add.map(({ object }) => object));
  const roles = mapped(additions, (add) =>
    add.flatMap(({ grant }) => (grant.kind === "role" ? [grant.id] : [])),
  );
  const [followed, exists, isLiveRole, acls] = await Promise.all([
    followedPlaces(query, orgs),
    existingIn(query, objects),
    rolesAmong(query, roles),
    readStanding(query, mapped(all, meantBy)),
  ]);
  return new Map(
    orgs.map((org) => [
      org,
      {
        org,
        followed: followed(org),
        exists: (object) => exists(org, object),
        isLiveRole: (role) => isLiveRole(org, role),
        acls: acls(org),
      },
    ]),
  );
}

function mapped<From, To>(each: ReadonlyMap<OrgId, From>, to: (from: From) => To): ReadonlyMap<OrgId, To> {
  return new Map(Array.from(each, ([org, from]) => [org, to(from)]));
}

/** The ACLs that some updates mean: those to add, which may stand already, and those to remove. */
function meantBy(updates: readonly AclUpdate[]): MeantAcls {
  const remove = updates.flatMap(({ changes }) => changes.remove);
  return {
    ids: remove.flatMap((removal) => (removal.by === "id" ? [removal.id] : [])),
    contents: [
      ...updates.flatMap(({ changes }) => changes.add),
      ...remove.flatMap((removal) => (removal.by === "content" ? [removal.content] : [])),
    ],
  };
}

/** What is both added and removed stands in the end, and expires when the addition says. */
function make({ org, acls }: Seen, { add, remove, addingAgain }: AclChanges) {
  const toStand = new Set(add.map(aclIdentity));
  const renewed = new Set<string>();
  const before: Acl[] = [];
  const after: Acl[] = [];

  const removed = new Map<AclId, Acl>();
  for (const [index, removal] of remove.entries()) {
    const acl = removal.by === "id" ? acls.withId(removal.id) : acls.saying(removal.content);
    if (acl === null || removed.has(acl.id)) continue;
    const identity = aclIdentity(acl.content);
    if (toStand.has(identity)) {
      renewed.add(identity);
      continue;
    }
    if (acl.builtIn) throw builtInIsFixed(`remove[${index}]`);
    removed.set(acl.id, acl);
    before.push(acl);
  }

  const created = new Date();
  const standing = new Map<string, Acl>();
  const added = add.map((content, index) => {
    const identity = aclIdentity(content);
    const found = standing.get(identity) ?? acls.saying(content);
    if (found === null) {
      const acl: Acl = { id: newUuid() as AclId, org, content, builtIn: false, created };
      standing.set(identity, acl);
      after.push(acl);
      return { acl, foundExisting: false };
    }
    const expired = hasExpired(found.content, created);
    if (!expired && addingAgain?.unchanged.has(index)) return { acl: found, foundExisting: true };
    const kept = expired || renewed.has(identity) ? null : found.content.expiresAt;
    const expiresAt = content.expiresAt ?? kept;
    if (found.content.expiresAt?.getTime() === expiresAt?.getTime()) {
      return { acl: found, foundExisting: !expired };
    }
    if (found.builtIn) throw builtInIsFixed(`add[${index}]`);
    if (!expired && addingAgain?.noSooner.has(index)) checkEnd(found.content, content, `add[${index}]`);
    const acl = {
      ...found,
      content: { ...found.content, expiresAt },
      ...(expired && { created }),
    };
    standing.set(identity, acl);
    before.push(found);
    after.push(acl);
    return { acl, foundExisting: !expired };
  });

  for (const acl of removed.values()) acls.remove(acl);
  for (const acl of standing.values()) acls.put(acl);
  const changed = [...before, ...after];
  const [only, ...others] = new Set(changed.map((acl) => acl.id));
  const result: ChangedAcls = { added, removed: [...removed.values()] };
  if (only === undefined) return { result, change: null };
  const change = {
    action: "acls_updated",
    subject: others.length === 0 ? { type: "acl", id: only } : { type: "organization", id: org },
    before: before.length === 0 ? null : { acls: before },
    after: after.length === 0 ? null : { acls: after },
    touches: touchedByAcls(org, changed),
  };
  return { result, change };
}

/** Refuses subjects and groups that others don't know. One text for the unknown, the foreign and the removed. */
function checkKnown(add: readonly AclContent[], { members, groups }: Known): void {
  for (const [index, { object, subject }] of add.entries()) {
    if (subject.kind === "principal" && !members.has(subject.id)) {
      throw noSuchSubject(`add[${index}].principal_id`);
    }
    if (subject.kind === "group" && !groups.has(subject.id)) throw noSuchSubject(`add[${index}].group_id`);
    if (object.type === "group" && !groups.has(object.id as string as GroupId)) throw noSuchObject(index);
  }
}

/** Refuses objects and roles that grants itself does not know. */
function checkOwn(add: readonly AclContent[], { exists, isLiveRole }: Seen): void {
  for (const [index, { object, grant }] of add.entries()) {
    if (object.type !== "group" && !exists(object)) throw noSuchObject(index);
    if (grant.kind === "role" && systemRole(grant.id) === null && !isLiveRole(grant.id)) {
      throw invalid(`add[${index}].role_id`, "no such role");
    }
  }
}

function noSuchObject(index: number) {
  return invalid(`add[${index}].object`, "no such object");
}
