import { Text } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { deleteRole, type Role } from "../../api/roles.ts";
import { FormDialog } from "../../ui/dialog.tsx";
import { useLastGiven } from "../../ui/last-given.ts";
import { announce } from "../../ui/toast.tsx";

interface DeleteRoleDialogProps {
  readonly role: Role | undefined;
  readonly onClose: () => void;
}

export function DeleteRoleDialog({ role, onClose }: DeleteRoleDialogProps) {
  const name = useLastGiven(role)?.name ?? "this role";
  const queryClient = useQueryClient();
  const remove = useMutation({
    mutationFn: (id: string) => deleteRole(id),
    async onSuccess() {
      onClose();
      await queryClient.invalidateQueries();
      announce(`Role ${name} deleted`);
    },
  });
  return (
    <FormDialog
      title={`Delete ${name}?`}
      submit="Delete"
      destroys
      opened={role !== undefined}
      onClose={onClose}
      onSubmit={() => role !== undefined && remove.mutate(role.id)}
      pending={remove.isPending}
      error={remove.error}
    >
      <Text size="sm">
        Everybody who has access by this role loses it at once, also where another role includes it. This
        can't be undone.
      </Text>
    </FormDialog>
  );
}
