// The grant of whoever made a group. Groups are made next door, so it comes behind them.

import type { GroupId, ObjectId, ObjectRef, OrgId, PrincipalId } from "@portcullis/policy";
import type { Write } from "@portcullis/store";
import { creatorGrant } from "../domain/acl.ts";
import { aclOf, addAcl, touchedByAcls } from "./acl-rows.ts";
import { AclRow } from "./entities.ts";

/** Marks that this group's owner is dealt with; false if it was so marked before. */
export async function markOwned({ em }: Write, org: OrgId, group: GroupId): Promise<boolean> {
  const marked = await em.execute<unknown[]>(
    "insert into owned_group (org_id, id) values (?, ?) on conflict do nothing returning id",
    [org, group],
  );
  return marked.length > 0;
}

/** Grants the owner of a new group what creators are granted, unless somebody has granted just that already. */
export async function grantOwner(
  write: Write,
  org: OrgId,
  group: GroupId,
  owner: PrincipalId,
): Promise<void> {
  const object: ObjectRef = { type: "group", id: group as string as ObjectId };
  const content = creatorGrant(object, owner);
  const standing = await write.em.count(AclRow, {
    orgId: org,
    objectType: object.type,
    objectId: object.id,
    subjectKind: "principal",
    subjectId: owner,
    permission: null,
    roleId: content.grant.kind === "role" ? content.grant.id : null,
  });
  if (standing > 0) return;
  const acl = aclOf(addAcl(write.em, org, content, new Date()));
  write.record({
    action: "acls_updated",
    subject: { type: "acl", id: acl.id },
    before: null,
    after: { acls: [acl] },
    touches: touchedByAcls(org, [acl]),
  });
}
