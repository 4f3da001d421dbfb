import { isUuid } from "@portcullis/chassis/fields";
import type { PrincipalId } from "@portcullis/policy";
import type { WriteContext } from "@portcullis/proto/events/v1/events";

/** In whose name something is made; null: the system's. */
export function creatorFrom({ actor }: WriteContext): PrincipalId | null {
  const creator = actor?.impersonatedId || actor?.principalId || "";
  return isUuid(creator) ? (creator as PrincipalId) : null;
}
