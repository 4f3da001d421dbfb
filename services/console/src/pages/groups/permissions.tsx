import { useQuery } from "@tanstack/react-query";
import { groupQuery } from "../../api/groups.ts";
import { sessionQuery } from "../../api/session.ts";
import { organizationRows } from "../../permissions/dialog-rows.ts";
import { PermissionsDialog } from "../../permissions/permissions-dialog.tsx";
import { useLastGiven } from "../../ui/last-given.ts";
import { legible } from "../../ui/legible.ts";

/** What a group may do in the whole organisation. */
export function GroupPermissionsDialog(props: {
  readonly id: string | undefined;
  readonly onClose: () => void;
}) {
  const { id: wantedId, onClose } = props;
  const id = useLastGiven(wantedId);
  const { data: session } = useQuery(sessionQuery);
  const group = useQuery({ ...groupQuery(id ?? ""), enabled: id !== null });
  if (session === undefined) return null;
  return (
    <PermissionsDialog
      opened={wantedId !== undefined}
      onClose={onClose}
      on={session.org_name}
      subject={{
        kind: "group",
        id: id ?? "",
        name: group.data === undefined ? "the group" : legible(group.data.name),
      }}
      sections={organizationRows(session.org_id)}
    />
  );
}
