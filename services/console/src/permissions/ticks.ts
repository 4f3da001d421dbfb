// From ACLs to ticks and back. What a dialog can't show, it leaves alone.

import type { Acl, AclContent } from "../api/access.ts";
import type { SubjectKind } from "../api/directory.ts";
import { type DialogSection, type Grant, type Tick, ticksOf } from "./dialog-rows.ts";

/** Whose permissions a dialog is about. */
export interface Subject {
  readonly kind: SubjectKind;
  readonly id: string;
  readonly name: string;
}

/** `some`: a part of what it stands for, as three of the four permissions about access. */
export type TickState = "on" | "off" | "some";
export type Ticks = ReadonlyMap<string, TickState>;

export interface ReadAcls {
  readonly ticks: Ticks;
  /** What the subject holds on these objects beside: by a role, for a time, or of a form that no tick has. */
  readonly others: readonly Acl[];
}

/** What of a subject's ACLs stands as which ticks. */
export function readAcls(
  sections: readonly DialogSection[],
  acls: readonly Acl[],
  subject: Subject,
): ReadAcls {
  const own = acls.filter((acl) => (subject.kind === "group" ? acl.group_id : acl.user_id) === subject.id);
  const held = new Set(own.filter(isPlain).map((acl) => keyOfAcl(acl)));
  const all = ticksOf(sections);
  const shown = new Set(all.flatMap((tick) => tick.grants.map(keyOf)));
  return {
    ticks: new Map(all.map((tick) => [tick.id, stateOf(tick, held)])),
    others: own.filter((acl) => !isPlain(acl) || !shown.has(keyOfAcl(acl))),
  };
}

export interface AclChanges {
  readonly add: readonly AclContent[];
  readonly remove: readonly AclContent[];
}

/** Ticks as they were set by hand. The others are not here: they stand as they are, whoever changes them meanwhile. */
export type SetTicks = ReadonlyMap<string, "on" | "off">;

/** The ACLs to add and remove so that the ticks become as they were set; a tick that nobody touched changes nothing. */
export function changesOf(
  sections: readonly DialogSection[],
  acls: readonly Acl[],
  subject: Subject,
  set: SetTicks,
): AclChanges {
  const { ticks } = readAcls(sections, acls, subject);
  const own = acls.filter((acl) => (subject.kind === "group" ? acl.group_id : acl.user_id) === subject.id);
  const held = new Set(own.filter(isPlain).map((acl) => keyOfAcl(acl)));
  const changed = ticksOf(sections).filter((tick) => set.get(tick.id) !== ticks.get(tick.id));
  const grantsOf = (state: TickState) =>
    changed.filter((tick) => set.get(tick.id) === state).flatMap((tick) => tick.grants);
  return {
    add: grantsOf("on")
      .filter((grant) => !held.has(keyOf(grant)))
      .map((grant) => contentOf(grant, subject)),
    remove: grantsOf("off")
      .filter((grant) => held.has(keyOf(grant)))
      .map((grant) => contentOf(grant, subject)),
  };
}

/** The same with one more of them set. */
export function withTick(set: SetTicks, id: string, on: boolean): SetTicks {
  return new Map(set).set(id, on ? "on" : "off");
}

/** Sets every tick that nothing else gives already, or takes all away. */
export function withAll(sections: readonly DialogSection[], on: boolean): SetTicks {
  const all = ticksOf(sections);
  return new Map(all.map((tick) => [tick.id, on && tick.within === undefined ? "on" : "off"]));
}

/** Whether a tick is given by a wider one that is set. */
export function isGivenByWider(tick: Tick, ticks: Ticks): boolean {
  return tick.within !== undefined && ticks.get(tick.within) === "on";
}

/** The field by which ACLs name a subject. */
export function idOf(subject: Subject): { group_id: string } | { user_id: string } {
  return subject.kind === "group" ? { group_id: subject.id } : { user_id: subject.id };
}

function stateOf(tick: Tick, held: ReadonlySet<string>): TickState {
  const count = tick.grants.filter((grant) => held.has(keyOf(grant))).length;
  if (count === 0) return "off";
  return count === tick.grants.length ? "on" : "some";
}

/** A permission for good: no role, no end. */
function isPlain(acl: Acl): boolean {
  return acl.permission !== null && acl.expires_at === null;
}

function keyOf({ object, permission, restrict }: Grant): string {
  return [object.type, object.id, permission, restrict ?? ""].join(" ");
}

function keyOfAcl(acl: Acl): string {
  return [acl.object_type, acl.object_id, acl.permission, acl.restrict_object_type ?? ""].join(" ");
}

function contentOf({ object, permission, restrict }: Grant, subject: Subject): AclContent {
  return {
    object_type: object.type,
    object_id: object.id,
    ...idOf(subject),
    permission,
    ...(restrict !== null && { restrict_object_type: restrict }),
  };
}
