// What permissions and kinds of objects are called here. One word for each, on every page.

import type { ObjectType, Permission } from "@portcullis/policy";

export const permissionNames: Readonly<Record<Permission, string>> = {
  create: "Create",
  read: "Read",
  update: "Update",
  delete: "Delete",
  create_acls: "Give access",
  read_acls: "See access",
  update_acls: "Change access",
  delete_acls: "Take access away",
};

export const accessPermissions = [
  "create_acls",
  "read_acls",
  "update_acls",
  "delete_acls",
] as const satisfies readonly Permission[];

/** One of them. */
export const typeNames: Readonly<Record<ObjectType, string>> = {
  organization: "Organization",
  org_member: "List of members",
  group: "Permission group",
  role: "Role",
  project_group: "Project group",
  ai_secret: "AI secret",
  org_ai_secret: "AI secret of the organization",
  org_audit_logs: "Audit log",
  org_project: "All projects",
  project: "Project",
  project_log: "Logs",
  experiment: "Experiment",
  dataset: "Dataset",
  prompt: "Prompt",
  prompt_session: "Playground",
};

/** Many of them. */
export const typePlurals: Readonly<Record<ObjectType, string>> = {
  ...typeNames,
  organization: "Organization",
  org_member: "Members",
  group: "Permission groups",
  role: "Roles",
  project_group: "Project groups",
  ai_secret: "AI secrets",
  org_ai_secret: "AI secrets of the organization",
  project: "Projects",
  experiment: "Experiments",
  dataset: "Datasets",
  prompt: "Prompts",
  prompt_session: "Playgrounds",
};

/** Permissions as people read them: the four about access together are one. */
export function permissionsText(held: readonly Permission[]): string {
  const hasAllAccess = accessPermissions.every((one) => held.includes(one));
  const rest = hasAllAccess ? held.filter((one) => !isAccess(one)) : held;
  return [...rest.map((one) => permissionNames[one]), ...(hasAllAccess ? ["Manage access"] : [])].join(", ");
}

function isAccess(permission: Permission): boolean {
  return (accessPermissions as readonly Permission[]).includes(permission);
}
