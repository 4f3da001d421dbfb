import type { Handlers } from "@portcullis/chassis/rpc/server";
import type { GrantsService } from "@portcullis/proto/grants/v1/grants";
import type { Expiries } from "../expiry.ts";
import type { AclStore } from "../store/acl-store.ts";
import type { AttachmentStore } from "../store/attachment-store.ts";
import type { ObjectStore } from "../store/object-store.ts";
import type { ReachStore } from "../store/reach-store.ts";
import type { RoleStore } from "../store/role-store.ts";
import { createAttachment } from "./create-attachment.ts";
import { createObject } from "./create-object.ts";
import { createRole } from "./create-role.ts";
import { deleteAttachment } from "./delete-attachment.ts";
import { deleteObject } from "./delete-object.ts";
import { deleteRole } from "./delete-role.ts";
import { findObjects } from "./find-objects.ts";
import { type FollowedGroups, followGroups } from "./follow-groups.ts";
import { getAcl } from "./get-acl.ts";
import { getAttachment } from "./get-attachment.ts";
import { getObject } from "./get-object.ts";
import { getRole } from "./get-role.ts";
import { hasGrant } from "./has-grant.ts";
import { listAcls } from "./list-acls.ts";
import { listAclsNaming } from "./list-acls-naming.ts";
import { listAttachments } from "./list-attachments.ts";
import { listObjects } from "./list-objects.ts";
import { listObjectsBelow } from "./list-objects-below.ts";
import { listRoles } from "./list-roles.ts";
import { provision } from "./provision.ts";
import { replaceAttachment } from "./replace-attachment.ts";
import { replaceObject } from "./replace-object.ts";
import { replaceRole } from "./replace-role.ts";
import { updateAcls } from "./update-acls.ts";
import { updateAttachment } from "./update-attachment.ts";
import { updateObject } from "./update-object.ts";
import { updateRole } from "./update-role.ts";

export interface Stores {
  readonly objects: ObjectStore;
  readonly attachments: AttachmentStore;
  readonly roles: RoleStore;
  readonly acls: AclStore;
  readonly reach: ReachStore;
}

/** All handlers of the contract: one that is missing does not compile. */
export function handlers(
  { objects, attachments, roles, acls, reach }: Stores,
  expiries: Pick<Expiries, "schedule">,
  groups: FollowedGroups,
): Handlers<typeof GrantsService> {
  return {
    provision: (request) => provision(acls, request),
    createObject: (request, call) => createObject(objects, request, call),
    replaceObject: (request, call) => replaceObject(objects, request, call),
    updateObject: (request) => updateObject(objects, request),
    deleteObject: (request) => deleteObject(objects, request),
    getObject: (request) => getObject(objects, request),
    listObjects: (request) => listObjects(objects, request),
    createAttachment: (request) => createAttachment(attachments, request),
    replaceAttachment: (request) => replaceAttachment(attachments, request),
    updateAttachment: (request) => updateAttachment(attachments, request),
    deleteAttachment: (request) => deleteAttachment(attachments, request),
    getAttachment: (request) => getAttachment(attachments, request),
    listAttachments: (request) => listAttachments(attachments, request),
    createRole: (request, call) => createRole(roles, request, call),
    replaceRole: (request, call) => replaceRole(roles, request, call),
    updateRole: (request) => updateRole(roles, request),
    deleteRole: (request) => deleteRole(roles, request),
    getRole: (request) => getRole(roles, request),
    listRoles: (request) => listRoles(roles, request),
    updateAcls: (request, call) => updateAcls(acls, expiries, request, call),
    getAcl: (request) => getAcl(acls, request),
    listAcls: (request) => listAcls(acls, request),
    followGroups: (request) => followGroups(groups, request),
    hasGrant: (request) => hasGrant(acls, request),
    findObjects: (request) => findObjects(acls, request),
    listAclsNaming: (request) => listAclsNaming(reach, request),
    listObjectsBelow: (request) => listObjectsBelow(reach, request),
  };
}
