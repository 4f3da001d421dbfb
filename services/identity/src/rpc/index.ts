import type { Handlers } from "@portcullis/chassis/rpc/server";
import type { IdentityService } from "@portcullis/proto/identity/v1/identity";
import type { MembersStore } from "../store/members-store.ts";
import type { OrganizationsStore } from "../store/organizations-store.ts";
import type { ProvisioningStore } from "../store/provisioning-store.ts";
import { createOrganization } from "./create-organization.ts";
import { deleteProvisionedUser } from "./delete-provisioned-user.ts";
import { ensureUser } from "./ensure-user.ts";
import { findMembers } from "./find-members.ts";
import { findMemberships } from "./find-memberships.ts";
import { findOrganization } from "./find-organization.ts";
import { findProvisionedUsers } from "./find-provisioned-users.ts";
import { findUser } from "./find-user.ts";
import { getMembers } from "./get-members.ts";
import { getOrganization } from "./get-organization.ts";
import { inviteMembers } from "./invite-members.ts";
import { listMembers } from "./list-members.ts";
import { putProvisionedUser } from "./put-provisioned-user.ts";
import { removeMembers } from "./remove-members.ts";
import { searchMembers } from "./search-members.ts";
import { updateOrganization } from "./update-organization.ts";

/** All handlers of the contract: one that is missing does not compile. */
export function handlers(
  organizations: OrganizationsStore,
  members: MembersStore,
  provisioning: ProvisioningStore,
): Handlers<typeof IdentityService> {
  return {
    ensureUser: (request) => ensureUser(organizations, request),
    findUser: (request) => findUser(organizations, request),
    createOrganization: (request) => createOrganization(organizations, request),
    getOrganization: (request) => getOrganization(organizations, request),
    findOrganization: (request) => findOrganization(organizations, request),
    updateOrganization: (request) => updateOrganization(organizations, request),
    inviteMembers: (request, call) => inviteMembers(members, request, call),
    removeMembers: (request, call) => removeMembers(members, request, call),
    getMembers: (request) => getMembers(members, request),
    listMembers: (request) => listMembers(members, request),
    searchMembers: (request) => searchMembers(members, request),
    findMembers: (request) => findMembers(members, request),
    findMemberships: (request) => findMemberships(members, request),
    putProvisionedUser: (request) => putProvisionedUser(provisioning, request),
    deleteProvisionedUser: (request) => deleteProvisionedUser(provisioning, request),
    findProvisionedUsers: (request) => findProvisionedUsers(provisioning, request),
  };
}
