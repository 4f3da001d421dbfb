import { z } from "zod";
import { may } from "../access.ts";
import { anyText, countUpTo, id, maybe, objectType, permission } from "../input.ts";
import type { Decision } from "../owners.ts";
import { type Route, route } from "../route.ts";
import { idOrNull, renames } from "../wire.ts";
import { inAll, isSelf, object } from "./access-check.ts";

const limitMax = 1000;
const page = { limit: maybe(countUpTo(limitMax)), cursor: maybe(anyText) } as const;

const objectsWanted = z.strictObject({
  principal_id: maybe(id),
  permission,
  type: objectType,
  under: maybe(object),
  ...page,
  ...inAll,
});

/** On what somebody has a permission: of oneself, or for whoever may read all ACLs. */
export function listRoutes(decision: Decision): readonly Route[] {
  return [
    route({
      method: "POST",
      path: "/v1/access/list-objects",
      summary: "List the objects of a type on which a principal has a permission",
      body: objectsWanted,
      response: z.object({ ids: z.array(z.string()), cursor: z.string().nullable(), revision: z.string() }),
      requires: ({ body }, caller) =>
        may(isSelf(body.principal_id, caller) ? "access.ask_self" : "access.ask_all"),
      async handle({ body }, caller) {
        const { ids, cursor, revision } = await decision.listObjects(
          {
            orgId: caller.org,
            who: { $case: "principalId", value: body.principal_id ?? caller.principal },
            permission: body.permission,
            type: body.type,
            under: body.under,
            limit: body.limit ?? 0,
            cursor: body.cursor ?? "",
            consistency: body.consistency,
          },
          caller.hop,
        );
        return { body: { ids, cursor: idOrNull(cursor), revision } };
      },
      fieldOf: renames(),
    }),
  ];
}
