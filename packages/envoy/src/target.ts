import { isUuid } from "@portcullis/chassis/fields";
import type { CheckRequest } from "@portcullis/proto/decision/v1/decision";
import type { ParamData } from "path-to-regexp";
import type { IdSource, ObjectSource, What } from "./mapping.ts";
import type { Headers } from "./request.ts";

/** What ids are taken from. */
export interface Given {
  readonly parameters: ParamData;
  readonly headers: Headers;
  readonly orgId: string;
}

/** What a request is about; null: it names nothing that could be there. */
export function targetOf(what: What, given: Given): CheckRequest["what"] | null {
  if (what.kind === "object") {
    const object = objectOf(what.object, given);
    return object && { $case: "object", value: object };
  }
  const parent = objectOf(what.place.parent, given);
  return parent && { $case: "place", value: { type: what.place.type, parent } };
}

function objectOf({ type, id: source }: ObjectSource, given: Given) {
  const id = idOf(source, given);
  return typeof id === "string" && isUuid(id) ? { type, id } : null;
}

function idOf(source: IdSource, { parameters, headers, orgId }: Given): string | string[] | undefined {
  if (source === "organization") return orgId;
  if (typeof source === "string") return source;
  return "path" in source ? parameters[source.path] : headers.get(source.header);
}
