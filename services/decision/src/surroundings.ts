// What is around a proposal, asked of those who own it. Nothing of it is kept.

import { Fault, invalid } from "@portcullis/chassis/fault";
import type { Hop } from "@portcullis/chassis/rpc/call";
import type { Stub } from "@portcullis/chassis/rpc/client";
import type { FactOwners } from "@portcullis/facts";
import { type Fact, objectFromWire, objectToWire } from "@portcullis/facts/wire";
import {
  type Change,
  type FactKey,
  type FactKind,
  type FactValues,
  factOwners,
  type OrgId,
  type Owner,
  owners as ownerNames,
  type PlacedAcl,
  type PrincipalId,
  type RoleId,
} from "@portcullis/policy";
import type { GrantsService, ListAclsNamingResponse } from "@portcullis/proto/grants/v1/grants";
import type { GroupsService } from "@portcullis/proto/groups/v1/groups";
import { placedAclFromWire, type SentChange } from "./proposal-wire.ts";
import type { Surroundings, UpTo } from "./simulation.ts";

/** Those who are asked. */
export interface SurroundingOwners {
  readonly facts: FactOwners;
  readonly groups: Pick<Stub<typeof GroupsService>, "findPrincipals">;
  readonly grants: Pick<Stub<typeof GrantsService>, "listAcls" | "listAclsNaming" | "listObjectsBelow">;
}

/** An owner takes no more ids in one list than this; what is beyond counts as cut off. */
const idsMax = 10_000;
/** As many as grants reads of one object. */
const aclsMax = 10_000;
/** Objects may bear many ACLs, and an owner is not waited for long. */
const keysAtOnce = 250;

export function surroundingsOf(
  org: OrgId,
  { facts, groups, grants }: SurroundingOwners,
  hop: Hop,
): Surroundings {
  return {
    async load(keys) {
      const values: FactValues[FactKind][] = Array.from(keys, () => null);
      await Promise.all(
        ownerNames.flatMap((owner) =>
          chunksFor(owner, keys).map(async (indexes) => {
            const asked = indexes.flatMap((index) => keys[index] ?? []);
            const loaded = await facts[owner].load(asked);
            for (const [at, index] of indexes.entries()) values[index] = valueOf(loaded.facts[at]);
          }),
        ),
      );
      return values;
    },

    async principalsIn(wanted, limit) {
      const [groupIds, isCut] = firstOf(wanted);
      const found = await groups.findPrincipals({ orgId: org, groupIds, after: "", limit }, hop);
      return { items: found.principalIds as PrincipalId[], isCut: isCut || found.more };
    },

    async aclsNaming(wanted, limit): Promise<UpTo<PlacedAcl>> {
      const [principalIds] = firstOf(wanted.principals);
      const [groupIds, areGroupsCut] = firstOf(wanted.groups);
      const [roleIds, areRolesCut] = firstOf(wanted.roles);
      const found = await grants.listAclsNaming({ orgId: org, principalIds, groupIds, roleIds, limit }, hop);
      return { items: found.acls.flatMap(placedAcl), isCut: areGroupsCut || areRolesCut || found.more };
    },

    async objectsBelow(objects, limit) {
      if (objects.length === 0) return { items: [], isCut: false };
      const request = { orgId: org, objects: objects.map(objectToWire), limit, onlyPublic: false };
      const found = await grants.listObjectsBelow(request, hop);
      return { items: found.objects.map((one) => objectFromWire(one, "objects")), isCut: found.more };
    },

    async publicObjects(limit) {
      const found = await grants.listObjectsBelow({ orgId: org, objects: [], limit, onlyPublic: true }, hop);
      return { items: found.objects.map((one) => objectFromWire(one, "objects")), isCut: found.more };
    },
  };
}

function valueOf(fact: Fact | undefined): FactValues[FactKind] {
  if (fact?.key.kind === "acls" && fact.value === null) {
    const { type, id } = fact.key.object;
    throw new Fault(
      "refused",
      `the ${type} ${id} has more than ${aclsMax} ACLs; at most so many are simulated`,
    );
  }
  return fact?.value ?? null;
}

/** The changes with what the ACLs say that are named by their ids. */
export async function withAclsNamed(
  changes: readonly SentChange[],
  org: OrgId,
  { grants }: Pick<SurroundingOwners, "grants">,
  hop: Hop,
): Promise<readonly Change[]> {
  const ids = changes.flatMap((change) => (change.kind === "remove_acl_by_id" ? [change.id] : []));
  if (ids.length === 0) return changes as readonly Change[];
  const { acls } = await grants.listAcls(
    {
      orgId: org,
      ids,
      page: undefined,
      object: undefined,
      objectType: "",
      principalId: "",
      groupId: "",
      permission: "",
      restrictObjectType: "",
      roleId: "",
    },
    hop,
  );
  const contents = new Map(acls.map(({ id, content }) => [id, content]));
  return changes.map((change, index): Change => {
    if (change.kind !== "remove_acl_by_id") return change;
    const field = `changes[${index}].remove_acl.id`;
    const content = contents.get(change.id);
    if (content === undefined) throw invalid(field, "no such ACL");
    return { kind: "remove_acl", ...placedAclFromWire(content, field) };
  });
}

/** An ACL of a kind that this process does not know grants nothing here. */
function placedAcl({ object, subject, roleId }: ListAclsNamingResponse["acls"][number]): PlacedAcl[] {
  if (object === undefined || subject === undefined) return [];
  return [
    {
      on: objectFromWire(object, "acls"),
      subject: {
        kind: subject.$case === "principalId" ? "principal" : "group",
        id: subject.value,
      } as PlacedAcl["subject"],
      role: roleId === "" ? null : (roleId as RoleId),
    },
  ];
}

function firstOf(ids: ReadonlySet<string>): [string[], boolean] {
  return [[...ids].slice(0, idsMax), ids.size > idsMax];
}

/** The indexes of the keys that this owner is asked for, as many at once as it takes. */
function chunksFor(owner: Owner, keys: readonly FactKey[]): readonly (readonly number[])[] {
  const indexes = keys.flatMap((key, index) => (factOwners[key.kind] === owner ? [index] : []));
  return Array.from({ length: Math.ceil(indexes.length / keysAtOnce) }, (_none, chunk) =>
    indexes.slice(chunk * keysAtOnce, (chunk + 1) * keysAtOnce),
  );
}
