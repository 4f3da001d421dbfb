// Who may do what on what, before changes and after them.

import type { ObjectRef, Permission } from "./catalog.ts";
import type { OrgId, PrincipalId } from "./ids.ts";
import type { FactLookup } from "./lookup.ts";
import { permissionsOn } from "./permissions-on.ts";
import { objectName, type Piece } from "./piece.ts";
import type { Block, Who } from "./reach.ts";
import { standingAccess } from "./tree.ts";

/** A principal and an object whose permissions may differ. */
export interface Pair {
  readonly principal: PrincipalId;
  readonly object: ObjectRef;
}

/** What a principal gains and loses on an object, in the order of the catalog. */
export interface AccessDifference extends Pair {
  readonly gained: readonly Permission[];
  readonly lost: readonly Permission[];
}

/**
 * Each pair of one of these principals and one of these objects that lies in a block, once; object by object. The
 * blocks may reach further: of whom and of what is not given nothing is said.
 */
export function* pairsIn(
  blocks: readonly Block[],
  {
    principals,
    objects,
    before,
    after,
    lookup,
  }: {
    readonly principals: readonly PrincipalId[];
    readonly objects: readonly ObjectRef[];
    readonly before: Pick<Piece, "memberships">;
    readonly after: Pick<Piece, "memberships">;
    /** Where objects stand, which no change moves. */
    readonly lookup: FactLookup;
  },
  org: OrgId,
): Generator<Pair> {
  const byObject = new Map<string, Set<Who>>();
  for (const { who, at } of blocks) {
    const name = objectName(at);
    byObject.set(name, (byObject.get(name) ?? new Set()).add(who));
  }
  const known = new Map<Who, readonly PrincipalId[]>();
  const principalsOf = (who: Who): readonly PrincipalId[] => {
    const found =
      known.get(who) ??
      principals.filter((principal) => {
        if (who.kind === "principal") return who.principal === principal;
        const direct = [
          ...(before.memberships.get(principal) ?? []),
          ...(after.memberships.get(principal) ?? []),
        ];
        return direct.some((group) => who.groups.has(group));
      });
    known.set(who, found);
    return found;
  };
  for (const object of objects) {
    const met = new Set<PrincipalId>();
    for (const above of atAndAbove(object, org, lookup)) {
      for (const who of byObject.get(objectName(above)) ?? []) {
        for (const principal of principalsOf(who)) {
          if (met.has(principal)) continue;
          met.add(principal);
          yield { principal, object };
        }
      }
    }
  }
}

/** What changes for one principal on one object; null: nothing. All facts must be there. */
export function accessDifference(
  { principal, object }: Pair,
  { before, after }: { readonly before: FactLookup; readonly after: FactLookup },
  { org, nowMs }: { readonly org: OrgId; readonly nowMs: number },
): AccessDifference | null {
  const question = { org, principal, target: { kind: "object", object }, nowMs } as const;
  const had = permissionsOn(question, before);
  const has = permissionsOn(question, after);
  if (had.kind === "needs" || has.kind === "needs") throw new Error("a pair was compared without its facts");
  const gained = has.permissions.filter((permission) => !had.permissions.includes(permission));
  const lost = had.permissions.filter((permission) => !has.permissions.includes(permission));
  return gained.length + lost.length === 0 ? null : { principal, object, gained, lost };
}

/** The object and all whose ACLs reach it, each once. What stands wrong has nothing above it. */
function* atAndAbove(object: ObjectRef, org: OrgId, lookup: FactLookup): Generator<ObjectRef> {
  for (let each: ObjectRef | null = object; each !== null; ) {
    yield each;
    const access = standingAccess(each, org, lookup);
    yield* access?.alsoUnder ?? [];
    each = access?.parent ?? null;
  }
}
