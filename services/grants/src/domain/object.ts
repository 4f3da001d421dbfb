import {
  type ObjectId,
  type ObjectRef,
  type ObjectType,
  type OrgId,
  objectTypeNames,
  objectTypeRow,
  type PrincipalId,
} from "@portcullis/policy";
import { type Payload, payloadForTheLog } from "./payload.ts";

/** An object that the registry keeps. */
export interface RegisteredObject {
  readonly id: ObjectId;
  readonly org: OrgId;
  readonly type: ObjectType;
  readonly parent: ObjectRef;
  readonly name: string;
  /** Prompts only. */
  readonly slug: string | null;
  readonly payload: Payload;
  /** Project groups only: the live projects that inherit from it, sorted, each once. */
  readonly memberProjects: readonly ObjectId[];
  /** Null when the system made it. */
  readonly creator: PrincipalId | null;
  readonly created: Date;
  readonly deletedAt: Date | null;
}

export type NewObject = Pick<
  RegisteredObject,
  "type" | "parent" | "name" | "slug" | "payload" | "memberProjects"
>;

/** What an update gives; what it leaves out stays. */
export interface ObjectChange {
  readonly name?: string;
  readonly slug?: string;
  /** Merged deeply into the payload that stands. */
  readonly payload?: Payload;
  readonly addMemberProjects: readonly ObjectId[];
  readonly removeMemberProjects: readonly ObjectId[];
}

export interface ObjectFilter {
  readonly type: ObjectType;
  /** Null: wherever. */
  readonly parent: ObjectRef | null;
  readonly ids: readonly ObjectId[];
  readonly names: readonly string[];
  readonly slugs: readonly string[];
  /** Of the project that they are in. */
  readonly projectNames: readonly string[];
}

export const nameMax = 255;

/** The types that the registry keeps: those with ids of their own whose existence no other table says. */
export const registeredTypes: readonly ObjectType[] = objectTypeNames.filter((type) => {
  const row = objectTypeRow(type);
  return row.parent !== null && row.idOf === "itself" && row.existsBy === "access";
});

export function isRegistered(type: ObjectType): boolean {
  return registeredTypes.includes(type);
}

/** Types of which an organisation has exactly one, named by the organisation's own id. */
export function isOneOfOrganization(type: ObjectType): boolean {
  const row = objectTypeRow(type);
  return row.parent === null || row.idOf === "organization";
}

/** The other types under which an object can be named, by the same id: a project's logs are a face of the project. */
export function facesOf({ type, id }: ObjectRef): ObjectRef[] {
  return objectTypeNames
    .filter((face) => isRegistered(type) && objectTypeRow(face).idOf === type)
    .map((face) => ({ type: face, id }));
}

/** What stands below an organisation under the organisation's own id. */
export function facesOfOrganization(org: OrgId): ObjectRef[] {
  return objectTypeNames
    .filter((type) => objectTypeRow(type).idOf === "organization")
    .map((type) => ({ type, id: org as string as ObjectId }));
}

/** Whether every active member may read it. */
export function isPublic({ type, payload }: Pick<RegisteredObject, "type" | "payload">): boolean {
  return objectTypeRow(type).mayBePublic === true && payload["public"] === true;
}

/** Which of its texts tells an object from the others of its type under the same parent. */
export function identifiedBy(type: ObjectType): "name" | "slug" {
  return type === "prompt" ? "slug" : "name";
}

/** A text that begins like the one that is taken. */
export function freshText(taken: string, suffix: string): string {
  const kept = taken.slice(0, nameMax - suffix.length - 1);
  // A cut through a surrogate pair leaves half a character behind.
  return `${kept.isWellFormed() ? kept : kept.slice(0, -1)}-${suffix}`;
}

/** How many projects a project group may list. */
export const memberProjectsMax = 10_000;

/** Ids in the order in which they are kept, each once. */
export function sortedIds(ids: Iterable<ObjectId>): readonly ObjectId[] {
  return [...new Set(ids)].sort();
}

/** The projects that inherit from the one list and not from the other. */
export function changedProjects(
  before: readonly ObjectId[],
  after: readonly ObjectId[],
): readonly ObjectRef[] {
  const [was, is] = [new Set(before), new Set(after)];
  const left = before.filter((id) => !is.has(id));
  const joined = after.filter((id) => !was.has(id));
  return [...left, ...joined].map((id) => ({ type: "project", id }));
}

/** Longer lists are in the log by their length only. */
const loggedProjectsMax = 100;

/** An object as the event log shows it. */
export function forTheLog({ memberProjects, payload, ...object }: RegisteredObject): object {
  const listed =
    object.type !== "project_group"
      ? {}
      : memberProjects.length <= loggedProjectsMax
        ? { memberProjects }
        : { memberProjectsLeftOut: { count: memberProjects.length } };
  return { ...object, ...listed, ...payloadForTheLog(payload) };
}
