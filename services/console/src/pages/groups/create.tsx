import { Textarea, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { createGroup } from "../../api/groups.ts";
import { FormDialog } from "../../ui/dialog.tsx";
import { announce } from "../../ui/toast.tsx";

export function CreateGroupDialog(props: { readonly opened: boolean; readonly onClose: () => void }) {
  const { opened, onClose } = props;
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const queryClient = useQueryClient();
  const create = useMutation({
    mutationFn: () => createGroup({ name, ...(description !== "" && { description }) }),
    async onSuccess() {
      await queryClient.invalidateQueries();
      announce(`Permission group ${name} created`);
      setName("");
      setDescription("");
      onClose();
    },
  });
  return (
    <FormDialog
      title="Create permission group"
      submit="Create"
      opened={opened}
      onClose={onClose}
      onSubmit={() => create.mutate()}
      pending={create.isPending}
      error={create.error}
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
        description="For whom it is, or what they do: others read this before they join somebody"
        value={description}
        onChange={(event) => setDescription(event.currentTarget.value)}
        autosize
        minRows={2}
      />
    </FormDialog>
  );
}
