import { Text } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { ProposedChange } from "../../api/access.ts";
import type { SubjectKind } from "../../api/directory.ts";
import { changeGroup, type Group, type GroupChange } from "../../api/groups.ts";
import { AccessPreview } from "../../permissions/access-preview.tsx";
import { FormDialog } from "../../ui/dialog.tsx";
import { useLastGiven } from "../../ui/last-given.ts";
import { legible } from "../../ui/legible.ts";
import { announce } from "../../ui/toast.tsx";

/** Somebody, or a group, that is to join a group or to leave it. */
export interface MembershipChange {
  readonly does: "joins" | "leaves";
  readonly kind: SubjectKind;
  readonly id: string;
  readonly name: string;
}

interface MembershipDialogProps {
  readonly group: Group;
  readonly change: MembershipChange | null;
  readonly onClose: () => void;
}

/** What joining or leaving a group changes, before it is done. */
export function MembershipDialog({ group, change, onClose }: MembershipDialogProps) {
  const shown = useLastGiven(change);
  const queryClient = useQueryClient();
  const save = useMutation({
    mutationFn: (wanted: MembershipChange) => changeGroup(group.id, groupChange(wanted)),
    async onSuccess(_group, { does, name }) {
      await queryClient.invalidateQueries();
      announce(
        does === "joins" ? `${name} is now in ${group.name}` : `${name} is no longer in ${group.name}`,
      );
      onClose();
    },
  });
  if (shown === null) return null;
  const joins = shown.does === "joins";
  const into = legible(group.name);
  return (
    <FormDialog
      title={joins ? `Add ${shown.name} to ${into}?` : `Remove ${shown.name} from ${into}?`}
      submit={joins ? "Add" : "Remove"}
      destroys={!joins}
      opened={change !== null}
      onClose={() => {
        save.reset();
        onClose();
      }}
      onSubmit={() => change !== null && save.mutate(change)}
      pending={save.isPending}
      error={save.error}
      size="lg"
    >
      <Text size="sm">
        {joins ? "This is what changes:" : "This is what ends, unless another group gives it too:"}
      </Text>
      <AccessPreview changes={[proposed(group.id, shown)]} />
    </FormDialog>
  );
}

function groupChange({ does, kind, id }: MembershipChange): GroupChange {
  if (kind === "group")
    return does === "joins" ? { add_member_groups: [id] } : { remove_member_groups: [id] };
  return does === "joins" ? { add_member_users: [id] } : { remove_member_users: [id] };
}

function proposed(groupId: string, { does, kind, id }: MembershipChange): ProposedChange {
  if (kind === "group") {
    const nesting = { group_id: groupId, member_group_id: id };
    return does === "joins" ? { add_member_group: nesting } : { remove_member_group: nesting };
  }
  const membership = { group_id: groupId, principal_id: id };
  return does === "joins" ? { add_principal: membership } : { remove_principal: membership };
}
