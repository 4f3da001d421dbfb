// The names of things, asked of their owners when somebody is to read them. Nothing is decided by them, and none is kept.

import type { Call } from "@portcullis/chassis/rpc/call";
import type { Stub } from "@portcullis/chassis/rpc/client";
import { isObjectType, type OrgId, objectTypeRow } from "@portcullis/policy";
import type { Named } from "@portcullis/proto/decision/v1/decision";
import type { GrantsService } from "@portcullis/proto/grants/v1/grants";
import type { GroupsService } from "@portcullis/proto/groups/v1/groups";
import type { IdentityService } from "@portcullis/proto/identity/v1/identity";

/** Those who know names. */
export interface NameOwners {
  readonly identity: Pick<Stub<typeof IdentityService>, "getMembers" | "getOrganization">;
  readonly groups: Pick<Stub<typeof GroupsService>, "listGroups">;
  readonly grants: Pick<Stub<typeof GrantsService>, "listRoles" | "listObjects">;
}

/** How many ids an owner is asked for at once; what is beyond that stays without a name. */
const idsMax = 10_000;

/** Fills in the names of things of one organisation. What is no longer there keeps an empty one. */
export async function fillInNames(
  things: readonly Named[],
  org: OrgId,
  owners: NameOwners,
  call: Call,
): Promise<void> {
  const byType = Map.groupBy(things, ({ type }) => type);
  await Promise.all(
    [...byType].map(async ([type, those]) => {
      const ids = [...new Set(those.map(({ id }) => id))].slice(0, idsMax);
      const names = await namesOf(type, ids);
      for (const thing of those) thing.name = names.get(thing.id) ?? "";
    }),
  );

  async function namesOf(type: string, ids: string[]): Promise<ReadonlyMap<string, string>> {
    switch (type) {
      case "principal": {
        const { members } = await owners.identity.getMembers({ orgId: org, principalIds: ids }, call);
        return new Map(
          members.map(({ id, givenName = "", familyName = "", email = "" }) => [
            id,
            `${givenName} ${familyName}`.trim() || email,
          ]),
        );
      }
      case "group": {
        const { groups } = await owners.groups.listGroups(
          { orgId: org, ids, names: [], page: undefined, withoutContents: true },
          call,
        );
        return new Map(groups.map(({ id, name }) => [id, name]));
      }
      case "role": {
        const { roles } = await owners.grants.listRoles(
          { orgId: org, ids, names: [], page: undefined },
          call,
        );
        return new Map(roles.map(({ id, name }) => [id, name]));
      }
      case "organization": {
        if (!ids.includes(org)) return new Map();
        const { organization } = await owners.identity.getOrganization({ id: org }, call);
        return new Map([[org, organization?.name ?? ""]]);
      }
    }
    // Faces of an organisation or project have no name of their own.
    if (!isObjectType(type) || objectTypeRow(type).idOf !== "itself") return new Map();
    const { objects } = await owners.grants.listObjects(
      {
        orgId: org,
        type,
        ids,
        page: undefined,
        parent: undefined,
        names: [],
        slugs: [],
        projectNames: [],
      },
      call,
    );
    return new Map(objects.map(({ id, name }) => [id, name]));
  }
}
