import { permissions } from "@portcullis/policy";
import type { ProposedChange } from "@portcullis/proto/decision/v1/decision";
import type { AclContent } from "@portcullis/proto/grants/v1/grants";
import { z } from "zod";
import { may } from "../access.ts";
import { anyText, id, maybe, objectType, permission, time } from "../input.ts";
import type { Decision } from "../owners.ts";
import { type Route, route } from "../route.ts";
import { present, renames } from "../wire.ts";

const changesMax = 100;

const object = z.strictObject({ type: objectType, id });

const aclContent = z
  .strictObject({
    object,
    principal_id: maybe(id),
    group_id: maybe(id),
    permission: maybe(permission),
    role_id: maybe(id),
    restrict_object_type: maybe(objectType),
    expires_at: maybe(time),
  })
  .refine((given) => (given.principal_id === undefined) !== (given.group_id === undefined), {
    path: ["principal_id"],
    message: "exactly one of principal_id and group_id must be given",
  })
  .refine((given) => (given.permission === undefined) !== (given.role_id === undefined), {
    path: ["permission"],
    message: "exactly one of permission and role_id must be given",
  });
type Content = z.output<typeof aclContent>;

const aclRemoval = z
  .strictObject({ id: maybe(id), content: maybe(aclContent) })
  .refine((given) => (given.id === undefined) !== (given.content === undefined), {
    path: ["id"],
    message: "is required, or else content, and not both",
  });

const groupPrincipal = z.strictObject({ group_id: id, principal_id: id });
const nestedGroup = z.strictObject({ group_id: id, member_group_id: id });
const rolePermission = z.strictObject({
  role_id: id,
  permission,
  restrict_object_type: maybe(objectType),
});
const nestedRole = z.strictObject({ role_id: id, member_role_id: id });

const change = z
  .strictObject({
    add_acl: maybe(aclContent),
    remove_acl: maybe(aclRemoval),
    add_principal: maybe(groupPrincipal),
    remove_principal: maybe(groupPrincipal),
    add_member_group: maybe(nestedGroup),
    remove_member_group: maybe(nestedGroup),
    add_role_permission: maybe(rolePermission),
    remove_role_permission: maybe(rolePermission),
    add_member_role: maybe(nestedRole),
    remove_member_role: maybe(nestedRole),
    remove_member: maybe(z.strictObject({ principal_id: id })),
  })
  .refine((given) => Object.values(given).filter((one) => one !== undefined).length === 1, {
    message: "must hold exactly one change",
  });

const proposal = z.strictObject({
  changes: z.array(change).min(1).max(changesMax),
  org_id: maybe(anyText),
  org_name: maybe(anyText),
});

const word = z.enum(permissions);
const simulated = z.object({
  differences: z.array(
    z.object({
      principal_id: z.string(),
      object: z.object({ type: z.string(), id: z.string() }),
      gained: z.array(word),
      lost: z.array(word),
    }),
  ),
  cut_off: z.array(z.string()),
  pairs_examined: z.number(),
  revision: z.string(),
});

/** What changes would change, for whoever may read all ACLs of the organization. */
export function simulateRoutes(decision: Decision): readonly Route[] {
  return [
    route({
      method: "POST",
      path: "/v1/access/simulate",
      summary: "Ask who would gain and lose what by changes, without making them",
      body: proposal,
      response: simulated,
      requires: () => may("access.ask_all"),
      async handle({ body }, caller) {
        const request = { orgId: caller.org, changes: body.changes.map(changeToWire) };
        const told = await decision.simulate(request, caller.hop);
        return {
          body: {
            differences: told.differences.map((one) => ({
              principal_id: one.principalId,
              object: present(one.object),
              gained: permissions.filter((each) => one.gained.includes(each)),
              lost: permissions.filter((each) => one.lost.includes(each)),
            })),
            cut_off: told.cutOff,
            pairs_examined: told.pairsExamined,
            revision: told.revision,
          },
        };
      },
      fieldOf: renames(),
    }),
  ];
}

function changeToWire(given: z.output<typeof change>): ProposedChange {
  return { change: caseOf(given) };
}

function caseOf(given: z.output<typeof change>): ProposedChange["change"] {
  if (given.add_acl !== undefined) return { $case: "addAcl", value: contentToWire(given.add_acl) };
  if (given.remove_acl !== undefined) {
    const { id: acl, content } = given.remove_acl;
    if (acl !== undefined) return { $case: "removeAcl", value: { what: { $case: "id", value: acl } } };
    const what = { $case: "content", value: contentToWire(present(content)) } as const;
    return { $case: "removeAcl", value: { what } };
  }
  if (given.add_principal !== undefined) {
    return { $case: "addPrincipal", value: groupPrincipalToWire(given.add_principal) };
  }
  if (given.remove_principal !== undefined) {
    return { $case: "removePrincipal", value: groupPrincipalToWire(given.remove_principal) };
  }
  if (given.add_member_group !== undefined) {
    return { $case: "addMemberGroup", value: nestedGroupToWire(given.add_member_group) };
  }
  if (given.remove_member_group !== undefined) {
    return { $case: "removeMemberGroup", value: nestedGroupToWire(given.remove_member_group) };
  }
  if (given.add_role_permission !== undefined) {
    return { $case: "addRolePermission", value: rolePermissionToWire(given.add_role_permission) };
  }
  if (given.remove_role_permission !== undefined) {
    return { $case: "removeRolePermission", value: rolePermissionToWire(given.remove_role_permission) };
  }
  if (given.add_member_role !== undefined) {
    return { $case: "addMemberRole", value: nestedRoleToWire(given.add_member_role) };
  }
  if (given.remove_member_role !== undefined) {
    return { $case: "removeMemberRole", value: nestedRoleToWire(given.remove_member_role) };
  }
  const { principal_id: principalId } = present(given.remove_member);
  return { $case: "removeMember", value: { principalId } };
}

function contentToWire(content: Content): AclContent {
  return {
    object: content.object,
    subject:
      content.principal_id === undefined
        ? { $case: "groupId", value: present(content.group_id) }
        : { $case: "principalId", value: content.principal_id },
    grant:
      content.permission === undefined
        ? { $case: "roleId", value: present(content.role_id) }
        : { $case: "permission", value: content.permission },
    restrictObjectType: content.restrict_object_type ?? "",
    expiresAt: content.expires_at === undefined ? undefined : new Date(content.expires_at),
  };
}

function groupPrincipalToWire(given: z.output<typeof groupPrincipal>) {
  return { groupId: given.group_id, principalId: given.principal_id };
}

function nestedGroupToWire(given: z.output<typeof nestedGroup>) {
  return { groupId: given.group_id, memberGroupId: given.member_group_id };
}

function rolePermissionToWire(given: z.output<typeof rolePermission>) {
  return {
    roleId: given.role_id,
    permission: given.permission,
    restrictObjectType: given.restrict_object_type ?? "",
  };
}

function nestedRoleToWire(given: z.output<typeof nestedRole>) {
  return { roleId: given.role_id, memberRoleId: given.member_role_id };
}
