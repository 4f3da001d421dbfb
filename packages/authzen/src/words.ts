// The standard's words in ours. What we have no word for is not there, which is an answer and no error.

import { isUuid } from "@portcullis/chassis/fields";
import { isObjectType, isPermission } from "@portcullis/policy";
import type { CheckRequest } from "@portcullis/proto/decision/v1/decision";
import type { Evaluation } from "./request.ts";

/** A subject is a principal, whatever kind of one it is said to be: no two kinds share an id. */
const subjectTypes: readonly string[] = ["principal", "user", "service_account"];

export function isSubject({ type, id }: Evaluation["subject"]): boolean {
  return subjectTypes.includes(type) && isUuid(id);
}

/** The type by which subjects are searched for. */
export function isSearchedSubject(type: string): boolean {
  return type === "principal";
}

export function isResource({ type, id }: Evaluation["resource"]): boolean {
  return isObjectType(type) && isUuid(id);
}

export { isObjectType as isResourceType, isPermission as isAction };

/** Null: about something that is not there. */
export function checkOf({ subject, action, resource }: Evaluation, orgId: string): CheckRequest | null {
  if (!isSubject(subject) || !isPermission(action.name) || !isResource(resource)) return null;
  return {
    orgId,
    who: { $case: "principalId", value: subject.id },
    permission: action.name,
    what: { $case: "object", value: { type: resource.type, id: resource.id } },
    consistency: undefined,
  };
}
