import { Text } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type CredentialKind, credentialKinds, revoke } from "../../api/credentials.ts";
import { FormDialog } from "../../ui/dialog.tsx";
import { useLastGiven } from "../../ui/last-given.ts";
import { announce } from "../../ui/toast.tsx";

interface RevokeDialogProps {
  readonly kind: CredentialKind;
  readonly id: string | undefined;
  readonly name: string;
  readonly onClose: () => void;
}

export function RevokeDialog({ kind, id, name: wantedName, onClose }: RevokeDialogProps) {
  // The name stays while it closes.
  const name = useLastGiven(id === undefined ? null : wantedName) ?? wantedName;
  const { noun } = credentialKinds[kind];
  const queryClient = useQueryClient();
  const end = useMutation({
    mutationFn: (gone: string) => revoke(kind, gone),
    async onSuccess() {
      await queryClient.invalidateQueries({ queryKey: ["credentials"] });
      announce(`${name} was revoked`);
      onClose();
    },
  });
  return (
    <FormDialog
      title={`Revoke ${name}?`}
      submit="Revoke"
      destroys
      opened={id !== undefined}
      onClose={onClose}
      onSubmit={() => id !== undefined && end.mutate(id)}
      pending={end.isPending}
      error={end.error}
    >
      <Text size="sm">
        Whatever uses this {noun} is refused from now on, and sessions that began with it end. This can't be
        undone; you can create another one.
      </Text>
    </FormDialog>
  );
}
