// Where an organisation lets nobody grant more than they hold: what a write would give to others, the caller must hold.

import { Fault, invalid } from "@portcullis/chassis/fault";
import { type ObjectRef, organizationFace, systemRoles } from "@portcullis/policy";
import type { WouldBeAcl } from "@portcullis/proto/decision/v1/decision";
import type { RolePermission } from "@portcullis/proto/grants/v1/grants";
import { objectRef } from "./access.ts";
import { aboutCaller, type Caller } from "./caller.ts";
import { settingsOf } from "./organization-settings.ts";
import type { Decision, Owners } from "./owners.ts";

/** What a write would give, and the field of the request that says so. */
export interface WouldGive {
  readonly field: string;
  readonly acl: WouldBeAcl;
}

/** Each answers if there is no cap, or the caller holds it all, and else throws `denied` with the first field at fault. */
export interface GrantCap {
  /** ACLs that would be added. */
  checkAcls(caller: Caller, wanted: readonly WouldGive[]): Promise<void>;
  /** What would be added to a role: wherever it is granted, so it must be held on the organisation. */
  checkRole(caller: Caller, added: RoleAddition): Promise<void>;
  /** Projects that a project group would list: what is granted on the group, or on a new one, would be so on them. */
  checkListing(caller: Caller, listed: Listing): Promise<void>;
}

interface RoleAddition {
  readonly permissions: readonly RolePermission[];
  readonly memberRoleIds: readonly string[];
}

export interface Listing {
  /** Null: it is about to be made. */
  readonly groupId: string | null;
  readonly projectIds: readonly string[];
  readonly field: string;
}

const atOnce = 1000;

export function grantCap(
  { identity, grants }: Pick<Owners, "identity" | "grants">,
  decision: Pick<Decision, "holdsGrants">,
): GrantCap {
  return {
    checkAcls,
    checkRole(caller, { permissions, memberRoleIds }) {
      const object = organizationFace("organization", caller.org);
      const wanted = [
        ...permissions.map(({ permission, restrictObjectType }) => ({
          field: "member_permissions",
          acl: wouldBe(object, { $case: "permission", value: permission }, restrictObjectType),
        })),
        ...memberRoleIds.map((id) => ({
          field: "member_roles",
          acl: wouldBe(object, { $case: "roleId", value: id }),
        })),
      ];
      return checkAcls(caller, wanted);
    },
    async checkListing(caller, { groupId, projectIds, field }) {
      if (projectIds.length === 0) return;
      const settings = await settingsOf(identity, caller);
      if (!settings.grant_cap) return;
      const given = groupId === null ? [] : await givenOn(groupId, caller);
      // Its maker gets this on it, and so on what it lists.
      if (groupId === null && settings.creator_owner_grant) {
        given.push({ grant: { $case: "roleId", value: systemRoles.owner.id } });
      }
      const wanted = projectIds.flatMap((id) =>
        given.map(({ grant, restrict, expiresAt }) => ({
          field,
          acl: wouldBe(objectRef("project", id), grant, restrict, expiresAt),
        })),
      );
      if (wanted.length > atOnce) {
        throw invalid(
          field,
          `would hand on ${wanted.length} grants; at most ${atOnce} are looked at in one request`,
        );
      }
      await mustHold(caller, wanted);
    },
  };

  async function checkAcls(caller: Caller, wanted: readonly WouldGive[]): Promise<void> {
    if (wanted.length === 0 || !(await settingsOf(identity, caller)).grant_cap) return;
    await mustHold(caller, wanted);
  }

  async function mustHold(caller: Caller, wanted: readonly WouldGive[]): Promise<void> {
    for (let from = 0; from < wanted.length; from += atOnce) {
      const some = wanted.slice(from, from + atOnce);
      const { held } = await decision.holdsGrants(
        {
          orgId: caller.org,
          who: aboutCaller(caller),
          acls: some.map(({ acl }) => acl),
          consistency: { kind: { $case: "fullyConsistent", value: {} } },
        },
        caller.hop,
      );
      const refused = some.find((_one, index) => held[index] !== true);
      if (refused !== undefined) {
        const { field } = refused;
        const message = `${field}: not allowed: it would give more than you hold, and the organization lets nobody do that`;
        throw new Fault("denied", message, { field });
      }
    }
  }

  async function givenOn(groupId: string, caller: Caller): Promise<Given[]> {
    const { acls } = await grants.listAcls(
      {
        orgId: caller.org,
        object: { type: "project_group", id: groupId },
        objectType: "",
        page: undefined,
        ids: [],
        principalId: "",
        groupId: "",
        permission: "",
        restrictObjectType: "",
        roleId: "",
      },
      caller.hop,
    );
    return acls.flatMap(({ content }) =>
      content === undefined
        ? []
        : [{ grant: content.grant, restrict: content.restrictObjectType, expiresAt: content.expiresAt }],
    );
  }
}

interface Given {
  readonly grant: WouldBeAcl["grant"];
  readonly restrict?: string;
  readonly expiresAt?: Date | undefined;
}

function wouldBe(
  object: ObjectRef,
  grant: WouldBeAcl["grant"],
  restrictObjectType = "",
  expiresAt?: Date,
): WouldBeAcl {
  return { object, grant, restrictObjectType, expiresAt };
}
