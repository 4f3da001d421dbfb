// The words of a question about access, as several commands take them.

import { Argument } from "@commander-js/extra-typings";
import { invalid } from "@portcullis/chassis/fault";
import { isPermission, type Permission, permissions } from "@portcullis/policy";
import { findObject, type ObjectRef, principalId, readObjectType } from "./lookup.ts";
import type { Rest } from "./rest.ts";

export const whoHelp = "`me`, an id, an e-mail address, or a name";
export const objectHelp =
  "TYPE:ID, TYPE:NAME or TYPE:PROJECT/NAME; `organization`, `org_project`, `org_member` and `org_audit_logs` need no id";
export const permissionHelp = permissions.join(", ");

/** A permission as an argument, completed and checked. */
export function permissionArgument() {
  return new Argument("<permission>", "what they would do").choices(permissions);
}

export interface Freshness {
  readonly fullyConsistent?: true | undefined;
  readonly atLeastAsFresh?: string | undefined;
}

export interface Question {
  readonly principal_id: string;
  readonly permission: Permission;
  readonly object?: ObjectRef;
  readonly place?: { readonly type: string; readonly parent: ObjectRef };
  readonly consistency?: object;
}

export async function readQuestion(
  rest: Rest,
  asked: { readonly who: string; readonly permission: Permission; readonly what: string },
  freshness: Freshness,
): Promise<Question> {
  const [type = "", place] = asked.what.split(/@(.*)/s, 2);
  const target =
    place === undefined
      ? { object: await findObject(rest, asked.what, "OBJECT") }
      : {
          place: {
            type: readObjectType(type, "OBJECT"),
            parent: await findObject(rest, place, "OBJECT"),
          },
        };
  return {
    principal_id: await principalId(rest, asked.who, "WHO"),
    permission: asked.permission,
    ...target,
    ...consistencyOf(freshness),
  };
}

export function readPermission(word: string, field: string): Permission {
  if (isPermission(word)) return word;
  throw invalid(field, `\`${word}\` is no permission: ${permissions.join(", ")}`);
}

export function consistencyOf({ fullyConsistent, atLeastAsFresh }: Freshness): {
  readonly consistency?: object;
} {
  if (fullyConsistent && atLeastAsFresh !== undefined) {
    throw invalid("--at-least-as-fresh", "says nothing beside --fully-consistent");
  }
  if (fullyConsistent) return { consistency: { fully_consistent: {} } };
  return atLeastAsFresh === undefined ? {} : { consistency: { at_least_as_fresh: atLeastAsFresh } };
}
