import { IconRobot, IconUser, IconUsersGroup } from "@tabler/icons-react";
import type { SubjectKind } from "../api/directory.ts";

const icons = { user: IconUser, service_account: IconRobot, group: IconUsersGroup } as const;
export const kindNames: Readonly<Record<SubjectKind, string>> = {
  user: "Member",
  service_account: "Service account",
  group: "Group",
};

export function SubjectIcon({ kind }: { readonly kind: SubjectKind }) {
  const Icon = icons[kind];
  return <Icon size={18} stroke={1.5} style={{ flex: "none" }} role="img" aria-label={kindNames[kind]} />;
}
