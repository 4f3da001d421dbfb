import type { Stub } from "@portcullis/chassis/rpc/client";
import type { Handlers } from "@portcullis/chassis/rpc/server";
import {
  batchCheck,
  check,
  checkStream,
  type Deciding,
  type PrincipalsFor,
  permissions,
} from "@portcullis/checks";
import type { DecisionService } from "@portcullis/proto/decision/v1/decision";
import type { GrantsService } from "@portcullis/proto/grants/v1/grants";
import type { FeedParts } from "../feed/feed.ts";
import type { SurroundingOwners } from "../surroundings.ts";
import { explain } from "./explain.ts";
import { holdsGrants } from "./holds-grants.ts";
import { type GrantOwners, listHeldGrants } from "./list-held-grants.ts";
import { listObjects } from "./list-objects.ts";
import { listPrincipals } from "./list-principals.ts";
import { simulator } from "./simulate.ts";
import { standing } from "./standing.ts";
import { watcher } from "./watch.ts";

/** All handlers of the contract: one that is missing does not compile. */
export function handlers(
  deciding: Deciding,
  owners: GrantOwners &
    SurroundingOwners & { readonly grants: Pick<Stub<typeof GrantsService>, "hasGrant" | "findObjects"> },
  principalsFor: PrincipalsFor,
  feed: FeedParts,
): Handlers<typeof DecisionService> {
  const { facts } = deciding;
  return {
    check: (request, call) => check(deciding, principalsFor(call), request, call),
    batchCheck: (request, call) => batchCheck(deciding, principalsFor(call), request, call),
    checkStream: (conversation) => checkStream(deciding, principalsFor(conversation), conversation),
    permissions: (request, call) => permissions(facts, principalsFor(call), request, call),
    explain: (request, call) => explain(facts, owners, principalsFor(call), request, call),
    listObjects: (request, call) => listObjects(facts, owners.grants, principalsFor(call), request, call),
    listPrincipals: (request, call) => listPrincipals(facts, owners, request, call),
    listHeldGrants: (request, call) => listHeldGrants(facts, owners, request, call),
    simulate: simulator(owners),
    holdsGrants: (request, call) => holdsGrants(facts, principalsFor(call), request, call),
    watch: watcher(facts, principalsFor, feed),
    standing: (request, call) => standing(facts, owners.grants, principalsFor(call), request, call),
  };
}
