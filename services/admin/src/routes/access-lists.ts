import { z } from "zod";
import { may, objectRef } from "../access.ts";
import { anyText, countUpTo, id, maybe, objectType, permission } from "../input.ts";
import type { Decision } from "../owners.ts";
import { type Route, route } from "../route.ts";
import { idOrNull, present, renames } from "../wire.ts";
import { askedOf, inAll, isSelf, object } from "./access-check.ts";
import { grantPath, named, showNamed, showPath } from "./access-explain.ts";

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

const principalsWanted = z.strictObject({ object, permission, ...page, ...inAll });

/** Who may do what, as lists: of oneself, or for whoever may read the ACLs. */
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
            who: askedOf(body.principal_id, caller),
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
    route({
      method: "POST",
      path: "/v1/access/list-principals",
      summary: "List the principals who have a permission on an object, and how they have it",
      body: principalsWanted,
      response: z.object({
        principals: z.array(
          z.object({
            principal: named,
            reason: z.string(),
            paths: z.array(grantPath),
            paths_cut: z.boolean(),
          }),
        ),
        cursor: z.string().nullable(),
        revision: z.string(),
      }),
      requires: ({ body }) => may("access.ask", objectRef(body.object.type, body.object.id)),
      async handle({ body }, caller) {
        const { principals, cursor, revision } = await decision.listPrincipals(
          {
            orgId: caller.org,
            object: body.object,
            permission: body.permission,
            limit: body.limit ?? 0,
            cursor: body.cursor ?? "",
            consistency: body.consistency,
          },
          caller.hop,
        );
        const shown = principals.map(({ principal, reason, paths, pathsCut }) => ({
          principal: showNamed(present(principal)),
          reason,
          paths: paths.map(showPath),
          paths_cut: pathsCut,
        }));
        return { body: { principals: shown, cursor: idOrNull(cursor), revision } };
      },
      fieldOf: renames(),
    }),
  ];
}
