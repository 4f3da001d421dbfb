import { Text } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { memberCountQuery } from "../../api/group-closure.ts";
import { deleteGroup, groupQuery } from "../../api/groups.ts";
import { FormDialog } from "../../ui/dialog.tsx";
import { useLastGiven } from "../../ui/last-given.ts";
import { announce } from "../../ui/toast.tsx";

interface DeleteGroupDialogProps {
  readonly id: string | undefined;
  readonly onClose: () => void;
  readonly onDeleted?: () => void;
}

export function DeleteGroupDialog({ id: wantedId, onClose, onDeleted }: DeleteGroupDialogProps) {
  const id = useLastGiven(wantedId);
  const isOpen = wantedId !== undefined;
  const group = useQuery({ ...groupQuery(id ?? ""), enabled: isOpen });
  const count = useQuery({ ...memberCountQuery(id ?? ""), enabled: isOpen });
  const name = group.data?.name ?? "this group";
  const queryClient = useQueryClient();
  const remove = useMutation({
    mutationFn: (gone: string) => deleteGroup(gone),
    async onSuccess(_gone, removedId) {
      onClose();
      onDeleted?.();
      queryClient.removeQueries({ queryKey: groupQuery(removedId).queryKey });
      await queryClient.invalidateQueries();
      announce(`Permission group ${name} deleted`);
    },
  });
  return (
    <FormDialog
      title={`Delete ${name}?`}
      submit="Delete"
      destroys
      opened={isOpen}
      onClose={onClose}
      onSubmit={() => wantedId !== undefined && remove.mutate(wantedId)}
      pending={remove.isPending}
      error={remove.error}
    >
      <Text size="sm">
        {count.data === undefined
          ? "Its members lose at once what only this group gives them."
          : `Its ${count.data === 1 ? "1 member loses" : `${count.data} members lose`} at once what only this group gives them.`}{" "}
        The members themselves stay in the organization. This can't be undone.
      </Text>
    </FormDialog>
  );
}
