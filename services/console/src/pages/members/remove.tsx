import { List, Text } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { removeMember } from "../../api/directory.ts";
import { membersByIdQuery } from "../../api/members-by-id.ts";
import { AccessPreview } from "../../permissions/access-preview.tsx";
import { FormDialog } from "../../ui/dialog.tsx";
import { useLastGiven } from "../../ui/last-given.ts";
import { announce } from "../../ui/toast.tsx";

interface RemoveMemberDialogProps {
  readonly id: string | undefined;
  readonly onClose: () => void;
}

/** Says what a removal ends before it is done. */
export function RemoveMemberDialog({ id: wantedId, onClose }: RemoveMemberDialogProps) {
  const id = useLastGiven(wantedId);
  const names = useQuery({ ...membersByIdQuery(id === null ? [] : [id]), enabled: id !== null });
  const name = (id !== null && names.data?.get(id)?.label) || "this member";
  const queryClient = useQueryClient();
  const remove = useMutation({
    mutationFn: (gone: string) => removeMember(gone),
    async onSuccess() {
      await queryClient.invalidateQueries();
      announce(`${name} was removed`);
      onClose();
    },
  });
  return (
    <FormDialog
      title={`Remove ${name}?`}
      submit="Remove"
      destroys
      opened={wantedId !== undefined}
      onClose={() => {
        remove.reset();
        onClose();
      }}
      onSubmit={() => wantedId !== undefined && remove.mutate(wantedId)}
      pending={remove.isPending}
      error={remove.error}
      size="lg"
    >
      <Text size="sm">This ends at once, and inviting them again does not bring it back:</Text>
      <List size="sm">
        <List.Item>their membership of every permission group</List.Item>
        <List.Item>access that was given to them directly</List.Item>
        <List.Item>their API keys or service tokens, and their sessions</List.Item>
      </List>
      {id !== null && <AccessPreview changes={[{ remove_member: { principal_id: id } }]} />}
    </FormDialog>
  );
}
