import { Textarea, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { changeGroup, type Group } from "../../api/groups.ts";
import { FormDialog } from "../../ui/dialog.tsx";
import { announce } from "../../ui/toast.tsx";

interface EditGroupDialogProps {
  readonly group: Group;
  readonly opened: boolean;
  readonly onClose: () => void;
}

export function EditGroupDialog({ group, opened, onClose }: EditGroupDialogProps) {
  const [name, setName] = useState(group.name);
  const [description, setDescription] = useState(group.description ?? "");
  const queryClient = useQueryClient();
  const save = useMutation({
    mutationFn: () =>
      changeGroup(group.id, {
        ...(name !== group.name && { name }),
        ...(description !== (group.description ?? "") && { description }),
      }),
    async onSuccess() {
      await queryClient.invalidateQueries();
      announce("Saved");
      onClose();
    },
  });
  return (
    <FormDialog
      title={`Edit ${group.name}`}
      submit="Save"
      opened={opened}
      onClose={onClose}
      onSubmit={() => save.mutate()}
      pending={save.isPending}
      error={save.error}
    >
      <TextInput
        label="Name"
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        required
        maxLength={255}
        data-autofocus
      />
      <Textarea
        label="Description"
        value={description}
        onChange={(event) => setDescription(event.currentTarget.value)}
        autosize
        minRows={2}
      />
    </FormDialog>
  );
}
