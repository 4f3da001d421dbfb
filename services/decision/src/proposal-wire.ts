// The changes of a proposal, from proto to domain.

import { Fault, invalid } from "@portcullis/chassis/fault";
import { list, present, uuid } from "@portcullis/chassis/fields";
import { permissionFromWire } from "@portcullis/checks";
import { objectFromWire, objectTypeFromWire } from "@portcullis/facts/wire";
import type { Acl, AclId, Change, ObjectRef, ObjectType, Refused } from "@portcullis/policy";
import type { ProposedChange } from "@portcullis/proto/decision/v1/decision";
import type { AclContent } from "@portcullis/proto/grants/v1/grants";

/** A change as it was sent: an ACL may still be named by its id alone. */
export type SentChange = Change | { readonly kind: "remove_acl_by_id"; readonly id: AclId };

const changesMax = 100;

export function changesFromWire(messages: readonly ProposedChange[]): readonly SentChange[] {
  if (messages.length === 0) throw invalid("changes", "must not be empty");
  return list(messages, "changes", changesMax).map(({ change }, index) => {
    const field = `changes[${index}]`;
    if (change === undefined) throw invalid(field, "must be one change");
    return changeFromWire(change, field);
  });
}

/** Says what an ACL says, as an owner tells of it. */
export function placedAclFromWire(
  content: AclContent,
  field: string,
): { readonly on: ObjectRef; readonly acl: Omit<Acl, "id"> } {
  const { expiresAt } = content;
  if (expiresAt !== undefined && Number.isNaN(expiresAt.getTime())) {
    throw invalid(`${field}.expires_at`, "must be a time");
  }
  return {
    on: objectFromWire(present(content.object, `${field}.object`), `${field}.object`),
    acl: {
      subject: subjectFromWire(content, field),
      grant: grantFromWire(content, field),
      expiresAtMs: expiresAt?.getTime() ?? null,
    },
  };
}

/** The one error for a proposal that can't be made, which names the field in the words of the request. */
export function refusalFault({ index, field, reason, why }: Refused, changes: readonly SentChange[]): Fault {
  const kind = changes[index]?.kind ?? "";
  const word = kind === "remove_acl_by_id" ? "remove_acl" : kind;
  const path = `changes[${index}].${word}${field === "" ? "" : `.${field}`}`;
  return new Fault(why, `${path}: ${reason}`, { field: path });
}

function changeFromWire(change: NonNullable<ProposedChange["change"]>, parent: string): SentChange {
  switch (change.$case) {
    case "addAcl":
      return { kind: "add_acl", ...placedAclFromWire(change.value, `${parent}.add_acl`) };
    case "removeAcl": {
      const field = `${parent}.remove_acl`;
      const { what } = change.value;
      if (what === undefined) throw invalid(field, "must name an id or a content");
      if (what.$case === "id") return { kind: "remove_acl_by_id", id: uuid(what.value, `${field}.id`) };
      return { kind: "remove_acl", ...placedAclFromWire(what.value, `${field}.content`) };
    }
    case "addPrincipal":
    case "removePrincipal": {
      const kind = change.$case === "addPrincipal" ? "add_principal" : "remove_principal";
      const { groupId, principalId } = change.value;
      const field = `${parent}.${kind}`;
      return {
        kind,
        group: uuid(groupId, `${field}.group_id`),
        principal: uuid(principalId, `${field}.principal_id`),
      };
    }
    case "addMemberGroup":
    case "removeMemberGroup": {
      const kind = change.$case === "addMemberGroup" ? "add_member_group" : "remove_member_group";
      const { groupId, memberGroupId } = change.value;
      const field = `${parent}.${kind}`;
      return {
        kind,
        group: uuid(groupId, `${field}.group_id`),
        memberGroup: uuid(memberGroupId, `${field}.member_group_id`),
      };
    }
    case "addRolePermission":
    case "removeRolePermission": {
      const kind = change.$case === "addRolePermission" ? "add_role_permission" : "remove_role_permission";
      const { roleId, permission, restrictObjectType } = change.value;
      const field = `${parent}.${kind}`;
      return {
        kind,
        role: uuid(roleId, `${field}.role_id`),
        permission: {
          permission: permissionFromWire(permission, `${field}.`),
          restrictObjectType: restrictionFromWire(restrictObjectType, field),
        },
      };
    }
    case "addMemberRole":
    case "removeMemberRole": {
      const kind = change.$case === "addMemberRole" ? "add_member_role" : "remove_member_role";
      const { roleId, memberRoleId } = change.value;
      const field = `${parent}.${kind}`;
      return {
        kind,
        role: uuid(roleId, `${field}.role_id`),
        memberRole: uuid(memberRoleId, `${field}.member_role_id`),
      };
    }
    case "removeMember":
      return {
        kind: "remove_member",
        principal: uuid(change.value.principalId, `${parent}.remove_member.principal_id`),
      };
  }
}

function subjectFromWire({ subject }: AclContent, field: string): Acl["subject"] {
  switch (subject?.$case) {
    case undefined:
      throw invalid(field, "must name exactly one of user and group");
    case "principalId":
      return { kind: "principal", id: uuid(subject.value, `${field}.principal_id`) };
    case "groupId":
      return { kind: "group", id: uuid(subject.value, `${field}.group_id`) };
  }
}

function grantFromWire({ grant, restrictObjectType: word }: AclContent, field: string): Acl["grant"] {
  const restrictObjectType = restrictionFromWire(word, field);
  switch (grant?.$case) {
    case undefined:
      throw invalid(field, "must name exactly one of permission and role");
    case "permission":
      return {
        kind: "permission",
        permission: permissionFromWire(grant.value, `${field}.`),
        restrictObjectType,
      };
    case "roleId":
      if (restrictObjectType !== null) {
        throw invalid(
          `${field}.restrict_object_type`,
          "may stand beside a permission only, not beside a role",
        );
      }
      return { kind: "role", id: uuid(grant.value, `${field}.role_id`) };
  }
}

function restrictionFromWire(word: string, field: string): ObjectType | null {
  return word === "" ? null : objectTypeFromWire(word, `${field}.restrict_object_type`);
}
