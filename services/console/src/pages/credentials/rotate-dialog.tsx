import { Select, Text } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type CredentialKind, credentialKinds, rotate } from "../../api/credentials.ts";
import { FormDialog } from "../../ui/dialog.tsx";
import { useLastGiven } from "../../ui/last-given.ts";
import type { Secret } from "../../ui/secret-dialog.tsx";

const hour = 60 * 60;
const overlaps = [
  { value: "0", label: "At once" },
  { value: String(hour), label: "In an hour" },
  { value: String(24 * hour), label: "In a day" },
  { value: String(7 * 24 * hour), label: "In a week" },
];

interface RotateDialogProps {
  readonly kind: CredentialKind;
  readonly id: string | undefined;
  readonly name: string;
  readonly onClose: () => void;
  readonly onMade: (secret: Secret) => void;
}

export function RotateDialog({ kind, id, name: wantedName, onClose, onMade }: RotateDialogProps) {
  const [overlap, setOverlap] = useState(String(24 * hour));
  // The name stays while it closes.
  const name = useLastGiven(id === undefined ? null : wantedName) ?? wantedName;
  const { noun } = credentialKinds[kind];
  const queryClient = useQueryClient();
  const replace = useMutation({
    mutationFn: (old: string) => rotate(kind, old, Number(overlap)),
    gcTime: 0,
    async onSuccess(made) {
      replace.reset();
      onClose();
      onMade({ of: `New ${noun} “${made.name}”`, value: made.key });
      await queryClient.invalidateQueries({ queryKey: ["credentials"] });
    },
  });
  return (
    <FormDialog
      title={`Rotate ${name}?`}
      submit="Rotate"
      opened={id !== undefined}
      onClose={onClose}
      onSubmit={() => id !== undefined && replace.mutate(id)}
      pending={replace.isPending}
      error={replace.error}
    >
      <Text size="sm">
        You get a new {noun} with the same name and limits. Bring it to where the old one is used before that
        stops working.
      </Text>
      <Select
        label="The old one stops working"
        data={overlaps}
        value={overlap}
        onChange={(value) => setOverlap(value ?? "0")}
        allowDeselect={false}
      />
    </FormDialog>
  );
}
