import type { Handlers } from "@portcullis/chassis/rpc/server";
import type { GroupsService } from "@portcullis/proto/groups/v1/groups";
import type { GroupsStore } from "../store/groups-store.ts";
import { addPrincipals } from "./add-principals.ts";
import { createGroup } from "./create-group.ts";
import { deleteGroup } from "./delete-group.ts";
import { findEmptyGroups } from "./find-empty-groups.ts";
import { findPrincipals } from "./find-principals.ts";
import { getGroup } from "./get-group.ts";
import { listGroupPrincipals } from "./list-group-principals.ts";
import { listGroups } from "./list-groups.ts";
import { listMemberships } from "./list-memberships.ts";
import { provision } from "./provision.ts";
import { releaseDeparture } from "./release-departure.ts";
import { replaceGroup } from "./replace-group.ts";
import { reserveDeparture } from "./reserve-departure.ts";
import { searchGroups } from "./search-groups.ts";
import { updateGroup } from "./update-group.ts";

/** All handlers of the contract: one that is missing does not compile. */
export function handlers(store: GroupsStore): Handlers<typeof GroupsService> {
  return {
    provision: (request) => provision(store, request),
    createGroup: (request, call) => createGroup(store, request, call),
    replaceGroup: (request, call) => replaceGroup(store, request, call),
    updateGroup: (request, call) => updateGroup(store, request, call),
    deleteGroup: (request, call) => deleteGroup(store, request, call),
    getGroup: (request) => getGroup(store, request),
    listGroups: (request) => listGroups(store, request),
    searchGroups: (request) => searchGroups(store, request),
    listGroupPrincipals: (request) => listGroupPrincipals(store, request),
    listMemberships: (request) => listMemberships(store, request),
    findEmptyGroups: (request) => findEmptyGroups(store, request),
    addPrincipals: (request, call) => addPrincipals(store, request, call),
    findPrincipals: (request) => findPrincipals(store, request),
    releaseDeparture: (request, call) => releaseDeparture(store, request, call),
    reserveDeparture: (request, call) => reserveDeparture(store, request, call),
  };
}
