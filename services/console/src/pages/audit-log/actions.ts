/** What each action of the log is called, by the word that the log has for it. */
export const actionNames: Readonly<Record<string, string>> = {
  organization_created: "Organization created",
  organization_updated: "Organization changed",
  organization_provisioned: "Organization set up",
  members_invited: "Members invited",
  members_removed: "Members removed",
  groups_provisioned: "Built-in groups set up",
  group_created: "Group created",
  group_updated: "Group changed",
  group_deleted: "Group deleted",
  group_members_added: "Members added to groups",
  group_members_left: "Members left their groups",
  object_created: "Object created",
  object_updated: "Object changed",
  objects_deleted: "Objects deleted",
  contents_deleted: "Contents deleted",
  attachment_created: "Attachment created",
  attachment_updated: "Attachment changed",
  attachment_deleted: "Attachment deleted",
  role_created: "Role created",
  role_updated: "Role changed",
  role_deleted: "Role deleted",
  acls_updated: "Access changed",
  acls_expired: "Access ended by itself",
  credential_created: "Key or token created",
  credential_rotated: "Key or token rotated",
  credential_revoked: "Key or token revoked",
  credentials_revoked: "Keys and tokens revoked",
  session_created: "Signed in to the console",
  sessions_ended: "Signed out of the console",
};

export function actionName(action: string): string {
  const words = action.replaceAll("_", " ");
  return actionNames[action] ?? words.slice(0, 1).toUpperCase() + words.slice(1);
}
